/* lastack chat: the reference chat server, its client, its load generator. */
#include "cli/cmd_chat.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/subcommand.h"

static const LaSubcommand subcommands[] = {
    {"server", la_cmd_chat_server, "serve, over one of eight I/O models, with faults on purpose if wanted"},
    {"client", la_cmd_chat_client, "talk to a server, by hand or by a script"},
    {"load", la_cmd_chat_load, "many clients at once: throughput, latencies, comparisons"},
};

static LaTime read_monotonic(void *ctx G_GNUC_UNUSED)
{
  return la_clock_monotonic();
}

static LaTime read_wall(void *ctx G_GNUC_UNUSED)
{
  return la_clock_wall();
}

const LaChatClock *la_chat_system_clock(void)
{
  static const LaChatClock clock = {.monotonic = read_monotonic, .wall = read_wall};
  return &clock;
}

int la_chat_signals_open(void)
{
  /* A broken connection or a closed pipe is seen where it is written to. */
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

LaExitCode la_chat_signals_code(int fd, LaExitCode otherwise)
{
  struct signalfd_siginfo info;
  if (fd < 0 || read(fd, &info, sizeof info) != (ssize_t)sizeof info)
    return otherwise;
  return info.ssi_signo == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED;
}

gboolean la_chat_span_read(const char *option, const char *text, LaTime *ret_span, GError **error)
{
  if (text == NULL || la_span_parse(text, ret_span))
    return TRUE;
  if (strcmp(text, "off") == 0) {
    *ret_span = LA_TIME_MAX;
    return TRUE;
  }
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s '%s': write a time such as 500ms, 5s or 2min", option, text);
  return FALSE;
}

gboolean la_chat_number_read(const char *option, const char *text, guint64 low, guint64 high, unsigned *ret_number,
                             GError **error)
{
  guint64 number;
  if (text == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned(text, 10, low, high, &number, NULL)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s '%s': write a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                option, text, low, high);
    return FALSE;
  }
  *ret_number = (unsigned)number;
  return TRUE;
}

gboolean la_chat_tuning_read(const LaChatTuningOptions *options, LaChatTuning *ret_tuning, GError **error)
{
  LaChatTuning tuning = LA_CHAT_TUNING_DEFAULT;
  if (options->send_buffer < 0 || options->receive_buffer < 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "a buffer cannot have fewer than 0 bytes");
    return FALSE;
  }
  if (options->no_nodelay)
    tuning.no_delay = LA_CHAT_OFF;
  tuning.send_buffer = (unsigned)options->send_buffer;
  tuning.receive_buffer = (unsigned)options->receive_buffer;
  if (options->keepalive != NULL && !la_chat_keep_alive_parse(options->keepalive, &tuning, error))
    return FALSE;
  *ret_tuning = tuning;
  return TRUE;
}

gboolean la_chat_options_parse(GOptionContext *context, int *argc, char ***argv, int max_words, GError **error)
{
  g_autoptr(GError) wrong = NULL;
  g_autofree char *name = g_strdup_printf("lastack chat %s", (*argv)[0]);
  g_set_prgname(name);
  if (!g_option_context_parse(context, argc, argv, &wrong)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s", wrong->message);
    return FALSE;
  }
  if (*argc - 1 > max_words) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%s' is one word too many", (*argv)[max_words + 1]);
    return FALSE;
  }
  return TRUE;
}

int la_cmd_chat(int argc, char **argv)
{
  static const LaSubcommands all = {
      .command = "chat", .items = subcommands, .count = G_N_ELEMENTS(subcommands), .names = "server, client or load"};
  return la_subcommand_run(&all, argc, argv);
}
