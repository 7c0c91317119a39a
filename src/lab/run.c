/* Theory of operation.
 *
 * One process runs everything but the applications. It stands in the router's namespace, holds the hosts' namespaces as descriptors,
 * and waits for whichever comes first: a frame from a host, a report of an application, a packet whose time on the path is over, the
 * next look at the sockets.
 *
 * Reports are taken before the frames that were read with them are handed to the path: an application that reports a phase and then
 * sends finds the phase begun when its packet arrives there.
 *
 * The hosts' namespaces get a small table of connections of their own where the kernel can (6.1): the machine's is shared by all
 * namespaces, and each look at a host's sockets would walk through all of it. */
#include "lab/run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "kernel/netns.h"
#include "kernel/trace.h"
#include "lab/cast.h"
#include "lab/host.h"
#include "lab/recorder.h"
#include "lab/relay.h"
#include "lab/truth.h"

enum {
  BATCH = 64, /* frames read at a time from one host */
  TAIL_MS = 600,
  LISTEN_LIMIT_MS = 3000,
};

#define PERIOD (4 * LA_MSEC)
#define LIMIT (180 * LA_SEC)

typedef struct {
  uint8_t bytes[LA_PACKET_MAX];
  size_t len;
} Frame;

typedef struct {
  const LaLabRunSetup *setup;
  const LaLabExperiment *experiment;
  LaFamily family;
  LaAddr first[LA_LAB_END_N];
  LaLabWire wire;
  int router;
  LaLabHost hosts[LA_LAB_END_N];
  LaLabCast *cast;
  LaLabRelay *relay;
  LaLabRecorder *recorder;
  LaLabTruth *truth;
  LaTrace *trace;
  GArray *sockets, *events;
  Frame *frames; /* BATCH of each host */
  LaTime wall_offset;
  LaTime next_look;
  LaTime quiet_since; /* the clients have ended, nothing is on its way; LA_TIME_NONE */
  LaLabRecording recording;
  bool rebooted;
  GError *error; /* what broke on the way */
} Run;

char *la_lab_truth_path(const char *capture)
{
  const char *dot = strrchr(capture, '.'), *slash = strrchr(capture, '/');
  size_t len = dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - capture) : strlen(capture);
  g_autofree char *stem = g_strndup(capture, len);
  return g_strconcat(stem, ".json", NULL);
}

static void send_frame(void *ctx, LaLabEnd to, LaPacket *packet)
{
  Run *run = ctx;
  const LaLabHost *host = &run->hosts[to];
  la_packet_set_mac(packet, host->mac, host->router_mac);
  if (host->packets >= 0 && send(host->packets, packet->bytes, packet->len, MSG_DONTWAIT) < 0 && errno != ENETDOWN &&
      errno != ENXIO && run->error == NULL)
    g_set_error(&run->error, LA_ERROR, LA_ERROR_INTERNAL, "the path cannot send: %s", g_strerror(errno));
}

static void record_packet(void *ctx, LaTime now, LaLabEnd from, const LaPacket *packet)
{
  Run *run = ctx;
  LaPacket copy = *packet;
  const LaLabHost *host = &run->hosts[from];
  la_packet_set_mac(&copy, host->router_mac, host->mac);
  la_lab_recorder_take(run->recorder, now + run->wall_offset, from, &copy);
}

static void note_network(void *ctx, const LaLabNote *note)
{
  Run *run = ctx;
  la_lab_truth_network(run->truth, note);
}

/* The addresses of a slot: 10.21.SLOT.1 and 10.22.SLOT.1, fd00:21::SLOT:1 and fd00:22::SLOT:1. Without tracepoints it is 23 and 24: whoever
 * runs in a user namespace does not see the slots of others, and their tracepoints see what happens here. */
