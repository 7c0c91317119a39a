/* decide FILE [CODE[.NAME]=VALUE ...]: goes through a capture as a live run would, without its waiting: time passes with the packets and,
 * between them, from one moment at which something is due to the next. Prints what stands at the end, `ID CODE SIDE` a line: raised and not
 * withdrawn. Whoever compares that with the findings of an analysis sees whether both decide the same. */
#include <stdio.h>
#include <string.h>

#include "capture/source.h"
#include "decode/decoder.h"
#include "diagnose/rule.h"
#include "live/decider.h"

typedef struct {
  LaTracker *tracker;
  LaDecider *decider;
  LaContext context;
  GHashTable *standing; /* key */
} Run;

static void take_events(Run *run)
{
  const LaDecided *event;
  while ((event = la_decider_next(run->decider)) != NULL) {
    const LaFinding *finding = &event->record.finding;
    char *line = g_strdup_printf("%u %s %s", event->record.connection, finding->rule->code,
                                 finding->side < LA_SIDE_N ? la_side_name((LaSide)finding->side) : "both");
    if (event->record.kind == LA_EVENT_WITHDRAWN) {
      g_hash_table_remove(run->standing, line);
      g_free(line);
    } else {
      g_hash_table_add(run->standing, line);
    }
  }
}

static void take_finished(Run *run)
{
  LaFindings findings;
  LaConnection *conn;
  while ((conn = la_tracker_next(run->tracker)) != NULL) {
    run->context.vantage = la_tracker_vantage(run->tracker);
    la_diagnose(conn, &run->context, &findings);
    la_decider_finished(run->decider, conn, &findings);
    la_tracker_recycle(run->tracker, conn);
  }
  take_events(run);
}

/* Silence until `until`. */
static void pass(Run *run, LaTime until)
{
  for (LaTime due = la_decider_due(run->decider); due < until; due = la_decider_due(run->decider)) {
    la_tracker_advance(run->tracker, due);
    take_finished(run);
    run->context.vantage = la_tracker_vantage(run->tracker);
    la_decider_look(run->decider, due);
    take_events(run);
  }
}

static void take(Run *run, const LaPacketView *packet)
{
  static const LaDecodeOptions options;
  LaSegment segment;
  LaIcmpError icmp;
  LaDecodeResult result = la_decode(packet, &options, &segment, &icmp);
  la_tracker_advance(run->tracker, packet->time);
  if (result == LA_DECODED_SEGMENT)
    la_tracker_segments(run->tracker, &segment, 1);
  else if (result == LA_DECODED_ICMP)
    la_tracker_icmp(run->tracker, &icmp, NULL);
  take_finished(run);
  run->context.vantage = la_tracker_vantage(run->tracker);
  la_decider_look(run->decider, packet->time);
  take_events(run);
}

int main(int argc, char **argv)
{
  GError *error = NULL;
  LaSource *source = argc > 1 ? la_source_open(argv[1], &error) : NULL;
  if (source == NULL) {
    fprintf(stderr, "decide: %s\n", error != NULL ? error->message : "no file");
    return 2;
  }
  LaThresholds thresholds;
  la_thresholds_init(&thresholds);
  for (int i = 2; i < argc; i++)
    if (!la_thresholds_set(&thresholds, argv[i], &error)) {
      fprintf(stderr, "decide: %s\n", error->message);
      return 2;
    }
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  options.idle_timeout = 7200 * LA_SEC;
  Run run = {.tracker = la_tracker_new(&options), .standing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  run.context = (LaContext){.thresholds = &thresholds, .services = la_tracker_services(run.tracker)};
  run.decider = la_decider_new(run.tracker, &run.context);
  LaPacketView packet;
  LaTime clock = LA_TIME_NONE;
  while (la_source_next(source, &packet) == LA_READ_PACKET) {
    if (packet.time == LA_TIME_NONE)
      packet.time = clock != LA_TIME_NONE ? clock : 0;
    if (packet.time > clock && clock != LA_TIME_NONE)
      pass(&run, packet.time);
    clock = MAX(clock, packet.time);
    take(&run, &packet);
  }
  LaTime end = MAX(clock, la_source_stated_end(source));
  pass(&run, end);
  la_tracker_finish(run.tracker, end);
  take_finished(&run);
  la_decider_look(run.decider, la_time_add(end, 60 * LA_SEC)); /* nothing is left to look at */
  take_events(&run);
  GHashTableIter iter;
  gpointer line;
  g_hash_table_iter_init(&iter, run.standing);
  while (g_hash_table_iter_next(&iter, &line, NULL))
    puts(line);
  printf("watched %u\n", la_decider_watched(run.decider));
  la_decider_free(run.decider);
  la_tracker_free(run.tracker);
  la_source_free(source);
  g_hash_table_unref(run.standing);
  return 0;
}
