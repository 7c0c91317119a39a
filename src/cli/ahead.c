/* A ring of batches with one writer and one reader. The lock is taken once a batch, not once a packet, and batches hold values, no
 * pointers into the source's blocks, so nothing else is shared.
 *
 * A thread that waits in read() on a pipe sees neither a flag nor a condition. To end it, the flag is set that its source asks after
 * each interrupted read, and a signal that does nothing is sent to it, again and again until it has gone: the first may come just before
 * the read. */
#include "cli/ahead.h"

#include <pthread.h>

#define BATCHES 16u
#define LOOK (50 * G_TIME_SPAN_MILLISECOND) /* how often an interrupt is asked for while nothing comes */
#define NUDGE (5 * G_TIME_SPAN_MILLISECOND)
#define NUDGE_SIGNAL SIGURG /* ignored unless somebody asks for it */

typedef struct {
  LaBatch batch;
  LaReadResult result;
  GError *error; /* the filter cannot go on (owned) */
} Slot;

struct LaAhead {
  LaReader *reader;
  pthread_t thread;
  GMutex lock;
  GCond filled, emptied;
  unsigned put;               /* slots filled so far */
  unsigned taken;             /* slots that may be filled again */
  bool holds;                 /* slot `taken` is in the taker's hands */
  bool over;                  /* the thread is about to return */
  volatile sig_atomic_t stop; /* what a source asks for; goes from 0 to 1 once */
  Slot slot[BATCHES];
};

static void do_nothing(int number)
{
  (void)number;
}

static void *read_on(void *user)
{
  LaAhead *ahead = user;
  bool more = true;
  while (more) {
    g_mutex_lock(&ahead->lock);
    while (ahead->stop == 0 && ahead->put - ahead->taken == BATCHES)
      g_cond_wait(&ahead->emptied, &ahead->lock);
    Slot *slot = &ahead->slot[ahead->put % BATCHES];
    g_mutex_unlock(&ahead->lock);
    if (ahead->stop != 0)
      break;
    more = la_reader_next(ahead->reader, &slot->batch, &slot->result, &slot->error) && slot->result == LA_READ_PACKET;
    g_mutex_lock(&ahead->lock);
    ahead->put++;
    g_cond_signal(&ahead->filled);
    g_mutex_unlock(&ahead->lock);
  }
  g_mutex_lock(&ahead->lock);
  ahead->over = true;
  g_cond_signal(&ahead->filled);
  g_mutex_unlock(&ahead->lock);
  return NULL;
}

static void release(LaAhead *ahead)
{
  la_source_set_interrupt(ahead->reader->source, NULL);
  for (unsigned i = 0; i < BATCHES; i++)
    g_clear_error(&ahead->slot[i].error);
  g_mutex_clear(&ahead->lock);
  g_cond_clear(&ahead->filled);
  g_cond_clear(&ahead->emptied);
  g_free(ahead);
}

LaAhead *la_ahead_start(LaReader *reader)
{
  LaAhead *ahead = g_new0(LaAhead, 1);
  ahead->reader = reader;
  g_mutex_init(&ahead->lock);
  g_cond_init(&ahead->filled);
  g_cond_init(&ahead->emptied);
  struct sigaction nudge = {.sa_handler = do_nothing}; /* without SA_RESTART: read returns */
  sigemptyset(&nudge.sa_mask);
  sigaction(NUDGE_SIGNAL, &nudge, NULL);
  la_source_set_interrupt(reader->source, &ahead->stop);
  if (pthread_create(&ahead->thread, NULL, read_on, ahead) == 0)
    return ahead;
  release(ahead);
  return NULL;
}

/* What is being read comes to its end, and no more is begun. */
static void halt(LaAhead *ahead)
{
  ahead->stop = 1;
  g_cond_signal(&ahead->emptied);
}

static void wait_a_moment(LaAhead *ahead)
{
  if (ahead->stop != 0)
    pthread_kill(ahead->thread, NUDGE_SIGNAL);
  g_cond_wait_until(&ahead->filled, &ahead->lock, g_get_monotonic_time() + (ahead->stop != 0 ? NUDGE : LOOK));
}

bool la_ahead_next(LaAhead *ahead, const volatile sig_atomic_t *interrupt, LaTaken *ret, GError **error)
{
  g_mutex_lock(&ahead->lock);
  if (ahead->holds) {
    ahead->taken++;
    ahead->holds = false;
    g_cond_signal(&ahead->emptied);
  }
  for (;;) {
    if (interrupt != NULL && *interrupt != 0)
      halt(ahead);
    if (ahead->put != ahead->taken || ahead->over)
      break;
    wait_a_moment(ahead);
  }
  ahead->holds = ahead->put != ahead->taken;
  Slot *slot = ahead->holds ? &ahead->slot[ahead->taken % BATCHES] : NULL;
  g_mutex_unlock(&ahead->lock);
  if (slot != NULL && slot->error != NULL) {
    g_propagate_error(error, g_steal_pointer(&slot->error));
    return false;
  }
  ret->batch = slot != NULL && slot->result == LA_READ_PACKET ? &slot->batch : NULL;
  ret->result = slot != NULL ? slot->result : LA_READ_PACKET;
  return true;
}

void la_ahead_stop(LaAhead *ahead)
{
  if (ahead == NULL)
    return;
  g_mutex_lock(&ahead->lock);
  halt(ahead);
  while (!ahead->over)
    wait_a_moment(ahead);
  g_mutex_unlock(&ahead->lock);
  pthread_join(ahead->thread, NULL);
  release(ahead);
}
