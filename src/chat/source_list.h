/* A plain list of sources, for the models that look at all of them at every turn. */
#ifndef LA_CHAT_SOURCE_LIST_H
#define LA_CHAT_SOURCE_LIST_H

#include "chat/io.h"

/* Adds a source (borrowed); its slot is its place. */
static inline void la_chat_source_list_add(GPtrArray *list, LaChatSource *source)
{
  source->slot = list->len;
  g_ptr_array_add(list, source);
}

/* Takes a source out; the last one fills its place. */
static inline void la_chat_source_list_remove(GPtrArray *list, const LaChatSource *source)
{
  LaChatSource *last = g_ptr_array_index(list, list->len - 1);
  g_ptr_array_remove_index_fast(list, (guint)source->slot);
  last->slot = source->slot;
}

#endif
