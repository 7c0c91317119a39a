/* lastack chat client: options, lines on standard output, how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/client.h"
#include "cli/cmd_chat.h"

typedef struct {
  char *name, *script, *connect_timeout, *attempts, *backoff, *heartbeat, *heartbeat_timeout, *reply_timeout, *drain;
  char *reconnects, *bind;
  char **rooms;
  gboolean no_login, abort, info, json;
  LaChatTuningOptions tuning;
} Options;

static void options_clear(Options *options)
{
  g_strfreev(options->rooms);
  char **texts[] = {&options->name,       &options->script,        &options->connect_timeout,
                    &options->attempts,   &options->backoff,       &options->heartbeat_timeout,
                    &options->heartbeat,  &options->reply_timeout, &options->drain,
                    &options->reconnects, &options->bind,          &options->tuning.keepalive};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(*texts[i]);
}

static gboolean parse(Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"name", 'n', 0, G_OPTION_ARG_FILENAME, &options->name, "Log in under this name (the user's)", "NAME"},
      {"room", 'r', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->rooms, "Enter this room (several times)", "ROOM"},
      {"no-login", 0, 0, G_OPTION_ARG_NONE, &options->no_login, "Connect only", NULL},
      {"script", 's', 0, G_OPTION_ARG_FILENAME, &options->script, "Read commands from FILE, - is standard input", "FILE"},
      {"connect-timeout", 0, 0, G_OPTION_ARG_STRING, &options->connect_timeout, "Of one attempt (5s)", "TIME"},
      {"attempts", 0, 0, G_OPTION_ARG_STRING, &options->attempts, "How often to try (3)", "N"},
      {"backoff", 0, 0, G_OPTION_ARG_STRING, &options->backoff, "Before the second attempt, then doubled (500ms)", "TIME"},
      {"heartbeat", 0, 0, G_OPTION_ARG_STRING, &options->heartbeat, "Ping so often (30s; off)", "TIME"},
      {"heartbeat-timeout", 0, 0, G_OPTION_ARG_STRING, &options->heartbeat_timeout, "Wait so long for the pong (10s)", "TIME"},
      {"reply-timeout", 0, 0, G_OPTION_ARG_STRING, &options->reply_timeout, "Wait so long for an answer (5s)", "TIME"},
      {"reconnects", 0, 0, G_OPTION_ARG_STRING, &options->reconnects, "Make a lost connection anew (10; 0 in a script)", "N"},
      {"drain", 0, 0, G_OPTION_ARG_STRING, &options->drain, "At the end wait so long for the server's FIN (5s)", "TIME"},
      {"abort", 0, 0, G_OPTION_ARG_NONE, &options->abort, "End with a RST (SO_LINGER 0)", NULL},
      {"info", 'i', 0, G_OPTION_ARG_NONE, &options->info, "Print addresses, buffers and TCP_INFO at begin and end", NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Print messages as JSON", NULL},
      {"bind", 0, 0, G_OPTION_ARG_STRING, &options->bind, "The own address and port", "ADDR:PORT"},
      {"keepalive", 0, 0, G_OPTION_ARG_STRING, &options->tuning.keepalive, "TCP keep-alive in seconds (60:10:3; off)",
       "IDLE:INTERVAL:COUNT"},
      {"no-nodelay", 0, 0, G_OPTION_ARG_NONE, &options->tuning.no_nodelay, "Leave Nagle's algorithm on", NULL},
      {"sndbuf", 0, 0, G_OPTION_ARG_INT, &options->tuning.send_buffer, "SO_SNDBUF", "BYTES"},
      {"rcvbuf", 0, 0, G_OPTION_ARG_INT, &options->tuning.receive_buffer, "SO_RCVBUF", "BYTES"},
      {0}};
  g_autoptr(GOptionContext) context = g_option_context_new("[HOST[:PORT]] - talk to a chat server");
  g_option_context_add_main_entries(context, entries, NULL);
  return la_chat_options_parse(context, argc, argv, 1, error);
}

static gboolean read_config(const Options *options, LaChatClientConfig *config, LaChatAddress *bind, GError **error)
{
  LaChatConnectOptions *connect = &config->connect;
  config->mode = options->script != NULL ? LA_CHAT_CLIENT_SCRIPT : LA_CHAT_CLIENT_INTERACTIVE;
  if (options->script != NULL)
    config->reconnects = 0;
  gboolean ok = la_chat_span_read("--connect-timeout", options->connect_timeout, &connect->timeout, error) &&
                la_chat_span_read("--backoff", options->backoff, &connect->backoff, error) &&
                la_chat_number_read("--attempts", options->attempts, 1, 1000, &connect->attempts, error) &&
                la_chat_span_read("--heartbeat", options->heartbeat, &config->heartbeat, error) &&
                la_chat_span_read("--heartbeat-timeout", options->heartbeat_timeout, &config->heartbeat_timeout, error) &&
                la_chat_span_read("--reply-timeout", options->reply_timeout, &config->reply_timeout, error) &&
                la_chat_span_read("--drain", options->drain, &config->drain, error) &&
                la_chat_number_read("--reconnects", options->reconnects, 0, 1000000, &config->reconnects, error) &&
                la_chat_tuning_read(&options->tuning, &connect->tuning, error);
  if (ok && options->bind != NULL) {
    ok = la_chat_address_parse(options->bind, bind, error);
    connect->bind = bind;
  }
  config->login = options->no_login ? LA_CHAT_NO_LOGIN : LA_CHAT_LOGIN;
  config->close_how = options->abort ? LA_CHAT_CLOSE_ABORT : LA_CHAT_CLOSE_GRACEFUL;
  config->info = options->info ? LA_CHAT_INFO_ON : LA_CHAT_INFO_OFF;
  config->lines = options->json ? LA_CHAT_LINES_JSON : LA_CHAT_LINES_TEXT;
  config->name = options->name != NULL ? options->name : g_get_user_name();
  config->rooms = (const char *const *)options->rooms;
  gboolean valid = g_utf8_validate(config->name, -1, NULL);
  for (size_t i = 0; valid && config->rooms != NULL && config->rooms[i] != NULL; i++)
    valid = g_utf8_validate(config->rooms[i], -1, NULL);
  if (ok && !valid)
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "names of users and rooms must be UTF-8");
  return ok && valid;
}

/* Where the lines come from; -1 with an error. */
static int open_input(const char *script, GError **error)
{
  if (script == NULL || strcmp(script, "-") == 0)
    return STDIN_FILENO;
  int fd = open(script, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    g_set_error(error, LA_ERROR, LA_ERROR_OPEN, "%s: %s", script, g_strerror(errno));
  return fd;
}

static void print_line(void *ctx G_GNUC_UNUSED, LaChatLineKind kind, const char *text)
{
  FILE *to = kind == LA_CHAT_LINE_MESSAGE ? stdout : stderr;
  fprintf(to, "%s%s\n", kind == LA_CHAT_LINE_NOTE ? "-- " : "", text);
  fflush(to);
}

static void print_attempt(void *ctx, const char *text)
{
  print_line(ctx, LA_CHAT_LINE_NOTE, text);
}

static LaExitCode code_of(LaChatClientEnding ending, int signals)
{
  switch (ending) {
  case LA_CHAT_CLIENT_DONE: return LA_EXIT_OK;
  case LA_CHAT_CLIENT_FAILED:
  case LA_CHAT_CLIENT_LOST: return LA_EXIT_PERMISSION;
  case LA_CHAT_CLIENT_STOPPED: break;
  }
  return la_chat_signals_code(signals, LA_EXIT_INTERRUPTED);
}

LaExitCode la_cmd_chat_client(int argc, char **argv)
{
  Options options = {0};
  g_autoptr(GError) error = NULL;
  g_autofree char *host = NULL;
  LaChatAddress bind;
  LaChatClientConfig config = la_chat_client_config_default();
  LaChatClientEnding ending;
  int signals = -1;
  LaExitCode code = LA_EXIT_OK;
  if (!parse(&options, &argc, &argv, &error) || !read_config(&options, &config, &bind, &error) ||
      !la_chat_host_split(argc > 1 ? argv[1] : "127.0.0.1", &host, &config.connect.port, &error) ||
      (config.input_fd = open_input(options.script, &error)) < 0) {
    code = la_exit_tell(error);
  } else {
    signals = la_chat_signals_open();
    config.connect.host = host;
    config.connect.clock = la_chat_system_clock();
    config.connect.stop_fd = signals;
    config.connect.log = print_attempt;
    config.line = print_line;
    code = la_chat_client_run(&config, &ending, &error) ? code_of(ending, signals) : la_exit_tell(error);
  }
  if (config.input_fd > STDIN_FILENO)
    close(config.input_fd);
  if (signals >= 0)
    close(signals);
  options_clear(&options);
  return code;
}
