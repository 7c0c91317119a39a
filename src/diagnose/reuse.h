/* What a four-tuple that came back met: one answer for the rules about reuse, which exclude one another. */
#ifndef LA_DIAGNOSE_REUSE_H
#define LA_DIAGNOSE_REUSE_H

#include "diagnose/diagnose.h"

typedef enum {
  LA_REUSE_NONE,          /* no earlier connection of the capture plays a part */
  LA_REUSE_ACCEPTED,      /* closed before; the new SYN was taken */
  LA_REUSE_RECOVERED,     /* closed before; the old connection's ACK, RST, SYN again at once, taken: the kernel's normal way */
  LA_REUSE_REJECTED,      /* closed before; the old connection's ACK, and more than that was needed, or it never opened */
  LA_REUSE_SILENCE,       /* closed before; nothing came back */
  LA_REUSE_LIVE_CURED,    /* still held by the other end; challenged, reset, taken */
  LA_REUSE_LIVE_REPEATED, /* still held; challenged again and again */
  LA_REUSE_LIVE_UNKNOWN,  /* still held; challenged once, and then nothing more is known */
} LaReuse;

LaReuse la_reuse(const LaConnection *conn, const LaContext *context);

#endif