static void set_addresses(Run *run)
{
  run->family = run->experiment->ip == 6 ? LA_FAMILY_IPV6 : LA_FAMILY_IPV4;
  for (int end = 0; end < LA_LAB_END_N; end++) {
    LaAddr addr = {{0}};
    unsigned which = (end == LA_LAB_CLIENT ? 1 : 2) + (run->setup->trace != NULL ? 0 : 2);
    uint8_t network = (uint8_t)(20 + which), six = (uint8_t)(0x20 + which);
    if (run->family == LA_FAMILY_IPV6) {
      memcpy(addr.bytes, (const uint8_t[]){0xfd, 0, 0, six}, 4);
      addr.bytes[13] = (uint8_t)run->setup->slot;
      addr.bytes[15] = 1;
    } else {
      memcpy(addr.bytes, (const uint8_t[]){10, network, (uint8_t)run->setup->slot, 1}, 4);
    }
    run->first[end] = addr;
  }
}

static bool start_host(Run *run, LaLabEnd end, unsigned generation, GError **error)
{
  LaLabHostSetup setup = {.experiment = run->experiment,
                          .end = end,
                          .first = run->first[end],
                          .family = run->family,
                          .router = run->router,
                          .generation = generation};
  return la_lab_host_start(&setup, &run->hosts[end], error);
}

static bool build_network(Run *run, GError **error)
{
  run->router = la_netns_new(error);
  if (run->router < 0 || !la_netns_enter(run->router, error))
    return false;
  la_link_set_sysctl("ipv4/tcp_child_ehash_entries", "1024", NULL);
  la_link_set_sysctl("ipv6/conf/default/disable_ipv6", "1", NULL);
  return start_host(run, LA_LAB_CLIENT, 0, error) && start_host(run, LA_LAB_SERVER, 0, error);
}

static bool start_cast(Run *run, LaLabCastPart part, GError **error)
{
  bool done = true;
  for (int end = 0; end < LA_LAB_END_N && done; end++) {
    done = la_netns_enter(run->hosts[end].netns, error) && la_lab_cast_start(run->cast, part, (LaLabEnd)end, error);
  }
  return la_netns_enter(run->router, done ? error : NULL) && done;
}

static void look_at_sockets(Run *run)
{
  for (int end = 0; end < LA_LAB_END_N; end++) {
    if (run->hosts[end].diag == NULL)
      continue;
    g_array_set_size(run->sockets, 0);
    LaLabDump dump = {.began = la_clock_monotonic(), .end = (LaLabEnd)end, .sockets = run->sockets};
    if (!la_inet_diag_dump(run->hosts[end].diag, LA_INET_DIAG_PLAIN, run->sockets, NULL))
      continue;
    dump.ended = la_clock_monotonic();
    la_lab_truth_sockets(run->truth, &dump);
  }
  run->recording.end = la_clock_monotonic();
  if (run->trace != NULL) {
    g_array_set_size(run->events, 0);
    la_trace_read(run->trace, run->events);
    for (guint i = 0; i < run->events->len; i++)
      la_lab_truth_trace(run->truth, &g_array_index(run->events, LaTraceEvent, i));
  }
}

/* The end's kernel forgets everything: its namespace goes, without a packet, and another one takes its place. */
static void reboot(Run *run)
{
  LaLabEnd end = (LaLabEnd)run->experiment->reboot_end;
  run->rebooted = true;
  la_lab_host_unplug(&run->hosts[end], run->router);
  look_at_sockets(run);
  la_lab_cast_kill(run->cast, end);
  if (run->trace != NULL) /* what the old kernel did on its way out is dated before the reboot, and left out */
    look_at_sockets(run);
  la_lab_host_clear(&run->hosts[end]);
  la_lab_truth_reboot(run->truth, la_clock_monotonic(), end);
  if (run->error == NULL && start_host(run, end, 1, &run->error))
    start_cast(run, LA_LAB_CAST_AFTER_REBOOT, &run->error);
}

static void take_reports(Run *run)
{
  LaLabReport report;
  LaLabEnd end;
  while (la_lab_cast_next(run->cast, &report, &end)) {
    la_lab_truth_app(run->truth, end, &report);
    if (report.op != LA_LAB_MARK || report.finished)
      continue;
    la_lab_relay_mark(run->relay, la_clock_monotonic(), (unsigned)report.n);
    la_lab_recorder_mark(run->recorder, (unsigned)report.n);
    if (run->experiment->reboot_mark != 0 && report.n == run->experiment->reboot_mark && !run->rebooted)
      reboot(run);
  }
}

