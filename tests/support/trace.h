/* Captures as text: what a line of a trace says, as values. README.md in this folder describes the language.
 *
 * A trace is read into this model (trace_parse.c), each packet of it becomes bytes (trace_build.c, trace_layers.c), and the
 * bytes become a capture file (trace_write.c). Nothing here shares code with the decoder that the captures test. */
#ifndef LA_TESTS_TRACE_H
#define LA_TESTS_TRACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

typedef enum {
  LA_TRACE_TCP,
  LA_TRACE_ICMP, /* ICMP or ICMPv6, by the family of its source */
  LA_TRACE_UDP,
  LA_TRACE_ARP,
} LaTraceKind;

typedef enum {
  LA_TRACE_FORMAT_PCAP,      /* classic, microseconds */
  LA_TRACE_FORMAT_PCAP_NSEC, /* classic, nanoseconds */
  LA_TRACE_FORMAT_PCAPNG,
} LaTraceFormat;

/* Layers between link and the innermost IP header. */
typedef enum {
  LA_TRACE_VLAN,  /* 802.1Q */
  LA_TRACE_SVLAN, /* 802.1ad */
  LA_TRACE_MPLS,
  LA_TRACE_PPPOE,
  LA_TRACE_IPIP, /* an outer IPv4 header */
  LA_TRACE_IP6,  /* an outer IPv6 header */
  LA_TRACE_GRE,
  LA_TRACE_GRE_KEY,
  LA_TRACE_VXLAN,
  LA_TRACE_GENEVE,
} LaTraceLayerKind;

typedef struct {
  LaTraceLayerKind kind;
  uint32_t id;
} LaTraceLayer;

#define LA_TRACE_LAYERS_MAX 8

typedef struct {
  unsigned count;
  LaTraceLayer layer[LA_TRACE_LAYERS_MAX]; /* outermost first */
} LaTraceEncap;

/* One end of connections, or a router that has an address only. */
typedef struct {
  char *name;
  LaHostPort at;
  uint32_t isn;     /* sequence numbers of later lines are relative to it */
  uint32_t ts_base; /* its timestamp clock at the trace's base time */
  uint16_t ip_id;   /* of its first packet */
  uint8_t ttl;
} LaTraceEnd;

typedef enum {
  LA_TRACE_OPT_MSS,
  LA_TRACE_OPT_WSCALE,
  LA_TRACE_OPT_SACK_OK,
  LA_TRACE_OPT_SACK,
  LA_TRACE_OPT_TS,       /* value and echo from the clocks */
  LA_TRACE_OPT_TS_GIVEN, /* a: value, b: echo */
  LA_TRACE_OPT_RAW,      /* bytes with kind and length: fast open, MD5, MPTCP, anything */
} LaTraceOptionKind;

#define LA_TRACE_SACK_MAX 4

typedef struct {
  LaTraceOptionKind kind;
  uint32_t a, b;
  unsigned sack_count;
  struct {
    uint32_t left, right;
  } sack[LA_TRACE_SACK_MAX];
  uint8_t raw[40];
  unsigned raw_len;
} LaTraceOption;

#define LA_TRACE_OPTIONS_MAX 10

/* The same packet once more in the capture. */
typedef struct {
  LaTime delay;
  int ttl; /* -1: as the packet */
  int iface;
} LaTraceCopy;

#define LA_TRACE_COPIES_MAX 4

typedef struct {
  LaTraceKind kind;
  unsigned line; /* of the trace, for messages */
  LaTime time;   /* since the trace's base */
  unsigned src, dst;
  uint16_t flags;    /* TCP header bits, AE is 0x100 */
  uint32_t seq, ack; /* absolute */
  uint32_t len;      /* payload bytes */
  int window;        /* -1: the default */
  int ip_id;         /* -1: the end's counter */
  int ttl;           /* -1: the end's */
  int64_t cut;       /* captured length, -1: whole */
  unsigned fragment; /* bytes of an IPv4 fragment, 0: not fragmented */
  unsigned iface;
  int64_t lost; /* packets before it, as its block says; -1: it does not */
  bool missing; /* on the wire, not in the capture */
  bool bad_checksum;
  bool no_options_given;
  unsigned option_count;
  LaTraceOption option[LA_TRACE_OPTIONS_MAX];
  unsigned copy_count;
  LaTraceCopy copy[LA_TRACE_COPIES_MAX];
  LaTraceEncap encap;
  GBytes *data; /* the payload when the trace gives it, else NULL */
  uint8_t icmp_type, icmp_code;
  unsigned quoting;   /* frame number */
  unsigned quote_len; /* bytes of the quoted TCP header */
  uint32_t mtu;
} LaTracePacket;

