/* One TCP connection as the capture shows it: two endpoints, each with its own state, and a bounded timeline of what mattered.
 *
 * Frames are numbers as in LaPacketView (0: none). Times are capture time; LA_TIME_NONE: none. Sequence numbers are absolute
 * and compared through base/seq.h only. Everything here is plain data, written by the tracker and read by everybody right of it. */
#ifndef LA_TRACK_CONNECTION_H
#define LA_TRACK_CONNECTION_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"
#include "decode/segment.h"
#include "track/state.h"

/* What a segment was, as far as the capture tells when it passes. Several may hold. */
#define LA_MARK(n) (UINT64_C(1) << (n))
enum {
  LA_MARK_BIT_SYN,
  LA_MARK_BIT_SYN_ACK,
  LA_MARK_BIT_FIN,
  LA_MARK_BIT_RST,
  LA_MARK_BIT_DATA,
  LA_MARK_BIT_ICMP,
  LA_MARK_BIT_HANDSHAKE_ACK,
  LA_MARK_BIT_ACKS_FIN,
  LA_MARK_BIT_RETRANSMISSION,
  LA_MARK_BIT_OUT_OF_ORDER,
  LA_MARK_BIT_HOLE_BEFORE,
  LA_MARK_BIT_DUPLICATE,
  LA_MARK_BIT_KEEPALIVE,
  LA_MARK_BIT_KEEPALIVE_ANSWER,
  LA_MARK_BIT_WINDOW_PROBE,
  LA_MARK_BIT_ZERO_WINDOW,
  LA_MARK_BIT_WINDOW_OPENED,
  LA_MARK_BIT_DUP_ACK,
  LA_MARK_BIT_CHALLENGE_ACK,
  LA_MARK_BIT_ACK_OF_UNSEEN,
  LA_MARK_BIT_ACK_OF_UNSENT,
  LA_MARK_BIT_OUT_OF_WINDOW,
  LA_MARK_BIT_BEYOND_FIN,
  LA_MARK_BIT_AFTER_PEER_FIN,
  LA_MARK_BIT_RST_COUNTS,
  LA_MARK_BIT_RST_IGNORED,
  LA_MARK_BIT_FOREIGN_TTL,
  LA_MARK_BIT_ISN_CHANGED,
  LA_MARK_BIT_BAD_ACK,
  LA_MARK_BIT_INVALID_FLAGS,
  LA_MARK_BIT_FAST_OPEN,
  LA_MARK_BIT_DSACK,
  LA_MARK_BIT_AFTER_RST,
  LA_MARK_BIT_AFTER_CLOSE,
  LA_MARK_BIT_STALE_SYN,
  LA_MARK_BIT_TIME_WENT_BACK,
  LA_MARK_BIT_ACKS_SYN,
  LA_MARK_BIT_ACKS_DATA,
  LA_MARK_BIT_FIRST_DATA,
  LA_MARK_BIT_CORRECTED,
  LA_MARK_BIT_BAD_CHECKSUM,
  LA_MARK_N
};
#define LA_MARK_SYN LA_MARK(LA_MARK_BIT_SYN)         /* SYN without ACK */
#define LA_MARK_SYN_ACK LA_MARK(LA_MARK_BIT_SYN_ACK) /* SYN with ACK */
#define LA_MARK_FIN LA_MARK(LA_MARK_BIT_FIN)
#define LA_MARK_RST LA_MARK(LA_MARK_BIT_RST)
#define LA_MARK_DATA LA_MARK(LA_MARK_BIT_DATA)                   /* carries payload */
#define LA_MARK_ICMP LA_MARK(LA_MARK_BIT_ICMP)                   /* an ICMP error that quotes a packet of `side` */
#define LA_MARK_HANDSHAKE_ACK LA_MARK(LA_MARK_BIT_HANDSHAKE_ACK) /* the opener's first ACK of the SYN-ACK */
#define LA_MARK_ACKS_FIN LA_MARK(LA_MARK_BIT_ACKS_FIN) /* acknowledges the other end's FIN, for the first time or again */
#define LA_MARK_RETRANSMISSION LA_MARK(LA_MARK_BIT_RETRANSMISSION) /* SYN, FIN or payload wholly sent before */
#define LA_MARK_OUT_OF_ORDER LA_MARK(LA_MARK_BIT_OUT_OF_ORDER)     /* fills a hole soon after it opened */
#define LA_MARK_HOLE_BEFORE LA_MARK(LA_MARK_BIT_HOLE_BEFORE)       /* sequence numbers before it are not in the capture (yet) */
#define LA_MARK_DUPLICATE LA_MARK(LA_MARK_BIT_DUPLICATE)           /* the same packet once more */
#define LA_MARK_KEEPALIVE LA_MARK(LA_MARK_BIT_KEEPALIVE)           /* seq one below the next, at most one byte */
#define LA_MARK_KEEPALIVE_ANSWER LA_MARK(LA_MARK_BIT_KEEPALIVE_ANSWER)
#define LA_MARK_WINDOW_PROBE LA_MARK(LA_MARK_BIT_WINDOW_PROBE)   /* a probe of a window that is shut */
#define LA_MARK_ZERO_WINDOW LA_MARK(LA_MARK_BIT_ZERO_WINDOW)     /* announces window 0 (not with SYN or RST) */
#define LA_MARK_WINDOW_OPENED LA_MARK(LA_MARK_BIT_WINDOW_OPENED) /* the first with a window again */
#define LA_MARK_DUP_ACK LA_MARK(LA_MARK_BIT_DUP_ACK)
#define LA_MARK_CHALLENGE_ACK LA_MARK(LA_MARK_BIT_CHALLENGE_ACK) /* a bare ACK right after a SYN or RST that changed nothing */
#define LA_MARK_ACK_OF_UNSEEN LA_MARK(LA_MARK_BIT_ACK_OF_UNSEEN) /* acknowledges what the capture does not have */
#define LA_MARK_ACK_OF_UNSENT                                                                                                  \
  LA_MARK(LA_MARK_BIT_ACK_OF_UNSENT) /* the same, and the other end later sent those numbers for the first time */
