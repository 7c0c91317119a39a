/* lastack chat server: options, the lines it prints, and how it ends. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/nearest.h"
#include "chat/server.h"
#include "cli/cmd_chat.h"

/* The options as they stand on the command line. */
typedef struct {
  char **listen, **faults;
  char *io, *backlog, *max_connections, *max_errors, *send_queue, *idle_timeout, *grace, *seed, *status, *ready_file;
  char *defer_accept, *fast_open;
  gboolean allow_remote, no_reuseaddr, list_faults, list_io, quiet;
  LaChatTuningOptions tuning;
} Options;

/* What the callbacks need. */
typedef struct {
  LaChatServerStats last;
  gboolean is_terminal, quiet;
  gboolean line_open; /* the status line stands on the terminal without a newline */
} Screen;

static void options_clear(Options *options)
{
  g_strfreev(options->listen);
  g_strfreev(options->faults);
  char **texts[] = {&options->io,
                    &options->backlog,
                    &options->max_connections,
                    &options->max_errors,
                    &options->send_queue,
                    &options->grace,
                    &options->idle_timeout,
                    &options->seed,
                    &options->status,
                    &options->ready_file,
                    &options->defer_accept,
                    &options->fast_open,
                    &options->tuning.keepalive};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(*texts[i]);
}

/* `--status` alone means once a second. */
static gboolean take_status(const char *name G_GNUC_UNUSED, const char *value, gpointer data, GError **error G_GNUC_UNUSED)
{
  Options *options = data;
  g_free(options->status);
  options->status = g_strdup(value != NULL ? value : "1s");
  return TRUE;
}

static gboolean parse(Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &options->listen, "Where to listen (127.0.0.1:8888; several times)",
       "ADDR:PORT"},
      {"io", 0, 0, G_OPTION_ARG_STRING, &options->io, "epoll, epoll-et, poll, select, nonblock, threads, fork or coroutine",
       "MODEL"},
      {"list-io", 0, 0, G_OPTION_ARG_NONE, &options->list_io, "List the I/O models", NULL},
      {"allow-remote", 0, 0, G_OPTION_ARG_NONE, &options->allow_remote, "Allow addresses other than loopback", NULL},
      {"backlog", 0, 0, G_OPTION_ARG_STRING, &options->backlog, "Connections that may wait to be accepted (128)", "N"},
      {"max-connections", 0, 0, G_OPTION_ARG_STRING, &options->max_connections, "The next one is told so and closed (100)",
       "N"},
      {"max-errors", 0, 0, G_OPTION_ARG_STRING, &options->max_errors, "Errors after which a client is sent away (10)", "N"},
      {"idle-timeout", 0, 0, G_OPTION_ARG_STRING, &options->idle_timeout, "Close clients silent for so long (300s; off)",
       "TIME"},
      {"grace", 0, 0, G_OPTION_ARG_STRING, &options->grace, "How long a close may take (5s)", "TIME"},
      {"send-queue", 0, 0, G_OPTION_ARG_STRING, &options->send_queue, "Cut off a reader so many bytes behind (4194304)",
       "BYTES"},
      {"keepalive", 0, 0, G_OPTION_ARG_STRING, &options->tuning.keepalive, "TCP keep-alive in seconds (60:10:3; off)",
       "IDLE:INTERVAL:COUNT"},
      {"no-nodelay", 0, 0, G_OPTION_ARG_NONE, &options->tuning.no_nodelay, "Leave Nagle's algorithm on", NULL},
      {"no-reuseaddr", 0, 0, G_OPTION_ARG_NONE, &options->no_reuseaddr, "Listen without SO_REUSEADDR", NULL},
      {"sndbuf", 0, 0, G_OPTION_ARG_INT, &options->tuning.send_buffer, "SO_SNDBUF", "BYTES"},
      {"rcvbuf", 0, 0, G_OPTION_ARG_INT, &options->tuning.receive_buffer, "SO_RCVBUF", "BYTES"},
      {"defer-accept", 0, 0, G_OPTION_ARG_STRING, &options->defer_accept, "TCP_DEFER_ACCEPT", "SECONDS"},
      {"fast-open", 0, 0, G_OPTION_ARG_STRING, &options->fast_open, "TCP_FASTOPEN with a queue of N", "N"},
      {"fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->faults, "Misbehave on purpose (several times)",
       "NAME[:PARAM][@PROBABILITY]"},
      {"list-faults", 0, 0, G_OPTION_ARG_NONE, &options->list_faults, "List the faults", NULL},
      {"seed", 0, 0, G_OPTION_ARG_STRING, &options->seed, "Of the dice that faults throw (1)", "N"},
      {"status", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, (gpointer)(uintptr_t)take_status,
       "A status line every so often (1s)", "TIME"},
      {"ready-file", 0, 0, G_OPTION_ARG_FILENAME, &options->ready_file, "Write the addresses there once it listens", "FILE"},
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "Print nothing but errors", NULL},
      {0}};
  g_autoptr(GOptionContext) context = g_option_context_new("- the reference chat server");
  GOptionGroup *group = g_option_group_new("server", "", "", options, NULL);
  g_option_group_add_entries(group, entries);
  g_option_context_set_main_group(context, group);
  return la_chat_options_parse(context, argc, argv, 0, error);
}

