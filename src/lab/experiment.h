/* An experiment as data: who talks to whom, what the path between them does, what an analyzer should say about it. */
#ifndef LA_LAB_EXPERIMENT_H
#define LA_LAB_EXPERIMENT_H

#include <stddef.h>
#include <stdint.h>

/* The two hosts; the path between them has the router in its middle, where the capture is taken. */
typedef enum {
  LA_LAB_CLIENT,
  LA_LAB_SERVER,
  LA_LAB_END_N,
} LaLabEnd;

#define LA_LAB_OTHER(end) ((LaLabEnd)((end) ^ 1))

/* What an application does next. `sock` is one of its script's sockets (0 to LA_LAB_SOCKETS - 1). A step that fails ends its script, and
 * the script's sockets are closed. */
typedef enum {
  LA_LAB_END_OF_STEPS,
  LA_LAB_LISTEN,        /* on `port`, with a backlog of n */
  LA_LAB_SERVE,         /* accepts for ever; each connection runs the steps that follow in a script of its own, as socket 0 */
  LA_LAB_ACCEPT,        /* accepts one connection of listener 3 into `sock` */
  LA_LAB_BIND,          /* the next connect comes from `port` */
  LA_LAB_SET,           /* socket option `port` (LaLabOption) to n; before connect or listen it makes the socket */
  LA_LAB_CONNECT,       /* to `port`, and waits for the result */
  LA_LAB_CONNECT_BEGIN, /* does not wait */
  LA_LAB_CONNECT_SEND,  /* fast open: n bytes with the SYN where a cookie is known */
  LA_LAB_SEND,          /* n bytes */
  LA_LAB_SEND_BEGIN,    /* as much of n bytes as fits at once, never waits, never fails */
  LA_LAB_RECV,          /* n bytes, or less when the peer ends */
  LA_LAB_RECV_ALL,      /* to the peer's end */
  LA_LAB_SHUT,          /* shutdown(SHUT_WR) */
  LA_LAB_CLOSE,
  LA_LAB_ABORT,      /* close with SO_LINGER 0 */
  LA_LAB_SLEEP,      /* n ms */
  LA_LAB_AT,         /* until n ms after the experiment began */
  LA_LAB_MARK,       /* tells the path and the laboratory that phase n has begun */
  LA_LAB_AGAIN,      /* from the first step, n times in all; a failed connect does not end such a script */
  LA_LAB_EXIT,       /* the process ends, its sockets still open */
  LA_LAB_EXIT_LATER, /* the same, n ms after the experiment began; the script goes on until then */
  LA_LAB_KILL,       /* SIGKILL */
  LA_LAB_STEP_N,
} LaLabOp;

typedef enum {
  LA_LAB_KEEPALIVE,    /* on; its times come from sysctls */
  LA_LAB_RCVBUF,       /* bytes */
  LA_LAB_SNDBUF,       /* bytes */
  LA_LAB_DEFER_ACCEPT, /* seconds */
  LA_LAB_FASTOPEN,     /* queue of a listener */
  LA_LAB_USER_TIMEOUT, /* ms */
  LA_LAB_LOCAL,        /* which of the end's addresses to bind to, with the port that follows */
  LA_LAB_REMOTE,       /* which of the peer's addresses connect goes to */
  LA_LAB_NEXT_PORT,    /* each round of LA_LAB_AGAIN connects to the next port */
  LA_LAB_REPLACE,      /* a second socket may take the port (SO_REUSEADDR) */
} LaLabOption;

enum {
  LA_LAB_SOCKETS = 4,
  LA_LAB_STEPS = 16,
  LA_LAB_ACTORS = 5,
  LA_LAB_RULES = 6,
  LA_LAB_FORGERIES = 4,
  LA_LAB_SYSCTLS = 6,
  LA_LAB_EXPECTED = 4,
  LA_LAB_LISTENER = 3,       /* the socket of LA_LAB_LISTEN */
  LA_LAB_FIRST_PORT = 40021, /* clients' ports count up from here, in the order of actors and their scripts, unless bound */
  LA_LAB_ADDRESSES = 64,     /* of one end, at most */
};

typedef struct {
  uint8_t op; /* LaLabOp */
  uint8_t sock;
  uint16_t port;
  int32_t n;
} LaLabStep;