#define LA_MARK_OUT_OF_WINDOW LA_MARK(LA_MARK_BIT_OUT_OF_WINDOW)   /* outside the receiver's window as it was announced */
#define LA_MARK_BEYOND_FIN LA_MARK(LA_MARK_BIT_BEYOND_FIN)         /* payload past the sender's own FIN */
#define LA_MARK_AFTER_PEER_FIN LA_MARK(LA_MARK_BIT_AFTER_PEER_FIN) /* new payload after the other end's FIN was seen */
#define LA_MARK_RST_COUNTS                                                                                                     \
  LA_MARK(LA_MARK_BIT_RST_COUNTS) /* a RST that the receiver had to accept (RFC 9293 3.10.7.4, RFC 5961) */
#define LA_MARK_RST_IGNORED                                                                                                    \
  LA_MARK(LA_MARK_BIT_RST_IGNORED) /* a RST at a number the receiver had to refuse, or that it survived */
#define LA_MARK_FOREIGN_TTL LA_MARK(LA_MARK_BIT_FOREIGN_TTL) /* a TTL its sender's other packets never had */
#define LA_MARK_ISN_CHANGED LA_MARK(LA_MARK_BIT_ISN_CHANGED) /* a SYN or SYN-ACK again, with another initial number */
#define LA_MARK_BAD_ACK LA_MARK(LA_MARK_BIT_BAD_ACK)         /* a SYN-ACK that does not acknowledge ISN+1 */
#define LA_MARK_INVALID_FLAGS LA_MARK(LA_MARK_BIT_INVALID_FLAGS)
#define LA_MARK_FAST_OPEN LA_MARK(LA_MARK_BIT_FAST_OPEN)     /* payload in a SYN (RFC 7413) */
#define LA_MARK_DSACK LA_MARK(LA_MARK_BIT_DSACK)             /* reports a segment that came twice (RFC 2883) */
#define LA_MARK_AFTER_RST LA_MARK(LA_MARK_BIT_AFTER_RST)     /* after a RST that counted */
#define LA_MARK_AFTER_CLOSE LA_MARK(LA_MARK_BIT_AFTER_CLOSE) /* after both FINs were acknowledged */
#define LA_MARK_STALE_SYN LA_MARK(LA_MARK_BIT_STALE_SYN)     /* a SYN with a new number on a connection that then lived on */
#define LA_MARK_TIME_WENT_BACK LA_MARK(LA_MARK_BIT_TIME_WENT_BACK)
#define LA_MARK_ACKS_SYN LA_MARK(LA_MARK_BIT_ACKS_SYN)     /* acknowledges the other end's SYN and nothing else */
#define LA_MARK_ACKS_DATA LA_MARK(LA_MARK_BIT_ACKS_DATA)   /* acknowledges new payload */
#define LA_MARK_FIRST_DATA LA_MARK(LA_MARK_BIT_FIRST_DATA) /* the sender's first payload in the capture */
#define LA_MARK_CORRECTED LA_MARK(LA_MARK_BIT_CORRECTED)   /* showed that an assumed step had not happened */
#define LA_MARK_BAD_CHECKSUM LA_MARK(LA_MARK_BIT_BAD_CHECKSUM)

