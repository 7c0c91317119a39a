/* The services, sources and pairs that connections were between, in bounded memory that merges exactly. Internal to the aggregates. */
#ifndef LA_DIAGNOSE_SUBJECTS_H
#define LA_DIAGNOSE_SUBJECTS_H

#include <stdbool.h>

#include "diagnose/finding.h"
#include "diagnose/samples.h"
#include "diagnose/series.h"
#include "track/connection.h"

#define LA_SOURCES_MAX 65536u
#define LA_SERVICE_SUBJECTS_MAX 65536u
#define LA_TARGETS_MAX 4096u /* services that one source tried */
#define LA_PAIRS_MAX 262144u
/* Connections whose cells (three each at most) the series of all services, and of all pairs, may hold together; and those of one
 * service, and of all pairs of one source, as long as there is room. */
#define LA_CONNECTIONS_MAX 524288u
#define LA_SERVICE_CONNECTIONS_MAX 131072u
#define LA_SOURCE_CONNECTIONS_MAX 32768u

/* What cells of a service's series count. */
enum {
  LA_SERVED,            /* a handshake that completed, at its SYN-ACK */
  LA_EMBRYO,            /* an attempt whose client never went on, at its SYN */
  LA_EMBRYO_END,        /* ... and when the server forgot it */
  LA_REFUSED,           /* at the RST */
  LA_ATTEMPT,           /* any other that failed or cannot be judged, at its SYN */
  LA_CLOSED,            /* closed by FINs */
  LA_RESET,             /* ended by a RST */
  LA_CLOSE_WAIT_CLIENT, /* the client's socket has been in CLOSE_WAIT for the time that counts */
  LA_CLOSE_WAIT_CLIENT_END,
  LA_CLOSE_WAIT_SERVER,
  LA_CLOSE_WAIT_SERVER_END,
};

/* What cells of a pair's series count. The first eight are how its attempts went, at the first packet of each. */
enum {
  LA_PAIR_ORDINARY,    /* opened and used */
  LA_PAIR_LOOKED,      /* opened, and closed by the client at once without a word */
  LA_PAIR_PROBED,      /* answered by a SYN-ACK and not opened */
  LA_PAIR_EMBRYO,      /* answered by a SYN-ACK, to which the client said nothing */
  LA_PAIR_SILENT_ONCE, /* one SYN, no answer */
  LA_PAIR_SILENT,      /* no answer, or an ICMP error */
  LA_PAIR_REFUSED,
  LA_PAIR_OTHER,            /* cannot be judged */
  LA_PAIR_CLOSED,           /* ended without TIME_WAIT */
  LA_PAIR_TIME_WAIT_CLIENT, /* ended, and the client's socket went to TIME_WAIT */
  LA_PAIR_TIME_WAIT_SERVER,
  LA_PAIR_TIME_WAIT_EARLY, /* a TIME_WAIT ended before its time: now ... */
  LA_PAIR_TIME_WAIT_DUE,   /* ... and not at this later moment */
};

#define LA_KIND(kind) (1u << (kind))
#define LA_SERVICE_ATTEMPTS (LA_KIND(LA_SERVED) | LA_KIND(LA_EMBRYO) | LA_KIND(LA_REFUSED) | LA_KIND(LA_ATTEMPT))
#define LA_PAIR_ATTEMPTS ((1u << LA_PAIR_CLOSED) - 1)

/* Of what the samples of a service, and its count of connection findings, are. */
typedef enum {
  LA_TOPIC_EMBRYO,
  LA_TOPIC_REFUSED,
  LA_TOPIC_RESET,
  LA_TOPIC_CLOSE_WAIT_SERVER, /* held by it */
  LA_TOPIC_CLOSE_WAIT_CLIENT, /* held by its clients */
  LA_TOPIC_N,
} LaTopic;

