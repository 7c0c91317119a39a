/* A line is: packet, time, the client's state, the arrow, the server's state, numbers, words. The state of a side at a packet is
 * that of the last step of its path at or before it; it stands out where it changes. A state followed by '?' is likely, not proved.
 *
 * Ordinary data and its acknowledgments are held back while a run of them lasts: a short run is then written out, a long one becomes
 * one line. */
#include "report/ladder.h"

#include <string.h>

#include "base/escape.h"
#include "report/ladder_private.h"
#include "report/names.h"
#include "track/measures.h"

#define RUN_WRITTEN 6 /* a run up to so long is written out */
#define STATE_WIDTH 13
#define ARROW_WIDTH (LA_LADDER_ARROW_LABEL + 4)
#define LABEL_WIDTH 5 /* of a line of fields */

typedef struct {
  LaSegment segment;
  LaSegmentNote note;
  LaSide side;
} Held;

struct LaLadder {
  const LaStory *story;
  LaLadderOptions options;
  GString *out;
  unsigned frame_width;
  unsigned time_width;
  LaTime last_time; /* of the segment before; LA_TIME_MAX: none */
  LaLadderSide memory[LA_SIDE_N];
  /* the run that is held back */
  Held held[RUN_WRITTEN];
  uint64_t run;
  uint64_t run_data, run_acks;
  uint64_t run_bytes[LA_SIDE_N];
  uint64_t run_first, run_last; /* frames */
};

LaStory *la_story_new(const LaConnectionRecord *record)
{
  LaStory *story = g_new0(LaStory, 1);
  story->conn = *record->conn;
  story->path = g_strdup(record->path);
  story->handshake = record->handshake;
  story->teardown = record->teardown;
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    story->app_error[side] = la_connection_app_error(record->conn, (LaSide)side);
  story->findings = *record->findings;
  for (unsigned i = 0; i < record->findings->count; i++) {
    GString *sentence = g_string_new(NULL);
    la_finding_summary(&record->findings->items[i], record->conn, sentence);
    story->sentences[i] = g_string_free(sentence, FALSE);
  }
  return story;
}

void la_story_free(LaStory *story)
{
  if (story == NULL)
    return;
  for (unsigned i = 0; i < story->findings.count; i++)
    g_free(story->sentences[i]);
  g_free(story->path);
  g_free(story);
}

static unsigned digits(uint64_t value)
{
  unsigned count = 1;
  while (value >= 10) {
    value /= 10;
    count++;
  }
  return count;
}

static void head_side(const LaLadder *ladder, LaSide side, LaNameCache *names)
{
  const LaConnection *conn = &ladder->story->conn;
  const LaEndpoint *end = &conn->end[side];
  const LaStyle *style = &ladder->options.style;
  GString *out = ladder->out;
  LaHostPort address = la_connection_end(conn, side);
  g_autoptr(GString) line = g_string_new(NULL);
  if (names != NULL)
    la_name_cache_end(names, line, &address);
  else
    la_text_end(line, &address);
  g_string_append(line, ": ");
  la_text_count(line, end->packets, "packet", "packets");
  g_string_append(line, ", ");
  la_text_bytes(line, end->payload_bytes);
  if (end->steps > 0) {
    g_string_append(line, "; ");
    for (unsigned i = 0; i < end->steps && i < LA_STEPS_MAX; i++)
      g_string_append_printf(line, "%s%s%s", i > 0 ? " \u2192 " : "", la_tcp_state_name((LaTcpState)end->path[i].state),
                             end->path[i].proved_by == 0 ? "?" : "");
  }
  const char *error = la_app_error_name(ladder->story->app_error[side]);
  if (error != NULL)
    g_string_append_printf(line, "; its application saw %s", error);
  la_style_paint(style, out, LA_PAINT_DIM, la_side_name(side));
  g_string_append(out, "  ");
  la_wrap(out, line->str, &(LaWrap){.width = style->width, .used = 8, .indent = 8});
  g_string_append_c(out, '\n');
}

