/* What the client does for a line of input, and what it makes of a message of the server.
 *
 * Every request carries an id, and a script goes on when the answer with that id came. An answer that is an error, an end of
 * the connection and the time limit fail the command; waiting for just that is how a script expects it. */
#include <string.h>
#include <sys/socket.h>

#include "base/escape.h"
#include "chat/client_private.h"
#include "chat/tcp_info.h"

static bool is_script(const LaChatClient *client)
{
  return client->config->mode == LA_CHAT_CLIENT_SCRIPT;
}

static void begin_await(LaChatClient *client, LaChatAwaitKind kind, int64_t number, LaTime limit)
{
  if (!is_script(client) && kind != LA_CHAT_AWAIT_TIME)
    return;
  g_free(client->await.type);
  LaTime now = la_chat_clock_now(client->config->connect.clock);
  client->await = (LaChatAwait){.kind = kind, .number = number, .deadline = la_time_add(now, limit)};
}

static void end_await(LaChatClient *client)
{
  g_clear_pointer(&client->await.type, g_free);
  client->await.kind = LA_CHAT_AWAIT_NOTHING;
}

/* The command that was waited for failed. */
static void fail(LaChatClient *client, const char *why)
{
  end_await(client);
  la_chat_client_print(client, LA_CHAT_LINE_ERROR, "the script stops: %s", why);
  la_chat_client_end(client, LA_CHAT_CLIENT_FAILED);
}

/* Whether there is a connection that requests can be sent on. */
static bool can_send(LaChatClient *client)
{
  if (client->link == LA_CHAT_LINK_READY && !client->sent_fin)
    return true;
  if (is_script(client))
    fail(client, "there is no connection to send on");
  else
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "there is no connection to send on");
  return false;
}

/* Sends a request (transfer full) made with the client's next id, and waits for its answer. */
static void request(LaChatClient *client, GBytes *frame)
{
  if (la_chat_client_send(client, frame))
    begin_await(client, LA_CHAT_AWAIT_ID, client->next_id, client->config->reply_timeout);
  else if (is_script(client))
    fail(client, "the message does not fit into a frame");
  client->next_id++;
}

static void set_room(LaChatClient *client, const char *room)
{
  char *old = client->current_room; /* `room` may be in it */
  client->current_room = g_strdup(room);
  g_free(old);
}

static void do_join(LaChatClient *client, const char *room)
{
  if (!g_ptr_array_find_with_equal_func(client->rooms, room, g_str_equal, NULL))
    g_ptr_array_add(client->rooms, g_strdup(room));
  set_room(client, room);
  request(client, la_chat_frame_room_request(LA_CHAT_REQUEST_JOIN, room, client->next_id));
}

static void do_leave(LaChatClient *client, const char *room)
{
  guint index;
  if (g_ptr_array_find_with_equal_func(client->rooms, room, g_str_equal, &index))
    g_ptr_array_remove_index(client->rooms, index);
  request(client, la_chat_frame_room_request(LA_CHAT_REQUEST_LEAVE, room, client->next_id));
}

static void do_text(LaChatClient *client, const char *text)
{
  if (client->current_room != NULL)
    request(client, la_chat_frame_say(client->current_room, text, client->next_id));
  else if (is_script(client))
    fail(client, "there is no room to speak in");
  else
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "there is no room to speak in: /join ROOM first");
}

static void do_wait(LaChatClient *client, const LaChatCommand *command)
{
  LaTime limit = command->span != LA_TIME_NONE ? command->span : client->config->reply_timeout;
  LaChatAwaitKind kind = strcmp(command->word, "eof") == 0     ? LA_CHAT_AWAIT_EOF
                         : strcmp(command->word, "reset") == 0 ? LA_CHAT_AWAIT_RESET
                                                               : LA_CHAT_AWAIT_TYPE;
  begin_await(client, kind, 0, limit);
  if (client->await.kind == LA_CHAT_AWAIT_TYPE)
    client->await.type = g_strdup(command->word);
  if (client->peer_closed)
    la_chat_client_notice(client, LA_CHAT_AWAIT_EOF);
}

static void do_bytes(LaChatClient *client, const char *hex)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  int high = -1;
  for (; *hex != '\0'; hex++) {
    int digit = g_ascii_xdigit_value(*hex);
    if (digit < 0 && *hex != ' ')
      break;
    if (digit < 0)
      continue;
    if (high < 0) {
      high = digit;
      continue;
    }
    uint8_t byte = (uint8_t)(high << 4 | digit);
    g_byte_array_append(bytes, &byte, 1);
    high = -1;
  }
  if (*hex != '\0' || high >= 0 || bytes->len == 0) {
    if (is_script(client))
      fail(client, "/bytes takes pairs of hexadecimal digits");
    else
      la_chat_client_print(client, LA_CHAT_LINE_ERROR, "/bytes takes pairs of hexadecimal digits");
    return;
  }
  la_chat_stream_push(&client->stream, g_bytes_new(bytes->data, bytes->len));
}

