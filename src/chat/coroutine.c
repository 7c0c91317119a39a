/* Each coroutine has a ucontext and a mapped stack. The lowest page of the mapping may not be touched: a stack that overflows
 * faults at once, instead of writing into a neighbour's. Pages that were never used take no memory.
 *
 * The address sanitizer keeps account of the stack in use and must be told of every switch: before it, where we go; after it,
 * that we have come back. A coroutine that ends gives up its account by handing over NULL. */
#include "chat/coroutine.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE ((size_t)256 << 10)

struct LaChatCoroutine {
  ucontext_t inside, outside;
  void (*entry)(void *arg);
  void *arg;
  char *map; /* guard page, then the stack */
  size_t map_size, guard;
  bool ended;
#ifdef HAVE_ASAN
  void *fake_inside, *fake_outside;
  const void *outside_bottom;
  size_t outside_size;
#endif
};

static void switch_in(LaChatCoroutine *coroutine)
{
#ifdef HAVE_ASAN
  __sanitizer_start_switch_fiber(&coroutine->fake_outside, coroutine->map + coroutine->guard,
                                 coroutine->map_size - coroutine->guard);
#endif
  swapcontext(&coroutine->outside, &coroutine->inside);
#ifdef HAVE_ASAN
  __sanitizer_finish_switch_fiber(coroutine->fake_outside, NULL, NULL);
#endif
}

static void switch_out(LaChatCoroutine *coroutine)
{
#ifdef HAVE_ASAN
  __sanitizer_start_switch_fiber(coroutine->ended ? NULL : &coroutine->fake_inside, coroutine->outside_bottom,
                                 coroutine->outside_size);
#endif
  swapcontext(&coroutine->inside, &coroutine->outside);
#ifdef HAVE_ASAN
  __sanitizer_finish_switch_fiber(coroutine->fake_inside, &coroutine->outside_bottom, &coroutine->outside_size);
#endif
}

/* makecontext passes integers only: the pointer comes in two halves. */
static void trampoline(unsigned high, unsigned low)
{
  LaChatCoroutine *coroutine = (LaChatCoroutine *)((uintptr_t)((uint64_t)high << 32 | low));
#ifdef HAVE_ASAN
  __sanitizer_finish_switch_fiber(NULL, &coroutine->outside_bottom, &coroutine->outside_size);
#endif
  coroutine->entry(coroutine->arg);
  coroutine->ended = true;
  switch_out(coroutine);
}

LaChatCoroutine *la_chat_coroutine_new(void (*entry)(void *arg), void *arg, GError **error)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = STACK_SIZE + page;
  char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "no memory for the stack of a coroutine: %s", g_strerror(errno));
    if (map != MAP_FAILED)
      munmap(map, size);
    return NULL;
  }
  LaChatCoroutine *coroutine = g_new0(LaChatCoroutine, 1);
  coroutine->entry = entry;
  coroutine->arg = arg;
  coroutine->map = map;
  coroutine->map_size = size;
  coroutine->guard = page;
  getcontext(&coroutine->inside);
  coroutine->inside.uc_stack.ss_sp = map + page;
  coroutine->inside.uc_stack.ss_size = size - page;
  coroutine->inside.uc_link = NULL; /* the trampoline never returns */
  uint64_t pointer = (uintptr_t)coroutine;
  /* POSIX declares the entry without parameters and calls it with the integers that follow. */
  makecontext(&coroutine->inside, (void (*)(void))(uintptr_t)trampoline, 2, (unsigned)(pointer >> 32), (unsigned)pointer);
  return coroutine;
}

void la_chat_coroutine_free(LaChatCoroutine *coroutine)
{
  if (coroutine == NULL)
    return;
  munmap(coroutine->map, coroutine->map_size);
  g_free(coroutine);
}

bool la_chat_coroutine_resume(LaChatCoroutine *coroutine)
{
  if (!coroutine->ended)
    switch_in(coroutine);
  return !coroutine->ended;
}

void la_chat_coroutine_yield(LaChatCoroutine *coroutine)
{
  switch_out(coroutine);
}
