/* Equal findings put together by code, severity, blame and service, so that a thousand connections make a few lines. */
#ifndef LA_REPORT_GROUPS_H
#define LA_REPORT_GROUPS_H

#include <glib.h>

#include "report/history.h"
#include "report/record.h"

/* How many different things, exactly up to a few, then about (linear counting). All zero: none. */
#define LA_DISTINCT_EXACT 16
#define LA_DISTINCT_BITS 2048
typedef struct {
  uint32_t exact[LA_DISTINCT_EXACT];
  uint32_t exact_count;
  uint64_t bits[LA_DISTINCT_BITS / 64];
} LaDistinct;

void la_distinct_add(LaDistinct *distinct, uint32_t hash);

/* The count; `*ret_exact` says whether it is one. */
uint64_t la_distinct_count(const LaDistinct *distinct, bool *ret_exact);

#define LA_GROUP_PACKETS 8

typedef struct {
  const LaRule *rule;
  uint8_t severity;
  uint8_t blame;
  uint8_t confidence;     /* the strongest of all */
  uint8_t sure_different; /* 1: not all have that confidence */
  LaHostPort server;
  uint64_t count;     /* findings, each of another connection */
  LaTime first, last; /* of their moments; LA_TIME_NONE: none has one */
  LaHistory history;
  LaDistinct clients;
  /* the example: the first of the strongest confidence */
  uint32_t example_id; /* 0: a capture file would not have it under this id */
  LaHostPort example_client;
  uint64_t packets[LA_GROUP_PACKETS]; /* that show it, the first so many */
  uint64_t packets_total;
  char *sentence; /* (owned) */
  char *path;     /* of the example's capture (owned) */
} LaGroup;

/* How many groups are kept. Findings beyond are counted in `overflow`. */
#define LA_GROUPS_MAX 4096

typedef struct LaGroups LaGroups;

LaGroups *la_groups_new(void); /* (transfer full) */
void la_groups_free(LaGroups *groups);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaGroups, la_groups_free)

/* Takes all findings of a connection. */
void la_groups_add(LaGroups *groups, const LaConnectionRecord *record);

/* Findings that found no room. */
uint64_t la_groups_overflow(const LaGroups *groups);

/* The groups, worst first: severity, then how many findings of the code there are, then how many of the service. `*ret_count` of
 * them. After this nothing may be added. (borrowed) */
LaGroup *const *la_groups_sorted(LaGroups *groups, unsigned *ret_count);

#endif
