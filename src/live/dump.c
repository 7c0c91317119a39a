/* The loss of packets is written down when it is read, as two statistics blocks: how it stood before, and how it stands now. So a reader
 * knows when it was, and takes nothing from what was captured at another time. Drops are those of the file, not of the capture, so
 * that those of a ring's files add up.
 *
 * Blocks are collected by the writer and handed to the system whole, at the latest after a second: whoever reads the file meanwhile, or
 * after the program was killed, finds whole packets. A file ends with a statistics block for each interface, which says until when
 * was listened: a socket that was held open shows in the silence after the last packet.
 *
 * Rights are given up after the first file is open, so the folder is held by a descriptor and later files are opened in it. */
#include "live/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/pcapng_writer.h"

#define SAVED_MODE 0600

struct LaDump {
  LaDumpOptions options;
  LaLive *live; /* (borrowed) */
  LaPcapngWriter *writer;
  char *folder, *stem, *ending; /* of the path: "dir", "name", ".pcapng" */
  char *path;                   /* of the file being written */
  int folder_fd;                /* -1: standard output */
  unsigned number;              /* of the file in the ring, from 1 */
  LaTime begun;
  LaLiveStatistics base[LA_LIVE_INTERFACES_MAX]; /* as the interfaces stood when the file began */
  GQueue kept;                                   /* of char *: names in the folder, oldest first */
};

static bool has_ring(const LaDump *dump)
{
  return dump->options.ring_size != 0 || dump->options.ring_duration != 0;
}

static char *file_name(LaDump *dump, LaTime now)
{
  if (!has_ring(dump))
    return g_strconcat(dump->stem, dump->ending, NULL);
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(now / LA_SEC);
  g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y%m%d%H%M%S") : g_strdup("0");
  return g_strdup_printf("%s_%05u_%s%s", dump->stem, dump->number, text, dump->ending);
}

/* What is beyond the ring is taken away. */
static void keep(LaDump *dump, const char *name)
{
  if (!has_ring(dump) || dump->options.ring_files == 0)
    return;
  g_queue_push_tail(&dump->kept, g_strdup(name));
  while (g_queue_get_length(&dump->kept) > dump->options.ring_files) {
    g_autofree char *oldest = g_queue_pop_head(&dump->kept);
    (void)unlinkat(dump->folder_fd, oldest, 0); /* somebody else may have taken it */
  }
}

static uint64_t beyond(uint64_t now, uint64_t base)
{
  return now > base ? now - base : 0;
}

static bool write_figures(LaDump *dump, unsigned interface, const LaLiveStatistics *now, LaTime at, GError **error)
{
  const LaLiveStatistics *base = &dump->base[interface];
  LaPcapngStatistics statistics = {.end_time = at,
                                   .received = (int64_t)beyond(now->received, base->received),
                                   .kernel_drops = (int64_t)beyond(now->kernel_drops, base->kernel_drops),
                                   .interface_drops = (int64_t)beyond(now->interface_drops, base->interface_drops)};
  return la_pcapng_writer_statistics(dump->writer, interface, &statistics, error);
}

/* What was lost since the last time, at most until `now`. */
static bool write_losses(LaDump *dump, LaTime now, GError **error)
{
  unsigned count;
  (void)la_live_interfaces(dump->live, &count);
  bool ok = true;
  for (unsigned i = 0; i < count && ok; i++) {
    LaLiveLoss loss;
    if (!la_live_take_loss(dump->live, i, &loss))
      continue;
    LaTime from = MIN(loss.stretch.from, now);
    ok = (from == LA_TIME_NONE || write_figures(dump, i, &loss.before, from, error)) &&
         write_figures(dump, i, &loss.after, MIN(loss.stretch.until, now), error);
  }
  return ok;
}

static bool describe_interfaces(LaDump *dump, GError **error)
{
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(dump->live, &count);
  for (unsigned i = 0; i < count; i++) {
    uint32_t number;
    LaPcapngInterface interface = {.link_type = interfaces[i].link_type,
                                   .snaplen = interfaces[i].snaplen,
                                   .fcs_len = -1,
                                   .name = interfaces[i].name,
                                   .filter = interfaces[i].filter};
    dump->base[i] = dump->number > 1 ? la_live_statistics(dump->live, i) : (LaLiveStatistics){0};
    if (!la_pcapng_writer_add_interface(dump->writer, &interface, &number, error))
      return false;
  }
  return la_pcapng_writer_flush(dump->writer, error);
}

static bool begin_file(LaDump *dump, LaTime now, GError **error)
{
  dump->begun = now;
  dump->number++;
  g_clear_pointer(&dump->writer, la_pcapng_writer_free);
  if (dump->folder_fd < 0) {
    dump->writer = la_pcapng_writer_open("-", dump->options.application, error);
    return dump->writer != NULL && describe_interfaces(dump, error);
  }
  g_autofree char *name = file_name(dump, now);
  g_free(dump->path);
  dump->path = strcmp(dump->folder, ".") == 0 ? g_strdup(name) : g_build_filename(dump->folder, name, NULL);
  int fd = openat(dump->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, SAVED_MODE);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OUTPUT, "%s: %s", dump->path, g_strerror(errno));
    return false;
  }
  dump->writer = la_pcapng_writer_open_fd(fd, dump->path, dump->options.application, error);
  if (dump->writer == NULL)
    return false;
  keep(dump, name);
  return describe_interfaces(dump, error);
}

