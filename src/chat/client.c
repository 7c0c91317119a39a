/* The client's life: one loop that waits for the server, for the next line, for the time of the next heartbeat.
 *
 * A connection is lost when it is reset, when the server closes without a word, or when a heartbeat stays unanswered; then it
 * is made anew as often as configured, with the pauses of connecting, and the rooms are joined again. A server that said
 * good-bye is not bothered again.
 *
 * A script sees such an end as something that may be waited for: the loop tells whoever waits, and a FIN of the server leaves
 * the client's side open until the script closes it. */
#include "chat/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/client_private.h"
#include "chat/io.h"
#include "chat/tcp_info.h"

#define READ_BUDGET ((size_t)256 << 10)
#define LINE_MAX_BYTES (4 * LA_CHAT_FRAME_MAX)

LaChatClientConfig la_chat_client_config_default(void)
{
  return (LaChatClientConfig){.connect = {.port = LA_CHAT_DEFAULT_PORT,
                                          .reach = LA_CHAT_ALLOW_REMOTE,
                                          .timeout = 5 * LA_SEC,
                                          .attempts = 3,
                                          .backoff = LA_SEC / 2,
                                          .tuning = LA_CHAT_TUNING_DEFAULT,
                                          .stop_fd = -1},
                              .mode = LA_CHAT_CLIENT_INTERACTIVE,
                              .input_fd = -1,
                              .heartbeat = 30 * LA_SEC,
                              .heartbeat_timeout = 10 * LA_SEC,
                              .reply_timeout = 5 * LA_SEC,
                              .drain = 5 * LA_SEC,
                              .reconnects = 10};
}

static LaTime now_of(const LaChatClient *client)
{
  return la_chat_clock_now(client->config->connect.clock);
}

void la_chat_client_print(LaChatClient *client, LaChatLineKind kind, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  client->config->line(client->config->ctx, kind, text);
}

void la_chat_client_end(LaChatClient *client, LaChatClientEnding ending)
{
  if (client->over)
    return;
  client->over = true;
  client->ending = ending;
}

bool la_chat_client_send(LaChatClient *client, GBytes *frame)
{
  if (frame == NULL) {
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "this does not fit into a frame");
    return false;
  }
  la_chat_stream_push(&client->stream, frame);
  client->sent++;
  return true;
}

void la_chat_client_ping(LaChatClient *client)
{
  LaChatPing ping = {.seq = ++client->ping_seq,
                     .time = la_chat_clock_wall_us(client->config->connect.clock),
                     .sent = client->sent,
                     .received = client->received,
                     .reconnects = client->reconnects};
  la_chat_client_send(client, la_chat_frame_ping(&ping));
}

static void print_info(LaChatClient *client)
{
  g_autoptr(GString) out = g_string_new(NULL);
  la_chat_tcp_info_append(out, client->stream.fd);
  g_auto(GStrv) lines = g_strsplit(out->str, "\n", -1);
  for (int i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "%s", lines[i]);
}

bool la_chat_client_connect(LaChatClient *client, GError **error)
{
  const LaChatClientConfig *config = client->config;
  int fd = -1;
  switch (la_chat_connect(&config->connect, &fd, error)) {
  case LA_CHAT_CONNECTED: break;
  case LA_CHAT_CONNECT_FAILED: return false;
  case LA_CHAT_CONNECT_STOPPED:
    la_chat_client_end(client, LA_CHAT_CLIENT_STOPPED);
    g_set_error(error, LA_ERROR, LA_ERROR_INTERNAL, "asked to stop while connecting");
    return false;
  }
  la_chat_stream_init(&client->stream, fd, LA_CHAT_FRAME_MAX);
  client->peer_closed = client->said_bye = client->stop_reading = client->sent_fin = false;
  client->pong_deadline = LA_TIME_MAX;
  client->next_ping = la_time_add(now_of(client), config->heartbeat);
  client->link = config->login == LA_CHAT_LOGIN ? LA_CHAT_LINK_LOGIN : LA_CHAT_LINK_READY;
  if (config->info == LA_CHAT_INFO_ON)
    print_info(client);
  if (config->login == LA_CHAT_NO_LOGIN)
    return true;
  client->login_id = client->next_id++;
  client->await = (LaChatAwait){
      .kind = LA_CHAT_AWAIT_ID, .number = client->login_id, .deadline = la_time_add(now_of(client), config->reply_timeout)};
  return la_chat_client_send(client, la_chat_frame_login(config->name, client->login_id));
}

