/* What reports are made of: a connection with its verdicts, a host's findings, a capture, and the counts over all of them.
 * The public records of `-o ndjson` are these, written out. */
#ifndef LA_REPORT_RECORD_H
#define LA_REPORT_RECORD_H

#include <glib.h>

#include "base/addr.h"
#include "base/time.h"
#include "diagnose/aggregate.h"
#include "diagnose/diagnose.h"
#include "diagnose/subject.h"
#include "track/connection.h"
#include "track/vantage.h"

/* A finished connection. All borrowed for the call it is handed to. */
typedef struct {
  const LaConnection *conn;
  const LaFindings *findings;
  const char *path; /* of the capture it began in */
  unsigned file;    /* that capture's number, from 1 */
  LaHandshakeResult handshake;
  LaTeardownResult teardown;
} LaConnectionRecord;

/* Whether it was left open: nothing that the capture has closed it at both ends. */
static inline bool la_connection_record_is_unclosed(const LaConnectionRecord *record)
{
  if ((record->conn->flags & LA_CONN_STRAY) != 0)
    return false;
  switch (record->teardown) {
  case LA_TEARDOWN_OPEN:
  case LA_TEARDOWN_HALF_CLOSED:
  case LA_TEARDOWN_FIN_UNCONFIRMED:
  case LA_TEARDOWN_VANISHED: return true;
  default: return false;
  }
}

/* One end of a connection as address and port. */
static inline LaHostPort la_connection_end(const LaConnection *conn, LaSide side)
{
  return (LaHostPort){.addr = conn->addr[side], .port = conn->port[side], .family = conn->family};
}

/* What is said of a host, a service or a pair. Borrowed for the call. */
typedef struct {
  LaSubject subject;
  const LaFinding *findings;
  unsigned finding_count; /* at least 1 */
} LaHostRecord;

/* Why packets of a capture were no segments; CONTRACT's names. */
typedef enum {
  LA_SKIPPED_NOT_TCP,
  LA_SKIPPED_NOT_IP,
  LA_SKIPPED_MALFORMED,
  LA_SKIPPED_FRAGMENT,
  LA_SKIPPED_CUT_SHORT,
  LA_SKIPPED_NOT_SELECTED,
  LA_SKIPPED_N,
} LaSkipped;

const char *la_skipped_name(LaSkipped reason); /* "not_tcp" */

/* A finding about the capture itself, said once with a count. */
typedef struct {
  LaFinding finding;
  char *sentence; /* (owned) */
} LaCaptureFinding;

#define LA_LINK_TYPES_MAX 16

/* One capture that was read. Plain but for `path`, `broken_by` and `findings`. */
typedef struct {
  char *path;      /* as the user gave it; untrusted */
  char *broken_by; /* why it broke off; NULL: it did not */
  unsigned file;   /* from 1 */
  uint64_t packets;
  uint64_t segments;
  uint64_t connections;
  uint64_t skipped[LA_SKIPPED_N];
  uint16_t link_types[LA_LINK_TYPES_MAX]; /* in order of appearance */
  unsigned link_type_count;
  uint32_t snaplen;  /* 0: no limit, or not said */
  LaTime start, end; /* earliest and latest packet time; LA_TIME_NONE: none */
  LaTime observed_until;
  LaVantage vantage;
  uint64_t missed_segments;
  uint64_t duplicate_packets; /* captured twice; without those that the network delivered twice */
  uint64_t one_way_connections;
  int64_t kernel_drops; /* -1: not said */
  uint64_t time_went_back;
  uint64_t times_out_of_range; /* packets whose time no clock could have given: see LaInterface */
  GPtrArray *findings;         /* of LaCaptureFinding */
} LaCaptureRecord;

LaCaptureRecord *la_capture_record_new(const char *path, unsigned file); /* (transfer full) */
void la_capture_record_free(LaCaptureRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaCaptureRecord, la_capture_record_free)

/* Notes a link type, once; beyond LA_LINK_TYPES_MAX they are not listed. */
void la_capture_record_add_link_type(LaCaptureRecord *record, uint16_t link_type);

/* Takes a connection into the capture's quality figures, and its findings about the capture into the capture's own. */
void la_capture_record_add_connection(LaCaptureRecord *record, const LaConnectionRecord *conn);

/* Puts the capture's own findings into their final words, once all connections are in. */
void la_capture_record_conclude(LaCaptureRecord *record);

/* The counts of the `summary` record, and what the text report heads its screen with. */
typedef struct {
  uint64_t connections;       /* those reported */
  uint64_t connections_total; /* all that were followed */
  uint64_t with_problems;     /* reported ones with a finding of severity warning or error */
  uint64_t by_handshake[LA_HANDSHAKE_N];
  uint64_t by_teardown[LA_TEARDOWN_N];
  uint64_t by_finding[LA_RULES_MAX]; /* by la_rule_index */
  uint64_t by_severity[LA_SEVERITY_N];
  uint64_t host_findings_left; /* beyond LA_HOST_FINDINGS_MAX */
  LaFigures figures;           /* over all that were followed; `connections` 0: none were made */
  LaFigures reported;          /* with `narrowed`: over those reported, of the time that is reported; else not made */
  bool narrowed;               /* only some of the connections, or some of the time, are reported */
} LaCounts;

/* A result and how often it came. */
typedef struct {
  const char *name; /* static */
  uint64_t count;
} LaResultCount;

/* Those that came, the most frequent first, equals by name; return how many. */
unsigned la_counts_handshakes(const LaCounts *counts, LaResultCount ret[LA_HANDSHAKE_N]);
unsigned la_counts_teardowns(const LaCounts *counts, LaResultCount ret[LA_TEARDOWN_N]);

void la_counts_add_connection(LaCounts *counts, const LaConnectionRecord *record);
void la_counts_add_host(LaCounts *counts, const LaHostRecord *record);

#endif
