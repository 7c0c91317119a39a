/* The capture is open before the command starts, so that its first SYN is in it. When the command has ended, its sockets are closed
 * by the kernel; what follows (FINs, their acknowledgments, a peer that closes late) belongs to the verdict. So the capture goes on
 * until nothing has come for the policy's `settle`: then every connection that is still open has been silent for that long and is
 * judged. On a busy interface it ends after three times as long all the same. */
#include "cli/check_run.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/escape.h"
#include "cli/check_owners.h"
#include "live/dump.h"

#define TURN_MS 50 /* how long a wait may last before the command is looked after */
#define PATIENCE 3 /* times --settle */
#define BATCH 128
#define MARGIN (100 * LA_MSEC) /* beyond --settle, so that silence of that length is proved */
#define APPLICATION "lastack " LASTACK_VERSION
#define CANNOT_RUN 126
#define NOT_FOUND 127

extern char **environ;

typedef struct {
  LaCheckRun *run;
  LaLive *live;
  LaDump *dump;
  LaOwnerWatch *watch;
  const volatile sig_atomic_t *interrupt;
  LaTime last_packet; /* by the clock, when one came last */
  LaTime last_tick;
  LaLosses losses; /* the file has them; nobody here asks */
  pid_t pid;       /* 0: it has ended */
  int told;        /* the signal that was handed on to it */
} Recording;

static LaLive *open_live(const LaOptions *options, GError **error)
{
  static const char *const loopback[] = {"lo"};
  g_autoptr(LaFilter) filter = NULL;
  if (!la_options_filter(options, &filter, error))
    return NULL;
  bool named = options->live.interfaces->len > 0;
  LaLiveOptions live = {
      .interfaces = named ? (const char *const *)options->live.interfaces->pdata : loopback,
      .interface_count = named ? options->live.interfaces->len : 1,
      .filter = filter != NULL ? la_filter_expression(filter) : NULL,
      .snaplen = options->live.snaplen,
      .buffer = options->live.buffer,
      .hears = options->live.hears,
  };
  return la_live_open(&live, error);
}

/* A name that nobody has; the file is made for it to stay so. */
static char *temporary_name(GError **error)
{
  g_autoptr(GError) why = NULL;
  char *path = NULL;
  int fd = g_file_open_tmp("lastack-run-XXXXXX.pcapng", &path, &why);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OUTPUT, "cannot make a temporary capture: %s", why->message);
    return NULL;
  }
  close(fd);
  return path;
}

/* The command gets signals as a program expects them at its start: the ones we ignore or handle are back to what they were. */
static bool start(Recording *recording, const GPtrArray *command, GError **error)
{
  g_autofree char **argv = g_new0(char *, command->len + 1);
  for (unsigned i = 0; i < command->len; i++)
    argv[i] = g_ptr_array_index(command, i);
  posix_spawnattr_t attributes;
  sigset_t standard;
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  sigaddset(&standard, SIGINT);
  sigaddset(&standard, SIGTERM);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  int failed = posix_spawnp(&recording->pid, argv[0], NULL, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0)
    return true;
  recording->pid = 0;
  recording->run->status = failed == ENOENT ? NOT_FOUND : CANNOT_RUN;
  la_error_set(error, LA_ERROR_USAGE, "cannot run %s: %s", argv[0], g_strerror(failed));
  return false;
}

/* Whether the command has ended. A signal that came to us alone is handed on once; the command decides what it does. */
static bool has_ended(Recording *recording)
{
  if (*recording->interrupt != 0 && recording->told == 0) {
    recording->told = (int)*recording->interrupt;
    kill(recording->pid, recording->told);
  }
  int status;
  pid_t got = waitpid(recording->pid, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR))
    return false;
  recording->run->ended = la_clock_wall();
  recording->pid = 0;
  if (got < 0)
    return true;
  recording->run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

static bool take_packets(Recording *recording, GError **error)
{
  LaPacketView packets[BATCH];
  LaLiveResult result = LA_LIVE_PACKETS;
  while (result == LA_LIVE_PACKETS) {
    LaTime now = la_clock_wall();
    unsigned count = la_live_next_batch(recording->live, now, packets, BATCH, &result);
    if (count > 0) {
      recording->last_packet = la_clock_monotonic();
      if (!la_dump_packets(recording->dump, packets, count, now, error))
        return false;
    }
    if (result == LA_LIVE_GONE) {
      g_autofree char *news = la_live_news(recording->live);
      la_error_set(error, LA_ERROR_PERMISSION, "the capture ended early: %s", news != NULL ? news : "the interface went away");
      return false;
    }
  }
  if (la_clock_monotonic() - recording->last_tick < LA_SEC)
    return true;
  recording->last_tick = la_clock_monotonic();
  la_live_read_losses(recording->live, la_clock_wall(), &recording->losses);
  return la_dump_tick(recording->dump, la_clock_wall(), error);
}