/* Forgets the connection, whose descriptor is closed. */
static void forget_connection(LaChatClient *client)
{
  la_chat_stream_clear(&client->stream);
  client->stream.fd = -1;
  client->link = LA_CHAT_LINK_NONE;
  client->next_ping = client->pong_deadline = LA_TIME_MAX;
}

/* Sends the rest and the FIN, reads to the server's, or until the time is over. */
static void drain(LaChatClient *client)
{
  LaTime deadline = la_time_add(now_of(client), client->config->drain);
  bool writing = !client->sent_fin;
  for (LaTime now = now_of(client); now < deadline; now = now_of(client)) {
    if (writing && !la_chat_stream_flush(&client->stream))
      return;
    if (writing && client->stream.out_bytes == 0) {
      shutdown(client->stream.fd, SHUT_WR);
      writing = false;
    }
    if (!client->peer_closed) {
      LaChatReadResult result = la_chat_stream_read(&client->stream, LA_CHAT_INPUT_DISCARD, READ_BUDGET);
      client->peer_closed = result == LA_CHAT_READ_EOF || result == LA_CHAT_READ_ERROR;
    }
    if (!writing && client->peer_closed)
      return;
    /* A stop cuts the waiting short, unless a stop is what brought us here: it is still there to be read. */
    int stop_fd = client->over && client->ending == LA_CHAT_CLIENT_STOPPED ? -1 : client->config->connect.stop_fd;
    struct pollfd items[2] = {{.fd = client->stream.fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    if (client->peer_closed)
      items[0].events = 0;
    if (writing)
      items[0].events |= POLLOUT;
    poll(items, 2, la_chat_io_timeout_ms(deadline - now));
    if (items[1].revents != 0)
      return;
  }
}

void la_chat_client_close(LaChatClient *client, LaChatCloseHow how)
{
  if (client->link == LA_CHAT_LINK_NONE)
    return;
  if (client->config->info == LA_CHAT_INFO_ON)
    print_info(client);
  if (how == LA_CHAT_CLOSE_ABORT) {
    la_chat_abort(client->stream.fd);
  } else {
    drain(client);
    close(client->stream.fd);
  }
  forget_connection(client);
}

/* The connection is of no use any more. */
static void lose(LaChatClient *client, const char *why, LaChatAwaitKind what)
{
  const LaChatClientConfig *config = client->config;
  la_chat_client_print(client, LA_CHAT_LINE_NOTE, "the connection is lost: %s", why);
  bool logged_in = client->link == LA_CHAT_LINK_READY;
  close(client->stream.fd);
  forget_connection(client);
  if (logged_in)
    la_chat_client_notice(client, what);
  else
    client->await.kind = LA_CHAT_AWAIT_NOTHING;
  /* A script that had what it asked for may go on without a connection. */
  if (client->over || (logged_in && config->mode == LA_CHAT_CLIENT_SCRIPT && config->reconnects == 0 && config->input_fd >= 0))
    return;
  if (client->reconnects >= config->reconnects) {
    la_chat_client_end(client, LA_CHAT_CLIENT_LOST);
    return;
  }
  client->reconnects++;
  g_autoptr(GError) error = NULL;
  if (la_chat_client_connect(client, &error)) {
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "connected again");
  } else if (!client->over) {
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "%s", error->message);
    la_chat_client_end(client, LA_CHAT_CLIENT_LOST);
  }
}

