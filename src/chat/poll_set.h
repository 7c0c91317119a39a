/* A set of sources to wait for with poll(): the model `poll`, and what other models need beside their own way. */
#ifndef LA_CHAT_POLL_SET_H
#define LA_CHAT_POLL_SET_H

#include <poll.h>

#include "chat/io.h"

typedef struct {
  GArray *items;      /* struct pollfd */
  GPtrArray *sources; /* LaChatSource *, each at the index of its item, which is its slot */
  GArray *ready;      /* what the last wait found */
} LaChatPollSet;

void la_chat_poll_set_init(LaChatPollSet *set);
void la_chat_poll_set_clear(LaChatPollSet *set);

/* Watches a source (borrowed until remove), tells the set that it wants something else, forgets it. */
void la_chat_poll_set_add(LaChatPollSet *set, LaChatSource *source);
void la_chat_poll_set_update(LaChatPollSet *set, const LaChatSource *source);
void la_chat_poll_set_remove(LaChatPollSet *set, const LaChatSource *source);

/* Waits. What is ready is found by la_chat_poll_set_dispatch. */
bool la_chat_poll_set_wait(LaChatPollSet *set, LaTime timeout, GError **error);

/* Calls `step` for each source that the last wait found ready. Sources that are freed meanwhile must have been removed and
 * be freed only after the dispatch. */
void la_chat_poll_set_dispatch(LaChatPollSet *set, void (*step)(LaChatSource *source, unsigned events));

/* `attach`, `update` and `detach` of a model whose state begins with its set. */
bool la_chat_poll_io_attach(void *io, LaChatSource *source, GError **error);
void la_chat_poll_io_update(void *io, LaChatSource *source);
void la_chat_poll_io_detach(void *io, LaChatSource *source);

#endif
