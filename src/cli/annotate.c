#include "cli/annotate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

typedef struct {
  LaRemarks *remarks;
  LaCopier copier;
  unsigned file;   /* what the capture's packets are remarked under */
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

static void begin_capture(void *ctx, const LaReread *at)
{
  Annotation *annotation = ctx;
  annotation->file = at->file;
  la_copier_begin(&annotation->copier, at->source, at->frame_base);
}

/* The packets of the batch that the filter selects. */
static bool copy_batch(void *ctx, const LaBatch *batch, GError **error)
{
  Annotation *annotation = ctx;
  for (unsigned i = 0; i < batch->count; i++) {
    if (batch->results[i] == LA_DECODED_NOT_SELECTED)
      continue;
    const LaPacketView *packet = &batch->packets[i];
    LaRemarked at = {.file = annotation->file, .frame = packet->frame, .number = ++annotation->number};
    if (!la_copier_packet(&annotation->copier, packet, la_remarks_of(annotation->remarks, &at), error))
      return false;
  }
  return true;
}

static bool end_capture(void *ctx, const LaReread *at, GError **error)
{
  Annotation *annotation = ctx;
  return la_copier_end(&annotation->copier, la_remarks_observed(annotation->remarks, at->word), error);
}

bool la_annotate_write(LaRemarks *remarks, LaPcapngWriter *writer, const LaRereading *pass, GError **error)
{
  la_remarks_sort(remarks, pass->options->files_are == LA_FILES_SEQUENCE ? LA_FRAMES_GO_ON : LA_FRAMES_BY_FILE);
  static const LaRereadHooks hooks = {
      .batches = LA_BATCHES_WITH_BYTES,
      .begin = begin_capture,
      .batch = copy_batch,
      .end = end_capture,
  };
  Annotation annotation = {.remarks = remarks};
  la_copier_init(&annotation.copier, writer, LA_COPY_ALL);
  bool ok = la_reread(pass, &hooks, &annotation, error);
  la_copier_clear(&annotation.copier);
  ok = la_pcapng_writer_close(writer, ok ? error : NULL) && ok;
  if (ok || la_pcapng_writer_failure(writer) != EPIPE)
    return ok;
  g_clear_error(error);
  return true;
}