static gboolean read_io(const char *name, const LaChatIo **ret_io, GError **error)
{
  if (name == NULL)
    return TRUE;
  const LaChatIo *io = la_chat_io_find(name);
  if (io == NULL) {
    const char *names[16];
    size_t count = 0;
    while (la_chat_io_all[count] != NULL && count < G_N_ELEMENTS(names)) {
      names[count] = la_chat_io_all[count]->name;
      count++;
    }
    const char *nearest = la_nearest(name, names, count);
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "--io '%s': no such model; %s%s", name,
                nearest != NULL ? "did you mean " : "--list-io lists them", nearest != NULL ? nearest : "");
    return FALSE;
  }
  *ret_io = io;
  return TRUE;
}

static gboolean read_listen(char **texts, GArray *addresses, GError **error)
{
  static const char *const fallback[] = {"127.0.0.1:8888", NULL};
  const char *const *at = texts != NULL ? (const char *const *)texts : fallback;
  for (; *at != NULL; at++) {
    LaChatAddress address;
    if (!la_chat_address_parse(*at, &address, error))
      return FALSE;
    g_array_append_val(addresses, address);
  }
  return TRUE;
}

static gboolean read_faults(char **texts, GArray *faults, GError **error)
{
  for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
    LaChatFault fault;
    if (!la_chat_fault_parse(texts[i], &fault, error))
      return FALSE;
    g_array_append_val(faults, fault);
  }
  return TRUE;
}

static gboolean read_config(const Options *options, LaChatServerConfig *config, GError **error)
{
  unsigned send_queue = (unsigned)config->send_queue, seed = 1;
  gboolean ok =
      read_io(options->io, &config->io, error) &&
      la_chat_number_read("--backlog", options->backlog, 0, 65535, &config->backlog, error) &&
      la_chat_number_read("--max-connections", options->max_connections, 1, 1000000, &config->max_connections, error) &&
      la_chat_number_read("--max-errors", options->max_errors, 1, 1000000, &config->max_errors, error) &&
      la_chat_number_read("--send-queue", options->send_queue, 2 << 20, 1 << 30, &send_queue, error) &&
      la_chat_number_read("--defer-accept", options->defer_accept, 0, 3600, &config->defer_accept_s, error) &&
      la_chat_number_read("--fast-open", options->fast_open, 0, 65535, &config->fast_open, error) &&
      la_chat_number_read("--seed", options->seed, 0, G_MAXUINT32, &seed, error) &&
      la_chat_span_read("--idle-timeout", options->idle_timeout, &config->idle_timeout, error) &&
      la_chat_span_read("--grace", options->grace, &config->grace, error) &&
      la_chat_span_read("--status", options->status, &config->status_interval, error) &&
      la_chat_tuning_read(&options->tuning, &config->tuning, error);
  config->send_queue = send_queue;
  config->seed = seed;
  config->reach = options->allow_remote ? LA_CHAT_ALLOW_REMOTE : LA_CHAT_LOOPBACK_ONLY;
  config->reuse_address = options->no_reuseaddr ? LA_CHAT_OFF : LA_CHAT_ON;
  if (ok && (config->status_interval < 10 * LA_MSEC || config->grace == LA_TIME_MAX)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "--status needs at least 10ms, and --grace an end");
    return FALSE;
  }
  return ok;
}

static void close_line(Screen *screen)
{
  if (screen->line_open)
    fputc('\n', stderr);
  screen->line_open = FALSE;
}

static void print_log(void *ctx, const char *text)
{
  Screen *screen = ctx;
  if (screen->quiet)
    return;
  close_line(screen);
  fprintf(stderr, "lastack chat: %s\n", text);
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
  return seconds > 0 ? (double)(now - before) / seconds : 0;
}

static void print_status(void *ctx, const LaChatServerStats *stats)
{
  Screen *screen = ctx;
  const LaChatServerStats *last = &screen->last;
  double seconds = la_time_seconds(stats->uptime - last->uptime);
  fprintf(stderr,
          "%s%u connections (peak %u), %u users, %u rooms | %.1f accepted/s, %.1f frames/s in, %.1f out, "
          "%.1f kB/s in, %.1f out | %lu of %lu descriptors | %" G_GUINT64_FORMAT " errors, %" G_GUINT64_FORMAT
          " resets, %" G_GUINT64_FORMAT " refused%s",
          screen->is_terminal ? "\r" : "", stats->connections, stats->peak, stats->hub.users, stats->hub.rooms,
          rate(stats->accepted, last->accepted, seconds), rate(stats->hub.frames_in, last->hub.frames_in, seconds),
          rate(stats->hub.frames_out, last->hub.frames_out, seconds), rate(stats->bytes_in, last->bytes_in, seconds) / 1000,
          rate(stats->bytes_out, last->bytes_out, seconds) / 1000, stats->descriptors.used, stats->descriptors.limit,
          stats->hub.errors, stats->resets, stats->refused, screen->is_terminal ? "\033[K" : "\n");
  fflush(stderr);
  screen->line_open = screen->is_terminal;
  screen->last = *stats;
}

