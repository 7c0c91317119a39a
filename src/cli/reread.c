#include "cli/reread.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

bool la_reread_check(const LaOptions *options, const char *option, const char *path, GError **error)
{
  struct stat output, capture;
  bool exists = (strcmp(path, "-") == 0 ? fstat(STDOUT_FILENO, &output) : stat(path, &output)) == 0 && S_ISREG(output.st_mode);
  for (unsigned i = 0; i < options->words->len; i++) {
    const char *word = g_ptr_array_index(options->words, i);
    bool standard = strcmp(word, "-") == 0;
    if ((standard ? fstat(STDIN_FILENO, &capture) : stat(word, &capture)) != 0)
      continue; /* told when it is opened */
    if (exists && output.st_dev == capture.st_dev && output.st_ino == capture.st_ino) {
      la_error_set(error, LA_ERROR_USAGE, "%s %s would overwrite the capture that is read", option,
                   strcmp(path, "-") == 0 ? "on standard output" : path);
      return false;
    }
    if (!standard && !S_ISREG(capture.st_mode) && !S_ISDIR(capture.st_mode)) {
      la_error_set(error, LA_ERROR_USAGE, "%s reads captures twice, and %s is no file: give it as standard input, -", option,
                   word);
      return false;
    }
  }
  return true;
}

typedef struct {
  const LaRereading *given;
  const LaRereadHooks *hooks;
  void *ctx;
  LaBatch *batch;
  LaReader reader; /* carried through a sequence */
} Pass;

static bool goes_on(const Pass *pass)
{
  return *pass->given->interrupt == 0 && (pass->hooks->enough == NULL || !pass->hooks->enough(pass->ctx));
}

static bool reread_batches(Pass *pass, uint64_t *ret_packets, GError **error)
{
  uint64_t packets = 0;
  while (goes_on(pass)) {
    LaReadResult result;
    if (!la_reader_next(&pass->reader, pass->batch, &result, error))
      return false;
    if (result != LA_READ_PACKET)
      break;
    if (!pass->hooks->batch(pass->ctx, pass->batch, error))
      return false;
    packets += pass->batch->count;
    la_progress_update(pass->given->progress, pass->batch);
  }
  *ret_packets = packets;
  return true;
}

static bool reread_capture(Pass *pass, unsigned word, unsigned file, GError **error)
{
  const char *path = g_ptr_array_index(pass->given->options->words, word - 1);
  g_autoptr(LaSource) source = la_reader_open(path, pass->given->spooled, pass->given->interrupt, NULL);
  if (source == NULL)
    return true;
  pass->reader.source = source;
  pass->reader.ended = LA_READ_PACKET;
  LaReread at = {.word = word, .file = file, .source = source, .frame_base = pass->reader.frame_base};
  if (pass->hooks->begin != NULL)
    pass->hooks->begin(pass->ctx, &at);
  uint64_t packets;
  if (!reread_batches(pass, &packets, error))
    return false;
  pass->reader.frame_base += packets;
  return pass->hooks->end == NULL || pass->hooks->end(pass->ctx, &at, error);
}

bool la_reread(const LaRereading *pass, const LaRereadHooks *hooks, void *ctx, GError **error)
{
  const LaOptions *options = pass->options;
  bool sequence = options->files_are == LA_FILES_SEQUENCE;
  g_autofree LaBatch *batch = g_new(LaBatch, 1);
  Pass now = {.given = pass, .hooks = hooks, .ctx = ctx, .batch = batch};
  for (unsigned word = 1; word <= options->words->len && *pass->interrupt == 0; word++) {
    unsigned file = sequence ? 1 : word;
    if (!sequence || word == 1)
      now.reader = (LaReader){
          .filter = pass->filter,
          .decode = &options->decode,
          .batches = hooks->batches,
          .selected_left = options->count != 0 ? options->count : UINT64_MAX,
          .clock = LA_TIME_NONE,
      };
    if (hooks->wants != NULL && !hooks->wants(ctx, file))
      continue;
    if (!reread_capture(&now, word, file, error))
      return false;
  }
  return true;
}

void la_copier_init(LaCopier *copier, LaPcapngWriter *writer, LaCopied which)
{
  *copier = (LaCopier){.writer = writer, .which = which};
  copier->numbers = g_array_new(FALSE, TRUE, sizeof(uint32_t));
  copier->told = g_array_new(FALSE, FALSE, sizeof(LaToldStatistics));
  copier->counted = g_array_new(FALSE, TRUE, sizeof(uint8_t));
}

void la_copier_clear(LaCopier *copier)
{
  g_clear_pointer(&copier->numbers, g_array_unref);
  g_clear_pointer(&copier->told, g_array_unref);
  g_clear_pointer(&copier->counted, g_array_unref);
}

void la_copier_begin(LaCopier *copier, LaSource *source, uint64_t frame_base)
{
  copier->source = source;
  copier->frame_base = frame_base;
  copier->stated = LA_TIME_NONE;
  copier->told_next = 0;
  g_array_set_size(copier->numbers, 0);
  g_array_set_size(copier->told, 0);
  g_array_set_size(copier->counted, 0);
  if (copier->which == LA_COPY_ALL)
    la_source_keep_statistics(source);
}

