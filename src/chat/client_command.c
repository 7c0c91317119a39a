/* One table: a command's name, its arguments and what it does. A line that does not begin with a slash is text; one that
 * begins with `#` is a comment; two slashes begin a text that starts with a slash. */
#include "chat/client_command.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

typedef enum {
  ARGS_NONE,
  ARGS_WORD,          /* one word */
  ARGS_MAYBE_WORD,    /* one word or none */
  ARGS_WORD_AND_TEXT, /* a word, and the rest of the line */
  ARGS_TEXT,          /* the rest of the line */
  ARGS_SPAN,          /* a time */
  ARGS_WORD_AND_SPAN, /* a word, and a time or none */
} Args;

static const struct {
  const char *name;
  Args args;
  const char *usage;
  const char *does;
} commands[] = {
    [LA_CHAT_COMMAND_NONE] = {NULL, ARGS_NONE, NULL, NULL},
    [LA_CHAT_COMMAND_TEXT] = {NULL, ARGS_NONE, "TEXT", "say TEXT in the room that was joined or spoken to last"},
    [LA_CHAT_COMMAND_JOIN] = {"join", ARGS_WORD, "/join ROOM", "enter a room"},
    [LA_CHAT_COMMAND_LEAVE] = {"leave", ARGS_WORD, "/leave ROOM", "leave a room"},
    [LA_CHAT_COMMAND_SAY] = {"say", ARGS_WORD_AND_TEXT, "/say ROOM TEXT", "say something in a room"},
    [LA_CHAT_COMMAND_TELL] = {"tell", ARGS_WORD_AND_TEXT, "/tell NAME TEXT", "say something to one person"},
    [LA_CHAT_COMMAND_WHO] = {"who", ARGS_MAYBE_WORD, "/who [ROOM]", "who is there, or in a room"},
    [LA_CHAT_COMMAND_ROOMS] = {"rooms", ARGS_NONE, "/rooms", "which rooms there are"},
    [LA_CHAT_COMMAND_PING] = {"ping", ARGS_NONE, "/ping", "measure the time to the server and back"},
    [LA_CHAT_COMMAND_LOGOUT] = {"logout", ARGS_NONE, "/logout", "ask the server to close (it sends its FIN first)"},
    [LA_CHAT_COMMAND_SEND] = {"send", ARGS_TEXT, "/send JSON", "send this text in a frame, whatever it is"},
    [LA_CHAT_COMMAND_BYTES] = {"bytes", ARGS_TEXT, "/bytes HEX", "send these bytes without a frame"},
    [LA_CHAT_COMMAND_WAIT] = {"wait", ARGS_WORD_AND_SPAN, "/wait TYPE [TIME]",
                              "wait for a message of this type, or for: eof, reset"},
    [LA_CHAT_COMMAND_SLEEP] = {"sleep", ARGS_SPAN, "/sleep TIME", "do nothing for a time (500ms, 2s)"},
    [LA_CHAT_COMMAND_INFO] = {"info", ARGS_NONE, "/info", "what the kernel says of this connection"},
    [LA_CHAT_COMMAND_HALF_CLOSE] = {"half-close", ARGS_NONE, "/half-close", "send the FIN, go on reading"},
    [LA_CHAT_COMMAND_STOP_READING] = {"stop-reading", ARGS_NONE, "/stop-reading", "read nothing more: the window fills"},
    [LA_CHAT_COMMAND_CLOSE] = {"close", ARGS_NONE, "/close", "shut down, read to the end, close"},
    [LA_CHAT_COMMAND_ABORT] = {"abort", ARGS_NONE, "/abort", "close with a RST (SO_LINGER 0)"},
    [LA_CHAT_COMMAND_CONNECT] = {"connect", ARGS_NONE, "/connect", "connect and log in again"},
    [LA_CHAT_COMMAND_HELP] = {"help", ARGS_NONE, "/help", "these lines"},
};
static_assert(G_N_ELEMENTS(commands) == LA_CHAT_COMMAND_COUNT, "a line for each command");

/* Another name for what one often wants. */
static LaChatCommandKind find_command(const char *name, size_t len)
{
  if (len == 4 && memcmp(name, "quit", 4) == 0)
    return LA_CHAT_COMMAND_CLOSE;
  for (int i = 0; i < LA_CHAT_COMMAND_COUNT; i++) {
    if (commands[i].name != NULL && strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0)
      return (LaChatCommandKind)i;
  }
  return LA_CHAT_COMMAND_COUNT;
}

static const char *skip_spaces(const char *text)
{
  while (*text == ' ' || *text == '\t')
    text++;
  return text;
}

/* The next word (transfer full), NULL when there is none; `*text` moves past it. */
static char *take_word(const char **text)
{
  const char *from = skip_spaces(*text);
  size_t len = strcspn(from, " \t");
  *text = skip_spaces(from + len);
  return len > 0 ? g_strndup(from, len) : NULL;
}

/* Takes the arguments; false when they are not what the command takes. */
static bool take_args(LaChatCommand *command, Args args, const char *text)
{
  g_autofree char *span = NULL;
  switch (args) {
  case ARGS_NONE: break;
  case ARGS_WORD:
    if ((command->word = take_word(&text)) == NULL)
      return false;
    break;
  case ARGS_MAYBE_WORD: command->word = take_word(&text); break;
  case ARGS_WORD_AND_TEXT:
    command->word = take_word(&text);
    command->rest = g_strdup(text);
    return command->word != NULL && command->rest[0] != '\0';
  case ARGS_TEXT: command->rest = g_strdup(text); return command->rest[0] != '\0';
  case ARGS_SPAN:
    span = take_word(&text);
    if (span == NULL || !la_span_parse(span, &command->span))
      return false;
    break;
  case ARGS_WORD_AND_SPAN:
    command->word = take_word(&text);
    span = take_word(&text);
    if (command->word == NULL || (span != NULL && !la_span_parse(span, &command->span)))
      return false;
    break;
  }
  return *skip_spaces(text) == '\0';
}

bool la_chat_command_parse(const char *line, LaChatCommand *ret_command, GError **error)
{
  LaChatCommand command = {.kind = LA_CHAT_COMMAND_NONE, .span = LA_TIME_NONE};
  if (*skip_spaces(line) == '\0' || line[0] == '#') {
    *ret_command = command;
    return true;
  }
  if (line[0] != '/' || line[1] == '/') {
    command.kind = LA_CHAT_COMMAND_TEXT;
    command.rest = g_strdup(line[0] == '/' ? line + 1 : line);
    *ret_command = command;
    return true;
  }
  size_t len = strcspn(line + 1, " \t");
  command.kind = find_command(line + 1, len);
  if (command.kind == LA_CHAT_COMMAND_COUNT) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "'%.*s' is no command; /help lists them", (int)MIN(len + 1, 40), line);
    return false;
  }
  if (!take_args(&command, commands[command.kind].args, skip_spaces(line + 1 + len))) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "write %s", commands[command.kind].usage);
    la_chat_command_clear(&command);
    return false;
  }
  *ret_command = command;
  return true;
}

void la_chat_command_clear(LaChatCommand *command)
{
  g_clear_pointer(&command->word, g_free);
  g_clear_pointer(&command->rest, g_free);
}

void la_chat_command_help(GString *out)
{
  for (int i = 0; i < LA_CHAT_COMMAND_COUNT; i++) {
    if (commands[i].usage != NULL)
      g_string_append_printf(out, "%-18s %s\n", commands[i].usage, commands[i].does);
  }
}
