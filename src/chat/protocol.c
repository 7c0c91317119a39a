/* Bodies are written with the streaming writer of base and read with json-glib. Reading is strict about what a field is and
 * indifferent to fields it does not know, so that either side may grow. */
#include "chat/protocol.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "chat/framing.h"
#include "chat/text.h"

enum {
  NEEDS_NAME = 1,
  NEEDS_ROOM = 2,
  NEEDS_TO = 4,
  NEEDS_TEXT = 8,
  NEEDS_SEQ = 16,
  MAY_ROOM = 32
};

static const struct {
  const char *name;
  unsigned fields;
} request_types[] = {
    [LA_CHAT_REQUEST_LOGIN] = {"login", NEEDS_NAME},
    [LA_CHAT_REQUEST_JOIN] = {"join", NEEDS_ROOM},
    [LA_CHAT_REQUEST_LEAVE] = {"leave", NEEDS_ROOM},
    [LA_CHAT_REQUEST_SAY] = {"say", NEEDS_ROOM | NEEDS_TEXT},
    [LA_CHAT_REQUEST_TELL] = {"tell", NEEDS_TO | NEEDS_TEXT},
    [LA_CHAT_REQUEST_WHO] = {"who", MAY_ROOM},
    [LA_CHAT_REQUEST_ROOMS] = {"rooms", 0},
    [LA_CHAT_REQUEST_PING] = {"ping", NEEDS_SEQ},
    [LA_CHAT_REQUEST_LOGOUT] = {"logout", 0},
};
static_assert(G_N_ELEMENTS(request_types) == LA_CHAT_REQUEST_COUNT, "a name for each request");

static const struct {
  const char *name, *text;
} error_codes[] = {
    [LA_CHAT_ERROR_BAD_LENGTH] = {"bad-length", "a frame's length must be 1 to 1048576"},
    [LA_CHAT_ERROR_BAD_UTF8] = {"bad-utf8", "the frame is not UTF-8"},
    [LA_CHAT_ERROR_BAD_JSON] = {"bad-json", "the frame is not one JSON object"},
    [LA_CHAT_ERROR_TOO_DEEP] = {"too-deep", "the JSON is nested deeper than 16 levels"},
    [LA_CHAT_ERROR_TRUNCATED] = {"truncated", "the connection was closed in the middle of a frame"},
    [LA_CHAT_ERROR_TOO_MANY_ERRORS] = {"too-many-errors", "too many errors on this connection"},
    [LA_CHAT_ERROR_TOO_MANY_CONNECTIONS] = {"too-many-connections", "the server has all the connections it may have"},
    [LA_CHAT_ERROR_BAD_MESSAGE] = {"bad-message", "a field is missing or of the wrong type"},
    [LA_CHAT_ERROR_UNKNOWN_TYPE] = {"unknown-type", "no such type of message"},
    [LA_CHAT_ERROR_NOT_LOGGED_IN] = {"not-logged-in", "log in first"},
    [LA_CHAT_ERROR_ALREADY_LOGGED_IN] = {"already-logged-in", "this connection has a name already"},
    [LA_CHAT_ERROR_BAD_NAME] = {"bad-name", "a name is 1 to 32 visible characters without spaces"},
    [LA_CHAT_ERROR_NAME_TAKEN] = {"name-taken", "somebody else has this name"},
    [LA_CHAT_ERROR_BAD_ROOM] = {"bad-room", "a room's name is 1 to 64 visible characters without spaces"},
    [LA_CHAT_ERROR_TOO_MANY_ROOMS] = {"too-many-rooms", "there are too many rooms, or you are in too many"},
    [LA_CHAT_ERROR_NO_SUCH_ROOM] = {"no-such-room", "there is no such room"},
    [LA_CHAT_ERROR_NOT_IN_ROOM] = {"not-in-room", "you are not in this room"},
    [LA_CHAT_ERROR_NO_SUCH_USER] = {"no-such-user", "nobody here has this name"},
    [LA_CHAT_ERROR_TOO_LONG] = {"too-long", "the message does not fit into a frame"},
};
static_assert(G_N_ELEMENTS(error_codes) == LA_CHAT_ERROR_COUNT, "a name for each error");

