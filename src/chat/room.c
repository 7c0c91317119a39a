/* The members of a room lie in an array, for the common case is to walk over all of them; a table tells each member's place,
 * and the last one fills a gap. */
#include "chat/room.h"

struct LaChatRooms {
  GHashTable *by_name; /* name (the room's own) -> LaChatRoom */
};

static void room_free(void *data)
{
  LaChatRoom *room = data;
  g_hash_table_unref(room->places);
  g_ptr_array_unref(room->members);
  g_free(room->name);
  g_free(room);
}

LaChatRooms *la_chat_rooms_new(void)
{
  LaChatRooms *rooms = g_new(LaChatRooms, 1);
  rooms->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, room_free);
  return rooms;
}

void la_chat_rooms_free(LaChatRooms *rooms)
{
  if (rooms == NULL)
    return;
  g_hash_table_unref(rooms->by_name);
  g_free(rooms);
}

LaChatRoom *la_chat_rooms_find(LaChatRooms *rooms, const char *name)
{
  return g_hash_table_lookup(rooms->by_name, name);
}

LaChatRoom *la_chat_rooms_join(LaChatRooms *rooms, const char *name, void *member)
{
  LaChatRoom *room = la_chat_rooms_find(rooms, name);
  if (room == NULL) {
    if (g_hash_table_size(rooms->by_name) >= LA_CHAT_ROOMS_MAX)
      return NULL;
    room = g_new(LaChatRoom, 1);
    *room = (LaChatRoom){
        .name = g_strdup(name), .members = g_ptr_array_new(), .places = g_hash_table_new(g_direct_hash, g_direct_equal)};
    g_hash_table_insert(rooms->by_name, room->name, room);
  }
  g_hash_table_insert(room->places, member, GUINT_TO_POINTER(room->members->len));
  g_ptr_array_add(room->members, member);
  return room;
}

void la_chat_rooms_leave(LaChatRooms *rooms, LaChatRoom *room, void *member)
{
  guint place = GPOINTER_TO_UINT(g_hash_table_lookup(room->places, member));
  g_hash_table_remove(room->places, member);
  g_ptr_array_remove_index_fast(room->members, place);
  if (place < room->members->len)
    g_hash_table_insert(room->places, g_ptr_array_index(room->members, place), GUINT_TO_POINTER(place));
  if (room->members->len == 0)
    g_hash_table_remove(rooms->by_name, room->name);
}

guint la_chat_rooms_count(const LaChatRooms *rooms)
{
  return g_hash_table_size(rooms->by_name);
}

void la_chat_rooms_list(const LaChatRooms *rooms, LaChatList *list)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, rooms->by_name);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const LaChatRoom *room = value;
    la_chat_list_add_room(list, room->name, room->members->len);
  }
}
