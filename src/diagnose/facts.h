/* What a rule of scope host may read: all that is known of one service, pair, or source and what it tried. */
#ifndef LA_DIAGNOSE_FACTS_H
#define LA_DIAGNOSE_FACTS_H

#include "diagnose/diagnose.h"
#include "diagnose/scan.h"
#include "diagnose/subject.h"
#include "diagnose/subjects.h"

/* One target that a source tried. */
typedef struct {
  LaHostPort end;
  uint64_t first_tick; /* of the first attempt */
  uint64_t frame;      /* and its packet; 0: not known */
  uint16_t file;
  uint8_t failed;   /* 1: no attempt became a connection */
  uint8_t answered; /* 1: at least one was answered by a SYN-ACK */
  uint8_t refused;
  uint32_t findings; /* of connections, about these attempts */
} LaTried;

typedef struct LaSubjectFacts {
  LaSubject subject;
  LaTime observed_until;
  uint64_t until;  /* the same as a tick */
  bool syns_alone; /* the whole capture holds nothing but SYNs, and none came again: perhaps a filter left the answers out */
  uint64_t ordinary_segments; /* of the whole capture: neither SYN nor RST; 0: perhaps a filter left them out */

  /* services and pairs */
  const LaSeries *series;
  uint64_t totals[LA_CELL_KINDS]; /* of the series, by kind */

  /* services */
  const LaServiceSubject *service;
  const struct LaClients *clients; /* for la_facts_clients */

  /* pairs */
  LaTime waited;    /* for SYN-ACKs, all its connections together */
  LaTime time_wait; /* how long TIME_WAIT lasts */
  uint32_t ports;   /* of the ephemeral range */

  /* sources */
  const LaTried *tried; /* in order of their first attempts */
  unsigned tried_count;
  unsigned tried_level; /* they stand for 2^level times as many */
  LaHostPort scanned;   /* the host (port 0), or the port (no address) */
} LaSubjectFacts;

/* The clients of the service that have attempts of the kinds (of pairs) with from <= tick <= to. */
typedef struct {
  uint64_t clients;
  uint64_t networks; /* of them: /16 of IPv4, /32 of IPv6 */
  uint64_t once;     /* clients with one such attempt */
} LaClientCount;

LaClientCount la_facts_clients(const LaSubjectFacts *facts, unsigned kinds, uint64_t from, uint64_t to);

/* The packets of the subject: its connections' first ones, for rules about pairs and sources. */
void la_facts_show_series(const LaSeries *series, LaFinding *finding);

/* Adds the fact `covers` when it is not 0. */
void la_facts_covers(LaFinding *finding, uint64_t covers);

/* " This sums up 12 findings of single connections.": appended when the finding covers any. */
void la_say_covers(GString *out, const LaFinding *finding);

/* Adds the fact `one_in` when of the targets only one in so many was kept, so that the counts are estimates. */
void la_facts_sampled(LaFinding *finding, const LaSubjectFacts *facts);

/* "about " when they are, else "". (static) */
const char *la_say_sampled(const LaFinding *finding);

/* Where the whole capture holds nothing but SYNs, and none came again, nobody knows whether they were answered: the finding becomes a
 * `possible` note with the fact `answers_captured`. la_say_silence_doubted says so. */
void la_facts_doubt_silence(LaFinding *finding, const LaSubjectFacts *facts);
void la_say_silence_doubted(GString *out, const LaFinding *finding);

/* States how many packets would show it, of which some are listed. */
void la_facts_packets_total(LaFinding *finding, uint64_t total);

#endif
