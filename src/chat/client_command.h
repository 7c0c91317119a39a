/* What a person types, or a script says, to the client. */
#ifndef LA_CHAT_CLIENT_COMMAND_H
#define LA_CHAT_CLIENT_COMMAND_H

#include <glib.h>
#include <stdbool.h>

#include "base/time.h"

typedef enum {
  LA_CHAT_COMMAND_NONE, /* an empty line, or a comment */
  LA_CHAT_COMMAND_TEXT, /* no command: said to the current room */
  LA_CHAT_COMMAND_JOIN,
  LA_CHAT_COMMAND_LEAVE,
  LA_CHAT_COMMAND_SAY,
  LA_CHAT_COMMAND_TELL,
  LA_CHAT_COMMAND_WHO,
  LA_CHAT_COMMAND_ROOMS,
  LA_CHAT_COMMAND_PING,
  LA_CHAT_COMMAND_LOGOUT,
  LA_CHAT_COMMAND_SEND,
  LA_CHAT_COMMAND_BYTES,
  LA_CHAT_COMMAND_WAIT,
  LA_CHAT_COMMAND_SLEEP,
  LA_CHAT_COMMAND_INFO,
  LA_CHAT_COMMAND_HALF_CLOSE,
  LA_CHAT_COMMAND_STOP_READING,
  LA_CHAT_COMMAND_CLOSE,
  LA_CHAT_COMMAND_ABORT,
  LA_CHAT_COMMAND_CONNECT,
  LA_CHAT_COMMAND_HELP,
  LA_CHAT_COMMAND_COUNT
} LaChatCommandKind;

typedef struct {
  LaChatCommandKind kind;
  char *word;  /* the first argument, where the command takes one (owned; NULL when it was left out) */
  char *rest;  /* the text after it, where the command takes one (owned) */
  LaTime span; /* of sleep and wait; LA_TIME_NONE when it was left out */
} LaChatCommand;

/* Reads one line, without its newline. LA_ERROR_USAGE tells how the command is written. */
bool la_chat_command_parse(const char *line, LaChatCommand *ret_command, GError **error);
void la_chat_command_clear(LaChatCommand *command);

/* Appends a line for each command. */
void la_chat_command_help(GString *out);

#endif