static unsigned read_frames(const LaLabHost *host, Frame *frames)
{
  unsigned count = 0;
  while (count < BATCH) {
    ssize_t got = recv(host->packets, frames[count].bytes, sizeof frames[count].bytes, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0)
      break;
    frames[count].len = (size_t)got;
    count += (size_t)got <= sizeof frames[count].bytes;
  }
  return count;
}

static void take_frames(Run *run)
{
  unsigned counts[LA_LAB_END_N];
  for (int end = 0; end < LA_LAB_END_N; end++)
    counts[end] = read_frames(&run->hosts[end], run->frames + end * BATCH);
  take_reports(run);
  for (int end = 0; end < LA_LAB_END_N; end++) {
    for (unsigned i = 0; i < counts[end]; i++) {
      const Frame *frame = &run->frames[(unsigned)end * BATCH + i];
      la_lab_relay_take(run->relay, la_clock_monotonic(), (LaLabEnd)end, frame->bytes, frame->len);
    }
  }
}

static void wait_for_something(const Run *run)
{
  LaTime wake = MIN(la_lab_relay_next(run->relay), run->next_look), left = wake - la_clock_monotonic();
  struct timespec span = {.tv_sec = left > 0 ? left / LA_SEC : 0, .tv_nsec = left > 0 ? left % LA_SEC : 0};
  struct pollfd polls[] = {{.fd = run->hosts[LA_LAB_CLIENT].packets, .events = POLLIN},
                           {.fd = run->hosts[LA_LAB_SERVER].packets, .events = POLLIN},
                           {.fd = la_lab_cast_fd(run->cast), .events = POLLIN}};
  ppoll(polls, G_N_ELEMENTS(polls), &span, NULL);
}

static void turn(Run *run)
{
  wait_for_something(run);
  take_frames(run);
  la_lab_relay_advance(run->relay, la_clock_monotonic());
  LaTime now = la_clock_monotonic();
  if (now < run->next_look)
    return;
  look_at_sockets(run);
  /* A machine with a large table is not kept busy with it: a quarter of its time at most. */
  LaTime cost = la_clock_monotonic() - now;
  run->next_look = la_clock_monotonic() + MAX(PERIOD, 3 * cost);
}

static bool wait_for_listeners(Run *run)
{
  LaTime limit = la_clock_monotonic() + (LaTime)LISTEN_LIMIT_MS * LA_MSEC;
  while (!la_lab_cast_is_listening(run->cast) && la_clock_monotonic() < limit && run->error == NULL && *run->setup->stop == 0)
    turn(run);
  return run->error == NULL;
}

/* Whether the recording is over. */
static bool is_over(Run *run)
{
  LaTime now = la_clock_monotonic();
  if (*run->setup->stop != 0 && run->error == NULL)
    g_set_error(&run->error, LA_ERROR, LA_ERROR_INTERNAL, "stopped");
  if (run->error != NULL || now - run->recording.started > LIMIT)
    return true;
  if (run->experiment->run_ms != 0)
    return now - run->recording.started >= (LaTime)run->experiment->run_ms * LA_MSEC;
  bool quiet = la_lab_cast_is_done(run->cast) && la_lab_relay_next(run->relay) == LA_TIME_MAX;
  if (!quiet) {
    run->quiet_since = LA_TIME_NONE;
    return false;
  }
  if (run->quiet_since == LA_TIME_NONE)
    run->quiet_since = now;
  unsigned tail = run->experiment->tail_ms != 0 ? run->experiment->tail_ms : TAIL_MS;
  return now - run->quiet_since >= (LaTime)tail * LA_MSEC;
}

