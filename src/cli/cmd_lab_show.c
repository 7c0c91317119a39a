/* lastack lab show: what lastack makes of a capture, beside what the kernels' sockets did. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/nearest.h"
#include "cli/cmd_lab.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/pipeline.h"
#include "cli/shipped.h"
#include "lab/account.h"
#include "lab/run.h"
#include "report/ladder.h"
#include "report/show_command.h"

enum {
  SHOWN_MAX = 8, /* connections, when none is named */
};

/* ---- Recordings that ship with the program -------------------------------------------------------------------------- */

/* Names of recordings: a capture with an account beside it. */
static void add_names(const char *folder, GPtrArray *names)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (g_str_has_suffix(name, ".json"))
      g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(".json")));
  }
}

static int by_name(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The capture that NAME means: a file of that name, else a recording that ships. (transfer full) */
static char *find_capture(const char *word, GError **error)
{
  if (strchr(word, '/') != NULL || g_str_has_suffix(word, ".pcapng"))
    return g_strdup(word);
  g_autoptr(GPtrArray) places = la_shipped_folders("samples");
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < places->len; i++) {
    g_autofree char *stem = g_build_filename(g_ptr_array_index(places, i), word, NULL);
    g_autofree char *truth = g_strconcat(stem, ".json", NULL);
    if (g_file_test(truth, G_FILE_TEST_IS_REGULAR))
      return g_strconcat(stem, ".pcapng", NULL);
    add_names(g_ptr_array_index(places, i), names);
  }
  g_ptr_array_sort(names, by_name);
  const char *nearest = la_nearest(word, (const char *const *)names->pdata, names->len);
  if (nearest != NULL) {
    la_error_set(error, LA_ERROR_USAGE, "no recording '%s', did you mean '%s'?", word, nearest);
    return NULL;
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  la_error_set(error, LA_ERROR_USAGE, "no recording '%s': there are %s", word, list[0] != '\0' ? list : "none");
  return NULL;
}

/* ---- The analysis ----------------------------------------------------------------------------------------------------- */

typedef struct {
  LaReport base;
  GPtrArray *stories; /* of LaStory (owned) */
} Keeper;

static void keep_connection(LaReport *base, const LaConnectionRecord *record)
{
  g_ptr_array_add(((Keeper *)base)->stories, la_story_new(record));
}

static const LaFormat keeper_format = {
    .name = "keeper",
    .connection = keep_connection,
};

static void free_story(void *story)
{
  la_story_free(story);
}

static int by_id(gconstpointer a, gconstpointer b)
{
  const LaStory *x = *(const LaStory *const *)a, *y = *(const LaStory *const *)b;
  return (x->conn.id > y->conn.id) - (x->conn.id < y->conn.id);
}

static LaExitCode analyze(char *capture, LaOutput *out, GPtrArray *stories)
{
  char command[] = "show";
  char *argv[] = {command, capture, NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(2, argv, LA_TAKES_SHOW, &error);
  if (options == NULL)
    return la_exit_tell(error);
  Keeper keeper = {.base = {.format = &keeper_format, .out = out}, .stories = stories};
  LaReport *reports[] = {&keeper.base};
  LaPipeline pipeline = {
      .options = options, .reports = reports, .report_count = 1, .interrupt = la_interrupt_watch(), .spooled = LA_NOT_SPOOLED};
  LaExitCode code = la_pipeline_run(&pipeline);
  g_ptr_array_sort(stories, by_id);
  return code;
}

/* ---- Side by side ------------------------------------------------------------------------------------------------------- */

typedef struct {
  unsigned same, kernel; /* states that are in both, and in the kernel's account */
} Tally;

static bool is_end(const LaConnection *conn, LaSide side, const LaHostPort *end)
{
  LaHostPort at = la_connection_end(conn, side);
  return la_host_port_equal(&at, end);
}

/* Which side of `conn` is the account's client; LA_SIDE_N: it is another connection. */
static LaSide side_of_client(const LaConnection *conn, const LaLabAccountOf *account)
{
  for (int side = 0; side < LA_SIDE_N; side++) {
    if (is_end(conn, (LaSide)side, &account->end[LA_LAB_CLIENT]) && is_end(conn, LA_OTHER(side), &account->end[LA_LAB_SERVER]))
      return (LaSide)side;
  }
  return LA_SIDE_N;
}

static void show_kernel(const LaLabEntered *entered, LaTime start, GString *out)
{
  if (entered == NULL) {
    g_string_append_printf(out, "  %12s  %-13s", "", "-");
    return;
  }
  g_string_append_printf(out, "  %+12.6f  %-13s", la_time_seconds(entered->time - start), entered->kernel);
}

static void show_step(const LaStep *step, LaTime start, GString *out)
{
  if (step == NULL) {
    g_string_append(out, "  -\n");
    return;
  }
  g_string_append_printf(out, "  %-13s %+12.6f", la_tcp_state_name((LaTcpState)step->state),
                         la_time_seconds(step->time - start));
  if (step->frame != 0)
    g_string_append_printf(out, "  packet %" G_GUINT64_FORMAT, step->frame);
  g_string_append_c(out, '\n');
}

/* The states of one end that were entered from `since` to `until`: the kernel's at the left, lastack's at the right. */
typedef struct {
  const GArray *entered; /* of LaLabEntered */
  const LaEndpoint *end;
  LaTime start; /* of the connection: times count from here */
  LaTime since, until;
} Comparison;

static bool is_shown(const Comparison *comparison, const LaLabEntered *entered)
{
  return entered->time >= comparison->since && entered->time < comparison->until;
}

static void compare_end(const Comparison *c, Tally *tally, GString *out)
{
  unsigned step = 0, steps = MIN(c->end->steps, LA_STEPS_MAX);
  for (guint i = 0; i < c->entered->len; i++) {
    const LaLabEntered *entered = &g_array_index(c->entered, LaLabEntered, i);
    if (!is_shown(c, entered))
      continue;
    unsigned found = step;
    while (found < steps && strcmp(la_tcp_state_name((LaTcpState)c->end->path[found].state), entered->state) != 0)
      found++;
    for (; found < steps && step < found; step++) {
      show_kernel(NULL, c->start, out);
      show_step(&c->end->path[step], c->start, out);
    }
    show_kernel(entered, c->start, out);
    show_step(found < steps ? &c->end->path[found] : NULL, c->start, out);
    step += found < steps;
    tally->kernel++;
    tally->same += found < steps;
  }
  for (; step < steps; step++) {
    show_kernel(NULL, c->start, out);
    show_step(&c->end->path[step], c->start, out);
  }
}

/* When the next life of the four-tuple begins: `later` is the next connection on it, or NULL. */
static void compare_conn(const LaStory *story, const LaLabAccountOf *account, const LaStory *before, const LaStory *later,
                         GString *out)
{
  static const char *const names[] = {[LA_LAB_CLIENT] = "client", [LA_LAB_SERVER] = "server"};
  Tally tally = {0, 0};
  LaSide client = side_of_client(&story->conn, account);
  char text[LA_HOST_PORT_TEXT_MAX];
  g_string_append_printf(out, "connection %u, seconds since its first packet\n", story->conn.id);
  for (int end = 0; end < LA_LAB_END_N; end++) {
    g_string_append_printf(out, "%s %s\n  %12s  %-13s  %s\n", names[end], la_host_port_format(&account->end[end], text), "",
                           "kernel", "lastack");
    Comparison comparison = {.entered = account->entered[end],
                             .end = &story->conn.end[end == LA_LAB_CLIENT ? client : LA_OTHER(client)],
                             .start = story->conn.first_time,
                             .since = before != NULL ? story->conn.first_time - 50 * LA_MSEC : 0,
                             .until = later != NULL ? later->conn.first_time - 50 * LA_MSEC : LA_TIME_MAX};
    compare_end(&comparison, &tally, out);
  }
  g_string_append_printf(out, "%u of the kernel's %u states are lastack's\n", tally.same, tally.kernel);
}

static void show_deeds(const LaLabAccount *account, const LaStory *story, uint16_t port, GString *out)
{
  bool any = false;
  for (guint i = 0; i < account->deeds->len; i++) {
    const LaLabDeed *deed = &g_array_index(account->deeds, LaLabDeed, i);
    if (deed->port != port)
      continue;
    if (!any)
      g_string_append(out, "the path\n");
    any = true;
    g_string_append_printf(out, "  %+12.6f  ", la_time_seconds(deed->time - story->conn.first_time));
    la_escape_terminal(out, deed->text, -1);
    g_string_append_c(out, '\n');
  }
}

/* The connection before or after `at` on the same four-tuple. */
static const LaStory *neighbour(const GPtrArray *stories, guint at, int step)
{
  const LaConnection *conn = &((const LaStory *)g_ptr_array_index(stories, at))->conn;
  LaHostPort ends[LA_SIDE_N] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  for (gint64 i = (gint64)at + step; i >= 0 && i < (gint64)stories->len; i += step) {
    const LaStory *other = g_ptr_array_index(stories, (guint)i);
    if (is_end(&other->conn, LA_OPENER, &ends[0]) && is_end(&other->conn, LA_ACCEPTOR, &ends[1]))
      return other;
  }
  return NULL;
}

static const LaLabAccountOf *account_for(const LaLabAccount *account, const LaConnection *conn)
{
  for (guint i = 0; i < account->conns->len; i++) {
    if (side_of_client(conn, g_ptr_array_index(account->conns, i)) != LA_SIDE_N)
      return g_ptr_array_index(account->conns, i);
  }
  return NULL;
}

static void show_all(const LaLabAccount *account, const GPtrArray *stories, int wanted, GString *out)
{
  unsigned shown = 0, more = 0;
  if (account->title != NULL) {
    la_escape_terminal(out, account->title, -1);
    g_string_append_c(out, '\n');
  }
  if (account->no_trace != NULL)
    g_string_append(out, "The kernel's states come from dumps of its sockets alone: short ones may be missing.\n");
  for (guint i = 0; i < stories->len; i++) {
    const LaStory *story = g_ptr_array_index(stories, i);
    const LaLabAccountOf *of = account_for(account, &story->conn);
    if (of == NULL || (wanted != 0 && (uint32_t)wanted != story->conn.id))
      continue;
    if (wanted == 0 && shown == SHOWN_MAX) {
      more++;
      continue;
    }
    g_string_append_c(out, '\n');
    compare_conn(story, of, neighbour(stories, i, -1), neighbour(stories, i, 1), out);
    show_deeds(account, story, of->end[LA_LAB_CLIENT].port, out);
    shown++;
  }
  if (more > 0)
    g_string_append_printf(out, "\n... and %u connections more: --conn N shows one\n", more);
}

static LaExitCode show(char *capture, const char *truth, int wanted)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaLabAccount) account = la_lab_account_read(truth, &error);
  g_autoptr(LaOutput) out = account != NULL ? la_output_open(NULL, &error) : NULL;
  if (out == NULL)
    return la_exit_tell(error);
  g_autoptr(GPtrArray) stories = g_ptr_array_new_with_free_func(free_story);
  LaExitCode code = analyze(capture, out, stories);
  if (code == LA_EXIT_OK || code == LA_EXIT_BROKEN) {
    GString *text = la_output_buffer(out);
    gsize before = text->len;
    show_all(account, stories, wanted, text);
    if (wanted != 0 && strstr(text->str + before, "connection ") == NULL) {
      fprintf(stderr, "lastack: there is no connection %d that both the capture and the account have\n", wanted);
      code = LA_EXIT_USAGE;
    }
    g_string_append(text, "\nIts packets: lastack show ");
    la_show_command_say_file(capture, LA_SHOW_FILE_IS_WORD, text);
    g_string_append(text, " --conn N\n");
  }
  if (!la_output_close(out, &error))
    code = la_exit_code_worse(code, la_exit_tell(error));
  return code;
}

LaExitCode la_cmd_lab_show(int argc, char **argv)
{
  g_autofree char *truth = NULL;
  int wanted = 0;
  const GOptionEntry entries[] = {
      {"truth", 0, 0, G_OPTION_ARG_FILENAME, &truth, "the kernel's account [beside the capture]", "FILE.json"},
      {"conn", 0, 0, G_OPTION_ARG_INT, &wanted, "only this connection", "N"},
      {.long_name = NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new("NAME|FILE.pcapng - the kernel's states beside the inferred ones");
  g_option_context_add_main_entries(context, entries, NULL);
  g_autoptr(GError) error = NULL;
  LaLabWords words = {1, 1, "which recording? a file, or the name of one that ships with the program"};
  if (!la_lab_options_parse(context, &argc, &argv, &words, &error))
    return la_exit_tell(error);
  if (wanted < 0) {
    la_error_set(&error, LA_ERROR_USAGE, "--conn %d: connections count from 1", wanted);
    return la_exit_tell(error);
  }
  g_autofree char *capture = find_capture(argv[1], &error);
  if (capture == NULL)
    return la_exit_tell(error);
  if (truth == NULL)
    truth = la_lab_truth_path(capture);
  return show(capture, truth, wanted);
}