/* The server's FIN was read. */
static void see_eof(LaChatClient *client)
{
  client->peer_closed = true;
  if (client->link == LA_CHAT_LINK_LOGIN) {
    lose(client, "the server closed it before the login", LA_CHAT_AWAIT_EOF);
  } else if (client->config->mode == LA_CHAT_CLIENT_SCRIPT && (client->config->reconnects == 0 || client->said_bye)) {
    la_chat_client_print(client, LA_CHAT_LINE_NOTE, "the server closed the connection");
    la_chat_client_notice(client, LA_CHAT_AWAIT_EOF);
  } else if (client->said_bye || client->sent_fin) {
    la_chat_client_end(client, LA_CHAT_CLIENT_DONE);
  } else {
    lose(client, "the server closed it", LA_CHAT_AWAIT_EOF);
  }
}

static void read_server(LaChatClient *client)
{
  LaChatReadResult result = la_chat_stream_read(&client->stream, LA_CHAT_INPUT_KEEP, READ_BUDGET);
  const uint8_t *data;
  size_t len;
  LaChatFrameResult frame = LA_CHAT_FRAME_NONE;
  while (!client->over && client->link != LA_CHAT_LINK_NONE &&
         (frame = la_chat_framer_next(&client->stream.framer, &data, &len)) == LA_CHAT_FRAME_READY) {
    JsonObject *object;
    client->received++;
    if (la_chat_body_parse(data, len, &object) != LA_CHAT_ERROR_NONE) {
      frame = LA_CHAT_FRAME_BAD_LENGTH;
      break;
    }
    la_chat_client_take(client, object);
    json_object_unref(object);
  }
  if (client->over || client->link == LA_CHAT_LINK_NONE)
    return;
  if (frame == LA_CHAT_FRAME_BAD_LENGTH)
    lose(client, "the server does not speak the protocol", LA_CHAT_AWAIT_EOF);
  else if (result == LA_CHAT_READ_ERROR)
    lose(client, g_strerror(client->stream.error), LA_CHAT_AWAIT_RESET);
  else if (result == LA_CHAT_READ_EOF)
    see_eof(client);
}

static void read_input(LaChatClient *client)
{
  char buffer[8192];
  ssize_t n = read(client->config->input_fd, buffer, sizeof buffer);
  if (n > 0)
    g_string_append_len(client->input, buffer, n);
  else if (n == 0 || (errno != EINTR && errno != EAGAIN))
    client->input_ended = true;
  if (client->input->len > LINE_MAX_BYTES && memchr(client->input->str, '\n', client->input->len) == NULL) {
    la_chat_client_print(client, LA_CHAT_LINE_ERROR, "a line of the input is too long");
    la_chat_client_end(client, LA_CHAT_CLIENT_FAILED);
  }
}

/* Whether the next line may be carried out. */
static bool may_act(const LaChatClient *client)
{
  return !client->over && client->await.kind == LA_CHAT_AWAIT_NOTHING && client->link != LA_CHAT_LINK_LOGIN;
}

/* Carries out the lines that are there, as far as nothing has to be waited for. */
static void act_on_input(LaChatClient *client)
{
  while (may_act(client)) {
    const char *newline = memchr(client->input->str, '\n', client->input->len);
    gsize len = newline != NULL ? (gsize)(newline - client->input->str) : client->input->len;
    if (newline == NULL && (!client->input_ended || len == 0))
      break;
    g_autofree char *line = g_strndup(client->input->str, len);
    g_string_erase(client->input, 0, (gssize)(newline != NULL ? len + 1 : len));
    g_strchomp(line);
    la_chat_client_act(client, line);
  }
  if (may_act(client) && client->config->input_fd >= 0 && client->input_ended && client->input->len == 0)
    la_chat_client_end(client, LA_CHAT_CLIENT_DONE);
}

static void run_timers(LaChatClient *client)
{
  LaTime now = now_of(client);
  if (client->await.kind != LA_CHAT_AWAIT_NOTHING && client->await.deadline <= now) {
    if (client->link == LA_CHAT_LINK_LOGIN) {
      lose(client, "the login was not answered", LA_CHAT_AWAIT_RESET);
      return;
    }
    la_chat_client_notice(client, LA_CHAT_AWAIT_TIME);
  }
  if (client->link != LA_CHAT_LINK_READY || client->sent_fin || client->peer_closed)
    return;
  if (client->pong_deadline <= now) {
    lose(client, "no answer to the heartbeat", LA_CHAT_AWAIT_RESET);
  } else if (client->next_ping <= now && client->pong_deadline == LA_TIME_MAX) {
    la_chat_client_ping(client);
    client->pong_deadline = la_time_add(now, client->config->heartbeat_timeout);
    client->next_ping = la_time_add(now, client->config->heartbeat);
  }
}