static bool prepare(Run *run, GError **error)
{
  const LaLabRunSetup *setup = run->setup;
  struct utsname about;
  set_addresses(run);
  if (!build_network(run, error))
    return false;
  if (setup->trace != NULL) {
    run->trace = la_trace_open(setup->trace, error);
    if (run->trace == NULL)
      return false;
  }
  run->recorder = la_lab_recorder_open(setup->capture, (LaLabRecord)run->experiment->record, setup->mirror, error);
  if (run->recorder == NULL)
    return false;
  LaLabRelayHooks hooks = {.send = send_frame, .record = record_packet, .note = note_network, .ctx = run};
  run->relay = la_lab_relay_new(run->experiment, &run->wire, &hooks);
  run->recording.started = la_clock_monotonic();
  run->wall_offset = la_clock_wall() - la_clock_monotonic();
  g_autofree char *name = g_path_get_basename(setup->capture);
  uname(&about);
  LaLabTruthSetup truth = {.experiment = run->experiment,
                           .wire = &run->wire,
                           .family = run->family,
                           .kernel = g_intern_string(about.release),
                           .capture = g_intern_string(name),
                           .wall_offset = run->wall_offset,
                           .period = PERIOD,
                           .no_trace = setup->trace != NULL      ? NULL
                                       : setup->no_trace != NULL ? setup->no_trace
                                                                 : "not wanted"};
  memcpy(truth.address, run->first, sizeof truth.address);
  run->truth = la_lab_truth_new(&truth);
  LaLabCastSetup cast = {.experiment = run->experiment, .family = run->family, .began = run->recording.started};
  memcpy(cast.first, run->first, sizeof cast.first);
  run->cast = la_lab_cast_new(&cast, error);
  return run->cast != NULL;
}

static bool perform(Run *run, GError **error)
{
  if (!start_cast(run, LA_LAB_CAST_LISTENERS, error))
    return false;
  if (wait_for_listeners(run) && start_cast(run, LA_LAB_CAST_OTHERS, error)) {
    while (!is_over(run))
      turn(run);
  }
  if (run->error != NULL) {
    g_propagate_error(error, g_steal_pointer(&run->error));
    return false;
  }
  return true;
}

static bool write_truth(Run *run, GError **error)
{
  g_autoptr(GString) out = g_string_new(NULL);
  g_autofree char *path = la_lab_truth_path(run->setup->capture);
  g_autoptr(GError) wrong = NULL;
  if (run->trace != NULL)
    run->recording.trace_lost = la_trace_lost(run->trace);
  la_lab_truth_write(run->truth, &run->recording, out);
  if (g_file_set_contents(path, out->str, (gssize)out->len, &wrong))
    return true;
  la_error_set(error, LA_ERROR_OUTPUT, "%s: %s", path, wrong->message);
  return false;
}

static bool finish(Run *run, GError **error)
{
  look_at_sockets(run);
  run->recording.stopped = la_clock_monotonic();
  run->recording.packets = la_lab_recorder_packets(run->recorder);
  la_lab_cast_kill(run->cast, LA_LAB_END_N);
  take_reports(run);
  return la_lab_recorder_close(run->recorder, run->recording.stopped + run->wall_offset, error) && write_truth(run, error);
}

static void clear(Run *run)
{
  la_lab_cast_free(run->cast);
  la_lab_relay_free(run->relay);
  la_lab_recorder_free(run->recorder);
  la_lab_truth_free(run->truth);
  la_trace_free(run->trace);
  for (int end = 0; end < LA_LAB_END_N; end++)
    la_lab_host_clear(&run->hosts[end]);
  if (run->router >= 0)
    close(run->router);
  g_array_unref(run->sockets);
  g_array_unref(run->events);
  g_free(run->frames);
  g_clear_error(&run->error);
}

bool la_lab_run(const LaLabRunSetup *setup, LaLabRunResult *ret_result, GError **error)
{
  Run run = {.setup = setup,
             .experiment = setup->experiment,
             .wire = LA_LAB_WIRE_DEFAULT,
             .router = -1,
             .hosts = {LA_LAB_HOST_NONE, LA_LAB_HOST_NONE},
             .sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket)),
             .events = g_array_new(FALSE, FALSE, sizeof(LaTraceEvent)),
             .frames = g_new(Frame, LA_LAB_END_N * BATCH),
             .quiet_since = LA_TIME_NONE};
  bool done = prepare(&run, error) && perform(&run, error) && finish(&run, error);
  if (done) {
    LaLabRunResult result = {.packets = run.recording.packets,
                             .connections = la_lab_truth_connections(run.truth),
                             .milliseconds = (uint32_t)((run.recording.stopped - run.recording.started) / LA_MSEC)};
    result.unmirrored = la_lab_recorder_unmirrored(run.recorder, &result.mirror_code);
    *ret_result = result;
  }
  clear(&run);
  return done;
}
