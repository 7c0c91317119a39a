/* Telling a service manager (systemd) how it stands, by the protocol of sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names. */
#ifndef LA_LIVE_NOTIFY_H
#define LA_LIVE_NOTIFY_H

#include "base/time.h"

/* All zero: nobody is told, and all functions do nothing. */
typedef struct {
  int fd;          /* 0: none */
  LaTime interval; /* between two signs of life; 0: none are wanted */
  LaTime due;      /* monotonic */
} LaNotify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of the environment, and opens the socket: later there may be no right to. What is
 * not usable is passed over. */
void la_notify_open(LaNotify *notify);
void la_notify_clear(LaNotify *notify);

/* It is ready; `status` is one line for `systemctl status`. */
void la_notify_ready(LaNotify *notify, const char *status);

/* It begins to end. */
void la_notify_stopping(LaNotify *notify);

/* To be called in every round of the loop: gives the watchdog its sign of life, twice in its time. */
void la_notify_alive(LaNotify *notify, LaTime mono);

#endif