static void head(const LaLadder *ladder)
{
  const LaStory *story = ladder->story;
  const LaConnection *conn = &story->conn;
  const LaStyle *style = &ladder->options.style;
  GString *out = ladder->out;
  g_autoptr(GString) title = g_string_new(NULL);
  la_escape_terminal(title, strcmp(story->path, "-") == 0 ? "standard input" : story->path, -1);
  g_string_append_printf(title, ", connection %u", conn->id);
  la_style_paint(style, out, LA_PAINT_BOLD, title->str);
  g_string_append(out, ", ");
  if (la_time_is_known(conn->first_time)) {
    la_text_time(style, out, conn->first_time, LA_TIME_NONE, conn->last_time - conn->first_time);
    g_string_append_c(out, ' ');
    la_text_zone(style, out, conn->first_time);
    char span[LA_TIME_TEXT_MAX];
    g_string_append_printf(out, ", %s\n", la_span_format(MAX(conn->last_time - conn->first_time, 0), span));
  } else {
    g_string_append(out, "its packets have no times\n");
  }
  LaNameCache *names = ladder->options.names == LA_NAMES_RESOLVE ? la_name_cache_new() : NULL;
  head_side(ladder, LA_OPENER, names);
  head_side(ladder, LA_ACCEPTOR, names);
  la_name_cache_free(names);
  la_style_paint(style, out, LA_PAINT_DIM, "opened");
  g_string_append_printf(out, "  %s", la_handshake_result_name(story->handshake));
  la_style_paint(style, out, LA_PAINT_DIM, "   closed");
  g_string_append_printf(out, "  %s (%s)\n\n", la_teardown_result_name(story->teardown),
                         la_ended_by_name((LaEndedBy)conn->ended_by));

  g_autofree char *columns = g_strdup_printf("%*s %*s  %-*s%-*s %*s", (int)ladder->frame_width, "#", (int)ladder->time_width,
                                             "time", STATE_WIDTH, "client", ARROW_WIDTH, "", 0, "server");
  la_style_paint(style, out, LA_PAINT_DIM, columns);
  g_string_append_c(out, '\n');
}

/* Whole seconds and sign of the farthest step back behind the first packet; 0: none. */
static unsigned back_width(const LaConnection *conn)
{
  LaTime back = conn->first_time - conn->last_time;
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    for (unsigned i = 0; i < conn->end[side].steps && i < LA_STEPS_MAX; i++)
      back = MAX(back, conn->first_time - conn->end[side].path[i].time);
  return back > 0 ? digits((uint64_t)(back / LA_SEC)) + 1 : 0;
}

LaLadder *la_ladder_new(const LaStory *story, const LaLadderOptions *options, GString *out)
{
  LaLadder *ladder = g_new0(LaLadder, 1);
  ladder->story = story;
  ladder->options = *options;
  ladder->out = out;
  ladder->frame_width = digits(story->conn.last_frame);
  LaTime span = MAX(story->conn.last_time - story->conn.first_time, 0);
  ladder->time_width =
      options->detail == LA_LADDER_VERBOSE ? 15 : MAX(digits((uint64_t)(span / LA_SEC)), back_width(&story->conn)) + 7;
  ladder->last_time = LA_TIME_MAX;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    if ((story->conn.end[side].flags & LA_END_ISN) != 0 || options->numbers == LA_SEQUENCE_ABSOLUTE) {
      ladder->memory[side].base = options->numbers == LA_SEQUENCE_ABSOLUTE ? 0 : story->conn.end[side].isn;
      ladder->memory[side].has_base = 1;
    }
  }
  gsize from = out->len;
  head(ladder);
  la_style_reduce(&ladder->options.style, out, from);
  return ladder;
}

void la_ladder_free(LaLadder *ladder)
{
  g_free(ladder);
}

/* The step of the side's path that is in force after packet `frame`, or -1 before the first. */
static int step_at(const LaEndpoint *end, uint64_t frame)
{
  int at = -1;
  for (unsigned i = 0; i < end->steps && i < LA_STEPS_MAX; i++) {
    if (end->path[i].frame != 0 && end->path[i].frame <= frame)
      at = (int)i;
  }
  return at;
}

