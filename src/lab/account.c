/* Theory of operation.
 *
 * The file comes from anywhere: its size is bounded, its JSON is parsed by a library, and each member is taken only when it is of the
 * kind it should be. Lives of one four-tuple stay together: who shows them splits them where a new SYN_SENT or SYN_RECV begins. */
#include "lab/account.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

enum {
  SIZE_MAX_MIB = 64,
};

static void free_conn(void *data)
{
  LaLabAccountOf *conn = data;
  for (int end = 0; end < LA_LAB_END_N; end++)
    g_array_unref(conn->entered[end]);
  g_free(conn);
}

static void clear_deed(void *data)
{
  g_free(((LaLabDeed *)data)->text);
}

void la_lab_account_free(LaLabAccount *account)
{
  if (account == NULL)
    return;
  g_free(account->title);
  g_free(account->no_trace);
  g_ptr_array_unref(account->conns);
  g_array_unref(account->deeds);
  g_free(account);
}

/* The member, or NULL when there is none or it is of another kind. */
static JsonObject *object_of(JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *array_of(JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static const char *text_of(JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

static double number_of(JsonObject *object, const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
      (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE))
    return -1;
  return json_node_get_double(node);
}

static JsonObject *element_of(JsonArray *array, guint i)
{
  return object_of(json_array_get_element(array, i));
}

/* Seconds of the file as a time; false when they are none. */
static bool time_of(JsonObject *row, LaTime *ret_time)
{
  double seconds = number_of(row, "t");
  if (!(seconds >= 0 && seconds < 4e9))
    return false;
  *ret_time = (LaTime)(seconds * 1e6 + 0.5) * LA_USEC;
  return true;
}

static bool read_end(JsonArray *pair, LaHostPort *ret_end)
{
  if (pair == NULL || json_array_get_length(pair) != 2)
    return false;
  JsonNode *addr = json_array_get_element(pair, 0), *port = json_array_get_element(pair, 1);
  if (!JSON_NODE_HOLDS_VALUE(addr) || json_node_get_value_type(addr) != G_TYPE_STRING || !JSON_NODE_HOLDS_VALUE(port) ||
      json_node_get_value_type(port) != G_TYPE_INT64)
    return false;
  gint64 number = json_node_get_int(port);
  LaHostPort end = {.port = (uint16_t)number};
  end.family = (uint8_t)la_addr_parse(json_node_get_string(addr), &end.addr);
  if (end.family == LA_FAMILY_NONE || number < 0 || number > UINT16_MAX)
    return false;
  *ret_end = end;
  return true;
}

static const char *state_of(const char *word)
{
  static const char *const words[][2] = {
      {"SYN_SENT", "SYN_SENT"},
      {"SYN_RECV", "SYN_RECEIVED"},
      {"req:SYN_RECV", "SYN_RECEIVED"},
      {"ESTABLISHED", "ESTABLISHED"},
      {"FIN_WAIT1", "FIN_WAIT_1"},
      {"FIN_WAIT2", "FIN_WAIT_2"},
      {"tw:FIN_WAIT2", "FIN_WAIT_2"},
      {"CLOSING", "CLOSING"},
      {"CLOSE_WAIT", "CLOSE_WAIT"},
      {"LAST_ACK", "LAST_ACK"},
      {"tw:TIME_WAIT", "TIME_WAIT"},
      {"TIME_WAIT", "TIME_WAIT"},
      {"CLOSE", "CLOSED"},
      {"GONE", "CLOSED"},
  };
  for (size_t i = 0; word != NULL && i < G_N_ELEMENTS(words); i++) {
    if (strcmp(words[i][0], word) == 0)
      return words[i][1];
  }
  return NULL;
}

static bool read_end_name(JsonObject *row, LaLabEnd *ret_end)
{
  const char *name = text_of(row, "end");
  if (name == NULL || (strcmp(name, "client") != 0 && strcmp(name, "server") != 0))
    return false;
  *ret_end = name[0] == 'c' ? LA_LAB_CLIENT : LA_LAB_SERVER;
  return true;
}

static void read_states(JsonArray *rows, LaLabAccountOf *conn)
{
  for (guint i = 0; rows != NULL && i < json_array_get_length(rows); i++) {
    JsonObject *row = element_of(rows, i);
    LaLabEnd end;
    LaLabEntered entered = {.kernel = text_of(row, "bucket")};
    if (entered.kernel == NULL)
      entered.kernel = text_of(row, "new");
    entered.state = state_of(entered.kernel);
    if (entered.state == NULL || !read_end_name(row, &end) || !time_of(row, &entered.time))
      continue;
    entered.kernel = g_intern_string(entered.kernel);
    GArray *list = conn->entered[end];
    const LaLabEntered *last = list->len > 0 ? &g_array_index(list, LaLabEntered, list->len - 1) : NULL;
    if (last == NULL || strcmp(last->state, entered.state) != 0)
      g_array_append_val(list, entered);
  }
}

static void read_conns(JsonArray *rows, LaLabAccount *account)
{
  static const char *const names[] = {[LA_LAB_CLIENT] = "client", [LA_LAB_SERVER] = "server"};
  for (guint i = 0; i < json_array_get_length(rows); i++) {
    JsonObject *row = element_of(rows, i);
    LaHostPort ends[LA_LAB_END_N];
    if (row == NULL || !read_end(array_of(row, names[0]), &ends[0]) || !read_end(array_of(row, names[1]), &ends[1]))
      continue;
    LaLabAccountOf *conn = g_new0(LaLabAccountOf, 1);
    for (int end = 0; end < LA_LAB_END_N; end++) {
      conn->end[end] = ends[end];
      conn->entered[end] = g_array_new(FALSE, FALSE, sizeof(LaLabEntered));
    }
    read_states(array_of(row, "states"), conn);
    g_ptr_array_add(account->conns, conn);
  }
}

static void read_network(JsonArray *rows, LaLabAccount *account)
{
  for (guint i = 0; rows != NULL && i < json_array_get_length(rows); i++) {
    JsonObject *row = element_of(rows, i), *packet = row != NULL ? object_of(json_object_get_member(row, "pkt")) : NULL;
    const char *action = text_of(row, "action"), *way = text_of(row, "dir"), *where = text_of(row, "where");
    LaLabDeed deed = {.from = LA_LAB_CLIENT};
    if (packet == NULL || action == NULL || way == NULL || where == NULL || !time_of(row, &deed.time))
      continue;
    deed.from = strcmp(way, "s2c") == 0 ? LA_LAB_SERVER : LA_LAB_CLIENT;
    double port = number_of(packet, deed.from == LA_LAB_CLIENT ? "sport" : "dport");
    const char *flags = text_of(packet, "flags");
    deed.port = port >= 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    deed.text =
        g_strdup_printf("%s: %s, %.0f bytes, from the %s (%s)", action, flags != NULL && flags[0] != '\0' ? flags : "no flags",
                        MAX(number_of(packet, "len"), 0), deed.from == LA_LAB_CLIENT ? "client" : "server", where);
    g_array_append_val(account->deeds, deed);
  }
}

static LaLabAccount *read_root(JsonNode *root)
{
  JsonObject *object = object_of(root);
  JsonArray *conns = array_of(object, "connections");
  if (conns == NULL)
    return NULL;
  LaLabAccount *account = g_new0(LaLabAccount, 1);
  account->conns = g_ptr_array_new_with_free_func(free_conn);
  account->deeds = g_array_new(FALSE, FALSE, sizeof(LaLabDeed));
  g_array_set_clear_func(account->deeds, clear_deed);
  account->title = g_strdup(text_of(object, "title"));
  account->no_trace = g_strdup(text_of(object_of(json_object_get_member(object, "clock")), "no_trace"));
  read_conns(conns, account);
  read_network(array_of(object, "network"), account);
  return account;
}

LaLabAccount *la_lab_account_read(const char *path, GError **error)
{
  struct stat about;
  g_autofree char *text = NULL;
  gsize len = 0;
  g_autoptr(GError) wrong = NULL;
  if (stat(path, &about) == 0 && about.st_size > (off_t)SIZE_MAX_MIB * 1024 * 1024) {
    la_error_set(error, LA_ERROR_OPEN, "%s: larger than any account of the laboratory", path);
    return NULL;
  }
  if (!g_file_get_contents(path, &text, &len, &wrong)) {
    la_error_set(error, LA_ERROR_OPEN, "%s", wrong->message);
    return NULL;
  }
  g_autoptr(JsonParser) parser = json_parser_new();
  LaLabAccount *account = NULL;
  if (json_parser_load_from_data(parser, text, (gssize)len, NULL))
    account = read_root(json_parser_get_root(parser));
  if (account == NULL)
    la_error_set(error, LA_ERROR_OPEN, "%s: no account of the laboratory", path);
  return account;
}
