/* lastack chat load: one run, or several side by side in a table. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "chat/load.h"
#include "chat/local_server.h"
#include "cli/cmd_chat.h"

typedef struct {
  char *clients, *rate, *duration, *mode, *batch, *room_size, *text_size, *reply_timeout, *connect_timeout;
  gboolean compare_modes, compare_io, allow_remote, json, no_progress;
  LaChatTuningOptions tuning;
} Options;

/* One line of the table. */
typedef struct {
  char *label; /* owned */
  LaChatLoadResult result;
  char *error; /* owned; set when there is no result */
} Row;

/* What the progress bar needs. */
typedef struct {
  const char *label;
  gboolean wanted;
} Bar;

static void options_clear(Options *options)
{
  char **texts[] = {&options->clients,   &options->rate,          &options->duration,
                    &options->mode,      &options->batch,         &options->room_size,
                    &options->text_size, &options->reply_timeout, &options->connect_timeout};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(*texts[i]);
  g_free(options->tuning.keepalive);
}

static gboolean parse(Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"clients", 'c', 0, G_OPTION_ARG_STRING, &options->clients, "How many clients (50)", "N"},
      {"rate", 'R', 0, G_OPTION_ARG_STRING, &options->rate, "Messages a second, of all clients; 0: as fast as answered (500)",
       "R"},
      {"duration", 'd', 0, G_OPTION_ARG_STRING, &options->duration, "How long to send (10s)", "TIME"},
      {"mode", 'm', 0, G_OPTION_ARG_STRING, &options->mode, "short, long, shared or pool:N (long)", "MODE"},
      {"batch", 'b', 0, G_OPTION_ARG_STRING, &options->batch, "Messages sent at one time (1)", "N"},
      {"room-size", 0, 0, G_OPTION_ARG_STRING, &options->room_size, "Connections in a room (2)", "N"},
      {"text-size", 0, 0, G_OPTION_ARG_STRING, &options->text_size, "Bytes of a message's text (32)", "BYTES"},
      {"connect-timeout", 0, 0, G_OPTION_ARG_STRING, &options->connect_timeout, "Of one connection (5s)", "TIME"},
      {"reply-timeout", 0, 0, G_OPTION_ARG_STRING, &options->reply_timeout, "Wait so long for an answer (5s)", "TIME"},
      {"compare-modes", 0, 0, G_OPTION_ARG_NONE, &options->compare_modes, "Run each mode, one after another", NULL},
      {"compare-io", 0, 0, G_OPTION_ARG_NONE, &options->compare_io, "Run against an own server of each I/O model", NULL},
      {"allow-remote", 0, 0, G_OPTION_ARG_NONE, &options->allow_remote, "Allow addresses other than loopback", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print results as JSON, one a line", NULL},
      {"no-progress", 0, 0, G_OPTION_ARG_NONE, &options->no_progress, "No progress bar", NULL},
      {"no-nodelay", 0, 0, G_OPTION_ARG_NONE, &options->tuning.no_nodelay, "Leave Nagle's algorithm on", NULL},
      {0}};
  g_autoptr(GOptionContext) context = g_option_context_new("[HOST[:PORT]] - put a chat server under load");
  g_option_context_add_main_entries(context, entries, NULL);
  if (!la_chat_options_parse(context, argc, argv, 1, error))
    return FALSE;
  if (!options->compare_io || *argc == 1)
    return TRUE;
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "--compare-io starts its own servers and takes no address");
  return FALSE;
}

static gboolean read_rate(const char *text, double *ret_rate, GError **error)
{
  if (text == NULL)
    return TRUE;
  char *end;
  double rate = g_ascii_strtod(text, &end);
  if (end == text || *end != '\0' || !(rate >= 0 && rate <= 1e7)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "--rate '%s': write messages a second, 0 to 10000000", text);
    return FALSE;
  }
  *ret_rate = rate;
  return TRUE;
}

static gboolean read_config(const Options *options, LaChatLoadConfig *config, GError **error)
{
  unsigned text_size = (unsigned)config->text_size;
  gboolean ok = la_chat_number_read("--clients", options->clients, 1, 100000, &config->clients, error) &&
                read_rate(options->rate, &config->rate, error) &&
                la_chat_span_read("--duration", options->duration, &config->duration, error) &&
                (options->mode == NULL || la_chat_load_mode_parse(options->mode, &config->mode, error)) &&
                la_chat_number_read("--batch", options->batch, 1, 10000, &config->batch, error) &&
                la_chat_number_read("--room-size", options->room_size, 1, 100000, &config->room_size, error) &&
                la_chat_number_read("--text-size", options->text_size, 0, 1000000, &text_size, error) &&
                la_chat_span_read("--connect-timeout", options->connect_timeout, &config->connect.timeout, error) &&
                la_chat_span_read("--reply-timeout", options->reply_timeout, &config->reply_timeout, error) &&
                la_chat_tuning_read(&options->tuning, &config->connect.tuning, error);
  config->text_size = text_size;
  config->connect.reach = options->allow_remote ? LA_CHAT_ALLOW_REMOTE : LA_CHAT_LOOPBACK_ONLY;
  if (ok && (config->duration <= 0 || config->duration > 24 * 3600 * LA_SEC || config->reply_timeout == LA_TIME_MAX)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE,
                "a load lasts more than nothing and at most 24h, and waits for answers to an end");
    return FALSE;
  }
  return ok;
}