static void append_state(const LaLadder *ladder, LaSide side, uint64_t frame)
{
  const LaEndpoint *end = &ladder->story->conn.end[side];
  int at = step_at(end, frame);
  char text[24] = "";
  if (at >= 0)
    g_snprintf(text, sizeof text, "%s%s", la_tcp_state_name((LaTcpState)end->path[at].state),
               end->path[at].proved_by == 0 ? "?" : "");
  bool changes = at >= 0 && end->path[at].frame == frame;
  la_style_paint(&ladder->options.style, ladder->out, changes ? LA_PAINT_BOLD : LA_PAINT_DIM, text);
  la_style_pad(ladder->out, (unsigned)strlen(text), STATE_WIDTH);
}

void la_ladder_flags(GString *out, unsigned flags)
{
  static const struct {
    unsigned flag;
    const char *name;
  } names[] = {{LA_TCP_SYN, "SYN"}, {LA_TCP_FIN, "FIN"}, {LA_TCP_RST, "RST"}, {LA_TCP_PSH, "PSH"}, {LA_TCP_ACK, "ACK"},
               {LA_TCP_URG, "URG"}, {LA_TCP_ECE, "ECE"}, {LA_TCP_CWR, "CWR"}, {LA_TCP_AE, "AE"}};
  gsize from = out->len;
  for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
    if ((flags & names[i].flag) != 0)
      g_string_append_printf(out, "%s%s", out->len > from ? "," : "", names[i].name);
  }
  if (out->len == from)
    g_string_append(out, "none");
}

static void append_arrow(const LaLadder *ladder, LaSide side, const char *label)
{
  bool utf8 = ladder->options.style.charset == LA_CHARSET_UTF8;
  const char *line = utf8 ? "\u2500" : "-";
  unsigned rest = ARROW_WIDTH - 1 - (unsigned)MIN(strlen(label), LA_LADDER_ARROW_LABEL);
  unsigned near = 2;
  if (side == LA_ACCEPTOR)
    g_string_append(ladder->out, utf8 ? "\u25c0" : "<");
  for (unsigned i = 0; i < (side == LA_OPENER ? near : rest - near); i++)
    g_string_append(ladder->out, line);
  g_string_append_len(ladder->out, label, (gssize)MIN(strlen(label), LA_LADDER_ARROW_LABEL));
  for (unsigned i = 0; i < (side == LA_OPENER ? rest - near : near); i++)
    g_string_append(ladder->out, line);
  if (side == LA_OPENER)
    g_string_append(ladder->out, utf8 ? "\u25b6" : ">");
  g_string_append_c(ladder->out, ' ');
}

static void append_time(const LaLadder *ladder, LaTime time)
{
  char text[LA_TIME_TEXT_MAX];
  if (!la_time_is_known(ladder->story->conn.first_time)) {
    g_strlcpy(text, "-", sizeof text);
  } else if (ladder->options.detail == LA_LADDER_VERBOSE) {
    la_time_format_clock(time, ladder->options.style.zone, text);
  } else {
    LaTime since = time - ladder->story->conn.first_time;
    LaTime micros = (since < 0 ? -since : since) / LA_USEC;
    g_snprintf(text, sizeof text, "%s%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT, since < 0 ? "-" : "", micros / 1000000,
               micros % 1000000);
  }
  g_string_append_printf(ladder->out, " %*s  ", (int)ladder->time_width, text);
}

/* How far the columns before the numbers reach. */
static unsigned left_columns(const LaLadder *ladder)
{
  return ladder->frame_width + 1 + ladder->time_width + 2 + STATE_WIDTH + ARROW_WIDTH + 1 + STATE_WIDTH;
}

/* Frame, time, states and arrow. */
static void append_left(const LaLadder *ladder, uint64_t frame, LaTime time, LaSide side, const char *label)
{
  g_string_append_printf(ladder->out, "%*" G_GUINT64_FORMAT, (int)ladder->frame_width, frame);
  append_time(ladder, time);
  append_state(ladder, LA_OPENER, frame);
  append_arrow(ladder, side, label);
  append_state(ladder, LA_ACCEPTOR, frame);
}