static bool record(Recording *recording, LaTime settle, GError **error)
{
  while (recording->pid != 0) {
    if (!take_packets(recording, error))
      return false;
    la_owner_watch_look(recording->watch, la_clock_monotonic(), la_clock_wall());
    if (!has_ended(recording))
      la_live_wait(recording->live, NULL, 0, TURN_MS);
  }
  LaTime ended = la_clock_monotonic();
  recording->last_packet = MAX(recording->last_packet, ended);
  while (*recording->interrupt == 0 || recording->told != 0) {
    LaTime now = la_clock_monotonic();
    if (now - recording->last_packet >= settle + MARGIN || now - ended >= PATIENCE * settle + MARGIN)
      break;
    la_live_wait(recording->live, NULL, 0, TURN_MS);
    if (!take_packets(recording, error))
      return false;
  }
  return true;
}

/* A command that still runs when we cannot go on is not left behind. */
static void stop(Recording *recording)
{
  if (recording->pid == 0)
    return;
  kill(recording->pid, SIGTERM);
  int status;
  while (waitpid(recording->pid, &status, 0) < 0 && errno == EINTR)
    ;
  recording->pid = 0;
}

static void count_drops(Recording *recording)
{
  unsigned count;
  la_live_interfaces(recording->live, &count);
  for (unsigned i = 0; i < count; i++) {
    LaLiveStatistics statistics = la_live_statistics(recording->live, i);
    recording->run->dropped += statistics.kernel_drops + statistics.interface_drops;
  }
}

bool la_check_run(LaCheckRun *run, const LaOptions *options, const GPtrArray *command, const volatile sig_atomic_t *interrupt,
                  GError **error)
{
  g_autoptr(LaLive) live = open_live(options, error);
  if (live == NULL)
    return false;
  run->temporary = options->live.write == NULL;
  run->path = run->temporary ? temporary_name(error) : g_strdup(options->live.write);
  if (run->path == NULL)
    return false;
  LaDumpOptions dump_options = {.path = run->path, .application = APPLICATION};
  g_autoptr(LaDump) dump = la_dump_open(&dump_options, live, la_clock_wall(), error);
  if (dump == NULL)
    return false;
  run->owners = la_owners_new();
  g_autoptr(LaOwnerWatch) watch = la_owner_watch_new(run->owners);
  Recording recording = {.run = run, .live = live, .dump = dump, .watch = watch, .interrupt = interrupt};
  run->began = la_clock_wall();
  bool ok = start(&recording, command, error) && record(&recording, run->settle, error);
  stop(&recording);
  la_live_read_losses(live, la_clock_wall(), &recording.losses);
  count_drops(&recording);
  return la_dump_close(dump, la_clock_wall(), ok ? error : NULL) && ok;
}

char *la_check_run_say(const LaCheckRun *run)
{
  GString *out = g_string_new(NULL);
  char span[LA_TIME_TEXT_MAX];
  if (run->status > 128)
    g_string_append_printf(out, "The command was ended by signal %d after %s", run->status - 128,
                           la_span_format(run->ended - run->began, span));
  else
    g_string_append_printf(out, "The command ended with code %d after %s", run->status,
                           la_span_format(run->ended - run->began, span));
  if (run->dropped > 0)
    g_string_append_printf(out, "; the capture lost %" G_GUINT64_FORMAT " packets (-B enlarges its buffer)", run->dropped);
  return g_string_free(out, FALSE);
}

void la_check_run_end(LaCheckRun *run, LaCaptureIs what)
{
  if (!run->temporary || run->path == NULL)
    return;
  if (what == LA_DROP_CAPTURE) {
    (void)unlink(run->path); /* whoever takes it away first is welcome */
    return;
  }
  g_autoptr(GString) path = g_string_new(NULL);
  la_escape_terminal(path, run->path, -1);
  fprintf(stderr, "lastack: the capture was kept: %s\n", path->str);
}

void la_check_run_clear(LaCheckRun *run)
{
  g_clear_pointer(&run->path, g_free);
  g_clear_pointer(&run->owners, la_owners_free);
}