/* One segment (or ICMP error) of the timeline, 72 bytes. The timeline holds every SYN, FIN and RST, the acknowledgments of these, the
 * first payload of each side, and whatever is unusual; not ordinary data and its acknowledgments. */
typedef struct {
  LaTime time;
  uint64_t frame;
  uint64_t marks;    /* LA_MARK_* */
  LaTime since_last; /* since the connection's segment before it; LA_TIME_NONE for the first */
  uint32_t seq;
  uint32_t ack;
  uint32_t payload_len;
  uint32_t ts_val; /* 0 without timestamps */
  uint32_t
      ts_ecr; /* of a SYN-ACK after two SYNs, and of the opener's segments after two SYN-ACKs: which of them it echoes; else 0 */
  uint32_t in_flight; /* octets of `side` not yet acknowledged before this segment */
  uint32_t peer_in_flight;
  uint16_t flags;   /* LA_TCP_*; ICMP: type << 8 | code */
  uint16_t window;  /* as sent */
  uint16_t options; /* LA_OPT_* */
  uint16_t ip_id;
  uint8_t ttl;
  uint8_t side;       /* LaSide of the sender */
  uint8_t state;      /* LaTcpState of the sender before it */
  uint8_t peer_state; /* of the receiver before it */
} LaMoment;

static_assert(sizeof(LaMoment) == 72, "as the comment says");

/* One step of an endpoint's path through the states. */
typedef struct {
  LaTime time;
  uint64_t frame; /* the packet that caused it: its own when it sent, the received one otherwise; 0: deduced */
  uint64_t
      proved_by; /* the packet that proves it: its own `frame` for a step by sending; 0: not proved; or LA_PROVED_BY_KERNEL */
  uint8_t state; /* LaTcpState */
  uint8_t gap;   /* 1: a segment in front of it is missing from the capture, the state is assumed */
} LaStep;

#define LA_PROVED_BY_KERNEL UINT64_MAX /* this end's own kernel says so: see adopt.h */

static inline bool la_step_is_told(const LaStep *step)
{
  return step->proved_by == LA_PROVED_BY_KERNEL;
}

#define LA_STEPS_MAX 8 /* the machine has no cycle: a test says that no path is longer */

/* What is known of an endpoint. */
enum {
  LA_END_ISN = 1 << 0,       /* isn is known (its SYN or SYN-ACK was seen, or the peer's acknowledgment of it) */
  LA_END_SPOKE = 1 << 1,     /* sent at least one segment in the capture */
  LA_END_ACKED = 1 << 2,     /* rcv_nxt is set: it has sent an ACK */
  LA_END_UNA = 1 << 3,       /* snd_una is set: the other end has acknowledged something */
  LA_END_FIN = 1 << 4,       /* sent a FIN that is in the capture; fin_end is set */
  LA_END_FIN_ACKED = 1 << 5, /* the other end acknowledged it in the capture */
  LA_END_SYN = 1 << 6,       /* sent a SYN without ACK */
  LA_END_SYN_ACK = 1 << 7,
  LA_END_RST = 1 << 8,          /* sent a RST that counts */
  LA_END_WSCALE = 1 << 9,       /* offered window scaling */
  LA_END_ZERO_WINDOW = 1 << 10, /* its window is 0 now */
  LA_END_HOLES = 1 << 11,       /* a hole of its data is open: see holes */
  LA_END_MISSED = 1 << 12,      /* data of it was acknowledged that the capture never showed */
  LA_END_DATA = 1 << 13,        /* sent payload */
  LA_END_DOUBT = 1 << 14,       /* a packet passed towards it that may have changed its state, after its last proof */
  LA_END_WINDOW_FULL = 1 << 15,
  LA_END_FIN_UNTAKEN =
      1 << 16,              /* its FIN was repeated, or lay behind a hole: the other end's step waits for an acknowledgment */
  LA_END_WENT_ON = 1 << 17, /* spoke after the RST that "it" sent: the RST was not its own */
  LA_END_SCALE_KNOWN = 1 << 18, /* wscale is certain: both SYNs are in the capture, or one of them without the option */
  LA_END_PROBED = 1 << 19,      /* the other end's latest segment was a keep-alive or window probe */
  LA_END_CHALLENGED = 1 << 20,  /* the other end sent a SYN or RST that this end has to answer with a challenge ACK */
  LA_END_SYN_ACK_BAD = 1 << 21, /* its SYN-ACK acknowledged a wrong number */
  LA_END_COPIED = 1 << 22,      /* the other end's latest segment stood in the capture twice */
  LA_END_FRAGMENT = 1 << 23,    /* snd_nxt is the end of a first fragment: how much more its datagram held is not known yet */
  LA_END_AHEAD = 1 << 24,       /* `ahead` is set */
};