/* The words, on the same line when they fit, else on lines of their own below the numbers. */
static void append_words(const LaLadder *ladder, const char *words, unsigned used, LaPaint paint)
{
  const LaStyle *style = &ladder->options.style;
  if (*words == '\0')
    return;
  unsigned indent = used + 2;
  if (used + 2 + la_style_columns(words, -1) > style->width) {
    indent = ladder->frame_width + 1 + ladder->time_width + 2 + STATE_WIDTH;
    g_string_append_printf(ladder->out, "\n%*s", (int)indent, "");
  } else {
    g_string_append(ladder->out, "  ");
  }
  g_autoptr(GString) wrapped = g_string_new(NULL);
  la_wrap(wrapped, words, &(LaWrap){.width = style->width, .used = indent, .indent = indent});
  la_style_paint(style, ladder->out, paint, wrapped->str);
}

static LaPaint paint_of(uint64_t marks)
{
  if ((marks & (LA_MARK_RST_COUNTS | LA_MARK_INVALID_FLAGS | LA_MARK_ACK_OF_UNSENT | LA_MARK_BEYOND_FIN)) != 0)
    return LA_PAINT_ERROR;
  if ((marks & (LA_MARK_RETRANSMISSION | LA_MARK_OUT_OF_WINDOW | LA_MARK_RST_IGNORED | LA_MARK_HOLE_BEFORE |
                LA_MARK_ACK_OF_UNSEEN | LA_MARK_ISN_CHANGED | LA_MARK_BAD_ACK | LA_MARK_ZERO_WINDOW | LA_MARK_FOREIGN_TTL)) !=
      0)
    return LA_PAINT_WARNING;
  return LA_PAINT_NOTE;
}

/* The lines of `text`, a label and a tab before each, below a row. */
static void append_fields(const LaLadder *ladder, const char *text)
{
  unsigned indent = ladder->frame_width + 1 + ladder->time_width + 2;
  LaWrap wrap = {.width = ladder->options.style.width, .used = indent + LABEL_WIDTH, .indent = indent + LABEL_WIDTH};
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) parts = g_strsplit(lines[i], "\t", 2);
    g_string_append_printf(ladder->out, "%*s", (int)indent, "");
    la_style_paint(&ladder->options.style, ladder->out, LA_PAINT_DIM, parts[0]);
    la_style_pad(ladder->out, (unsigned)strlen(parts[0]), LABEL_WIDTH);
    la_wrap(ladder->out, parts[1] != NULL ? parts[1] : "", &wrap);
    g_string_append_c(ladder->out, '\n');
  }
}

/* A row, without the lines of fields below it. */
static void write_row(LaLadder *ladder, const LaSegment *segment, const LaSegmentNote *note, LaSide side)
{
  const LaLadderSide *sender = &ladder->memory[side];
  const LaLadderSide *peer = &ladder->memory[LA_OTHER(side)];
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GString) words = g_string_new(NULL);
  la_ladder_words(words, segment, note, side, ladder->memory);
  la_ladder_remember(ladder->memory, segment, note, side);
  la_ladder_flags(text, segment->flags);
  append_left(ladder, segment->frame, segment->time, side, text->str);

  bool absolute = ladder->options.numbers == LA_SEQUENCE_ABSOLUTE;
  g_string_printf(text, "seq %" G_GUINT32_FORMAT, absolute ? segment->seq : segment->seq - sender->base);
  if ((segment->flags & LA_TCP_ACK) != 0)
    g_string_append_printf(text, " ack %" G_GUINT32_FORMAT, absolute ? segment->ack : segment->ack - peer->base);
  if (segment->payload_len > 0)
    g_string_append_printf(text, " len %" G_GUINT32_FORMAT, segment->payload_len);
  g_autofree char *window = g_strdup_printf(" win %u", segment->window);
  unsigned used = left_columns(ladder) + (unsigned)text->len;
  /* The window has room only where nothing more telling needs it; --verbose has it in the lines below. */
  unsigned after = words->len > 0 ? 2 + la_style_columns(words->str, -1) : 0;
  if (ladder->options.detail != LA_LADDER_VERBOSE && used + strlen(window) + after <= ladder->options.style.width)
    g_string_append(text, window);
  g_string_append(ladder->out, text->str);
  append_words(ladder, words->str, left_columns(ladder) + (unsigned)text->len, paint_of(note->marks));
  g_string_append_c(ladder->out, '\n');
}

