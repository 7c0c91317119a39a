/* stages STAGE FILE: what lastack does with a capture, up to a stage and no further, by the same functions and in the same batches.
 * Run one after the other beside the bare libpcap loop they tell what each stage costs, and where there is anything left to gain.
 *
 *   read      packets from the file's blocks
 *   decode    and segments from the packets
 *   track     and connections from the segments, each handed out as briefly as the text report asks for it
 *   diagnose  and the findings of each connection, and the figures of hosts; nothing is written */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capture/source.h"
#include "decode/decoder.h"
#include "diagnose/aggregate.h"
#include "diagnose/diagnose.h"
#include "track/tracker.h"

typedef enum {
  STAGE_READ,
  STAGE_DECODE,
  STAGE_TRACK,
  STAGE_DIAGNOSE,
  STAGE_N,
} Stage;

static const char *const STAGES[STAGE_N] = {"read", "decode", "track", "diagnose"};

typedef struct {
  Stage stage;
  LaTracker *tracker;
  LaAggregate *aggregate;
  LaThresholds thresholds;
  LaContext context;
  LaFindings findings;
  uint64_t packets, segments, connections, found;
} Run;

static void diagnose(Run *run, LaConnection **conn)
{
  run->context.vantage = la_tracker_vantage(run->tracker);
  if (!la_diagnose(*conn, &run->context, &run->findings)) {
    *conn = la_tracker_whole(run->tracker, *conn);
    la_diagnose(*conn, &run->context, &run->findings);
  }
  run->found += run->findings.count;
  la_aggregate_connection(run->aggregate, *conn, &run->findings);
}

static void take_finished(Run *run)
{
  LaConnection *conn;
  while ((conn = la_tracker_next(run->tracker)) != NULL) {
    run->connections++;
    if (run->stage >= STAGE_DIAGNOSE)
      diagnose(run, &conn);
    la_tracker_recycle(run->tracker, conn);
  }
}

static void take_batch(Run *run, const LaPacketView *packets, unsigned count)
{
  static uint8_t results[LA_TRACKER_BATCH];
  static LaSegment segments[LA_TRACKER_BATCH];
  static LaIcmpError icmp[LA_TRACKER_BATCH];
  run->packets += count;
  if (run->stage < STAGE_DECODE)
    return;
  LaDecodedBatch decoded = {.results = results, .segments = segments, .icmp = icmp};
  la_decode_batch(packets, count, &(LaDecodeOptions){.verify_checksums = false}, &decoded);
  run->segments += decoded.segment_count;
  if (run->stage < STAGE_TRACK)
    return;
  la_tracker_segments(run->tracker, segments, decoded.segment_count);
  take_finished(run);
}

static int run_stage(Run *run, LaSource *source)
{
  static LaPacketView packets[LA_TRACKER_BATCH];
  LaReadResult result = LA_READ_PACKET;
  LaTime last = 0;
  while (result == LA_READ_PACKET) {
    unsigned count = la_source_next_batch(source, packets, LA_TRACKER_BATCH, &result);
    if (count == 0)
      break;
    last = packets[count - 1].time;
    take_batch(run, packets, count);
  }
  if (result == LA_READ_BROKEN) {
    fprintf(stderr, "stages: %s\n", la_source_error(source));
    return 4;
  }
  if (run->stage >= STAGE_TRACK) {
    la_tracker_finish(run->tracker, last);
    take_finished(run);
  }
  if (run->stage >= STAGE_DIAGNOSE) {
    uint64_t left;
    g_autoptr(GArray) hosts = la_aggregate_findings(run->aggregate, &run->context, &left);
    run->found += hosts->len;
  }
  printf("%" PRIu64 " packets, %" PRIu64 " segments, %" PRIu64 " connections, %" PRIu64 " findings\n", run->packets,
         run->segments, run->connections, run->found);
  return 0;
}

int main(int argc, char **argv)
{
  Stage stage = STAGE_READ;
  while (argc == 3 && stage < STAGE_N && strcmp(argv[1], STAGES[stage]) != 0)
    stage++;
  if (argc != 3 || stage == STAGE_N) {
    fprintf(stderr, "usage: stages read|decode|track|diagnose FILE\n");
    return 2;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(LaSource) source = la_source_open(argv[2], &error);
  if (source == NULL) {
    fprintf(stderr, "stages: %s\n", error->message);
    return 3;
  }
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.records = LA_RECORDS_BRIEF;
  Run *run = g_new0(Run, 1);
  run->stage = stage;
  run->tracker = la_tracker_new(&options);
  la_tracker_begin_file(run->tracker, 1);
  la_thresholds_init(&run->thresholds);
  LaAggregateOptions aggregate = la_aggregate_options(&run->thresholds, options.time_wait, 28232);
  run->aggregate = la_aggregate_new(&aggregate);
  run->context = (LaContext){.thresholds = &run->thresholds, .services = la_tracker_services(run->tracker)};
  int code = run_stage(run, source);
  la_aggregate_free(run->aggregate);
  la_tracker_free(run->tracker);
  g_free(run);
  return code;
}