/* Says where the server listens: on standard output, and in the file if one was asked for. */
static gboolean announce(const LaChatServer *server, const Options *options, const LaChatServerConfig *config, GError **error)
{
  g_autoptr(GString) ready = g_string_new(NULL);
  for (size_t i = 0; i < config->listen_count; i++) {
    char text[LA_HOST_PORT_TEXT_MAX];
    LaChatAddress address = la_chat_server_address(server, i);
    la_chat_address_format(&address, text);
    g_string_append_printf(ready, "%s\n", text);
    if (!options->quiet)
      printf("listening on %s (%s, at most %u connections)\n", text, config->io->name, config->max_connections);
  }
  fflush(stdout);
  g_autoptr(GError) wrong = NULL;
  if (options->ready_file == NULL || g_file_set_contents(options->ready_file, ready->str, (gssize)ready->len, &wrong))
    return TRUE;
  g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "%s", wrong->message);
  return FALSE;
}

static void print_end(const LaChatServer *server, LaChatEnding ending)
{
  LaChatServerStats stats = la_chat_server_stats(server);
  printf("served %" G_GUINT64_FORMAT " connections (peak %u, %" G_GUINT64_FORMAT " refused), %" G_GUINT64_FORMAT
         " messages; %s\n",
         stats.accepted, stats.peak, stats.refused, stats.hub.messages,
         ending == LA_CHAT_ENDED_DRAINED ? "all connections were closed in good order" : "some connections had to be cut off");
  fflush(stdout);
}

static LaExitCode serve(const Options *options, LaChatServerConfig *config, GError **error)
{
  Screen screen = {.is_terminal = isatty(STDERR_FILENO), .quiet = options->quiet};
  config->events =
      (LaChatServerEvents){.status = options->status != NULL ? print_status : NULL, .log = print_log, .ctx = &screen};
  config->clock = *la_chat_system_clock();
  LaChatServer *server = la_chat_server_new(config, error);
  if (server == NULL)
    return LA_EXIT_INTERNAL;
  LaChatEnding ending;
  gboolean ok = announce(server, options, config, error) && la_chat_server_run(server, &ending, error);
  close_line(&screen);
  if (ok && ending == LA_CHAT_ENDED_BY_FAULT) {
    print_log(&screen, "exits with its sockets open, as asked");
    fflush(NULL);
    _exit(LA_EXIT_OK);
  }
  if (ok && !options->quiet)
    print_end(server, ending);
  la_chat_server_free(server);
  return ok ? LA_EXIT_OK : LA_EXIT_INTERNAL;
}

static void list_faults(void)
{
  for (int i = 0; i < LA_CHAT_FAULT_COUNT; i++) {
    const LaChatFaultInfo *info = la_chat_fault_info((LaChatFaultKind)i);
    char span[LA_TIME_TEXT_MAX] = "";
    if (info->param == LA_CHAT_PARAM_SPAN)
      la_span_format(info->fallback, span);
    printf("%-15s %s%s%s%s%s\n", info->name, info->of_server ? "(server) " : "", info->summary, span[0] != '\0' ? " [" : "",
           span,
           span[0] != '\0'                      ? "]"
           : info->param == LA_CHAT_PARAM_COUNT ? " [1]"
                                                : "");
  }
}

static void list_io(void)
{
  for (size_t i = 0; la_chat_io_all[i] != NULL; i++)
    printf("%-10s %s\n", la_chat_io_all[i]->name, la_chat_io_all[i]->summary);
}

LaExitCode la_cmd_chat_server(int argc, char **argv)
{
  Options options = {0};
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(LaChatAddress));
  g_autoptr(GArray) faults = g_array_new(FALSE, FALSE, sizeof(LaChatFault));
  LaChatServerConfig config = la_chat_server_config_default();
  LaExitCode code = LA_EXIT_OK;
  if (!parse(&options, &argc, &argv, &error) || !read_config(&options, &config, &error) ||
      !read_listen(options.listen, addresses, &error) || !read_faults(options.faults, faults, &error)) {
    code = la_exit_tell(error);
  } else if (options.list_faults || options.list_io) {
    (options.list_faults ? list_faults : list_io)();
  } else {
    config.listen = (const LaChatAddress *)(const void *)addresses->data;
    config.listen_count = addresses->len;
    config.faults = (const LaChatFault *)(const void *)faults->data;
    config.fault_count = faults->len;
    config.stop_fd = la_chat_signals_open();
    int stop_fd = config.stop_fd;
    code = serve(&options, &config, &error);
    if (error != NULL)
      code = la_exit_tell(error);
    if (stop_fd >= 0)
      close(stop_fd);
  }
  options_clear(&options);
  return code;
}