/* Writes what is held back: packet by packet, or as one line. */
static void end_run(LaLadder *ladder)
{
  uint64_t run = ladder->run;
  ladder->run = 0;
  if (run <= RUN_WRITTEN) {
    for (unsigned i = 0; i < run; i++)
      write_row(ladder, &ladder->held[i].segment, &ladder->held[i].note, ladder->held[i].side);
    return;
  }
  g_autoptr(GString) line = g_string_new("\u2026 ");
  if (ladder->run_data > 0) {
    la_text_count(line, ladder->run_data, "data segment", "data segments");
    g_string_append(line, " (");
    for (unsigned side = 0; side < LA_SIDE_N; side++) {
      if (ladder->run_bytes[side] == 0)
        continue;
      g_string_append(line, side > 0 && ladder->run_bytes[0] > 0 ? ", " : "");
      la_text_bytes(line, ladder->run_bytes[side]);
      g_string_append_printf(line, " to the %s", la_side_name(LA_OTHER(side)));
    }
    g_string_append(line, ")");
  }
  if (ladder->run_acks > 0) {
    g_string_append(line, ladder->run_data > 0 ? " and " : "");
    la_text_count(line, ladder->run_acks, "ACK", "ACKs");
  }
  g_string_append_printf(line, ", packets %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " \u2026", ladder->run_first,
                         ladder->run_last);
  unsigned indent = ladder->frame_width + 1 + ladder->time_width + 2;
  g_string_append_printf(ladder->out, "%*s", (int)indent, "");
  la_style_paint(&ladder->options.style, ladder->out, LA_PAINT_DIM, line->str);
  g_string_append_c(ladder->out, '\n');
}

/* A segment that says nothing that a person would look at. */
static bool is_ordinary(const LaLadder *ladder, const LaSegment *segment, const LaSegmentNote *note)
{
  if (ladder->options.detail == LA_LADDER_VERBOSE || (note->marks & ~(LA_MARK_DATA | LA_MARK_ACKS_DATA)) != 0)
    return false;
  if ((segment->flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST)) != 0)
    return false;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    const LaEndpoint *end = &ladder->story->conn.end[side];
    int at = step_at(end, segment->frame);
    if (at >= 0 && end->path[at].frame == segment->frame)
      return false;
  }
  return true;
}

static void hold(LaLadder *ladder, const LaSegment *segment, const LaSegmentNote *note, LaSide side)
{
  if (ladder->run == 0) {
    ladder->run_data = ladder->run_acks = 0;
    ladder->run_bytes[0] = ladder->run_bytes[1] = 0;
    ladder->run_first = segment->frame;
  }
  if (ladder->run < RUN_WRITTEN)
    ladder->held[ladder->run] = (Held){.segment = *segment, .note = *note, .side = side};
  if (ladder->run == RUN_WRITTEN) {
    /* It will not be written out: what the held ones would have told later lines is remembered now. */
    for (unsigned i = 0; i < RUN_WRITTEN; i++)
      la_ladder_remember(ladder->memory, &ladder->held[i].segment, &ladder->held[i].note, ladder->held[i].side);
  }
  if (ladder->run >= RUN_WRITTEN)
    la_ladder_remember(ladder->memory, segment, note, side);
  ladder->run++;
  if (segment->payload_len > 0)
    ladder->run_data++;
  else
    ladder->run_acks++;
  ladder->run_bytes[side] += segment->payload_len;
  ladder->run_last = segment->frame;
}

bool la_ladder_wants_fields(const LaLadder *ladder)
{
  return ladder->options.detail == LA_LADDER_VERBOSE;
}

