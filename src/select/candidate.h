/* What an expression is asked about: a connection, or a finding about a host or a capture; of this run, or of a stored result. */
#ifndef LA_SELECT_CANDIDATE_H
#define LA_SELECT_CANDIDATE_H

#include "diagnose/diagnose.h"
#include "diagnose/subject.h"
#include "track/connection.h"

typedef struct LaStored LaStored;

/* Exactly one of `conn`, `finding`, `stored` is set; all are borrowed for the call. */
typedef struct {
  unsigned file;              /* number of the capture, from 1 */
  const LaConnection *conn;   /* a finished connection ... */
  const LaFindings *findings; /* ... and its findings */
  const LaFinding *finding;   /* a finding about a host or a capture */
  const LaSubject *subject;   /* whom it is about; NULL: the capture */
  const char *sentence;       /* a capture's finding: its summary; NULL: not known */
  const LaStored *stored;     /* a record read back: select/stored.h */
} LaCandidate;

#endif
