/* The worst connections as ladders, drawn in the one pass there is: from the connection's timeline, which holds what opened and closed it
 * and what was unusual, not ordinary data. A connection is drawn when it comes and is among the worst so far; at most a few of one code, so
 * that a hundred alike do not hide the others. */
#include "report/html.h"

#include <string.h>

#include "base/escape.h"
#include "diagnose/rule.h"
#include "report/ladder_private.h"
#include "track/measures.h"

#define OF_A_CODE 3

void la_html_ladder_free(gpointer data)
{
  LaHtmlLadder *ladder = data;
  g_free(ladder->html);
  g_free(ladder);
}

/* Where a connection with this worst finding goes: an index, or LA_HTML_LADDERS_MAX when it is none of the worst. */
static unsigned place_of(const LaHtmlReport *report, const LaFinding *worst)
{
  unsigned alike = 0;
  unsigned at = report->ladders->len;
  for (unsigned i = 0; i < report->ladders->len; i++) {
    const LaHtmlLadder *other = g_ptr_array_index(report->ladders, i);
    if (other->rule == worst->rule && other->severity == worst->severity)
      alike++;
    if (other->severity < worst->severity && i < at)
      at = i;
  }
  return alike < OF_A_CODE ? at : LA_HTML_LADDERS_MAX;
}

/* The step of the side's path in force after packet `frame`, or NULL before the first. */
static const LaStep *step_at(const LaEndpoint *end, uint64_t frame)
{
  const LaStep *at = NULL;
  for (unsigned i = 0; i < end->steps && i < LA_STEPS_MAX; i++) {
    if (end->path[i].frame != 0 && end->path[i].frame <= frame)
      at = &end->path[i];
  }
  return at;
}

static void append_state(GString *out, const LaEndpoint *end, const char *place, uint64_t frame)
{
  const LaStep *step = step_at(end, frame);
  g_string_append_printf(out, "<td class=\"%s%s\">", place, step != NULL && step->frame == frame ? " now" : "");
  if (step != NULL)
    g_string_append_printf(out, "%s%s", la_tcp_state_name((LaTcpState)step->state), step->proved_by == 0 ? "?" : "");
  g_string_append(out, "</td>");
}

static bool is_evidence(const LaFindings *findings, uint64_t frame)
{
  for (unsigned i = 0; i < findings->count; i++) {
    const LaFinding *finding = &findings->items[i];
    for (unsigned k = 0; finding->severity > LA_SEVERITY_NOTE && k < finding->packet_count; k++) {
      if (finding->packets[k] == frame)
        return true;
    }
  }
  return false;
}

static void append_arrow(GString *out, const LaMoment *moment)
{
  g_autoptr(GString) label = g_string_new(NULL);
  if ((moment->marks & LA_MARK_ICMP) != 0)
    g_string_append_printf(label, "ICMP %u/%u", moment->flags >> 8, moment->flags & 0xff);
  else
    la_ladder_flags(label, moment->flags);
  if (moment->payload_len > 0) {
    g_string_append(label, ", ");
    la_text_bytes(label, moment->payload_len);
  }
  bool right = (moment->side == LA_OPENER) == ((moment->marks & LA_MARK_ICMP) == 0);
  g_string_append_printf(out, "<td class=\"arrow\"><div class=\"line\">%s<i></i>&#160;<b>%s</b>&#160;<i></i>%s</div></td>",
                         right ? "" : "\u25c0", label->str, right ? "\u25b6" : "");
}

/* The first packet that carried what `moment` sends again; 0: none that is kept. */
static uint64_t first_sending(const LaConnection *conn, const LaMoment *moment)
{
  for (unsigned i = 0; i < conn->moments_used && (moment->marks & (LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE)) != 0; i++) {
    const LaMoment *other = la_connection_moment(conn, i);
    if (other->frame >= moment->frame)
      break;
    if (other->side == moment->side && other->seq == moment->seq && other->payload_len == moment->payload_len &&
        ((other->flags ^ moment->flags) & (LA_TCP_SYN | LA_TCP_FIN)) == 0 && (other->marks & LA_MARK_ICMP) == 0)
      return other->frame;
  }
  return 0;
}

/* A row of the ladder; `memory` knows the rows above. */
static void append_moment(GString *out, const LaConnectionRecord *record, const LaMoment *moment, LaLadderSide *memory)
{
  const LaConnection *conn = record->conn;
  g_string_append_printf(out, "<tr%s><td class=\"n\">%" G_GUINT64_FORMAT "</td><td class=\"n\">",
                         is_evidence(record->findings, moment->frame) ? " class=\"proof\"" : "", moment->frame);
  if (la_time_is_known(conn->first_time))
    g_string_append_printf(out, "%.6f</td>", (double)(moment->time - conn->first_time) / (double)LA_SEC);
  else
    g_string_append(out, "-</td>");
  append_state(out, &conn->end[LA_OPENER], "c", moment->frame);
  append_arrow(out, moment);
  append_state(out, &conn->end[LA_ACCEPTOR], "s", moment->frame);
  g_string_append(out, "<td class=\"words\">");
  if ((moment->marks & LA_MARK_ICMP) == 0) {
    LaSegment segment = {.frame = moment->frame,
                         .time = moment->time,
                         .seq = moment->seq,
                         .ack = moment->ack,
                         .payload_len = moment->payload_len,
                         .flags = moment->flags};
    LaSegmentNote note = {.marks = moment->marks, .repeats_frame = first_sending(conn, moment)};
    g_autoptr(GString) words = g_string_new(NULL);
    la_ladder_words(words, &segment, &note, (LaSide)moment->side, memory);
    la_html_text(out, words->str);
    la_ladder_remember(memory, &segment, &note, (LaSide)moment->side);
  }
  g_string_append(out, "</td></tr>\n");
}