typedef struct {
  uint32_t start, end; /* sequence numbers [start, end) of the sender that the capture does not have */
  LaTime since;
  uint64_t acked_frame; /* the other end's acknowledgment of it; 0: none yet */
} LaHole;

#define LA_HOLES_MAX 4

typedef struct {
  /* what nearly every segment touches: the first three cache lines */
  uint32_t flags; /* LA_END_* */
  uint32_t isn;
  uint32_t snd_nxt;    /* one past the highest number it sent (SYN and FIN included) */
  uint32_t snd_una;    /* the highest acknowledgment of the other end */
  uint32_t rcv_nxt;    /* the highest acknowledgment it sent */
  uint32_t rcv_edge;   /* the right edge of the window it announced, one past */
  uint32_t ts_val;     /* its latest timestamp */
  uint32_t unanswered; /* sendings that ask for an answer (payload, SYN, FIN, probes) since the other end's last segment */
  LaTime last_time;    /* of its latest segment */
  uint64_t last_frame;
  uint64_t packets;
  uint64_t payload_bytes;
  uint32_t repeats; /* sendings of its oldest unacknowledged number since the last progress, without the first */
  uint32_t payload_segments;
  uint16_t window;          /* of its latest segment, unscaled */
  uint16_t ip_id;           /* of its latest segment */
  uint8_t state;            /* LaTcpState, the same as the last step's */
  uint8_t steps;            /* how many of `path` are set */
  uint8_t wscale;           /* effective shift of its windows: 0 unless both offered it (unknown: 0) */
  uint8_t ttl_min, ttl_max; /* of its segments but RSTs; ttl_max 0: none yet */
  uint8_t corrected;        /* 1: an assumed step was taken back */
  uint8_t holes_used;
  uint8_t recent_next;
  LaTime progress_time;     /* when the other end last acknowledged something new of it */
  uint64_t data_last_frame; /* payload, also sent again */
  LaTime data_last_time;
  uint64_t new_data_frame; /* its latest payload that was new */
  LaTime new_data_time;
  LaTime new_data_idle; /* how long the connection had been silent before it; LA_TIME_NONE: its first segment */
  /* the last segments' fingerprints, to recognize one that was captured twice */
  uint32_t recent_hash[8];
  uint32_t recent_time[8];   /* microseconds, lowest 32 bits */
  uint64_t unanswered_frame; /* the first of the unanswered */
  LaTime unanswered_since;
  uint64_t data_first_frame;
  LaTime data_first_time;
  uint32_t fin_end; /* one past its FIN */

  uint32_t syn, fin, rst; /* segments with the flag (SYN-ACKs count in syn) */
  uint32_t retransmitted, keepalive, duplicate;
  uint32_t cut, bad_checksums; /* segments whose options were cut; whose checksum is wrong */
  uint32_t recorded_late;      /* segments that stand in the capture behind their own acknowledgment */
  LaTime recorded_late_most;
  uint32_t probes, out_of_order, missed;     /* window probes; segments that filled a hole; holes acknowledged but never seen */
  uint32_t syn_sent, syn_ack_sent, fin_sent; /* distinct sendings, without duplicates */
  uint16_t syn_options;                      /* LA_OPT_* of its SYN or SYN-ACK */
  uint16_t mss;
  uint8_t syn_wscale; /* as offered */
  uint8_t cookie_len;
  uint64_t syn_frame, syn_last_frame; /* its first and latest SYN or SYN-ACK */
  LaTime syn_time, syn_last_time;
  uint64_t fin_frame, fin_last_frame; /* its first and latest FIN */
  LaTime fin_time, fin_last_time;
  uint64_t fin_acked_frame; /* the other end's first acknowledgment of the FIN */
  LaTime fin_acked_time;
  uint32_t fin_ack;              /* the acknowledgment its latest FIN carried */
  uint32_t fin_ts;               /* the timestamp of its latest FIN */
  uint32_t una_first;            /* the other end's first acknowledgment, where that came before any segment of this end */
  uint32_t fin_acked_seq;        /* where the other end's sequence stood when it first acknowledged the FIN */
  uint32_t ahead;                /* where an empty segment of it stood beyond snd_nxt: it had sent what the capture lacks */
  uint32_t data_after_fin_bytes; /* new payload after the other end's FIN was seen */
  uint32_t new_data_ack;         /* the acknowledgment its latest new payload carried */
  LaTime zero_window_since;
  LaTime zero_window_longest;
  LaHole holes[LA_HOLES_MAX];
  LaStep path[LA_STEPS_MAX];
} LaEndpoint;