/* An interface statistics block in the middle of the capture; -1: it does not say. */
typedef struct {
  LaTime time; /* since base */
  unsigned iface;
  int64_t received_drops, system_drops;
} LaTraceStatistics;

typedef struct {
  char *path;
  LaTime base; /* since the epoch */
  LaTime end;  /* of the observation, since base; LA_TIME_NONE: not said */
  LaTraceFormat format;
  bool format_given;
  bool sorted; /* packets are put in the order of their times */
  uint32_t snaplen;
  unsigned link; /* index into the table of link types */
  unsigned iface_count;
  GPtrArray *iface_names; /* char *, by index; NULL: none */
  GArray *ends;           /* LaTraceEnd */
  GArray *packets;        /* LaTracePacket */
  GArray *statistics;     /* LaTraceStatistics, in the order of their times */
} LaTrace;

/* One frame of the capture. */
typedef struct {
  LaTime time;   /* since the epoch */
  GBytes *bytes; /* as on the wire */
  uint32_t captured_len;
  unsigned iface;
  int64_t lost; /* -1: not said */
} LaTraceFrame;

/* Reads the trace at `path`. NULL and LA_ERROR_USAGE with "path:line: what is wrong". (transfer full) */
LaTrace *la_trace_read(const char *path, GError **error);
void la_trace_free(LaTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaTrace, la_trace_free)

/* Expands loops and takes comments out: an array of LaTraceLine. (transfer full) */
typedef struct {
  unsigned number;
  char *text;
} LaTraceLine;
GPtrArray *la_trace_expand(const char *text, GError **error);

/* Parses `<mss 1460,sackOK,...>` into `packet`; sack numbers are relative to `peer_isn`. */
bool la_trace_options_parse(const char *text, uint32_t peer_isn, LaTracePacket *packet, GError **error);

/* Parses one layer ("vlan:10"). */
bool la_trace_layer_parse(const char *word, LaTraceLayer *ret_layer, GError **error);

/* Puts all packets into frames, in capture order: an array of LaTraceFrame. (transfer full) */
GArray *la_trace_build(const LaTrace *trace, GError **error);

/* Wraps `packet_bytes` (an IP packet, or an ARP body) into the layers and the link header. `type` is its ethertype. */
bool la_trace_wrap(const LaTrace *trace, const LaTracePacket *packet, uint16_t type, GByteArray *packet_bytes, GError **error);

/* Prepends an IPv4 or IPv6 header for `protocol`; `ip_id` and `ttl` as given. */
typedef struct {
  LaFamily family;
  LaAddr src, dst;
  uint8_t protocol;
  uint8_t ttl;
  uint16_t ip_id;
} LaTraceIp;
void la_trace_ip_prepend(const LaTraceIp *ip, GByteArray *bytes);

/* The Internet checksum over `bytes` from `start` on, with the pseudo header's sum added. */
uint16_t la_trace_checksum(const GByteArray *bytes, uint32_t start_sum);
/* The sum of the pseudo header of `ip` for `len` bytes. */
uint32_t la_trace_pseudo_sum(const LaTraceIp *ip, uint32_t len);

/* The index of a link type by its name ("ethernet"), -1 when unknown; its LINKTYPE_ number. */
int la_trace_link_find(const char *name);
uint16_t la_trace_link_number(unsigned link);

/* Writes the frames to `path`. */
bool la_trace_write(const LaTrace *trace, const GArray *frames, const char *path, GError **error);

/* The end of the observation since the epoch: what the trace says, else its last packet. */
LaTime la_trace_observed_until(const LaTrace *trace, const GArray *frames);

#endif