void la_ladder_segment(LaLadder *ladder, const LaSegment *segment, const LaSegmentNote *note, const LaHeaderFields *fields)
{
  const LaConnection *conn = &ladder->story->conn;
  /* By the final roles, which may differ from those of that moment. */
  bool from_opener = la_addr_equal(&segment->src, &conn->addr[LA_OPENER]) && segment->src_port == conn->port[LA_OPENER];
  LaSide side = from_opener ? LA_OPENER : LA_ACCEPTOR;
  /* The mark stands on every packet until the clock has caught up: told where time steps back. */
  LaSegmentNote told = *note;
  if (segment->time >= ladder->last_time)
    told.marks &= ~(uint64_t)LA_MARK_TIME_WENT_BACK;
  ladder->last_time = segment->time;
  note = &told;
  gsize from = ladder->out->len;
  if (is_ordinary(ladder, segment, note)) {
    hold(ladder, segment, note, side);
  } else {
    end_run(ladder);
    write_row(ladder, segment, note, side);
    if (la_ladder_wants_fields(ladder) && fields != NULL) {
      g_autoptr(GString) text = g_string_new(NULL);
      la_ladder_fields(text, segment, fields, &ladder->memory[LA_OTHER(side)], conn->end[side].wscale);
      append_fields(ladder, text->str);
    }
  }
  la_style_reduce(&ladder->options.style, ladder->out, from);
}

void la_ladder_icmp(LaLadder *ladder, const LaIcmpError *icmp)
{
  const LaConnection *conn = &ladder->story->conn;
  bool to_opener = la_addr_equal(&icmp->quoted_src, &conn->addr[LA_OPENER]) && icmp->quoted_src_port == conn->port[LA_OPENER];
  gsize from = ladder->out->len;
  end_run(ladder);
  append_left(ladder, icmp->frame, icmp->time, to_opener ? LA_ACCEPTOR : LA_OPENER, "ICMP");
  char address[LA_ADDR_TEXT_MAX];
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_printf(text, "type %u code %u", icmp->type, icmp->code);
  g_string_append(ladder->out, text->str);
  unsigned used = left_columns(ladder) + (unsigned)text->len;
  g_string_printf(text, "error from %s", la_addr_format(&icmp->reporter, (LaFamily)icmp->family, address));
  if (icmp->mtu != 0)
    g_string_append_printf(text, ", MTU %" G_GUINT32_FORMAT, icmp->mtu);
  append_words(ladder, text->str, used, LA_PAINT_WARNING);
  g_string_append_c(ladder->out, '\n');
  if (la_ladder_wants_fields(ladder)) {
    g_string_truncate(text, 0);
    la_ladder_icmp_fields(text, icmp, &ladder->memory[to_opener ? LA_OPENER : LA_ACCEPTOR]);
    append_fields(ladder, text->str);
  }
  la_style_reduce(&ladder->options.style, ladder->out, from);
}

void la_ladder_end(LaLadder *ladder)
{
  static const LaPaint paints[LA_SEVERITY_N] = {LA_PAINT_NOTE, LA_PAINT_WARNING, LA_PAINT_ERROR};
  const LaStory *story = ladder->story;
  const LaStyle *style = &ladder->options.style;
  GString *out = ladder->out;
  gsize from = out->len;
  end_run(ladder);
  g_string_append_c(out, '\n');
  if (story->findings.count == 0)
    g_string_append(out, "No findings.\n");
  for (unsigned i = 0; i < story->findings.count; i++) {
    const LaFinding *finding = &story->findings.items[i];
    const char *severity = la_severity_name((LaSeverity)finding->severity);
    la_style_paint(style, out, paints[finding->severity], severity);
    la_style_pad(out, (unsigned)strlen(severity), 8);
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "%s, blame %s (%s): %s", finding->rule->code, la_blame_name((LaBlame)finding->blame),
                           la_confidence_name((LaConfidence)finding->confidence), story->sentences[i]);
    if (finding->packet_count > 0) {
      g_string_append(line, finding->packet_count > 1 ? " Packets" : " Packet");
      for (unsigned p = 0; p < finding->packet_count; p++)
        g_string_append_printf(line, "%s %" G_GUINT64_FORMAT, p > 0 ? "," : "", finding->packets[p]);
      g_string_append(line, finding->packets_total > finding->packet_count ? " and more." : ".");
    }
    la_wrap(out, line->str, &(LaWrap){.width = style->width, .used = 8, .indent = 8});
    g_string_append_c(out, '\n');
  }
  la_style_reduce(style, out, from);
}
