#include "cli/interrupt.h"

#include <stddef.h>

/* A signal handler can reach nothing but what is static. */
static volatile sig_atomic_t came;

static void on_signal(int number)
{
  came = number;
}

const volatile sig_atomic_t *la_interrupt_watch(void)
{
  /* Without SA_RESTART a read from a pipe returns; with SA_RESETHAND the second signal does what it does by default. */
  struct sigaction end = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&end.sa_mask);
  sigaction(SIGINT, &end, NULL);
  sigaction(SIGTERM, &end, NULL);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, NULL);
  return &came;
}