/* What is known of a connection. */
enum {
  LA_CONN_MIDSTREAM = 1 << 0,     /* neither SYN nor SYN-ACK in the capture */
  LA_CONN_SIMULTANEOUS = 1 << 1,  /* SYNs crossed */
  LA_CONN_SPLIT = 1 << 2,         /* a bare SYN answered the SYN after a bare ACK */
  LA_CONN_REUSED = 1 << 3,        /* an earlier connection of the capture had its four-tuple: see prev */
  LA_CONN_TENTATIVE = 1 << 4,     /* SYN on a four-tuple that another connection still holds, not answered yet */
  LA_CONN_RST = 1 << 5,           /* a RST that counted: rst_frame, rst_side */
  LA_CONN_REFUSED = 1 << 6,       /* a RST answered the SYN */
  LA_CONN_ICMP = 1 << 7,          /* an ICMP error quoted it */
  LA_CONN_ICMP_SYN = 1 << 8,      /* ... while the SYN was unanswered */
  LA_CONN_CLOSED = 1 << 9,        /* both FINs acknowledged */
  LA_CONN_TIMELINE_CUT = 1 << 10, /* moments were dropped in the middle */
  LA_CONN_TIME_WENT_BACK = 1 << 11,
  LA_CONN_MISSED = 1 << 12,    /* packets of it are missing from the capture */
  LA_CONN_ABANDONED = 1 << 13, /* the opener answered the SYN-ACK with a RST */
  LA_CONN_FAST_OPEN = 1 << 14, /* payload in the SYN */
  LA_CONN_FRAGMENTS = 1 << 15,
  LA_CONN_OVER = 1 << 16,        /* no longer found by its four-tuple */
  LA_CONN_ESTABLISHED = 1 << 17, /* both ends were established, as far as the capture tells */
  LA_CONN_STALE_SYN = 1 << 18,   /* a SYN with another number came and the connection lived on */
  LA_CONN_SYN_TWICE = 1 << 19,   /* a SYN with another number before any answer */
  LA_CONN_STRAY = 1 << 20,       /* no segment of it fits a connection: la_connection_is_stray */
  LA_CONN_BRIEF = 1 << 21,       /* only its figures are set, no path and no timeline: see la_tracker_whole */
  LA_CONN_ADOPTED = 1 << 22,     /* made of a socket that was there before the capture: see adopt.h */
  LA_CONN_GOES_ON = 1 << 23,     /* its end is only supposed: see la_tracker_suppose_end */
};

#define LA_MOMENTS_HEAD 40 /* the first so many moments are kept ... */
#define LA_MOMENTS_TAIL 24 /* ... and the last so many */