/* Steps for one connection of a random mix. */
typedef struct {
  LaLabStep steps[LA_LAB_STEPS];
  uint32_t start_ms; /* after the experiment began */
} LaLabScript;

/* One process. */
typedef struct {
  LaLabStep steps[LA_LAB_STEPS];
  uint8_t end;          /* LaLabEnd */
  uint8_t after_reboot; /* starts when its end has come up again */
  uint16_t times;       /* so many scripts side by side; 0: one */
  uint16_t every_ms;    /* between the starts of two scripts */
  uint16_t start_ms;    /* after the experiment began */
  const LaLabScript
      *scripts; /* not NULL: each of `times` scripts its own, in place of `steps`; and what LA_LAB_SERVE accepts runs the one
                                 whose number is its client's port, counted from the first (borrowed) */
} LaLabActor;

typedef enum {
  LA_LAB_BOTH_WAYS,
  LA_LAB_TO_SERVER,
  LA_LAB_TO_CLIENT,
} LaLabWay;

/* What a packet is; a rule wants one of them (bits). */
typedef enum {
  LA_LAB_SYN = 1 << 0,
  LA_LAB_SYN_ACK = 1 << 1,
  LA_LAB_HANDSHAKE_ACK = 1 << 2, /* an ACK without data that begins its sender's data and acknowledges a SYN-ACK */
  LA_LAB_DATA = 1 << 3,          /* payload, no SYN */
  LA_LAB_ACK = 1 << 4,           /* nothing but an acknowledgment */
  LA_LAB_FIN = 1 << 5,
  LA_LAB_FIN_ACK = 1 << 6, /* nothing but an acknowledgment, of a FIN */
  LA_LAB_RST = 1 << 7,
  LA_LAB_ANY = 0xff,
} LaLabMatch;

typedef enum {
  LA_LAB_PASS,
  LA_LAB_DROP_BEFORE,    /* the point of capture: not in the capture */
  LA_LAB_DROP_AFTER,     /* in the capture, never arrives */
  LA_LAB_DELAY_BEFORE,   /* n ms more, before the point of capture */
  LA_LAB_DELAY_AFTER,    /* n ms more, behind it */
  LA_LAB_DUPLICATE,      /* again n ms later, both in the capture */
  LA_LAB_REJECT_RST,     /* the router answers with a RST in the addressee's name and drops it */
  LA_LAB_REJECT_ICMP,    /* the router answers with ICMP unreachable, code n (ICMPv6 its counterpart), and drops it */
  LA_LAB_TELL_ICMP,      /* the same, and lets it pass */
  LA_LAB_RST_BOTH,       /* the router sends a RST to both ends, each in the other's name, and drops it */
  LA_LAB_SPOIL_ACK,      /* adds n to its acknowledgment number, before the point of capture */
  LA_LAB_STRIP_FASTOPEN, /* takes data and option from a SYN, behind the point of capture */
} LaLabAct;

/* What the path does to packets. The first rule that fits decides. */
typedef struct {
  uint8_t way;    /* LaLabWay */
  uint8_t match;  /* LaLabMatch bits */
  uint8_t act;    /* LaLabAct */
  uint8_t mark;   /* from this phase on; 0: from the beginning */
  uint8_t before; /* until this phase; 0: to the end */
  uint16_t port;  /* the client's port; 0: any */
  uint16_t skip;  /* so many that fit pass first */
  uint16_t count; /* then this many; 0: all */
  int32_t n;
} LaLabRule;

typedef enum {
  LA_LAB_FORGE_NOTHING,
  LA_LAB_FORGE_SYNS,    /* `count` SYNs to `port` from as many addresses that do not exist */
  LA_LAB_FORGE_SCAN,    /* SYNs from one address to `count` ports from `port` up */
  LA_LAB_FORGE_FLAGS,   /* SYN+FIN, no flags, FIN, Xmas, SYN+RST: one segment each to `port` */
  LA_LAB_FORGE_RST,     /* into the last connection, in sequence plus n, in the name of the end that `way` comes from */
  LA_LAB_FORGE_SYN,     /* into it: a SYN whose ISN lies n from the client's next number */
  LA_LAB_FORGE_ACK,     /* into it: acknowledges n bytes that were never sent */
  LA_LAB_FORGE_DATA,    /* into it: n bytes behind what was sent, after its FIN */
  LA_LAB_FORGE_FIN,     /* into it: a FIN n bytes beyond the window's end */
  LA_LAB_FORGE_STRAY,   /* a SYN-ACK, a RST and an ACK of connections that never were */
  LA_LAB_FORGE_SYN_ACK, /* into it: a second SYN-ACK whose ISN lies n from the server's */
} LaLabForge;

