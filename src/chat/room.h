/* Rooms and who is in them. A room begins with its first member and ends with its last. */
#ifndef LA_CHAT_ROOM_H
#define LA_CHAT_ROOM_H

#include <glib.h>

#include "chat/protocol.h"

/* So many rooms may there be, and so many may one user be in. */
#define LA_CHAT_ROOMS_MAX 4096
#define LA_CHAT_ROOMS_OF_ONE 64

/* A member is whatever the caller says it is; no member is in a room twice. */
typedef struct {
  char *name;
  GPtrArray *members;
  GHashTable *places; /* member -> its index in `members`, so that leaving a large room costs no search */
} LaChatRoom;

typedef struct LaChatRooms LaChatRooms;

LaChatRooms *la_chat_rooms_new(void);
void la_chat_rooms_free(LaChatRooms *rooms);

/* The room of that name (borrowed until its last member leaves), or NULL. */
LaChatRoom *la_chat_rooms_find(LaChatRooms *rooms, const char *name);

/* Puts `member`, who is not in it, into the room, which is made when there is none. NULL when there are too many rooms. */
LaChatRoom *la_chat_rooms_join(LaChatRooms *rooms, const char *name, void *member);

/* Takes `member`, who is in it, out of the room, which is freed when nobody is left. */
void la_chat_rooms_leave(LaChatRooms *rooms, LaChatRoom *room, void *member);

guint la_chat_rooms_count(const LaChatRooms *rooms);

/* Adds every room to an answer. */
void la_chat_rooms_list(const LaChatRooms *rooms, LaChatList *list);

#endif