/* The earlier connection on the same four-tuple, as much as rules need of it. */
typedef struct {
  uint32_t id;              /* its number; 0: none */
  uint8_t state[LA_SIDE_N]; /* its final states, by this connection's sides */
  uint8_t teardown;         /* LaTeardownResult */
  uint8_t same_roles;       /* 1: its opener is this one's opener */
  uint8_t missed;           /* 1: packets of it are missing from the capture, perhaps a FIN */
  LaTime last_time;
  uint64_t last_frame;
  LaTime closed_time; /* when both FINs were acknowledged or the RST came; LA_TIME_NONE: it was still open */
  uint32_t snd_nxt[LA_SIDE_N], rcv_nxt[LA_SIDE_N]; /* by this connection's sides */
  uint32_t ts_val[LA_SIDE_N];
  uint32_t challenges;      /* how many such ACKs there were */
  uint64_t challenge_frame; /* its ACK that answered this connection's SYN, and the RST that followed; 0: none */
  uint64_t challenge_rst_frame;
  LaTime challenge_time;
} LaEarlier;

/* What an end had sent of payload at some moment. */
typedef struct {
  uint64_t data_frame; /* its last, also sent again; 0: none */
  LaTime data_time;
  uint64_t new_frame; /* its last that was new; 0: none */
  LaTime new_time;
  LaTime new_idle; /* as new_data_idle */
} LaPayloadSeen;

typedef struct LaConnection {
  /* key and hot part */
  LaAddr addr[LA_SIDE_N];
  uint16_t port[LA_SIDE_N];
  uint8_t family;
  uint8_t roles_from;   /* LaRolesFrom */
  uint8_t lane;         /* tracker's: see lane.h */
  uint8_t moments_used; /* how many moments are kept: see la_connection_moment */
  uint32_t tunnel_hash; /* part of the key under --by-tunnel, else 0 */
  uint32_t hash;
  uint32_t flags; /* LA_CONN_* */
  uint32_t id;    /* 1-based in its file, 0 never */
  uint64_t marks; /* all marks of all moments together */
  LaTime last_time;
  uint64_t last_frame;
  uint64_t moments_total;    /* how many there were */
  LaMoment *moment_chunk[8]; /* tracker's; read them through la_connection_moment */
  LaTime deadline;           /* when it ends if nothing more comes */
  LaTime first_time;
  uint64_t first_frame;  /* 0: adopted, and no packet yet */
  uint32_t older, newer; /* handles (tracker's) */
  uint32_t handle;
  uint16_t file;
  uint8_t ended_by; /* LaEndedBy, once finished */
  uint8_t encap_count;
  LaTime end_time; /* the moment it finished */

  LaEndpoint end[LA_SIDE_N];

  uint64_t handshake_ack_frame; /* the opener's first ACK of the SYN-ACK */
  LaTime handshake_ack_time;
  uint64_t rst_frame; /* the first RST that counted */
  LaTime rst_time;
  LaPayloadSeen before_rst; /* of the RST's receiver, when it passed: what comes later did not cause it */
  uint8_t rst_side;
  uint8_t rst_foreign; /* 1: with a TTL that its sender's packets never had, or its sender went on */
  uint8_t
      early_rst_side; /* of a RST beyond everything seen of its sender, after which nothing shows that anybody goes on: see early_rst.c */
  uint64_t early_rst_frame; /* 0: none */
  LaTime early_rst_time;
  uint32_t early_rst_seq;
  uint8_t icmp_type, icmp_code;
  LaAddr icmp_reporter; /* who sent the first error that is more than a remark about the path's MTU or load */
  uint64_t icmp_frame;
  LaTime icmp_time;
  uint8_t result_handshake; /* once finished: 1 + LaHandshakeResult; 0: not derived yet */
  uint8_t result_teardown;  /* once finished: 1 + LaTeardownResult */
  uint8_t watch;            /* tracker's: see la_tracker_watch */
  uint8_t first_fin;        /* LaSide that sent the first FIN; LA_SIDE_N: none */
  LaTime others_spoke; /* when the service's other connections had last been heard, as of its latest step of the handshake */
  LaTime
      others_taken; /* when the latest of these had begun of which the server took anything, as of its latest SYN-ACK after the ACK */
  uint32_t others_live;   /* other connections of the service alive at its latest step of the handshake */
  uint32_t others_before; /* handshakes that the service had completed when its first SYN came ... */
  uint32_t others_served; /* ... and how many more until its latest SYN */
  uint16_t interface;     /* of the segment that set last_time */
  uint32_t service, host; /* indices into the tracker's services: the server's address and port, and its address */
  LaTime
      other_family; /* refused, and the same port of another address family answered after so long (happy eyeballs, RFC 8305) */
  uint32_t exit_run;    /* once finished: how many sockets of one host were closed without reason in the traffic within 50 ms
                              of one another, this one included; 0: it was not closed like that */
  uint32_t exit_run_id; /* tracker's */
  uint32_t
      exit_runs; /* how often sockets of that host were closed like that by then, alone or together; UINT32_MAX: not known */
  LaTime exit_run_span; /* from the first of them to the last */
  LaTime exit_idle;     /* how long this one had been idle */
  uint8_t exit_side;    /* the end that closed */
  uint8_t exit_timed;   /* 1: the run is a timer's: spread over time, each socket idle for as long as the next */
  LaEarlier earlier;
  LaEncap encap[LA_ENCAP_MAX];
} LaConnection;