/* Packets that nobody at the ends has sent, at the beginning of a phase. */
typedef struct {
  uint8_t what; /* LaLabForge */
  uint8_t way;  /* LaLabWay: where they go */
  uint8_t mark;
  uint16_t port;
  uint16_t count;
  uint16_t every_ms;
  int32_t n;
} LaLabForgery;

typedef struct {
  uint8_t end;      /* LaLabEnd; LA_LAB_END_N: both */
  const char *name; /* below /proc/sys/net/ipv4/ */
  const char *value;
} LaLabSysctl;

/* What an analyzer should say. Words are separated by `|`: the first is the right one, the others are acceptable. */
typedef struct {
  const char *finding; /* codes; "": a clean close without warning or error */
  const char *blame;
  uint16_t port; /* the client's port of the connection it is about; 0: all of them, or a host, or the capture */
  uint8_t owed;  /* LaLabOwed */
} LaLabExpected;

typedef enum {
  LA_LAB_OWED,
  LA_LAB_ALLOWED,   /* the capture cannot tell, or a threshold is not reached: reporting it is no mistake */
  LA_LAB_INVISIBLE, /* the capture holds no trace of it */
} LaLabOwed;

/* How the capture is taken. */
typedef enum {
  LA_LAB_RECORD_ALL,
  LA_LAB_RECORD_TO_SERVER, /* one direction only */
  LA_LAB_RECORD_CONTROL,   /* a filter for SYN, FIN and RST */
  LA_LAB_RECORD_LATE,      /* from phase 1 on */
  LA_LAB_RECORD_HOLES,     /* every fifth packet with payload is missing */
  LA_LAB_RECORD_TWICE,     /* a second point on the way, 2 hops further */
  LA_LAB_RECORD_SHORT,     /* a snaplen of 40 bytes */
  LA_LAB_RECORD_SWAPPED,   /* every third packet with data is written after the one that follows it */
} LaLabRecord;

/* What a connection of a random mix was to do, in words. */
typedef struct {
  uint16_t port; /* the client's */
  const char *client, *server;
} LaLabIntent;

typedef struct {
  const char *name;
  const char *summary; /* one line */
  LaLabSysctl sysctls[LA_LAB_SYSCTLS];
  LaLabActor actors[LA_LAB_ACTORS];
  LaLabRule rules[LA_LAB_RULES];
  LaLabForgery forgeries[LA_LAB_FORGERIES];
  LaLabExpected expected[LA_LAB_EXPECTED];
  uint8_t ip;                      /* 6: over IPv6 */
  uint8_t record;                  /* LaLabRecord */
  uint8_t reboot_mark;             /* at this phase an end loses its kernel's memory; 0: never */
  uint8_t reboot_end;              /* LaLabEnd */
  uint8_t addresses[LA_LAB_END_N]; /* how many each end has; 0: one */
  uint16_t tail_ms;                /* the recording goes on for so long after the last script; 0: 600 */
  uint32_t run_ms;                 /* ends then, whatever runs; 0: when the clients' scripts have ended */
  const LaLabRule *more_rules;     /* tables of a random mix (borrowed) */
  size_t more_rules_n;
  const LaLabIntent *intents;
  size_t intents_n;
} LaLabExperiment;

/* The experiments in their groups: so many groups, and one of them as an array. Static. */
size_t la_lab_groups(void);
const LaLabExperiment *la_lab_group(size_t number, const char **ret_name, size_t *ret_count);

/* The name of the group that has `experiment`; "random" when none has. */
const char *la_lab_group_of(const LaLabExperiment *experiment);

/* The one of that name, or NULL. */
const LaLabExperiment *la_lab_experiment_find(const char *name);

/* The name that `word` was probably meant to be, or NULL. */
const char *la_lab_experiment_nearest(const char *word);

#endif