static void draw_bar(void *ctx, double share, uint64_t answered)
{
  enum {
    WIDTH = 30
  };
  const Bar *bar = ctx;
  if (!bar->wanted)
    return;
  int full = (int)(share * WIDTH);
  fprintf(stderr, "\r%-10s [%.*s%*s] %3d %%, %" G_GUINT64_FORMAT " answered\033[K", bar->label, full,
          "##############################", WIDTH - full, "", (int)(share * 100), answered);
  fflush(stderr);
}

static void clear_bar(const Bar *bar)
{
  if (bar->wanted)
    fputs("\r\033[K", stderr);
}

/* Times in milliseconds; a dash where nothing was measured. */
static void print_ms(LaTime span)
{
  if (span == LA_TIME_NONE)
    printf(" %9s", "-");
  else
    printf(" %9.3f", la_time_seconds(span) * 1e3);
}

static uint64_t errors_of(const LaChatLoadResult *result)
{
  return result->connect_errors + result->lost + result->timeouts + result->refused + result->dropped;
}

static double throughput_of(const LaChatLoadResult *result)
{
  return result->elapsed > 0 ? (double)result->answered / la_time_seconds(result->elapsed) : 0;
}

static void print_head(void)
{
  printf("%-11s %10s %10s %8s %29s %29s %8s\n", "", "messages", "", "", "latency, ms", "waited behind others, ms", "");
  printf("%-11s %10s %10s %8s %9s %9s %9s %9s %9s %9s %8s\n", "", "a second", "answered", "errors", "p50", "p99", "max", "p50",
         "p99", "max", "conns");
}

static void print_row(const Row *row)
{
  if (row->error != NULL) {
    printf("%-11s %s\n", row->label, row->error);
    return;
  }
  const LaChatLoadResult *result = &row->result;
  printf("%-11s %10.1f %10" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT, row->label, throughput_of(result), result->answered,
         errors_of(result));
  print_ms(result->p50);
  print_ms(result->p99);
  print_ms(result->max);
  print_ms(result->wait_p50);
  print_ms(result->wait_p99);
  print_ms(result->wait_max);
  printf(" %8" G_GUINT64_FORMAT "\n", result->connections);
}

static void print_errors(const LaChatLoadResult *result)
{
  if (errors_of(result) == 0)
    return;
  printf("errors: %" G_GUINT64_FORMAT " connections not made, %" G_GUINT64_FORMAT
         " messages lost with their connection, %" G_GUINT64_FORMAT " not answered in time, %" G_GUINT64_FORMAT
         " refused, %" G_GUINT64_FORMAT " not sent\n",
         result->connect_errors, result->lost, result->timeouts, result->refused, result->dropped);
}

static void put_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void put_span(LaJson *json, const char *key, LaTime span)
{
  if (span == LA_TIME_NONE)
    return;
  la_json_key(json, key);
  la_json_span(json, span);
}

static void print_json(const Row *row)
{
  g_autoptr(GString) out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_begin_object(&json);
  la_json_key(&json, "run");
  la_json_string(&json, row->label);
  if (row->error != NULL) {
    la_json_key(&json, "error");
    la_json_string(&json, row->error);
  } else {
    const LaChatLoadResult *result = &row->result;
    la_json_key(&json, "messages_per_s");
    la_json_double(&json, throughput_of(result));
    put_span(&json, "elapsed_s", result->elapsed);
    put_count(&json, "sent", result->sent);
    put_count(&json, "answered", result->answered);
    put_count(&json, "delivered", result->delivered);
    put_count(&json, "connections", result->connections);
    put_count(&json, "connect_errors", result->connect_errors);
    put_count(&json, "lost", result->lost);
    put_count(&json, "timeouts", result->timeouts);
    put_count(&json, "refused", result->refused);
    put_count(&json, "dropped", result->dropped);
    put_span(&json, "latency_p50_s", result->p50);
    put_span(&json, "latency_p99_s", result->p99);
    put_span(&json, "latency_max_s", result->max);
    put_span(&json, "wait_p50_s", result->wait_p50);
    put_span(&json, "wait_p99_s", result->wait_p99);
    put_span(&json, "wait_max_s", result->wait_max);
  }
  la_json_end_object(&json);
  printf("%s\n", out->str);
}

/* One run; false with an error. */
static gboolean run_one(const LaChatLoadConfig *config, const char *label, Row *ret_row, LaChatLoadEnding *ret_ending,
                        GError **error)
{
  Bar bar = *(const Bar *)config->ctx;
  bar.label = label;
  LaChatLoadConfig own = *config;
  own.progress = draw_bar;
  own.ctx = &bar;
  LaChatLoadResult result;
  gboolean ok = la_chat_load_run(&own, &result, ret_ending, error);
  clear_bar(&bar);
  if (ok)
    *ret_row = (Row){.label = g_strdup(label), .result = result};
  return ok;
}