/* Moment `i` of the timeline, 0 <= i < moments_used, in capture order. (borrowed with the connection) */
static inline const LaMoment *la_connection_moment(const LaConnection *conn, unsigned i)
{
  if (conn->moments_total > LA_MOMENTS_HEAD + LA_MOMENTS_TAIL && i >= LA_MOMENTS_HEAD) {
    unsigned oldest = (unsigned)((conn->moments_total - LA_MOMENTS_HEAD) % LA_MOMENTS_TAIL);
    i = LA_MOMENTS_HEAD + (oldest + (i - LA_MOMENTS_HEAD)) % LA_MOMENTS_TAIL;
  }
  return &conn->moment_chunk[i / 8][i % 8];
}

/* By then an answer to the last try would be here: the half second for which verdicts about silence wait live, too. */
#define LA_ANSWERED_BY (500 * LA_MSEC)

/* Of `sendings` of one thing, the last of them at `last`, how many had the time to be answered: when the observation ended right after the
 * last one, that one proves nothing. */
unsigned la_sendings_in_vain(const LaConnection *conn, unsigned sendings, LaTime last);

/* The results of FINDINGS sections 2 and 3, derived from the finished connection and the end of observation. */
LaHandshakeResult la_connection_handshake(const LaConnection *conn);
LaTeardownResult la_connection_teardown(const LaConnection *conn);

/* Keeps both results with a connection that is finished, so that they are derived once. */
void la_connection_derive_results(LaConnection *conn);

/* Whether the last step of `side`'s path is proved by packets (CONTRACT: `certain`). */
bool la_connection_final_certain(const LaConnection *conn, LaSide side);

/* The error that the socket of `side` kept for its application's next call, or that ended its connect(), where the packets leave one answer;
 * LA_APP_NONE when nothing, or not known (app_error.c says what is left out and why). */
LaAppError la_connection_app_error(const LaConnection *conn, LaSide side);

/* A round-trip time of the path, from the handshake, or LA_TIME_NONE. */
LaTime la_connection_rtt(const LaConnection *conn);

/* Whether no segment of it belongs to a connection: lone RSTs, bare ACKs, SYN-ACKs or impossible flags, their copies, and RSTs that
 * answer them. Finished connections carry it as LA_CONN_STRAY. */
bool la_connection_is_stray(const LaConnection *conn);

/* Whether `end` has sent numbers that neither it repeated nor the other end acknowledged where the capture could see it. */
bool la_endpoint_is_ahead(const LaEndpoint *end);

/* Whether no packet of it is in the capture: all that is known was told by the kernel. */
static inline bool la_connection_is_silent(const LaConnection *conn)
{
  return (conn->flags & LA_CONN_ADOPTED) != 0 && conn->first_frame == 0;
}

/* Whether anything is known of `side`: it spoke, or the kernel told its state. */
static inline bool la_connection_knows(const LaConnection *conn, LaSide side)
{
  return (conn->end[side].flags & LA_END_SPOKE) != 0 || (conn->flags & LA_CONN_ADOPTED) != 0;
}

/* Whether packets of only one direction are in the capture although both must have flowed. */
bool la_connection_one_direction(const LaConnection *conn);

#endif
