/* `lastack show`, two passes over the capture: the first is the whole analysis and keeps the wanted connection's final record, the
 * second follows the packets again and hands those of the connection to the ladder. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/pipeline.h"
#include "cli/reread.h"
#include "cli/terminal.h"
#include "report/ladder.h"
#include "report/show_command.h"
#include "track/measures.h"

#define LISTED_MAX 40

typedef struct {
  uint32_t id;
  char *text; /* (owned) */
} Line;

static void free_line(gpointer data)
{
  Line *line = data;
  g_free(line->text);
  g_free(line);
}

/* A report that keeps what the second pass needs. */
typedef struct {
  LaReport base;
  const LaStyle *style;
  uint32_t wanted;           /* 0: the only one */
  const LaExpression *where; /* -Y: one of those for which this holds; NULL: of all */
  LaStory *story;            /* of the wanted one, or the first (owned) */
  GPtrArray *list;           /* of Line: those with the lowest numbers, in order (owned) */
  uint64_t count;
  uint32_t highest; /* id */
  GByteArray *ids;  /* a bit for each id that became a connection (owned) */
} Keeper;

static void note_id(Keeper *keeper, uint32_t id)
{
  guint at = id / 8;
  while (keeper->ids->len <= at) {
    static const guint8 none[64] = {0};
    g_byte_array_append(keeper->ids, none, sizeof none);
  }
  keeper->ids->data[at] = (guint8)(keeper->ids->data[at] | 1u << (id % 8));
}

static bool has_id(const Keeper *keeper, uint32_t id)
{
  return id / 8 < keeper->ids->len && (keeper->ids->data[id / 8] >> (id % 8) & 1) != 0;
}

/* Connections come in the order in which they end and are listed in that of their numbers. */
static void list_connection(Keeper *keeper, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  unsigned at = keeper->list->len;
  while (at > 0 && ((const Line *)g_ptr_array_index(keeper->list, at - 1))->id > conn->id)
    at--;
  if (at >= LISTED_MAX)
    return;
  LaHostPort client = la_connection_end(conn, LA_OPENER);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "%5u  ", conn->id);
  if (la_time_is_known(conn->first_time)) {
    la_text_time(keeper->style, text, conn->first_time, conn->first_time, 0);
    g_string_append(text, "  ");
  }
  la_text_end(text, &client);
  g_string_append(text, " > ");
  la_text_end(text, &server);
  g_string_append_printf(text, "  %s/%s", la_handshake_result_name(record->handshake),
                         la_teardown_result_name(record->teardown));
  if (record->findings->count > 0 && record->findings->items[0].severity > LA_SEVERITY_NOTE)
    g_string_append_printf(text, "  %s", record->findings->items[0].rule->code);
  Line *line = g_new(Line, 1);
  *line = (Line){.id = conn->id, .text = g_string_free(text, FALSE)};
  g_ptr_array_insert(keeper->list, (gint)at, line);
  if (keeper->list->len > LISTED_MAX)
    g_ptr_array_remove_index(keeper->list, LISTED_MAX);
}

static void keep_connection(LaReport *base, const LaConnectionRecord *record)
{
  Keeper *keeper = (Keeper *)base;
  /* The second pass has to know of all, whichever is wanted. */
  note_id(keeper, record->conn->id);
  LaCandidate candidate = {.file = record->file, .conn = record->conn, .findings = record->findings};
  if (keeper->where != NULL && !la_expression_holds(keeper->where, &candidate))
    return;
  keeper->count++;
  keeper->highest = MAX(keeper->highest, record->conn->id);
  if (keeper->wanted == 0)
    list_connection(keeper, record);
  if (keeper->story == NULL && (keeper->wanted == 0 || keeper->wanted == record->conn->id))
    keeper->story = la_story_new(record);
}

/* Not in the list of formats: it writes nothing. */
static const LaFormat keeper_format = {
    .name = "keeper",
    .connection = keep_connection,
};

typedef struct {
  const Keeper *keeper;
  LaTracker *tracker;
  LaLadder *ladder;
  LaOutput *out;
} Second;

/* Whether a segment that the tracker gave to `note->id` is one of the wanted connection's: also when it was first taken for a new
 * connection on the four-tuple, which never came to be. */
