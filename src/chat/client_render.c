/* Messages of the server as lines. Everything in them was written by others and is escaped for the terminal. */
#include <string.h>

#include "base/escape.h"
#include "chat/client_private.h"

/* Appends a member's text, escaped; nothing when it is missing. */
static void put(GString *out, JsonObject *object, const char *key)
{
  la_escape_terminal(out, la_chat_object_string(object, key, ""), -1);
}

/* Appends names or rooms of a list, separated by commas. */
static void put_list(GString *out, JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member(object, key);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
    return;
  JsonArray *array = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *item = json_array_get_element(array, i);
    g_string_append(out, i > 0 ? ", " : " ");
    if (JSON_NODE_HOLDS_OBJECT(item)) {
      put(out, json_node_get_object(item), "room");
      g_string_append_printf(out, " (%" G_GINT64_FORMAT ")", la_chat_object_int(json_node_get_object(item), "members", 0));
    } else if (JSON_NODE_HOLDS_VALUE(item) && json_node_get_value_type(item) == G_TYPE_STRING) {
      la_escape_terminal(out, json_node_get_string(item), -1);
    }
  }
}

static void render_text(GString *out, JsonObject *object, int64_t now_us)
{
  const char *type = la_chat_object_string(object, "type", "");
  if (strcmp(type, "message") == 0) {
    g_string_append_c(out, '[');
    put(out, object, "room");
    g_string_append(out, "] ");
    put(out, object, "from");
    g_string_append(out, ": ");
    put(out, object, "text");
  } else if (strcmp(type, "private") == 0) {
    g_string_append_c(out, '(');
    put(out, object, "from");
    g_string_append(out, " to you) ");
    put(out, object, "text");
  } else if (strcmp(type, "joined") == 0 || strcmp(type, "left") == 0) {
    g_string_append(out, "* ");
    put(out, object, "name");
    g_string_append_printf(out, " %s ", type);
    put(out, object, "room");
  } else if (strcmp(type, "who") == 0) {
    g_string_append(out, "who ");
    put(out, object, "room");
    g_string_append_printf(out, "%s(%" G_GINT64_FORMAT "):", json_object_has_member(object, "room") ? " " : "",
                           la_chat_object_int(object, "total", 0));
    put_list(out, object, "names");
  } else if (strcmp(type, "rooms") == 0) {
    g_string_append_printf(out, "rooms (%" G_GINT64_FORMAT "):", la_chat_object_int(object, "total", 0));
    put_list(out, object, "rooms");
  } else if (strcmp(type, "pong") == 0) {
    int64_t sent = la_chat_object_int(object, "time", now_us);
    g_string_append_printf(out, "pong %" G_GINT64_FORMAT " after %.3f ms", la_chat_object_int(object, "seq", 0),
                           (double)(now_us - sent) / 1000.0);
  } else if (strcmp(type, "error") == 0) {
    g_string_append(out, "error ");
    put(out, object, "code");
    g_string_append(out, ": ");
    put(out, object, "text");
  } else if (strcmp(type, "bye") == 0) {
    g_string_append(out, "the server says good-bye: ");
    put(out, object, "reason");
  } else if (strcmp(type, "welcome") == 0) {
    g_string_append(out, "logged in as ");
    put(out, object, "name");
  } else if (strcmp(type, "notice") == 0) {
    g_string_append(out, "notice: ");
    put(out, object, "text");
  } else if (strcmp(type, "ok") == 0) {
    int64_t count = la_chat_object_int(object, "delivered", -1);
    g_string_append(out, "ok");
    if (count >= 0)
      g_string_append_printf(out, " (%" G_GINT64_FORMAT ")", count);
  } else {
    g_string_append(out, "unknown message of type ");
    la_escape_terminal(out, type, -1);
  }
}

char *la_chat_client_render(JsonObject *object, LaChatLines lines, int64_t now_us)
{
  GString *out = g_string_new(NULL);
  if (lines == LA_CHAT_LINES_TEXT) {
    render_text(out, object, now_us);
  } else {
    g_autoptr(JsonNode) node = json_node_alloc();
    json_node_init_object(node, object);
    g_autofree char *text = json_to_string(node, FALSE);
    g_string_append(out, text);
  }
  return g_string_free(out, FALSE);
}
