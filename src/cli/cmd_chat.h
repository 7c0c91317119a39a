/* What the subcommands of `lastack chat` share. */
#ifndef LA_CLI_CMD_CHAT_H
#define LA_CLI_CMD_CHAT_H

#include <glib.h>

#include "chat/clock.h"
#include "chat/tuning.h"
#include "cli/exit_code.h"

/* The subcommands; argv[0] is their name. */
LaExitCode la_cmd_chat_server(int argc, char **argv);
LaExitCode la_cmd_chat_client(int argc, char **argv);
LaExitCode la_cmd_chat_load(int argc, char **argv);

/* The system's clocks. Static. */
const LaChatClock *la_chat_system_clock(void);

/* Blocks SIGINT and SIGTERM and gives a descriptor that becomes readable when one came; -1 when there is none. */
int la_chat_signals_open(void);

/* The exit code of the signal that came, or `otherwise`. */
LaExitCode la_chat_signals_code(int fd, LaExitCode otherwise);

/* Socket options as they are given on the command line; all zero: the defaults. */
typedef struct {
  gboolean no_nodelay;
  char *keepalive;
  int send_buffer, receive_buffer;
} LaChatTuningOptions;

/* Reads them; false with LA_ERROR_USAGE. */
gboolean la_chat_tuning_read(const LaChatTuningOptions *options, LaChatTuning *ret_tuning, GError **error);

/* Reads a time of the command line into `ret_span`, which keeps its value when `text` is NULL; `off` becomes LA_TIME_MAX. */
gboolean la_chat_span_read(const char *option, const char *text, LaTime *ret_span, GError **error);

/* Reads a number from `low` to `high`; `ret_number` keeps its value when `text` is NULL. */
gboolean la_chat_number_read(const char *option, const char *text, guint64 low, guint64 high, unsigned *ret_number,
                             GError **error);

/* Parses a subcommand's options. At most `max_words` words may remain. LA_ERROR_USAGE otherwise. */
gboolean la_chat_options_parse(GOptionContext *context, int *argc, char ***argv, int max_words, GError **error);

#endif