static void do_info(LaChatClient *client)
{
  if (client->link == LA_CHAT_LINK_NONE) {
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "not connected");
    return;
  }
  g_autoptr(GString) out = g_string_new(NULL);
  la_chat_tcp_info_append(out, client->stream.fd);
  g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
  for (int i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "%s", lines[i]);
}

static void do_help(LaChatClient *client)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_chat_command_help(out);
  g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
  for (int i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "%s", lines[i]);
}

static void do_connect(LaChatClient *client)
{
  g_autoptr(GError) error = NULL;
  la_chat_client_close(client, LA_CHAT_CLOSE_GRACEFUL);
  if (la_chat_client_connect(client, &error) || client->over)
    return;
  la_chat_client_print(client, LA_CHAT_LINE_ERROR, "%s", error->message);
  if (is_script(client))
    la_chat_client_end(client, LA_CHAT_CLIENT_LOST);
}

static void do_close(LaChatClient *client, LaChatCloseHow how)
{
  la_chat_client_close(client, how);
  if (!is_script(client))
    la_chat_client_end(client, LA_CHAT_CLIENT_DONE);
}

static void half_close(LaChatClient *client)
{
  (void)la_chat_stream_flush(&client->stream);
  shutdown(client->stream.fd, SHUT_WR);
  client->sent_fin = true;
}

static bool needs_connection(LaChatCommandKind kind)
{
  return kind != LA_CHAT_COMMAND_NONE && kind != LA_CHAT_COMMAND_WAIT && kind != LA_CHAT_COMMAND_SLEEP &&
         kind != LA_CHAT_COMMAND_INFO && kind != LA_CHAT_COMMAND_CLOSE && kind != LA_CHAT_COMMAND_ABORT &&
         kind != LA_CHAT_COMMAND_CONNECT && kind != LA_CHAT_COMMAND_HELP && kind != LA_CHAT_COMMAND_STOP_READING;
}

static void carry_out(LaChatClient *client, const LaChatCommand *command)
{
  switch (command->kind) {
  case LA_CHAT_COMMAND_NONE: break;
  case LA_CHAT_COMMAND_TEXT: do_text(client, command->rest); break;
  case LA_CHAT_COMMAND_JOIN: do_join(client, command->word); break;
  case LA_CHAT_COMMAND_LEAVE: do_leave(client, command->word); break;
  case LA_CHAT_COMMAND_SAY:
    set_room(client, command->word);
    request(client, la_chat_frame_say(command->word, command->rest, client->next_id));
    break;
  case LA_CHAT_COMMAND_TELL: request(client, la_chat_frame_tell(command->word, command->rest, client->next_id)); break;
  case LA_CHAT_COMMAND_WHO:
    request(client, la_chat_frame_room_request(LA_CHAT_REQUEST_WHO, command->word, client->next_id));
    break;
  case LA_CHAT_COMMAND_ROOMS: request(client, la_chat_frame_room_request(LA_CHAT_REQUEST_ROOMS, NULL, client->next_id)); break;
  case LA_CHAT_COMMAND_PING:
    la_chat_client_ping(client);
    client->asked_seq = client->ping_seq;
    begin_await(client, LA_CHAT_AWAIT_PONG, client->ping_seq, client->config->reply_timeout);
    break;
  case LA_CHAT_COMMAND_LOGOUT:
    la_chat_client_send(client, la_chat_frame_room_request(LA_CHAT_REQUEST_LOGOUT, NULL, client->next_id++));
    begin_await(client, LA_CHAT_AWAIT_EOF, 0, client->config->reply_timeout);
    break;
  case LA_CHAT_COMMAND_SEND: la_chat_client_send(client, la_chat_frame_wrap(command->rest, strlen(command->rest))); break;
  case LA_CHAT_COMMAND_BYTES: do_bytes(client, command->rest); break;
  case LA_CHAT_COMMAND_WAIT: do_wait(client, command); break;
  case LA_CHAT_COMMAND_SLEEP: begin_await(client, LA_CHAT_AWAIT_TIME, 0, command->span); break;
  case LA_CHAT_COMMAND_INFO: do_info(client); break;
  case LA_CHAT_COMMAND_HALF_CLOSE: half_close(client); break;
  case LA_CHAT_COMMAND_STOP_READING: client->stop_reading = true; break;
  case LA_CHAT_COMMAND_CLOSE: do_close(client, LA_CHAT_CLOSE_GRACEFUL); break;
  case LA_CHAT_COMMAND_ABORT: do_close(client, LA_CHAT_CLOSE_ABORT); break;
  case LA_CHAT_COMMAND_CONNECT: do_connect(client); break;
  case LA_CHAT_COMMAND_HELP: do_help(client); break;
  case LA_CHAT_COMMAND_COUNT: break;
  }
}