static bool belongs(const Second *second, const LaSegment *segment, const LaSegmentNote *note)
{
  const LaConnection *conn = &second->keeper->story->conn;
  if (note->id == conn->id)
    return true;
  if (has_id(second->keeper, note->id))
    return false;
  unsigned from = la_addr_equal(&segment->src, &conn->addr[LA_OPENER]) && segment->src_port == conn->port[LA_OPENER]
                      ? LA_OPENER
                      : LA_ACCEPTOR;
  unsigned to = from ^ 1u;
  return segment->family == conn->family && la_addr_equal(&segment->src, &conn->addr[from]) &&
         segment->src_port == conn->port[from] && la_addr_equal(&segment->dst, &conn->addr[to]) &&
         segment->dst_port == conn->port[to];
}

/* Hands a segment of the wanted connection to the ladder, read again for all its fields when they are wanted. */
static void show_segment(const Second *second, const LaPacketView *packet, const LaSegment *segment, const LaSegmentNote *note)
{
  LaHeaderFields fields;
  bool read = la_ladder_wants_fields(second->ladder) && la_header_fields_read(packet, &fields);
  la_ladder_segment(second->ladder, segment, note, read ? &fields : NULL);
}

static bool is_unread(const void *ctx)
{
  const Second *second = ctx;
  return la_output_is_unread(second->out);
}

static bool follow_again(void *ctx, const LaBatch *batch, GError **error G_GNUC_UNUSED)
{
  Second *second = ctx;
  const LaConnection *wanted = &second->keeper->story->conn;
  unsigned segment = 0;
  unsigned icmp = 0;
  for (unsigned i = 0; i < batch->count; i++) {
    uint64_t frame = batch->packets[i].frame;
    bool within = frame >= wanted->first_frame && frame <= wanted->last_frame;
    LaSegmentNote note = {0};
    if (batch->results[i] == LA_DECODED_SEGMENT) {
      const LaSegment *at = &batch->segments[segment++];
      note = la_tracker_segment(second->tracker, at);
      if (within && belongs(second, at, &note))
        show_segment(second, &batch->packets[i], at, &note);
      continue;
    }
    la_tracker_advance(second->tracker, batch->packets[i].time);
    if (batch->results[i] != LA_DECODED_ICMP)
      continue;
    const LaIcmpError *told = &batch->icmp[icmp++];
    /* It may come after the last segment. */
    if (la_tracker_icmp(second->tracker, told, &note) && note.id == wanted->id)
      la_ladder_icmp(second->ladder, told);
  }
  LaConnection *conn;
  while ((conn = la_tracker_next(second->tracker)) != NULL)
    la_tracker_recycle(second->tracker, conn);
  la_output_settle(second->out);
  return true;
}

static LaExitCode show_story(const LaPipeline *pipeline, const Keeper *keeper)
{
  const LaOptions *options = pipeline->options;
  LaOutput *out = keeper->base.out;
  g_autoptr(GError) error = NULL;
  LaLadderOptions how = {
      .style = *keeper->style,
      .detail = options->verbosity == LA_VERBOSITY_VERBOSE ? LA_LADDER_VERBOSE : LA_LADDER_FOLDED,
      .numbers = options->numbers == LA_NUMBERS_ABSOLUTE ? LA_SEQUENCE_ABSOLUTE : LA_SEQUENCE_RELATIVE,
      .names = options->names,
  };
  g_autoptr(LaTracker) tracker = la_tracker_new(&options->track);
  la_tracker_begin_file(tracker, 1);
  g_autoptr(LaLadder) ladder = la_ladder_new(keeper->story, &how, la_output_buffer(out));
  Second second = {.keeper = keeper, .tracker = tracker, .ladder = ladder, .out = out};
  LaRereadHooks hooks = {.batches = la_ladder_wants_fields(ladder) ? LA_BATCHES_WITH_BYTES : LA_BATCHES_FULL,
                         .enough = is_unread,
                         .batch = follow_again};
  LaRereading pass = {
      .options = options, .filter = pipeline->filter, .interrupt = pipeline->interrupt, .spooled = pipeline->spooled};
  if (!la_reread(&pass, &hooks, &second, &error))
    return la_exit_tell(error);
  la_ladder_end(ladder);
  return LA_EXIT_OK;
}