/* An address and port that was tried. */
typedef struct {
  LaAddr addr;
  uint16_t port;
  uint8_t family;
  uint32_t service; /* index of what is known of it as a service; LA_NO_SERVICE: not kept */
} LaTarget;

#define LA_NO_SERVICE UINT32_MAX

typedef struct {
  uint32_t target;           /* index of its address and port */
  uint8_t ttl_min, ttl_max;  /* of the embryos' SYNs; ttl_max 0: none */
  uint32_t embryos_repeated; /* whose SYN-ACK was sent again */
  uint32_t embryos_ignored;  /* that were not answered at all */
  uint64_t connections;
  LaTime close_wait_longest[LA_SIDE_N]; /* by who held it */
  uint32_t resets_by[LA_BLAME_N];       /* by whom the resets' own findings blame */
  uint32_t covers[LA_TOPIC_N];          /* findings of connections about each topic */
  LaSamples samples[LA_TOPIC_N];
  LaSeries series;
} LaServiceSubject;

typedef struct {
  LaAddr addr;
  uint8_t family;
  uint8_t target_level; /* only targets whose hash begins with so many zero bits are kept */
  uint32_t pairs;       /* kept */
  uint64_t connections;
} LaSource;

typedef struct {
  uint32_t source, target; /* indices */
  uint32_t findings;       /* of its connections, about their opening */
  uint32_t wait;           /* for SYN-ACKs in all, in units of 10 us */
  LaSeries series;
} LaPairSubject; /* 64 bytes: one cache line */

typedef struct LaSubjects LaSubjects;

LaSubjects *la_subjects_new(void); /* (transfer full) */
void la_subjects_free(LaSubjects *subjects);

/* The three subjects of a connection, made when new; NULL for each that is not kept. Borrowed until the next call. Each counts the
 * connection. */
typedef struct {
  LaServiceSubject *service;
  LaSource *source;
  LaPairSubject *pair;
} LaSubjectsOf;

/* Where the subjects stand, from their addresses alone. */
typedef struct {
  uint64_t source, target, pair;
} LaSubjectHashes;

LaSubjectHashes la_subjects_hashes(const LaHostPort *client, const LaHostPort *server);

LaSubjectsOf la_subjects_of(LaSubjects *subjects, const LaHostPort *client, const LaHostPort *server,
                            const LaSubjectHashes *hashes);

/* Bring what la_subjects_of will need into the cache: first its slots, and when these are there what they point to. */
void la_subjects_fetch_slots(const LaSubjects *subjects, const LaSubjectHashes *hashes);
void la_subjects_fetch_entries(const LaSubjects *subjects, const LaSubjectHashes *hashes);

/* To be called when events were added to the series of these: keeps them within their limits. */
void la_subjects_bound(const LaSubjects *subjects, const LaSubjectsOf *of);

/* How many samples each array may hold now. */
unsigned la_subjects_sample_limit(const LaSubjects *subjects);

/* Brings everything to the form that only depends on the connections, not on their order; needed before reading. Series of pairs that are
 * not on the heap are left alone, as most have nothing to say: la_series_settle before they are read. */
void la_subjects_settle(LaSubjects *subjects);

/* Adds all of `from`, which is settled but otherwise left alone. */
void la_subjects_merge(LaSubjects *into, LaSubjects *from);

const LaTarget *la_subjects_targets(const LaSubjects *subjects, unsigned *ret_count);
const LaServiceSubject *la_subjects_services(const LaSubjects *subjects, unsigned *ret_count);
const LaSource *la_subjects_sources(const LaSubjects *subjects, unsigned *ret_count);

uint32_t la_subjects_pair_count(const LaSubjects *subjects);
LaPairSubject *la_subjects_pair(LaSubjects *subjects, uint32_t index);

/* By how many doublings the sources, and the services, that are kept stand for all: 0 is all. */
unsigned la_subjects_source_level(const LaSubjects *subjects);
unsigned la_subjects_service_level(const LaSubjects *subjects);

#endif