void la_chat_client_act(LaChatClient *client, const char *line)
{
  LaChatCommand command;
  g_autoptr(GError) error = NULL;
  if (!g_utf8_validate(line, -1, NULL)) {
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "this line is not UTF-8");
    if (is_script(client))
      fail(client, "a line is not UTF-8");
    return;
  }
  if (!la_chat_command_parse(line, &command, &error)) {
    g_autoptr(GString) text = g_string_new(NULL);
    la_escape_terminal(text, error->message, -1);
    if (is_script(client))
      fail(client, text->str);
    else
      la_chat_client_print(client, LA_CHAT_LINE_ERROR, "%s", text->str);
    return;
  }
  if (!needs_connection(command.kind) || can_send(client))
    carry_out(client, &command);
  la_chat_command_clear(&command);
}

void la_chat_client_notice(LaChatClient *client, LaChatAwaitKind what)
{
  LaChatAwaitKind kind = client->await.kind;
  if (kind == LA_CHAT_AWAIT_NOTHING)
    return;
  if (kind == what) {
    end_await(client);
  } else if (what == LA_CHAT_AWAIT_TIME) {
    fail(client, "what it waited for did not come in time");
  } else if (kind != LA_CHAT_AWAIT_TIME) {
    /* After the server's FIN its RST may still come, but nothing else. */
    if (what != LA_CHAT_AWAIT_EOF || kind != LA_CHAT_AWAIT_RESET)
      fail(client, what == LA_CHAT_AWAIT_EOF ? "the server closed the connection" : "the connection was reset");
  }
}

/* The login was answered. */
static void take_login(LaChatClient *client, bool welcome)
{
  if (!welcome) {
    la_chat_client_end(client, LA_CHAT_CLIENT_FAILED);
    return;
  }
  client->link = LA_CHAT_LINK_READY;
  end_await(client);
  for (guint i = 0; i < client->rooms->len; i++) {
    const char *room = g_ptr_array_index(client->rooms, i);
    request(client, la_chat_frame_room_request(LA_CHAT_REQUEST_JOIN, room, client->next_id));
    if (client->current_room == NULL)
      set_room(client, room);
  }
}

void la_chat_client_take(LaChatClient *client, JsonObject *object)
{
  const LaChatClientConfig *config = client->config;
  const char *type = la_chat_object_string(object, "type", "");
  int64_t id = la_chat_object_int(object, "id", LA_CHAT_NO_ID);
  bool is_error = strcmp(type, "error") == 0;
  bool is_pong = strcmp(type, "pong") == 0;
  if (is_pong && la_chat_object_int(object, "seq", -1) == client->ping_seq)
    client->pong_deadline = LA_TIME_MAX;
  if (strcmp(type, "bye") == 0)
    client->said_bye = true;
  bool asked = is_pong && la_chat_object_int(object, "seq", -1) == client->asked_seq;
  /* Pongs of the heartbeat, and that a message arrived, are not worth a line. */
  bool quiet = config->lines == LA_CHAT_LINES_TEXT && ((is_pong && !asked) || strcmp(type, "ok") == 0);
  if (!quiet) {
    g_autofree char *text = la_chat_client_render(object, config->lines, la_chat_clock_wall_us(config->connect.clock));
    la_chat_client_print(client, is_error ? LA_CHAT_LINE_ERROR : LA_CHAT_LINE_MESSAGE, "%s", text);
  }
  if (client->link == LA_CHAT_LINK_LOGIN && (id == client->login_id || is_error)) {
    take_login(client, strcmp(type, "welcome") == 0);
    return;
  }
  LaChatAwaitKind kind = client->await.kind;
  if (kind == LA_CHAT_AWAIT_ID && id == client->await.number && is_error)
    fail(client, "the server refused the request");
  else if ((kind == LA_CHAT_AWAIT_ID && id == client->await.number) ||
           (kind == LA_CHAT_AWAIT_TYPE && strcmp(type, client->await.type) == 0) ||
           (kind == LA_CHAT_AWAIT_PONG && is_pong && la_chat_object_int(object, "seq", -1) == client->await.number))
    end_await(client);
}