/* Describes interface `index` of the source unless it has been. */
static bool describe(LaCopier *copier, uint32_t index, GError **error)
{
  if (index >= copier->numbers->len)
    g_array_set_size(copier->numbers, index + 1);
  uint32_t *number = &g_array_index(copier->numbers, uint32_t, index);
  if (*number != 0)
    return true;
  unsigned count;
  const LaInterface *from = &la_source_interfaces(copier->source, &count)[index];
  LaPcapngInterface interface = {
      .link_type = from->link_type,
      .snaplen = from->snaplen,
      .fcs_len = from->fcs_len,
      .name = from->name,
      .description = from->description,
      .filter = from->filter,
  };
  uint32_t written;
  if (!la_pcapng_writer_add_interface(copier->writer, &interface, &written, error))
    return false;
  *number = written + 1;
  return true;
}

static bool describe_all(LaCopier *copier, GError **error)
{
  unsigned count;
  la_source_interfaces(copier->source, &count);
  for (unsigned i = copier->numbers->len; i < count; i++) {
    if (!describe(copier, i, error))
      return false;
  }
  return true;
}

/* Writes one statistics block of the source, unless its interface is not described. */
static bool write_told(LaCopier *copier, const LaToldStatistics *told, GError **error)
{
  if (told->interface >= copier->numbers->len && !describe_all(copier, error))
    return false;
  uint32_t number = told->interface < copier->numbers->len ? g_array_index(copier->numbers, uint32_t, told->interface) : 0;
  if (number == 0)
    return true;
  if (told->interface >= copier->counted->len)
    g_array_set_size(copier->counted, told->interface + 1);
  g_array_index(copier->counted, uint8_t, told->interface) = 1;
  if (told->end_time != LA_TIME_NONE)
    copier->stated = MAX(copier->stated, told->end_time);
  LaPcapngStatistics statistics = {.end_time = told->end_time,
                                   .received = told->received,
                                   .kernel_drops = told->kernel_drops,
                                   .interface_drops = told->interface_drops};
  return la_pcapng_writer_statistics(copier->writer, number - 1, &statistics, error);
}

/* Writes those that stand in front of packet `frame` of the source. */
static bool write_told_before(LaCopier *copier, uint64_t frame, GError **error)
{
  if (copier->told_next == copier->told->len) {
    copier->told_next = 0;
    g_array_set_size(copier->told, 0);
  }
  la_source_take_statistics(copier->source, copier->told);
  while (copier->told_next < copier->told->len) {
    const LaToldStatistics *told = &g_array_index(copier->told, LaToldStatistics, copier->told_next);
    if (told->after >= frame)
      break;
    copier->told_next++;
    if (!write_told(copier, told, error))
      return false;
  }
  return true;
}

bool la_copier_packet(LaCopier *copier, const LaPacketView *packet, const GPtrArray *comments, GError **error)
{
  if (copier->which == LA_COPY_ALL && packet->interface >= copier->numbers->len && !describe_all(copier, error))
    return false;
  if (!describe(copier, packet->interface, error) || !write_told_before(copier, packet->frame - copier->frame_base, error))
    return false;
  LaPcapngBehind behind = {.kept = la_source_packet_options(copier->source, packet),
                           .drops = copier->which == LA_COPY_ALL ? LA_DROP_COUNTS_KEPT : LA_DROP_COUNTS_LEFT_OUT};
  if (comments != NULL) {
    behind.comments = (const char *const *)comments->pdata;
    behind.comment_count = comments->len;
  }
  uint32_t number = g_array_index(copier->numbers, uint32_t, packet->interface) - 1;
  return la_pcapng_writer_packet_with(copier->writer, number, packet, &behind, error);
}

bool la_copier_end(LaCopier *copier, LaTime until, GError **error)
{
  if (!describe_all(copier, error))
    return false;
  /* With -c there may be some behind the last packet that counts: the analysis did not hear of these. */
  la_source_take_statistics(copier->source, copier->told);
  for (; copier->told_next < copier->told->len; copier->told_next++) {
    const LaToldStatistics *told = &g_array_index(copier->told, LaToldStatistics, copier->told_next);
    if (told->end_time <= until && !write_told(copier, told, error))
      return false;
  }
  bool later = until != LA_TIME_NONE && until > copier->stated;
  unsigned count;
  const LaInterface *all = la_source_interfaces(copier->source, &count);
  for (unsigned i = 0; i < copier->numbers->len; i++) {
    uint32_t number = g_array_index(copier->numbers, uint32_t, i);
    bool counted = i < copier->counted->len && g_array_index(copier->counted, uint8_t, i) != 0;
    bool drops = !counted && all[i].kernel_drops > 0; /* packets told them, some of which may not be copied */
    LaPcapngStatistics statistics = {
        .end_time = until, .received = -1, .kernel_drops = drops ? all[i].kernel_drops : -1, .interface_drops = -1};
    if (number != 0 && (later || drops) && !la_pcapng_writer_statistics(copier->writer, number - 1, &statistics, error))
      return false;
  }
  return true;
}
