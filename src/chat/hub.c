/* Sessions stand in a queue ordered by their last sign of life, so that the idle ones are always at its head. A session that
 * the hub closed has left its rooms and given up its name at once; what still comes from it is ignored until the transport
 * says that it is gone.
 *
 * A request that cannot be granted is answered with an error and counted; a client that collects too many is sent away, so
 * that a broken one does not stay for ever. An error of the framing or the encoding ends the connection: what follows in the
 * stream could mean anything. */
#include "chat/hub.h"

#include <string.h>

#include "chat/room.h"
#include "chat/text.h"

struct LaChatSession {
  GList link; /* in the hub's queue; data points to the session */
  const LaChatTransport *transport;
  void *peer;
  char *name;       /* NULL before login */
  GPtrArray *rooms; /* LaChatRoom *, those it is in */
  LaTime last_frame;
  uint64_t frames_in, frames_out;
  unsigned errors;
  LaChatPings pings;
  gboolean closed;
};

struct LaChatHub {
  LaChatHubConfig config;
  const LaChatClock *clock;
  GQueue sessions;
  GHashTable *names; /* name -> session */
  LaChatRooms *rooms;
  LaChatHubStats stats;
};

LaChatHub *la_chat_hub_new(const LaChatHubConfig *config, const LaChatClock *clock)
{
  LaChatHub *hub = g_new0(LaChatHub, 1);
  hub->config = *config;
  hub->clock = clock;
  hub->names = g_hash_table_new(g_str_hash, g_str_equal);
  hub->rooms = la_chat_rooms_new();
  return hub;
}

void la_chat_hub_free(LaChatHub *hub)
{
  if (hub == NULL)
    return;
  /* Their peers may be gone already: nobody is told anything. */
  while (hub->sessions.head != NULL) {
    LaChatSession *session = hub->sessions.head->data;
    session->closed = TRUE;
    la_chat_hub_gone(hub, session);
  }
  g_hash_table_unref(hub->names);
  la_chat_rooms_free(hub->rooms);
  g_free(hub);
}

static void deliver(LaChatHub *hub, LaChatSession *session, GBytes *frame)
{
  if (session->closed)
    return;
  hub->stats.frames_out++;
  session->frames_out++;
  session->transport->deliver(session->peer, frame);
}

/* Delivers a frame made for this session alone (transfer full). */
static void reply(LaChatHub *hub, LaChatSession *session, GBytes *frame)
{
  g_return_if_fail(frame != NULL);
  deliver(hub, session, frame);
  g_bytes_unref(frame);
}

/* Tells the room's members; returns how many got it. `except` may be NULL. */
static int64_t broadcast(LaChatHub *hub, LaChatRoom *room, GBytes *frame, const LaChatSession *except)
{
  int64_t count = 0;
  for (guint i = 0; i < room->members->len; i++) {
    LaChatSession *member = g_ptr_array_index(room->members, i);
    if (member == except)
      continue;
    deliver(hub, member, frame);
    count++;
  }
  return count;
}

static void leave_room(LaChatHub *hub, LaChatSession *session, LaChatRoom *room)
{
  g_ptr_array_remove_fast(session->rooms, room);
  g_autoptr(GBytes) frame = la_chat_frame_presence("left", room->name, session->name);
  broadcast(hub, room, frame, session);
  la_chat_rooms_leave(hub->rooms, room, session);
}

/* Takes the session out of everything others can see. */
static void withdraw(LaChatHub *hub, LaChatSession *session)
{
  while (session->rooms->len > 0)
    leave_room(hub, session, g_ptr_array_index(session->rooms, session->rooms->len - 1));
  if (session->name != NULL)
    g_hash_table_remove(hub->names, session->name);
}

static void close_session(LaChatHub *hub, LaChatSession *session)
{
  if (session->closed)
    return;
  withdraw(hub, session);
  session->closed = TRUE;
  session->transport->close(session->peer);
}

static void reply_error(LaChatHub *hub, LaChatSession *session, LaChatErrorCode code, const char *detail, int64_t id)
{
  hub->stats.errors++;
  session->errors++;
  reply(hub, session, la_chat_frame_error(code, detail, id));
  if (!la_chat_error_is_fatal(code) && session->errors >= hub->config.max_errors) {
    code = LA_CHAT_ERROR_TOO_MANY_ERRORS;
    reply(hub, session, la_chat_frame_error(code, NULL, LA_CHAT_NO_ID));
  }
  if (la_chat_error_is_fatal(code))
    close_session(hub, session);
}

LaChatSession *la_chat_hub_open(LaChatHub *hub, const LaChatTransport *transport, void *peer, LaChatPings pings)
{
  LaChatSession *session = g_new(LaChatSession, 1);
  *session = (LaChatSession){.link = {.data = session},
                             .transport = transport,
                             .peer = peer,
                             .rooms = g_ptr_array_new(),
                             .last_frame = la_chat_clock_now(hub->clock),
                             .pings = pings};
  g_queue_push_tail_link(&hub->sessions, &session->link);
  return session;
}

