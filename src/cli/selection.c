/* Which connection a packet belongs to is only known to the tracker, and whether it is wanted only once it has finished: so the captures
 * are read twice, and the tracker, given the same packets, gives the same numbers. A SYN on a four-tuple that is in use gets a number of its
 * own, which never becomes a connection when the older one lives on; its packets are the older one's then. */
#include "cli/selection.h"

#include "capture/pcapng_writer.h"

#define APPLICATION "lastack " LASTACK_VERSION

typedef struct {
  GByteArray *finished, *reported; /* a bit for each id (owned) */
  LaTime until;
} File;

struct LaSelection {
  GArray *files; /* of File (owned) */
};

static void clear_file(gpointer data)
{
  File *file = data;
  g_byte_array_unref(file->finished);
  g_byte_array_unref(file->reported);
}

LaSelection *la_selection_new(void)
{
  LaSelection *selection = g_new0(LaSelection, 1);
  selection->files = g_array_new(FALSE, FALSE, sizeof(File));
  g_array_set_clear_func(selection->files, clear_file);
  return selection;
}

void la_selection_free(LaSelection *selection)
{
  if (selection == NULL)
    return;
  g_array_unref(selection->files);
  g_free(selection);
}

static File *file_of(LaSelection *selection, unsigned file)
{
  while (selection->files->len < file) {
    File empty = {g_byte_array_new(), g_byte_array_new(), LA_TIME_NONE};
    g_array_append_val(selection->files, empty);
  }
  return &g_array_index(selection->files, File, file - 1);
}

static void set_bit(GByteArray *bits, uint32_t id)
{
  static const guint8 none[256] = {0};
  while (bits->len <= id / 8)
    g_byte_array_append(bits, none, sizeof none);
  bits->data[id / 8] = (guint8)(bits->data[id / 8] | 1u << (id % 8));
}

static bool has_bit(const GByteArray *bits, uint32_t id)
{
  return id / 8 < bits->len && (bits->data[id / 8] >> (id % 8) & 1) != 0;
}

void la_selection_note(LaSelection *selection, unsigned file, uint32_t id, LaReported reported)
{
  File *at = file_of(selection, file);
  set_bit(at->finished, id);
  if (reported == LA_REPORTED)
    set_bit(at->reported, id);
}

void la_selection_observed(LaSelection *selection, unsigned file, LaTime until)
{
  file_of(selection, file)->until = until;
}

/* ---- the second pass ---- */

typedef struct {
  const LaOptions *options;
  const LaSelection *selection;
  const File *file; /* the capture's */
  LaTracker *tracker;
  LaCopier copier;
  LaLosses losses; /* of the capture */
} Second;

static bool belongs(const Second *second, const LaSegmentNote *note)
{
  if (has_bit(second->file->reported, note->id))
    return true;
  return note->older_id != 0 && !has_bit(second->file->finished, note->id) && has_bit(second->file->reported, note->older_id);
}

static bool follow_again(void *ctx, const LaBatch *batch, GError **error)
{
  Second *second = ctx;
  la_losses_add_all(&second->losses, &batch->losses);
  unsigned segment = 0;
  unsigned icmp = 0;
  for (unsigned i = 0; i < batch->count; i++) {
    LaSegmentNote note = {0};
    bool known = false;
    if (batch->results[i] == LA_DECODED_SEGMENT) {
      note = la_tracker_segment(second->tracker, &batch->segments[segment++]);
      known = true;
    } else {
      la_tracker_advance(second->tracker, batch->packets[i].time);
      if (batch->results[i] == LA_DECODED_ICMP)
        known = la_tracker_icmp(second->tracker, &batch->icmp[icmp++], &note);
    }
    if (known && belongs(second, &note) && !la_copier_packet(&second->copier, &batch->packets[i], NULL, error))
      return false;
  }
  LaConnection *conn;
  while ((conn = la_tracker_next(second->tracker)) != NULL)
    la_tracker_recycle(second->tracker, conn);
  return true;
}

/* When packets were dropped, and how many: with the first interface, whichever it was, since a drop touches every connection. The counts
 * go on to `last`. */
static bool write_losses(Second *second, uint32_t interface, LaPcapngStatistics *last, GError **error)
{
  for (unsigned i = 0; i < second->losses.count; i++) {
    const LaLoss *loss = &second->losses.items[i];
    LaPcapngStatistics at = *last;
    at.end_time = MIN(loss->from, last->end_time);
    if (loss->from != LA_TIME_NONE && !la_pcapng_writer_statistics(second->copier.writer, interface, &at, error))
      return false;
    uint64_t room = (uint64_t)(INT64_MAX - last->kernel_drops);
    last->kernel_drops += (int64_t)MIN(loss->packets, room);
    at = *last;
    at.end_time = MIN(loss->until, last->end_time);
    if (!la_pcapng_writer_statistics(second->copier.writer, interface, &at, error))
      return false;
  }
  return true;
}

/* Until when the interfaces of this capture that have packets were observed: a leak shows in the silence after the last packet. */
static bool write_statistics(Second *second, const LaSource *source, GError **error)
{
  unsigned count;
  const LaInterface *all = la_source_interfaces(source, &count);
  bool told = false;
  for (unsigned i = 0; i < second->copier.numbers->len; i++) {
    uint32_t number = g_array_index(second->copier.numbers, uint32_t, i);
    LaPcapngStatistics statistics = {
        .end_time = second->file->until, .received = -1, .kernel_drops = -1, .interface_drops = -1};
    if (i < count && all[i].kernel_drops >= 0)
      statistics.kernel_drops = 0;
    if (number != 0 && statistics.kernel_drops == 0 && !told) {
      told = true;
      if (!write_losses(second, number - 1, &statistics, error))
        return false;
    }
    if (number != 0 && !la_pcapng_writer_statistics(second->copier.writer, number - 1, &statistics, error))
      return false;
  }
  return true;
}

/* Of a file behind the last that was noted no connection ever finished. */
static bool wants_file(const void *ctx, unsigned file)
{
  const Second *second = ctx;
  return file <= second->selection->files->len;
}

static void begin_capture(void *ctx, const LaReread *at)
{
  Second *second = ctx;
  if (second->tracker == NULL || second->options->files_are != LA_FILES_SEQUENCE) {
    la_tracker_free(second->tracker);
    second->tracker = la_tracker_new(&second->options->track);
    la_tracker_begin_file(second->tracker, at->file);
  }
  second->file = &g_array_index(second->selection->files, File, at->file - 1);
  second->losses.count = 0;
  la_copier_begin(&second->copier, at->source, at->frame_base);
}

static bool end_capture(void *ctx, const LaReread *at, GError **error)
{
  Second *second = ctx;
  la_source_take_losses(at->source, &second->losses); /* behind the last packet */
  return write_statistics(second, at->source, error);
}

bool la_selection_write(const LaSelection *selection, const LaRereading *pass, GError **error)
{
  g_autoptr(LaPcapngWriter) writer = la_pcapng_writer_open(pass->options->write_path, APPLICATION, error);
  if (writer == NULL)
    return false;
  static const LaRereadHooks hooks = {
      .batches = LA_BATCHES_WITH_BYTES,
      .wants = wants_file,
      .begin = begin_capture,
      .batch = follow_again,
      .end = end_capture,
  };
  Second second = {.options = pass->options, .selection = selection};
  la_copier_init(&second.copier, writer, LA_COPY_SOME);
  bool ok = la_reread(pass, &hooks, &second, error);
  la_tracker_free(second.tracker);
  la_copier_clear(&second.copier);
  return la_pcapng_writer_close(writer, ok ? error : NULL) && ok;
}
