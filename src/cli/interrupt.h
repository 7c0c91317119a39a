/* SIGINT and SIGTERM ask a run to end with what it has; a second one ends it at once. */
#ifndef LA_CLI_INTERRUPT_H
#define LA_CLI_INTERRUPT_H

#include <signal.h>

/* Installs the handlers (once), and ignores SIGPIPE so that a closed pipe shows as a failed write. Returns the flag: 0, or the
 * signal that came. */
const volatile sig_atomic_t *la_interrupt_watch(void);

#endif
