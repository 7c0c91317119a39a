/* What the files of `lastack live` share: live_run.c is the loop, live_open.c opens everything and gives rights up, live_tell.c tells
 * what happens. */
#ifndef LA_CLI_LIVE_RUN_PRIVATE_H
#define LA_CLI_LIVE_RUN_PRIVATE_H

#include <signal.h>

#include "cli/live_metrics.h"
#include "cli/live_run.h"
#include "cli/outputs.h"
#include "cli/reader.h"
#include "live/adopter.h"
#include "live/alarms.h"
#include "live/decider.h"
#include "live/dump.h"
#include "live/host_watch.h"
#include "live/notify.h"
#include "live/saver.h"
#include "live/socket_watch.h"
#include "live/steady.h"
#include "live/watch.h"
#include "report/judge.h"

#define LA_LIVE_STATS_INTERVAL (60 * LA_SEC)

typedef struct {
  uint64_t packets, kernel, interface, evicted;
} LaLiveTotals;

typedef struct {
  const LaOptions *options;
  LaTrackOptions track;
  const char *filter;
  const LaPolicy *policy;
  LaJudge *judge; /* NULL: nobody asked for a policy (owned) */
  LaLive *live;   /* (owned) */
  LaDump *dump;   /* NULL: none (owned) */
  LaOutputs outputs;
  LaTracker *tracker;       /* (owned) */
  LaBatch *batch;           /* (owned) */
  LaContext context;        /* what the rules read beside a connection */
  LaFindings *findings;     /* (owned) */
  LaAggregate *aggregate;   /* (owned) */
  LaCaptureRecord *capture; /* (owned) */
  LaDecider *decider;       /* (owned) */
  LaHostWatch *hosts;       /* (owned) */
  LaAlarms *alarms;         /* (owned) */
  LaLiveMetrics metrics;
  LaSaver *saver; /* NULL: none (owned) */
  LaNotify notify;
  LaSocketWatch *sockets;                            /* NULL: the kernel does not tell (owned) */
  LaTime sockets_due;                                /* monotonic */
  LaAdopter *adopter;                                /* NULL: none (owned) */
  LaAdoptedCount adopted;                            /* when the capture began */
  LaWatchScreen *screen;                             /* NULL: none (owned) */
  LaTop *top;                                        /* what it shows; NULL without one (owned) */
  LaTime screen_due;                                 /* monotonic */
  LaTime rates_at;                                   /* monotonic: when the rates were made */
  uint64_t rates_packets, rates_opened, rates_ended; /* of the rates: counts at that moment */
  double packets_per_s, opened_per_s, ended_per_s;
  unsigned contradictions; /* at the last reading */
  char *identity;          /* what every NDJSON record carries (owned) */
  LaStatsRecord stats;
  LaLiveTotals told; /* what the stats record before this one counted up to */
  LaTime stats_due;  /* monotonic */
  LaTime hosts_due;  /* monotonic */
  LaCounts counts;
  LaSteady steady;    /* what all times are by, but those of -w */
  LaTime last_packet; /* the running maximum of all packet times */
  LaTime clock;       /* the running maximum of all packet times, and of silence */
  LaTime started;     /* monotonic */
  LaLosses losses;    /* when packets were dropped */
  LaTime losses_due;  /* monotonic */
  LaTime second;      /* monotonic: when the next round of what is done each second is due */
  uint64_t left;      /* packets until -c is reached */
  LaExitCode code;
  bool ended;
  bool filter_judged; /* its silence was looked at */
  uint64_t carried;   /* packets of the interfaces when the capture began */
  const volatile sig_atomic_t *interrupt;
} LaLiveRun;

/* ---- live_open.c ---- */

/* Opens interfaces, files and what else needs rights, gives the rights up, and makes everything ready for the first packet. */
bool la_live_run_open(LaLiveRun *run, GError **error);
void la_live_run_close(LaLiveRun *run);

/* ---- live_tell.c ---- */

/* One line on standard error (on the screen, when there is one), made harmless. */
void la_live_run_say(const LaLiveRun *run, const char *what);

/* When all is open: whoever started it in a script waits for this line. */
void la_live_run_tell_start(LaLiveRun *run);

/* Hands what the deciders found to the reports. */
void la_live_run_tell_findings(LaLiveRun *run);

/* The minute's figures. */
void la_live_run_tell_stats(LaLiveRun *run, LaTime mono);

/* SIGUSR1: how it stands since the beginning, on the reports that can say so in between. */
void la_live_run_tell_so_far(LaLiveRun *run, LaTime mono);

/* Draws the screen when it is time, or `asked`; false when somebody there asked to quit. */
bool la_live_run_show(LaLiveRun *run, LaTime mono, int asked);

/* Reads this machine's sockets, tells the tracker what became of those that were there before, and says where kernel and packets contradict
 * each other. Nothing without run->sockets. */
void la_live_run_read_sockets(LaLiveRun *run);

/* What was counted since the beginning. */
LaLiveTotals la_live_run_totals(const LaLiveRun *run);

#endif