static bool end_file(LaDump *dump, LaTime now, GError **error)
{
  if (dump->writer == NULL)
    return true;
  unsigned count;
  (void)la_live_interfaces(dump->live, &count);
  bool ok = write_losses(dump, now, error);
  for (unsigned i = 0; i < count && ok; i++) {
    LaLiveStatistics told = la_live_statistics(dump->live, i);
    ok = write_figures(dump, i, &told, now, error);
  }
  ok = la_pcapng_writer_close(dump->writer, ok ? error : NULL) && ok;
  g_clear_pointer(&dump->writer, la_pcapng_writer_free);
  return ok;
}

static void split_path(LaDump *dump, const char *path)
{
  g_autofree char *base = g_path_get_basename(path);
  dump->folder = g_path_get_dirname(path);
  const char *dot = strrchr(base, '.');
  if (dot == base)
    dot = NULL; /* a hidden file has no ending */
  dump->ending = g_strdup(dot != NULL ? dot : "");
  dump->stem = dot != NULL ? g_strndup(base, (gsize)(dot - base)) : g_strdup(base);
}

LaDump *la_dump_open(const LaDumpOptions *options, LaLive *live, LaTime now, GError **error)
{
  LaDump *dump = g_new0(LaDump, 1);
  dump->options = *options;
  dump->options.application = g_strdup(options->application);
  dump->options.path = NULL;
  dump->live = live;
  dump->folder_fd = -1;
  g_queue_init(&dump->kept);
  split_path(dump, options->path);
  if (strcmp(options->path, "-") == 0) {
    dump->path = g_strdup("-");
  } else {
    dump->folder_fd = open(dump->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dump->folder_fd < 0) {
      la_error_set(error, LA_ERROR_OUTPUT, "%s: %s", options->path, g_strerror(errno));
      la_dump_free(dump);
      return NULL;
    }
  }
  if (begin_file(dump, now, error))
    return dump;
  la_dump_free(dump);
  return NULL;
}

void la_dump_free(LaDump *dump)
{
  if (dump == NULL)
    return;
  la_pcapng_writer_free(dump->writer);
  if (dump->folder_fd >= 0)
    close(dump->folder_fd);
  g_queue_clear_full(&dump->kept, g_free);
  g_free((char *)(uintptr_t)dump->options.application); /* const only for those who look */
  g_free(dump->folder);
  g_free(dump->stem);
  g_free(dump->ending);
  g_free(dump->path);
  g_free(dump);
}

void la_dump_give(LaDump *dump, uid_t uid, gid_t gid)
{
  g_autofree char *name = dump->path != NULL ? g_path_get_basename(dump->path) : NULL;
  struct stat status;
  if (dump->folder_fd >= 0 && fstatat(dump->folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
      fchownat(dump->folder_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
    return; /* it stays root's: no reason not to capture */
}

bool la_dump_check_folder(const LaDump *dump, GError **error)
{
  if (dump->folder_fd < 0 || !has_ring(dump) || faccessat(dump->folder_fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
    return true;
  la_error_set(
      error, LA_ERROR_OUTPUT,
      "%s: the next file of the ring could not be made there after rights are given up: name a user who may (-Z USER) or "
      "another folder",
      dump->folder);
  return false;
}

static bool next_file(LaDump *dump, LaTime now, GError **error)
{
  return end_file(dump, now, error) && begin_file(dump, now, error);
}

static bool is_there(const LaDump *dump, GError **error)
{
  if (dump->writer != NULL)
    return true;
  la_error_set(error, LA_ERROR_OUTPUT, "%s: closed", dump->path);
  return false;
}

bool la_dump_packets(LaDump *dump, const LaPacketView *packets, unsigned count, LaTime now, GError **error)
{
  for (unsigned i = 0; i < count; i++) {
    if (!is_there(dump, error) || !la_pcapng_writer_packet(dump->writer, packets[i].interface, &packets[i], NULL, error))
      return false;
    if (dump->options.ring_size != 0 && la_pcapng_writer_size(dump->writer) >= dump->options.ring_size &&
        !next_file(dump, now, error))
      return false;
  }
  return true;
}

bool la_dump_tick(LaDump *dump, LaTime now, GError **error)
{
  if (!is_there(dump, error))
    return false;
  if (dump->options.ring_duration != 0 && now - dump->begun >= dump->options.ring_duration)
    return next_file(dump, now, error);
  return write_losses(dump, now, error) && la_pcapng_writer_flush(dump->writer, error);
}

bool la_dump_reopen(LaDump *dump, LaTime now, GError **error)
{
  return dump->folder_fd < 0 || next_file(dump, now, error);
}

bool la_dump_close(LaDump *dump, LaTime now, GError **error)
{
  return end_file(dump, now, error);
}

bool la_dump_is_unread(const LaDump *dump)
{
  return dump->writer != NULL && la_pcapng_writer_failure(dump->writer) == EPIPE;
}

const char *la_dump_path(const LaDump *dump)
{
  return dump->path;
}