void la_chat_hub_gone(LaChatHub *hub, LaChatSession *session)
{
  if (!session->closed)
    withdraw(hub, session);
  g_queue_unlink(&hub->sessions, &session->link);
  g_ptr_array_unref(session->rooms);
  g_free(session->name);
  g_free(session);
}

void la_chat_hub_broken(LaChatHub *hub, LaChatSession *session, LaChatErrorCode code)
{
  if (!session->closed)
    reply_error(hub, session, code, NULL, LA_CHAT_NO_ID);
}

static LaChatErrorCode do_login(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  if (session->name != NULL)
    return LA_CHAT_ERROR_ALREADY_LOGGED_IN;
  if (!la_chat_name_valid(request->name, LA_CHAT_NAME_MAX))
    return LA_CHAT_ERROR_BAD_NAME;
  if (g_hash_table_contains(hub->names, request->name))
    return LA_CHAT_ERROR_NAME_TAKEN;
  session->name = g_strdup(request->name);
  g_hash_table_insert(hub->names, session->name, session);
  reply(hub, session, la_chat_frame_welcome(session->name, hub->config.idle_timeout, request->id));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_join(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  if (!la_chat_name_valid(request->room, LA_CHAT_ROOM_MAX))
    return LA_CHAT_ERROR_BAD_ROOM;
  LaChatRoom *room = la_chat_rooms_find(hub->rooms, request->room);
  if (room == NULL || !g_ptr_array_find(session->rooms, room, NULL)) {
    room = session->rooms->len < LA_CHAT_ROOMS_OF_ONE ? la_chat_rooms_join(hub->rooms, request->room, session) : NULL;
    if (room == NULL)
      return LA_CHAT_ERROR_TOO_MANY_ROOMS;
    g_ptr_array_add(session->rooms, room);
    g_autoptr(GBytes) frame = la_chat_frame_presence("joined", room->name, session->name);
    broadcast(hub, room, frame, session);
  }
  reply(hub, session, la_chat_frame_ok((int64_t)room->members->len, request->id));
  return LA_CHAT_ERROR_NONE;
}

/* The room a request names, when the session is in it. */
static LaChatErrorCode find_own_room(LaChatHub *hub, LaChatSession *session, const char *name, LaChatRoom **ret_room)
{
  LaChatRoom *room = la_chat_rooms_find(hub->rooms, name);
  if (room == NULL)
    return LA_CHAT_ERROR_NO_SUCH_ROOM;
  if (!g_ptr_array_find(session->rooms, room, NULL))
    return LA_CHAT_ERROR_NOT_IN_ROOM;
  *ret_room = room;
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_leave(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  LaChatRoom *room;
  LaChatErrorCode code = find_own_room(hub, session, request->room, &room);
  if (code != LA_CHAT_ERROR_NONE)
    return code;
  leave_room(hub, session, room);
  reply(hub, session, la_chat_frame_ok(-1, request->id));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_say(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  LaChatRoom *room;
  LaChatErrorCode code = find_own_room(hub, session, request->room, &room);
  if (code != LA_CHAT_ERROR_NONE)
    return code;
  g_autoptr(GBytes) frame = la_chat_frame_message(room->name, session->name, request->text, la_chat_clock_wall_us(hub->clock));
  if (frame == NULL)
    return LA_CHAT_ERROR_TOO_LONG;
  hub->stats.messages++;
  int64_t count = broadcast(hub, room, frame, session);
  reply(hub, session, la_chat_frame_ok(count, request->id));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_tell(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  LaChatSession *target = g_hash_table_lookup(hub->names, request->to);
  if (target == NULL)
    return LA_CHAT_ERROR_NO_SUCH_USER;
  g_autoptr(GBytes) frame =
      la_chat_frame_private(session->name, target->name, request->text, la_chat_clock_wall_us(hub->clock));
  if (frame == NULL)
    return LA_CHAT_ERROR_TOO_LONG;
  hub->stats.messages++;
  deliver(hub, target, frame);
  reply(hub, session, la_chat_frame_ok(1, request->id));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_who(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  LaChatRoom *room = NULL;
  if (request->room != NULL && (room = la_chat_rooms_find(hub->rooms, request->room)) == NULL)
    return LA_CHAT_ERROR_NO_SUCH_ROOM;
  LaChatList *list = la_chat_list_new_who(request->room, request->id);
  if (room != NULL) {
    for (guint i = 0; i < room->members->len; i++)
      la_chat_list_add_name(list, ((LaChatSession *)g_ptr_array_index(room->members, i))->name);
  } else {
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, hub->names);
    while (g_hash_table_iter_next(&iter, &name, NULL))
      la_chat_list_add_name(list, name);
  }
  reply(hub, session, la_chat_list_end(list));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_rooms(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  LaChatList *list = la_chat_list_new_rooms(request->id);
  la_chat_rooms_list(hub->rooms, list);
  reply(hub, session, la_chat_list_end(list));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_ping(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  if (session->pings == LA_CHAT_PINGS_IGNORED)
    return LA_CHAT_ERROR_NONE;
  LaChatPong pong = {.seq = request->seq,
                     .time = request->time,
                     .server_time = la_chat_clock_wall_us(hub->clock),
                     .received = session->frames_in,
                     .sent = session->frames_out,
                     .id = request->id};
  reply(hub, session, la_chat_frame_pong(&pong));
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode do_logout(LaChatHub *hub, LaChatSession *session)
{
  reply(hub, session, la_chat_frame_bye(LA_CHAT_BYE_LOGOUT, hub->config.grace));
  close_session(hub, session);
  return LA_CHAT_ERROR_NONE;
}

static LaChatErrorCode dispatch(LaChatHub *hub, LaChatSession *session, const LaChatRequest *request)
{
  /* A ping and a farewell need no name. */
  gboolean anonymous = request->type == LA_CHAT_REQUEST_LOGIN || request->type == LA_CHAT_REQUEST_PING ||
                       request->type == LA_CHAT_REQUEST_LOGOUT;
  if (session->name == NULL && !anonymous)
    return LA_CHAT_ERROR_NOT_LOGGED_IN;
  switch (request->type) {
  case LA_CHAT_REQUEST_LOGIN: return do_login(hub, session, request);
  case LA_CHAT_REQUEST_JOIN: return do_join(hub, session, request);
  case LA_CHAT_REQUEST_LEAVE: return do_leave(hub, session, request);
  case LA_CHAT_REQUEST_SAY: return do_say(hub, session, request);
  case LA_CHAT_REQUEST_TELL: return do_tell(hub, session, request);
  case LA_CHAT_REQUEST_WHO: return do_who(hub, session, request);
  case LA_CHAT_REQUEST_ROOMS: return do_rooms(hub, session, request);
  case LA_CHAT_REQUEST_PING: return do_ping(hub, session, request);
  case LA_CHAT_REQUEST_LOGOUT: return do_logout(hub, session);
  case LA_CHAT_REQUEST_COUNT: break;
  }
  return LA_CHAT_ERROR_UNKNOWN_TYPE;
}

void la_chat_hub_frame(LaChatHub *hub, LaChatSession *session, const uint8_t *data, size_t len)
{
  if (session->closed)
    return;
  hub->stats.frames_in++;
  session->frames_in++;
  session->last_frame = la_chat_clock_now(hub->clock);
  g_queue_unlink(&hub->sessions, &session->link);
  g_queue_push_tail_link(&hub->sessions, &session->link);

  LaChatRequest request;
  const char *detail;
  LaChatErrorCode code = la_chat_request_parse(data, len, &request, &detail);
  int64_t id = request.id;
  if (code == LA_CHAT_ERROR_NONE) {
    code = dispatch(hub, session, &request);
    la_chat_request_clear(&request);
  }
  if (code != LA_CHAT_ERROR_NONE)
    reply_error(hub, session, code, detail, id);
}

LaTime la_chat_hub_tick(LaChatHub *hub)
{
  if (hub->config.idle_timeout == LA_TIME_MAX)
    return LA_TIME_MAX;
  LaTime now = la_chat_clock_now(hub->clock);
  LaTime next = LA_TIME_MAX;
  for (GList *at = hub->sessions.head; at != NULL; at = at->next) {
    LaChatSession *session = at->data;
    if (session->closed)
      continue;
    next = la_time_add(session->last_frame, hub->config.idle_timeout);
    if (next > now)
      return next;
    reply(hub, session, la_chat_frame_bye(LA_CHAT_BYE_IDLE, hub->config.grace));
    close_session(hub, session);
    next = LA_TIME_MAX;
  }
  return next;
}

void la_chat_hub_shutdown(LaChatHub *hub)
{
  g_autoptr(GBytes) frame = la_chat_frame_bye(LA_CHAT_BYE_SHUTDOWN, hub->config.grace);
  /* Everybody leaves at once: nobody is told that the others left. */
  for (GList *at = hub->sessions.head; at != NULL; at = at->next) {
    LaChatSession *session = at->data;
    if (session->closed)
      continue;
    deliver(hub, session, frame);
    session->closed = TRUE;
    session->transport->close(session->peer);
  }
  g_hash_table_remove_all(hub->names);
  la_chat_rooms_free(hub->rooms);
  hub->rooms = la_chat_rooms_new();
}

LaChatHubStats la_chat_hub_stats(const LaChatHub *hub)
{
  LaChatHubStats stats = hub->stats;
  stats.sessions = hub->sessions.length;
  stats.users = g_hash_table_size(hub->names);
  stats.rooms = la_chat_rooms_count(hub->rooms);
  return stats;
}
