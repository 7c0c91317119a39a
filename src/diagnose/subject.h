/* Whom a host-level finding speaks of. */
#ifndef LA_DIAGNOSE_SUBJECT_H
#define LA_DIAGNOSE_SUBJECT_H

#include <glib.h>

#include "base/addr.h"

typedef enum {
  LA_SUBJECT_SERVICE, /* `server` */
  LA_SUBJECT_SOURCE,  /* `client`'s address */
  LA_SUBJECT_PAIR,    /* `client`'s address and `server` */
  LA_SUBJECT_N,
} LaSubjectKind;

typedef struct {
  LaSubjectKind kind;
  LaHostPort client; /* port 0 */
  LaHostPort server;
} LaSubject;

bool la_subject_equal(const LaSubject *a, const LaSubject *b);

/* Appends "10.9.0.2:8888", "10.9.0.1", or "10.9.0.1 -> 10.9.0.2:8888". */
void la_say_subject(GString *out, const LaSubject *subject);

#endif
