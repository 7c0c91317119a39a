#include "cli/annotate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/reader.h"

typedef struct {
  const LaRereading *pass;
  LaRemarks *remarks;
  LaBatch *batch;
  LaCopier copier;
  uint64_t number; /* packets written so far */
} Annotation;

static const char *path_of(const char *path)
{
  return path != NULL ? path : "-";
}

bool la_annotate_check(const LaOptions *options, const char *path, GError **error)
{
  path = path_of(path);
  if (strcmp(path, "-") == 0 && isatty(STDOUT_FILENO)) {
    g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE,
                        "-o pcapng writes packets, which a terminal cannot show: -o pcapng:FILE, or into a pipe");
    return false;
  }
  return la_reread_check(options, "-o pcapng", path, error);
}

LaPcapngWriter *la_annotate_open(const char *path, GError **error)
{
  return la_pcapng_writer_open(path_of(path), "lastack " LASTACK_VERSION, error);
}

/* The packets of the batch that the filter selects. */
static bool copy_batch(Annotation *annotation, unsigned file, GError **error)
{
  const LaBatch *batch = annotation->batch;
  for (unsigned i = 0; i < batch->count; i++) {
    if (batch->results[i] == LA_DECODED_NOT_SELECTED)
      continue;
    const LaPacketView *packet = &batch->packets[i];
    LaRemarked at = {.file = file, .frame = packet->frame, .number = ++annotation->number};
    if (!la_copier_packet(&annotation->copier, packet, la_remarks_of(annotation->remarks, &at), error))
      return false;
  }
  return true;
}

/* One capture, the number `word` of those given (from 1); `file` is what its packets are remarked under. */
static bool copy_capture(Annotation *annotation, unsigned word, unsigned file, LaReader *reader, GError **error)
{
  const LaRereading *pass = annotation->pass;
  const char *path = g_ptr_array_index(pass->options->words, word - 1);
  g_autoptr(LaSource) source = la_reader_open(path, pass->spooled, pass->interrupt, NULL);
  if (source == NULL)
    return true; /* the first pass has told why */
  uint64_t packets = 0;
  reader->source = source;
  reader->ended = LA_READ_PACKET;
  la_copier_begin(&annotation->copier, source, reader->frame_base);
  while (*pass->interrupt == 0) {
    LaReadResult result;
    if (!la_reader_next(reader, annotation->batch, &result, error))
      return false;
    if (result != LA_READ_PACKET)
      break;
    if (!copy_batch(annotation, file, error))
      return false;
    packets += annotation->batch->count;
    la_progress_update(pass->progress, annotation->batch);
  }
  reader->frame_base += packets;
  return la_copier_end(&annotation->copier, la_remarks_observed(annotation->remarks, word), error);
}

static bool copy_all(Annotation *annotation, GError **error)
{
  const LaOptions *options = annotation->pass->options;
  bool sequence = options->files_are == LA_FILES_SEQUENCE;
  LaReader reader;
  for (unsigned word = 1; word <= options->words->len && *annotation->pass->interrupt == 0; word++) {
    if (!sequence || word == 1)
      reader = (LaReader){
          .filter = annotation->pass->filter,
          .decode = &options->decode,
          .batches = LA_BATCHES_WITH_BYTES,
          .selected_left = options->count != 0 ? options->count : UINT64_MAX,
          .clock = LA_TIME_NONE,
      };
    if (!copy_capture(annotation, word, sequence ? 1 : word, &reader, error))
      return false;
  }
  return true;
}

bool la_annotate_write(LaRemarks *remarks, LaPcapngWriter *writer, const LaRereading *pass, GError **error)
{
  la_remarks_sort(remarks, pass->options->files_are == LA_FILES_SEQUENCE ? LA_FRAMES_GO_ON : LA_FRAMES_BY_FILE);
  g_autofree LaBatch *batch = g_new(LaBatch, 1);
  Annotation annotation = {.pass = pass, .remarks = remarks, .batch = batch};
  la_copier_init(&annotation.copier, writer, LA_COPY_ALL);
  bool ok = copy_all(&annotation, error);
  la_copier_clear(&annotation.copier);
  ok = la_pcapng_writer_close(writer, ok ? error : NULL) && ok;
  if (ok || la_pcapng_writer_failure(writer) != EPIPE)
    return ok;
  g_clear_error(error);
  return true;
}