/* There is not one connection to show. */
static LaExitCode tell_which(const Keeper *keeper, const LaOptions *options, GString *out)
{
  g_autoptr(GString) path = g_string_new(NULL);
  la_escape_terminal(path, g_ptr_array_index(options->words, options->words->len - 1), -1);
  if (keeper->wanted != 0) {
    if (keeper->count == 0)
      fprintf(stderr, "lastack: %s in %s\n",
              keeper->where != NULL ? "-Y holds for no connection" : "there are no TCP connections", path->str);
    else if (keeper->where != NULL)
      fprintf(stderr, "lastack: there is no connection %u for which -Y holds in %s\n", keeper->wanted, path->str);
    else
      fprintf(stderr, "lastack: there is no connection %u in %s (their numbers go up to %u)\n", keeper->wanted, path->str,
              keeper->highest);
    return LA_EXIT_USAGE;
  }
  if (keeper->count == 0) {
    g_string_append(out, keeper->where != NULL ? "No TCP connections for which -Y holds.\n" : "No TCP connections to show.\n");
    return LA_EXIT_OK;
  }
  for (unsigned i = 0; i < keeper->list->len; i++)
    g_string_append_printf(out, "%s\n", ((const Line *)g_ptr_array_index(keeper->list, i))->text);
  if (keeper->count > LISTED_MAX)
    g_string_append_printf(out, "  ... and %" G_GUINT64_FORMAT " more; lastack -v lists all\n", keeper->count - LISTED_MAX);
  LaShowCommand command;
  la_options_for_show(options, &command);
  g_autoptr(GString) line = g_string_new(NULL);
  la_show_command_say(&command, g_ptr_array_index(options->words, options->words->len - 1), keeper->story->conn.id, line);
  fprintf(stderr, "lastack: there are %" G_GUINT64_FORMAT " connections, say which: %s\n", keeper->count, line->str);
  la_show_command_clear(&command);
  return LA_EXIT_USAGE;
}

static LaExitCode show(const LaOptions *options, LaFilter *filter, LaOutput *out)
{
  g_autoptr(GError) error = NULL;
  LaStyle style = la_terminal_style(options, STDOUT_FILENO);
  Keeper keeper = {
      .base = {.format = &keeper_format, .out = out},
      .style = &style,
      .wanted = options->conn,
      .where = options->where,
      .list = g_ptr_array_new_with_free_func(free_line),
      .ids = g_byte_array_new(),
  };
  LaReport *reports[] = {&keeper.base};
  g_autoptr(LaProgress) progress = la_progress_new();
  LaPipeline pipeline = {.options = options,
                         .filter = filter,
                         .reports = reports,
                         .report_count = 1,
                         .progress = progress,
                         .spooled = LA_NOT_SPOOLED};
  LaExitCode code = LA_EXIT_OK;
  if (!la_reader_spool(options->words, options->spool_limit, &pipeline.spooled, &error)) {
    code = la_exit_tell(error);
  } else {
    pipeline.interrupt = la_interrupt_watch();
    code = la_pipeline_run(&pipeline);
    bool one = keeper.story != NULL && (keeper.wanted != 0 || keeper.count == 1);
    if (one && *pipeline.interrupt == 0) {
      code = la_exit_code_worse(code, show_story(&pipeline, &keeper));
    } else if (code == LA_EXIT_OK || code == LA_EXIT_BROKEN) {
      LaExitCode told = tell_which(&keeper, options, la_output_buffer(out));
      code = told != LA_EXIT_OK ? told : code;
    }
  }
  if (pipeline.spooled >= 0)
    close(pipeline.spooled);
  la_story_free(keeper.story);
  g_ptr_array_unref(keeper.list);
  g_byte_array_unref(keeper.ids);
  return code;
}

LaExitCode la_cmd_show(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_SHOW, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("show"));
  if (options->words->len == 0) {
    fputs("lastack: no capture given (lastack show FILE --conn N)\n", stderr);
    return LA_EXIT_USAGE;
  }
  if (options->words->len > 1 && options->files_are == LA_FILES_ONE_BY_ONE) {
    fputs("lastack: show takes one capture (or the pieces of one, with --sequence)\n", stderr);
    return LA_EXIT_USAGE;
  }
  g_autoptr(LaFilter) filter = NULL;
  if (!la_options_filter(options, &filter, &error))
    return la_exit_tell(error);
  g_autoptr(LaOutput) out = la_output_open(NULL, &error);
  if (out == NULL)
    return la_exit_tell(error);
  LaExitCode code = show(options, filter, out);
  if (!la_output_close(out, &error))
    code = la_exit_code_worse(code, la_exit_tell(error));
  return code;
}
