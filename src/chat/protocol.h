/* The messages of the chat: what a client may ask, what the server answers. lastack-chat(1) describes them for others. */
#ifndef LA_CHAT_PROTOCOL_H
#define LA_CHAT_PROTOCOL_H

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdint.h>

#include "base/time.h"

#define LA_CHAT_PROTOCOL_VERSION 1
/* `id` of a request that carries none, and of an answer to it. */
#define LA_CHAT_NO_ID INT64_C(-1)
/* At most so many names or rooms stand in one answer; `total` tells how many there are. */
#define LA_CHAT_LIST_MAX 4096

typedef enum {
  LA_CHAT_REQUEST_LOGIN,
  LA_CHAT_REQUEST_JOIN,
  LA_CHAT_REQUEST_LEAVE,
  LA_CHAT_REQUEST_SAY,
  LA_CHAT_REQUEST_TELL,
  LA_CHAT_REQUEST_WHO,
  LA_CHAT_REQUEST_ROOMS,
  LA_CHAT_REQUEST_PING,
  LA_CHAT_REQUEST_LOGOUT,
  LA_CHAT_REQUEST_COUNT
} LaChatRequestType;

typedef enum {
  /* After these the server closes the connection. */
  LA_CHAT_ERROR_BAD_LENGTH,
  LA_CHAT_ERROR_BAD_UTF8,
  LA_CHAT_ERROR_BAD_JSON,
  LA_CHAT_ERROR_TOO_DEEP,
  LA_CHAT_ERROR_TRUNCATED,
  LA_CHAT_ERROR_TOO_MANY_ERRORS,
  LA_CHAT_ERROR_TOO_MANY_CONNECTIONS,
  /* After these it goes on. */
  LA_CHAT_ERROR_BAD_MESSAGE,
  LA_CHAT_ERROR_UNKNOWN_TYPE,
  LA_CHAT_ERROR_NOT_LOGGED_IN,
  LA_CHAT_ERROR_ALREADY_LOGGED_IN,
  LA_CHAT_ERROR_BAD_NAME,
  LA_CHAT_ERROR_NAME_TAKEN,
  LA_CHAT_ERROR_BAD_ROOM,
  LA_CHAT_ERROR_TOO_MANY_ROOMS,
  LA_CHAT_ERROR_NO_SUCH_ROOM,
  LA_CHAT_ERROR_NOT_IN_ROOM,
  LA_CHAT_ERROR_NO_SUCH_USER,
  LA_CHAT_ERROR_TOO_LONG,
  LA_CHAT_ERROR_COUNT,
  LA_CHAT_ERROR_NONE = LA_CHAT_ERROR_COUNT
} LaChatErrorCode;

typedef enum {
  LA_CHAT_BYE_LOGOUT,
  LA_CHAT_BYE_IDLE,
  LA_CHAT_BYE_SHUTDOWN,
} LaChatByeReason;

/* The word of a code on the wire (`bad-length`), and what it means in a sentence. Static. */
const char *la_chat_error_name(LaChatErrorCode code);
const char *la_chat_error_text(LaChatErrorCode code);

/* Whether the server closes the connection after this error. */
gboolean la_chat_error_is_fatal(LaChatErrorCode code);

/* Checks and parses a frame's body into a tree whose root is an object. Returns LA_CHAT_ERROR_NONE and the object
 * (transfer full), else the error to answer with, leaving `ret_object` alone. */
LaChatErrorCode la_chat_body_parse(const uint8_t *data, size_t len, JsonObject **ret_object);

/* A member's value when it is of that type; else `fallback`. The string is borrowed from the object. */
const char *la_chat_object_string(JsonObject *object, const char *key, const char *fallback);
int64_t la_chat_object_int(JsonObject *object, const char *key, int64_t fallback);

/* A request; the strings are borrowed from `object`. */
typedef struct {
  LaChatRequestType type;
  JsonObject *object;
  const char *name, *room, *to, *text; /* NULL where the type has no such field (`room` of who is optional) */
  int64_t id;                          /* LA_CHAT_NO_ID when there was none */
  int64_t seq, time;                   /* of a ping; time in microseconds since the epoch, 0 when absent */
} LaChatRequest;

/* Reads a frame's body as a request. LA_CHAT_ERROR_NONE when it is one; then la_chat_request_clear must be called. Otherwise
 * the error to answer with; `ret_request->id` is then set where one could be read, and `ret_detail` tells what is missing
 * (static, or NULL). */
LaChatErrorCode la_chat_request_parse(const uint8_t *data, size_t len, LaChatRequest *ret_request, const char **ret_detail);
void la_chat_request_clear(LaChatRequest *request);

/* The frames of requests (transfer full); NULL when the text does not fit into a frame. */
GBytes *la_chat_frame_login(const char *name, int64_t id);
GBytes *la_chat_frame_room_request(LaChatRequestType type, const char *room, int64_t id); /* join, leave, who, rooms, logout */
GBytes *la_chat_frame_say(const char *room, const char *text, int64_t id);
GBytes *la_chat_frame_tell(const char *to, const char *text, int64_t id);

typedef struct {
  int64_t seq, time; /* time in microseconds since the epoch */
  uint64_t sent, received, reconnects;
} LaChatPing;
GBytes *la_chat_frame_ping(const LaChatPing *ping);

/* The frames of answers and news (transfer full); NULL when the text does not fit into a frame. Times are microseconds since
 * the epoch; `id` may be LA_CHAT_NO_ID. */
GBytes *la_chat_frame_welcome(const char *name, LaTime idle_timeout, int64_t id);
GBytes *la_chat_frame_ok(int64_t delivered, int64_t id); /* delivered < 0: not told */
GBytes *la_chat_frame_error(LaChatErrorCode code, const char *detail, int64_t id);
GBytes *la_chat_frame_message(const char *room, const char *from, const char *text, int64_t time);
GBytes *la_chat_frame_private(const char *from, const char *to, const char *text, int64_t time);
GBytes *la_chat_frame_presence(const char *type, const char *room, const char *name); /* type: joined or left */
GBytes *la_chat_frame_bye(LaChatByeReason reason, LaTime grace);
GBytes *la_chat_frame_notice(const char *text);

/* Lists begin with a head, take items, and end; items past LA_CHAT_LIST_MAX are only counted. */
typedef struct LaChatList LaChatList;
LaChatList *la_chat_list_new_who(const char *room, int64_t id); /* room NULL: everybody */
LaChatList *la_chat_list_new_rooms(int64_t id);
void la_chat_list_add_name(LaChatList *list, const char *name);
void la_chat_list_add_room(LaChatList *list, const char *room, uint64_t members);
GBytes *la_chat_list_end(LaChatList *list); /* frees the list */

typedef struct {
  int64_t seq, time, server_time;
  uint64_t received, sent; /* frames on this connection, as the server counts them */
  int64_t id;
} LaChatPong;
GBytes *la_chat_frame_pong(const LaChatPong *pong);

#endif
