/* A finding: what a rule says about a connection, a host, or the capture, with the packets that show it. */
#ifndef LA_DIAGNOSE_FINDING_H
#define LA_DIAGNOSE_FINDING_H

#include <glib.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

typedef enum {
  LA_SEVERITY_NOTE,
  LA_SEVERITY_WARNING,
  LA_SEVERITY_ERROR,
  LA_SEVERITY_N,
} LaSeverity;

typedef enum {
  LA_CONFIDENCE_POSSIBLE,
  LA_CONFIDENCE_LIKELY,
  LA_CONFIDENCE_CERTAIN,
  LA_CONFIDENCE_N,
} LaConfidence;

typedef enum {
  LA_BLAME_CLIENT_APPLICATION,
  LA_BLAME_SERVER_APPLICATION,
  LA_BLAME_CLIENT_HOST,
  LA_BLAME_SERVER_HOST,
  LA_BLAME_NETWORK,
  LA_BLAME_CAPTURE,
  LA_BLAME_NONE,
  LA_BLAME_N,
} LaBlame;

typedef enum {
  LA_FACT_COUNT, /* a whole number */
  LA_FACT_SPAN,  /* nanoseconds, written as seconds; the name ends in _s. LA_TIME_NONE: not known, its packets have no times */
  LA_FACT_RATIO, /* a plain number with a fraction */
  LA_FACT_WORD,  /* a static string */
  LA_FACT_ADDR,  /* an address, `extra` is its family */
} LaFactKind;

typedef struct {
  const char *name; /* static, as in CONTRACT and the finding's manual text */
  LaFactKind kind;
  uint32_t extra;
  union {
    int64_t count;
    LaTime span;
    double ratio;
    const char *word;
    LaAddr addr;
  } value;
} LaFact;

#define LA_FINDING_PACKETS_MAX 32
#define LA_FINDING_FACTS_MAX 11 /* a rule's ten, and what was dropped */

struct LaRule;

/* Plain data without owners: may be copied. The sentence is made on demand (la_finding_summary), since most reports show few. */
typedef struct {
  const struct LaRule *rule; /* static */
  uint8_t severity;          /* LaSeverity: the rule's own unless the case is milder or worse */
  uint8_t confidence;        /* LaConfidence */
  uint8_t blame;             /* LaBlame, the first cause */
  uint8_t blame_also;        /* bit 1 << LaBlame for each other cause that fits */
  uint8_t side;              /* the LaSide it speaks of ("A"); LA_SIDE_N: neither */
  uint8_t variant;           /* the rule's own: which of its sentences */
  uint8_t fact_count;
  uint8_t packet_count;                     /* how many of `packets` are set */
  uint8_t rule_index;                       /* la_rule_index of `rule`; set by la_diagnose and for hosts */
  uint16_t file;                            /* whose packets these are, from 1; 0: its connection's */
  uint64_t packets_total;                   /* all packets that show it; above packet_count when there were more than fit */
  LaTime at;                                /* the moment of the evidence */
  LaTime silent_from, silent_until;         /* see la_finding_rests_on_silence; LA_TIME_NONE: on packets that are there */
  uint64_t packets[LA_FINDING_PACKETS_MAX]; /* ascending frame numbers */
  LaFact facts[LA_FINDING_FACTS_MAX];
} LaFinding;

/* CONTRACT's words. */
const char *la_severity_name(LaSeverity severity);       /* "warning" */
const char *la_confidence_name(LaConfidence confidence); /* "likely" */
const char *la_blame_name(LaBlame blame);                /* "server-application" */

/* The finding says that no packet came between these moments. When the capture dropped packets then, what is missing may be among them,
 * and less can be said. `until` is not later than the moment at which the rule was decided: what is dropped after that takes nothing
 * back. An empty stretch (until before from) is none. */
void la_finding_rests_on_silence(LaFinding *finding, LaTime from, LaTime until);

/* Adds a packet (0 is passed over), kept ascending and once each; beyond the 32 it only counts. */
void la_finding_add_packet(LaFinding *finding, uint64_t frame);

/* Add a fact; beyond the limit they are dropped (a rule has fewer). */
void la_finding_add_count(LaFinding *finding, const char *name, int64_t value);
void la_finding_add_span(LaFinding *finding, const char *name, LaTime value); /* LA_TIME_NONE adds nothing */
void la_finding_add_ratio(LaFinding *finding, const char *name, double value);
void la_finding_add_word(LaFinding *finding, const char *name, const char *value); /* static string */
void la_finding_add_addr(LaFinding *finding, const char *name, const LaAddr *addr, uint8_t family);

/* The fact of that name, or NULL. (borrowed) */
const LaFact *la_finding_fact(const LaFinding *finding, const char *name);

#endif