const char *la_chat_error_name(LaChatErrorCode code)
{
  return error_codes[code].name;
}

const char *la_chat_error_text(LaChatErrorCode code)
{
  return error_codes[code].text;
}

gboolean la_chat_error_is_fatal(LaChatErrorCode code)
{
  return code < LA_CHAT_ERROR_BAD_MESSAGE;
}

LaChatErrorCode la_chat_body_parse(const uint8_t *data, size_t len, JsonObject **ret_object)
{
  switch (la_chat_text_check(data, len)) {
  case LA_CHAT_TEXT_OK: break;
  case LA_CHAT_TEXT_BAD_UTF8: return LA_CHAT_ERROR_BAD_UTF8;
  case LA_CHAT_TEXT_BAD_JSON: return LA_CHAT_ERROR_BAD_JSON;
  case LA_CHAT_TEXT_TOO_DEEP: return LA_CHAT_ERROR_TOO_DEEP;
  }
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (!json_parser_load_from_data(parser, (const char *)data, (gssize)len, NULL))
    return LA_CHAT_ERROR_BAD_JSON;
  JsonNode *root = json_parser_get_root(parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
    return LA_CHAT_ERROR_BAD_JSON;
  *ret_object = json_node_dup_object(root);
  return LA_CHAT_ERROR_NONE;
}

/* The member's node when it holds a value of `type`, else NULL. */
static JsonNode *member_of_type(JsonObject *object, const char *key, GType type)
{
  JsonNode *node = json_object_get_member(object, key);
  return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node : NULL;
}

const char *la_chat_object_string(JsonObject *object, const char *key, const char *fallback)
{
  JsonNode *node = member_of_type(object, key, G_TYPE_STRING);
  return node != NULL ? json_node_get_string(node) : fallback;
}

int64_t la_chat_object_int(JsonObject *object, const char *key, int64_t fallback)
{
  JsonNode *node = member_of_type(object, key, G_TYPE_INT64);
  return node != NULL ? json_node_get_int(node) : fallback;
}

/* Takes the fields that the request's type has; the name of what is missing, or NULL. */
static const char *take_fields(LaChatRequest *request, unsigned fields)
{
  JsonObject *object = request->object;
  if ((fields & NEEDS_NAME) != 0 && (request->name = la_chat_object_string(object, "name", NULL)) == NULL)
    return "a string \"name\" is needed";
  if ((fields & (NEEDS_ROOM | MAY_ROOM)) != 0) {
    request->room = la_chat_object_string(object, "room", NULL);
    if (request->room == NULL && ((fields & NEEDS_ROOM) != 0 || json_object_has_member(object, "room")))
      return "a string \"room\" is needed";
  }
  if ((fields & NEEDS_TO) != 0 && (request->to = la_chat_object_string(object, "to", NULL)) == NULL)
    return "a string \"to\" is needed";
  if ((fields & NEEDS_TEXT) != 0 && (request->text = la_chat_object_string(object, "text", NULL)) == NULL)
    return "a string \"text\" is needed";
  if ((fields & NEEDS_SEQ) != 0) {
    if (member_of_type(object, "seq", G_TYPE_INT64) == NULL)
      return "an integer \"seq\" is needed";
    request->seq = la_chat_object_int(object, "seq", 0);
    request->time = la_chat_object_int(object, "time", 0);
  }
  return NULL;
}

LaChatErrorCode la_chat_request_parse(const uint8_t *data, size_t len, LaChatRequest *ret_request, const char **ret_detail)
{
  *ret_detail = NULL;
  LaChatRequest request = {.id = LA_CHAT_NO_ID};
  ret_request->id = LA_CHAT_NO_ID;
  LaChatErrorCode code = la_chat_body_parse(data, len, &request.object);
  if (code != LA_CHAT_ERROR_NONE)
    return code;
  request.id = la_chat_object_int(request.object, "id", LA_CHAT_NO_ID);
  ret_request->id = request.id;
  const char *type = la_chat_object_string(request.object, "type", NULL);
  code = type == NULL ? LA_CHAT_ERROR_BAD_MESSAGE : LA_CHAT_ERROR_UNKNOWN_TYPE;
  if (type == NULL)
    *ret_detail = "a string \"type\" is needed";
  for (size_t i = 0; type != NULL && i < G_N_ELEMENTS(request_types); i++) {
    if (strcmp(type, request_types[i].name) != 0)
      continue;
    request.type = (LaChatRequestType)i;
    *ret_detail = take_fields(&request, request_types[i].fields);
    code = *ret_detail == NULL ? LA_CHAT_ERROR_NONE : LA_CHAT_ERROR_BAD_MESSAGE;
    break;
  }
  if (code != LA_CHAT_ERROR_NONE) {
    json_object_unref(request.object);
    return code;
  }
  *ret_request = request;
  return LA_CHAT_ERROR_NONE;
}

void la_chat_request_clear(LaChatRequest *request)
{
  g_clear_pointer(&request->object, json_object_unref);
}

/* A frame being written: the text and the writer on it. */
typedef struct {
  GString *text;
  LaJson json;
} Draft;

static Draft draft_begin(const char *type, int64_t id)
{
  Draft draft = {.text = la_chat_frame_begin()};
  la_json_init(&draft.json, draft.text);
  la_json_begin_object(&draft.json);
  la_json_key(&draft.json, "type");
  la_json_string(&draft.json, type);
  if (id != LA_CHAT_NO_ID) {
    la_json_key(&draft.json, "id");
    la_json_int(&draft.json, id);
  }
  return draft;
}

static void put_string(Draft *draft, const char *key, const char *value)
{
  la_json_key(&draft->json, key);
  la_json_string(&draft->json, value);
}

static void put_int(Draft *draft, const char *key, int64_t value)
{
  la_json_key(&draft->json, key);
  la_json_int(&draft->json, value);
}

static void put_uint(Draft *draft, const char *key, uint64_t value)
{
  la_json_key(&draft->json, key);
  la_json_uint(&draft->json, value);
}

static GBytes *draft_end(Draft *draft)
{
  la_json_end_object(&draft->json);
  return la_chat_frame_end(draft->text);
}

GBytes *la_chat_frame_login(const char *name, int64_t id)
{
  Draft draft = draft_begin("login", id);
  put_string(&draft, "name", name);
  put_int(&draft, "version", LA_CHAT_PROTOCOL_VERSION);
  return draft_end(&draft);
}

GBytes *la_chat_frame_room_request(LaChatRequestType type, const char *room, int64_t id)
{
  Draft draft = draft_begin(request_types[type].name, id);
  if (room != NULL)
    put_string(&draft, "room", room);
  return draft_end(&draft);
}

GBytes *la_chat_frame_say(const char *room, const char *text, int64_t id)
{
  Draft draft = draft_begin("say", id);
  put_string(&draft, "room", room);
  put_string(&draft, "text", text);
  return draft_end(&draft);
}

GBytes *la_chat_frame_tell(const char *to, const char *text, int64_t id)
{
  Draft draft = draft_begin("tell", id);
  put_string(&draft, "to", to);
  put_string(&draft, "text", text);
  return draft_end(&draft);
}

GBytes *la_chat_frame_ping(const LaChatPing *ping)
{
  Draft draft = draft_begin("ping", LA_CHAT_NO_ID);
  put_int(&draft, "seq", ping->seq);
  put_int(&draft, "time", ping->time);
  put_uint(&draft, "sent", ping->sent);
  put_uint(&draft, "received", ping->received);
  put_uint(&draft, "reconnects", ping->reconnects);
  return draft_end(&draft);
}

GBytes *la_chat_frame_welcome(const char *name, LaTime idle_timeout, int64_t id)
{
  Draft draft = draft_begin("welcome", id);
  put_string(&draft, "server", "lastack-chat");
  put_int(&draft, "version", LA_CHAT_PROTOCOL_VERSION);
  put_string(&draft, "name", name);
  put_uint(&draft, "max_frame", LA_CHAT_FRAME_MAX);
  la_json_key(&draft.json, "idle_timeout_s");
  la_json_double(&draft.json, la_time_seconds(idle_timeout));
  return draft_end(&draft);
}

GBytes *la_chat_frame_ok(int64_t delivered, int64_t id)
{
  Draft draft = draft_begin("ok", id);
  if (delivered >= 0)
    put_int(&draft, "delivered", delivered);
  return draft_end(&draft);
}

GBytes *la_chat_frame_error(LaChatErrorCode code, const char *detail, int64_t id)
{
  Draft draft = draft_begin("error", id);
  put_string(&draft, "code", error_codes[code].name);
  put_string(&draft, "text", detail != NULL ? detail : error_codes[code].text);
  la_json_key(&draft.json, "fatal");
  la_json_bool(&draft.json, la_chat_error_is_fatal(code));
  return draft_end(&draft);
}

GBytes *la_chat_frame_message(const char *room, const char *from, const char *text, int64_t time)
{
  Draft draft = draft_begin("message", LA_CHAT_NO_ID);
  put_string(&draft, "room", room);
  put_string(&draft, "from", from);
  put_string(&draft, "text", text);
  put_int(&draft, "time", time);
  return draft_end(&draft);
}

GBytes *la_chat_frame_private(const char *from, const char *to, const char *text, int64_t time)
{
  Draft draft = draft_begin("private", LA_CHAT_NO_ID);
  put_string(&draft, "from", from);
  put_string(&draft, "to", to);
  put_string(&draft, "text", text);
  put_int(&draft, "time", time);
  return draft_end(&draft);
}

GBytes *la_chat_frame_presence(const char *type, const char *room, const char *name)
{
  Draft draft = draft_begin(type, LA_CHAT_NO_ID);
  put_string(&draft, "room", room);
  put_string(&draft, "name", name);
  return draft_end(&draft);
}

GBytes *la_chat_frame_bye(LaChatByeReason reason, LaTime grace)
{
  static const char *const words[] = {
      [LA_CHAT_BYE_LOGOUT] = "logout", [LA_CHAT_BYE_IDLE] = "idle", [LA_CHAT_BYE_SHUTDOWN] = "shutdown"};
  Draft draft = draft_begin("bye", LA_CHAT_NO_ID);
  put_string(&draft, "reason", words[reason]);
  la_json_key(&draft.json, "grace_s");
  la_json_double(&draft.json, la_time_seconds(grace));
  return draft_end(&draft);
}

GBytes *la_chat_frame_notice(const char *text)
{
  Draft draft = draft_begin("notice", LA_CHAT_NO_ID);
  put_string(&draft, "text", text);
  return draft_end(&draft);
}

GBytes *la_chat_frame_pong(const LaChatPong *pong)
{
  Draft draft = draft_begin("pong", pong->id);
  put_int(&draft, "seq", pong->seq);
  put_int(&draft, "time", pong->time);
  put_int(&draft, "server_time", pong->server_time);
  put_uint(&draft, "received", pong->received);
  put_uint(&draft, "sent", pong->sent);
  return draft_end(&draft);
}

struct LaChatList {
  Draft draft;
  uint64_t total;
};

static LaChatList *list_new(Draft draft, const char *key)
{
  LaChatList *list = g_new(LaChatList, 1);
  *list = (LaChatList){.draft = draft};
  la_json_key(&list->draft.json, key);
  la_json_begin_array(&list->draft.json);
  return list;
}

LaChatList *la_chat_list_new_who(const char *room, int64_t id)
{
  Draft draft = draft_begin("who", id);
  if (room != NULL)
    put_string(&draft, "room", room);
  return list_new(draft, "names");
}

LaChatList *la_chat_list_new_rooms(int64_t id)
{
  return list_new(draft_begin("rooms", id), "rooms");
}

void la_chat_list_add_name(LaChatList *list, const char *name)
{
  if (list->total++ < LA_CHAT_LIST_MAX)
    la_json_string(&list->draft.json, name);
}

void la_chat_list_add_room(LaChatList *list, const char *room, uint64_t members)
{
  if (list->total++ >= LA_CHAT_LIST_MAX)
    return;
  la_json_begin_object(&list->draft.json);
  put_string(&list->draft, "room", room);
  put_uint(&list->draft, "members", members);
  la_json_end_object(&list->draft.json);
}

GBytes *la_chat_list_end(LaChatList *list)
{
  la_json_end_array(&list->draft.json);
  put_uint(&list->draft, "total", list->total);
  GBytes *frame = draft_end(&list->draft);
  g_free(list);
  return frame;
}
