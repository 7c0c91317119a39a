/* Bounded facts about the services and hosts that connections were opened to, kept while they are tracked: what a rule may ask of the
 * surroundings ("does this port answer others?", "which TTL has this host?"). Given up beyond the limit: then unknown, never "no". */
#ifndef LA_TRACK_SERVICE_H
#define LA_TRACK_SERVICE_H

#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

#define LA_SERVICES_MAX 65536u
#define LA_SERVICE_NONE UINT32_MAX
#define LA_SERVICE_CLIENTS 4
/* A connection tells its service that its server end is heard once in a stretch of 2^27 ns, about 134 ms. */
#define LA_SPOKE_SHIFT 27
/* Quarter octaves from 1 us: bucket b holds spans from 2^(b/4) us on. */
#define LA_SPAN_BUCKETS 112

/* A service (address and port), or with port 0 a host as a server. */
typedef struct {
  LaAddr addr;
  uint16_t port;
  uint8_t family;
  uint8_t ttl_min, ttl_max; /* of the server end's packets but RSTs; ttl_max 0: none */
  uint32_t attempts;        /* connections that began with a SYN */
  uint32_t established;     /* of these, handshakes that completed (as far as the capture tells) */
  uint32_t live;            /* established and not ended, now */
  uint32_t midstream;       /* picked up in the middle */
  uint32_t refused;
  LaTime first_seen;
  LaTime first_established; /* LA_TIME_NONE: none */
  LaTime last_spoke; /* the server end's latest packet that is no SYN-ACK and no RST, to about a stretch of LA_SPOKE_SHIFT */
  LaTime last_taken; /* when the latest connection began whose server end spoke like that */
  LaTime last_heard; /* the same exactly, and only where somebody asks about connections that go on (la_tracker_note_changes) */
  LaTime first_refused;
  uint32_t
      one_way; /* connections of which only the client's packets are in the capture although the server's were acknowledged */
  uint32_t with_payload; /* connections that showed payload */
  uint32_t
      queue_clients; /* different clients whose handshake the server did not finish: at most LA_SERVICE_CLIENTS are told apart */
  uint32_t late_answers; /* connections whose SYN-ACK came again, by its timer, after the client had acknowledged it */
  uint32_t queue_client_hash[LA_SERVICE_CLIENTS];
  uint16_t syn_ack_spans[LA_SPAN_BUCKETS]; /* SYN to SYN-ACK, without retries */
  uint16_t ack_spans[LA_SPAN_BUCKETS];     /* SYN-ACK to ACK */
} LaService;

typedef struct LaServices LaServices;

/* What kinds of segments the capture has shown so far, of any connection. */
enum {
  LA_KIND_SYN = 1 << 0,
  LA_KIND_SYNS = 1 << 1, /* of several connections */
  LA_KIND_SYN_ACK = 1 << 2,
  LA_KIND_OTHER = 1 << 3,
};
typedef unsigned LaKinds;

LaServices *la_services_new(void); /* (transfer full) */
void la_services_free(LaServices *services);

/* The index of the service, added when new; LA_SERVICE_NONE when the table is full. Indices stay valid. */
uint32_t la_services_index(LaServices *services, const LaAddr *addr, uint8_t family, uint16_t port);

/* The service of an index, or NULL for LA_SERVICE_NONE. (borrowed until the next la_services_index) */
LaService *la_services_get(LaServices *services, uint32_t index);

/* How many there are, and how many more were not kept. */
uint32_t la_services_count(const LaServices *services);
uint64_t la_services_overflow(const LaServices *services);

LaKinds la_services_kinds(const LaServices *services);
void la_services_add_kinds(LaServices *services, LaKinds kinds);

/* Books a span into quarter-octave buckets; the median of buckets in ns, or LA_TIME_NONE when fewer than `least` are in. */
void la_span_book(uint16_t *buckets, LaTime span);
LaTime la_span_median(const uint16_t *buckets, uint32_t least);

#endif