/* A comparison's run: what goes wrong stands in the table. */
static Row run_row(const LaChatLoadConfig *config, const char *label, LaChatLoadEnding *ret_ending)
{
  Row row;
  g_autoptr(GError) error = NULL;
  if (run_one(config, label, &row, ret_ending, &error))
    return row;
  return (Row){.label = g_strdup(label), .error = g_strdup(error->message)};
}

static void finish_row(Row *row, gboolean as_json)
{
  if (as_json)
    print_json(row);
  else
    print_row(row);
  fflush(stdout);
  g_free(row->label);
  g_free(row->error);
}

static LaChatLoadEnding compare_modes(LaChatLoadConfig *config, gboolean as_json)
{
  LaChatLoadMode pool = config->mode.kind == LA_CHAT_LOAD_POOL
                            ? config->mode
                            : (LaChatLoadMode){.kind = LA_CHAT_LOAD_POOL, .size = MAX(1, config->clients / 5)};
  const LaChatLoadMode modes[] = {
      {.kind = LA_CHAT_LOAD_SHORT}, {.kind = LA_CHAT_LOAD_LONG}, {.kind = LA_CHAT_LOAD_SHARED}, pool};
  LaChatLoadEnding ending = LA_CHAT_LOAD_DONE;
  for (size_t i = 0; i < G_N_ELEMENTS(modes) && ending == LA_CHAT_LOAD_DONE; i++) {
    config->mode = modes[i];
    g_autofree char *label = la_chat_load_mode_format(modes[i]);
    Row row = run_row(config, label, &ending);
    finish_row(&row, as_json);
  }
  return ending;
}

/* One I/O model: a server of its own on a free port, a run against it. */
static Row run_against(LaChatLoadConfig *config, const LaChatIo *io, LaChatLoadEnding *ret_ending)
{
  g_autoptr(GError) error = NULL;
  LaChatAddress listen;
  LaChatServerConfig server = la_chat_server_config_default();
  server.io = io;
  server.listen = &listen;
  server.listen_count = 1;
  server.max_connections = config->clients + 10;
  server.clock = *la_chat_system_clock();
  LaChatLocalServer *local =
      la_chat_address_parse("127.0.0.1:0", &listen, &error) ? la_chat_local_server_start(&server, &error) : NULL;
  if (local == NULL)
    return (Row){.label = g_strdup(io->name), .error = g_strdup(error->message)};
  LaChatAddress address = la_chat_local_server_address(local);
  config->connect.host = "127.0.0.1";
  config->connect.port = la_chat_address_value(&address).port;
  Row row = run_row(config, io->name, ret_ending);
  la_chat_local_server_stop(local);
  return row;
}

static LaChatLoadEnding compare_io(LaChatLoadConfig *config, gboolean as_json)
{
  LaChatLoadEnding ending = LA_CHAT_LOAD_DONE;
  for (size_t i = 0; la_chat_io_all[i] != NULL && ending == LA_CHAT_LOAD_DONE; i++) {
    Row row = run_against(config, la_chat_io_all[i], &ending);
    finish_row(&row, as_json);
  }
  return ending;
}

static gboolean run(const Options *options, LaChatLoadConfig *config, LaChatLoadEnding *ret_ending, GError **error)
{
  if (options->compare_modes || options->compare_io) {
    if (!options->json)
      print_head();
    fflush(stdout);
    *ret_ending = options->compare_io ? compare_io(config, options->json) : compare_modes(config, options->json);
    return TRUE;
  }
  Row row;
  g_autofree char *label = la_chat_load_mode_format(config->mode);
  if (!run_one(config, label, &row, ret_ending, error))
    return FALSE;
  LaChatLoadResult result = row.result;
  if (!options->json)
    print_head();
  finish_row(&row, options->json);
  if (!options->json)
    print_errors(&result);
  return TRUE;
}

LaExitCode la_cmd_chat_load(int argc, char **argv)
{
  Options options = {0};
  g_autoptr(GError) error = NULL;
  g_autofree char *host = NULL;
  LaChatLoadConfig config = la_chat_load_config_default();
  LaExitCode code = LA_EXIT_OK;
  if (!parse(&options, &argc, &argv, &error) || !read_config(&options, &config, &error) ||
      !la_chat_host_split(argc > 1 ? argv[1] : "127.0.0.1", &host, &config.connect.port, &error)) {
    code = la_exit_tell(error);
  } else {
    Bar bar = {.wanted = !options.no_progress && isatty(STDERR_FILENO)};
    int signals = la_chat_signals_open();
    config.connect.host = host;
    config.connect.clock = la_chat_system_clock();
    config.connect.stop_fd = signals;
    config.ctx = &bar;
    LaChatLoadEnding ending = LA_CHAT_LOAD_DONE;
    if (!run(&options, &config, &ending, &error))
      code = la_exit_tell(error);
    else if (ending == LA_CHAT_LOAD_STOPPED)
      code = la_chat_signals_code(signals, LA_EXIT_INTERRUPTED);
    if (signals >= 0)
      close(signals);
  }
  options_clear(&options);
  return code;
}