static void append_head(const LaHtmlReport *report, GString *out, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  LaHostPort client = la_connection_end(conn, LA_OPENER);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  char span[LA_TIME_TEXT_MAX];
  const char *word = la_severity_name((LaSeverity)record->findings->items[0].severity);
  g_string_append_printf(out, "<article class=\"is-%s\"><h3>", word);
  g_autoptr(GString) ends = g_string_new(NULL);
  la_text_service(&report->text, ends, &client);
  g_string_append(ends, " \u2192 ");
  la_text_service(&report->text, ends, &server);
  la_html_text(out, ends->str);
  g_string_append_printf(out, "</h3>\n<p class=\"dim\">connection %u of ", conn->id);
  la_html_text(out, strcmp(record->path, "-") == 0 ? "standard input" : record->path);
  g_string_append(out, ", ");
  if (la_time_is_known(conn->first_time)) {
    la_html_time(report, out, conn->first_time, LA_TIME_NONE, conn->last_time - conn->first_time);
    g_string_append_printf(out, ", %s, ", la_span_format(MAX(conn->last_time - conn->first_time, 0), span));
  }
  la_text_count(out, conn->end[0].packets + conn->end[1].packets, "packet", "packets");
  g_string_append_printf(out, "; opened %s, closed %s</p>\n", la_handshake_result_name(record->handshake),
                         la_teardown_result_name(record->teardown));
  for (unsigned i = 0; i < record->findings->count; i++) {
    const LaFinding *finding = &record->findings->items[i];
    const char *severity = la_severity_name((LaSeverity)finding->severity);
    g_autoptr(GString) sentence = g_string_new(NULL);
    la_finding_summary(finding, conn, sentence);
    g_string_append_printf(out, "<p><span class=\"badge %s\">%s</span> <code>%s</code> ", severity, severity,
                           finding->rule->code);
    la_html_text(out, sentence->str);
    g_string_append(out, "</p>\n");
  }
}

static char *draw(const LaHtmlReport *report, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  GString *out = g_string_new(NULL);
  append_head(report, out, record);
  g_string_append(out, "<div class=\"wide\"><table class=\"ladder\"><thead><tr><th class=\"n\">#</th><th class=\"n\">s</th>"
                       "<th class=\"n\">client</th><th></th><th>server</th><th></th></tr></thead><tbody>\n");
  g_autofree LaLadderSide *memory = g_new0(LaLadderSide, LA_SIDE_N);
  for (unsigned i = 0; i < conn->moments_used; i++) {
    if (i == LA_MOMENTS_HEAD && conn->moments_total > conn->moments_used)
      g_string_append_printf(out,
                             "<tr><td></td><td></td><td></td><td class=\"dim\">... %" G_GUINT64_FORMAT
                             " more ...</td><td></td><td></td></tr>\n",
                             conn->moments_total - conn->moments_used);
    append_moment(out, record, la_connection_moment(conn, i), memory);
  }
  g_string_append(out, "</tbody></table></div>\n</article>\n");
  return g_string_free(out, FALSE);
}

void la_html_keep_ladder(LaHtmlReport *report, const LaConnectionRecord *record)
{
  if (record->findings->count == 0 || record->findings->items[0].severity == LA_SEVERITY_NOTE ||
      record->conn->moments_used == 0)
    return;
  const LaFinding *worst = &record->findings->items[0];
  unsigned at = place_of(report, worst);
  if (at >= LA_HTML_LADDERS_MAX)
    return;
  LaHtmlLadder *ladder = g_new(LaHtmlLadder, 1);
  *ladder = (LaHtmlLadder){.html = draw(report, record), .rule = worst->rule, .severity = worst->severity};
  g_ptr_array_insert(report->ladders, (gint)at, ladder);
  if (report->ladders->len > LA_HTML_LADDERS_MAX)
    g_ptr_array_remove_index(report->ladders, LA_HTML_LADDERS_MAX);
}

void la_html_ladders(const LaHtmlReport *report, GString *out)
{
  if (report->ladders->len == 0)
    return;
  g_string_append(
      out, "<h2>The worst connections</h2>\n<p class=\"dim\">Packets that opened or closed them and those that are unusual; "
           "ordinary data is left out (<code>lastack show</code> has it). Packets of evidence are shaded. A state with ? is "
           "assumed: no packet proves it.</p>\n");
  for (unsigned i = 0; i < report->ladders->len; i++)
    g_string_append(out, ((const LaHtmlLadder *)g_ptr_array_index(report->ladders, i))->html);
}