static LaTime next_timer(const LaChatClient *client)
{
  LaTime next = client->await.kind != LA_CHAT_AWAIT_NOTHING ? client->await.deadline : LA_TIME_MAX;
  if (client->link != LA_CHAT_LINK_READY || client->sent_fin || client->peer_closed)
    return next;
  return MIN(next, client->pong_deadline != LA_TIME_MAX ? client->pong_deadline : client->next_ping);
}

/* Waits once, and takes what came. */
static void turn(LaChatClient *client)
{
  const LaChatClientConfig *config = client->config;
  enum {
    SERVER,
    INPUT,
    STOP,
    COUNT
  };
  struct pollfd items[COUNT] = {[SERVER] = {.fd = client->link != LA_CHAT_LINK_NONE ? client->stream.fd : -1},
                                [INPUT] = {.fd = -1, .events = POLLIN},
                                [STOP] = {.fd = config->connect.stop_fd, .events = POLLIN}};
  if (!client->peer_closed && !client->stop_reading)
    items[SERVER].events |= POLLIN;
  if (client->stream.out_bytes > 0)
    items[SERVER].events |= POLLOUT;
  if (!client->input_ended && (config->mode == LA_CHAT_CLIENT_INTERACTIVE || may_act(client)))
    items[INPUT].fd = config->input_fd;
  LaTime next = next_timer(client);
  LaTime timeout = next == LA_TIME_MAX ? LA_TIME_MAX : next - now_of(client);
  if (poll(items, COUNT, la_chat_io_timeout_ms(timeout)) < 0)
    return;
  if (items[STOP].revents != 0) {
    la_chat_client_end(client, LA_CHAT_CLIENT_STOPPED);
    return;
  }
  if (items[INPUT].revents != 0)
    read_input(client);
  short seen = items[SERVER].revents;
  if ((seen & POLLIN) != 0 && !client->peer_closed && !client->stop_reading)
    read_server(client);
  else if ((seen & (POLLERR | POLLHUP)) != 0)
    lose(client, "it was reset, or closed by both sides", LA_CHAT_AWAIT_RESET);
}

static void run_loop(LaChatClient *client)
{
  while (!client->over) {
    act_on_input(client);
    if (client->link != LA_CHAT_LINK_NONE && !la_chat_stream_flush(&client->stream))
      lose(client, g_strerror(client->stream.error), LA_CHAT_AWAIT_RESET);
    if (client->over)
      break;
    run_timers(client);
    if (!client->over)
      turn(client);
  }
}

bool la_chat_client_run(const LaChatClientConfig *config, LaChatClientEnding *ret_ending, GError **error)
{
  LaChatClient client = {.config = config,
                         .input = g_string_new(NULL),
                         .rooms = g_ptr_array_new_with_free_func(g_free),
                         .next_id = 1,
                         .next_ping = LA_TIME_MAX,
                         .pong_deadline = LA_TIME_MAX};
  client.stream.fd = -1;
  for (size_t i = 0; config->rooms != NULL && config->rooms[i] != NULL; i++)
    g_ptr_array_add(client.rooms, g_strdup(config->rooms[i]));
  g_autoptr(GError) failure = NULL;
  bool ok = la_chat_client_connect(&client, &failure);
  if (ok)
    run_loop(&client);
  else if (!client.over)
    g_propagate_error(error, g_steal_pointer(&failure));
  if (client.link != LA_CHAT_LINK_NONE)
    la_chat_client_close(&client, config->close_how);
  if (ok || client.over)
    *ret_ending = client.ending;
  g_string_free(client.input, TRUE);
  g_ptr_array_unref(client.rooms);
  g_free(client.current_room);
  g_free(client.await.type);
  return ok || client.over;
}
