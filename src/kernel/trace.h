/* What the kernel's TCP does, as its tracepoints tell it: a tracefs instance of one's own. Needs root. */
#ifndef LA_KERNEL_TRACE_H
#define LA_KERNEL_TRACE_H

#include <glib.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/time.h"

typedef enum {
  LA_TRACE_STATE,         /* sock:inet_sock_set_state: a socket changes its state */
  LA_TRACE_SEND_RESET,    /* tcp:tcp_send_reset */
  LA_TRACE_RECEIVE_RESET, /* tcp:tcp_receive_reset */
  LA_TRACE_RETRANSMIT,    /* tcp:tcp_retransmit_skb */
  LA_TRACE_N,
} LaTraceKind;

/* One event. States are the kernel's words without their TCP_ (`SYN_RECV`, `FIN_WAIT1`, `CLOSE`), static strings; NULL: not told. */
typedef struct {
  LaTime time; /* CLOCK_MONOTONIC */
  LaTraceKind kind;
  LaHostPort local, remote; /* remote port 0: a listener */
  const char *old_state;    /* LA_TRACE_STATE only */
  const char *new_state;    /* of the others: the state the socket is in */
  char reason[40];          /* LA_TRACE_SEND_RESET: why, in the kernel's word; "" when it does not say */
} LaTraceEvent;

typedef struct LaTrace LaTrace;

/* Makes tracefs visible to this process when it is not: in a mount namespace of its own, so that nobody else sees a change. Call it
 * while the process has one thread. LA_ERROR_PERMISSION when it cannot be had. */
bool la_trace_prepare(GError **error);

/* Makes the instance `name` and switches its events on. LA_ERROR_PERMISSION. (transfer full) */
LaTrace *la_trace_open(const char *name, GError **error);

/* Appends what has happened since the last call to `events` (GArray of LaTraceEvent), oldest first. Never waits. */
void la_trace_read(LaTrace *trace, GArray *events);

/* How many events the kernel threw away because nobody read them in time. */
uint64_t la_trace_lost(const LaTrace *trace);

/* Closes and removes the instance. */
void la_trace_free(LaTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaTrace, la_trace_free)

/* Removes every instance whose name begins with `prefix` and that nobody has open. Returns how many are left. */
unsigned la_trace_remove(const char *prefix);

/* Reads a line of trace_pipe. False, and `ret_event` untouched, when it is no event of ours. */
bool la_trace_line_read(const char *line, LaTraceEvent *ret_event);

#endif
