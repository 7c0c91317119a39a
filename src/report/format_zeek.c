/* `-o zeek`: a conn.log, one line a connection, as Zeek's ASCII writer makes it. What lastack does not know (the service spoken, which
 * networks are local, the lengths of IP packets) is unset.
 *
 * Nothing is kept: the head is written with the first connection, because only then is there a time to put into it. */
#include "base/community_id.h"
#include "report/format.h"
#include "report/zeek.h"
#include "track/measures.h"

#define UNSET "-"

static const struct {
  const char *name, *type;
} columns[] = {
    {"ts", "time"},
    {"uid", "string"},
    {"id.orig_h", "addr"},
    {"id.orig_p", "port"},
    {"id.resp_h", "addr"},
    {"id.resp_p", "port"},
    {"proto", "enum"},
    {"service", "string"},
    {"duration", "interval"},
    {"orig_bytes", "count"},
    {"resp_bytes", "count"},
    {"conn_state", "string"},
    {"local_orig", "bool"},
    {"local_resp", "bool"},
    {"missed_bytes", "count"},
    {"history", "string"},
    {"orig_pkts", "count"},
    {"orig_ip_bytes", "count"},
    {"resp_pkts", "count"},
    {"resp_ip_bytes", "count"},
    {"tunnel_parents", "set[string]"},
    {"community_id", "string"},
    {"findings", "set[string]"},
};

typedef struct {
  LaReport base;
  unsigned opened;  /* how often the output had been opened when the head was written; 0: it was not */
  LaTime from;      /* the earliest packet of the captures; LA_TIME_NONE: none */
  LaTime until;     /* the end of observation; LA_TIME_NONE: none */
  GString *history; /* (owned) */
} Report;

/* ---- values ---- */

/* Zeek's own way to write a moment of a log: 2026-11-21-02-11-46; in UTC, so that the same input makes the same bytes. */
static void append_moment(GString *out, LaTime time)
{
  char text[LA_TIME_TEXT_MAX];
  if (time == LA_TIME_NONE) {
    g_string_append(out, UNSET);
    return;
  }
  la_time_format_date(time, LA_CLOCK_UTC, text);
  g_strdelimit(text, " :", '-');
  g_string_append(out, text);
}

/* Seconds with six decimals, rounded down. */
static void append_seconds(GString *out, LaTime time)
{
  int64_t us = time / LA_USEC - (time % LA_USEC < 0 ? 1 : 0);
  uint64_t size = us < 0 ? (uint64_t)-us : (uint64_t)us;
  g_string_append_printf(out, "%s%" G_GUINT64_FORMAT ".%06u", us < 0 ? "-" : "", size / 1000000, (unsigned)(size % 1000000));
}

static void next(GString *out)
{
  g_string_append_c(out, '\t');
}

static void append_unset(GString *out)
{
  g_string_append(out, "\t" UNSET);
}

static void append_count(GString *out, uint64_t value)
{
  g_string_append_printf(out, "\t%" G_GUINT64_FORMAT, value);
}

static void append_text(GString *out, const char *text)
{
  next(out);
  g_string_append(out, text);
}

static void append_end(GString *out, const LaConnection *conn, LaSide side)
{
  char text[LA_ADDR_TEXT_MAX];
  append_text(out, la_addr_format(&conn->addr[side], (LaFamily)conn->family, text));
  append_count(out, conn->port[side]);
}

/* As Zeek does: of a connection that took no time neither length nor payload is told. */
static void append_amounts(GString *out, const LaConnection *conn)
{
  LaTime duration = la_zeek_duration(conn);
  if (duration == 0) {
    append_unset(out);
    append_unset(out);
    append_unset(out);
    return;
  }
  next(out);
  append_seconds(out, duration);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    uint64_t bytes;
    if (la_zeek_bytes(conn, (LaSide)side, &bytes))
      append_count(out, bytes);
    else
      append_unset(out);
  }
}

static bool is_told_before(const LaFindings *findings, unsigned at)
{
  for (unsigned i = 0; i < at; i++) {
    if (findings->items[i].rule == findings->items[at].rule)
      return true;
  }
  return false;
}

static void append_findings(GString *out, const LaFindings *findings)
{
  next(out);
  if (findings->count == 0)
    g_string_append(out, "(empty)");
  for (unsigned i = 0; i < findings->count; i++) {
    if (!is_told_before(findings, i))
      g_string_append_printf(out, "%s%s", i > 0 ? "," : "", findings->items[i].rule->code);
  }
}

/* ---- lines ---- */

static void write_head(Report *report, LaTime time)
{
  GString *out = la_output_buffer(report->base.out);
  g_string_append(out,
                  "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t" UNSET "\n#path\tconn\n#open\t");
  append_moment(out, time);
  g_string_append(out, "\n#fields");
  for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++)
    append_text(out, columns[i].name);
  g_string_append(out, "\n#types");
  for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++)
    append_text(out, columns[i].type);
  g_string_append_c(out, '\n');
  report->opened = la_output_times_opened(report->base.out);
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  Report *report = g_new0(Report, 1);
  report->base = (LaReport){.format = &la_format_zeek, .options = options, .out = out};
  report->from = report->until = LA_TIME_NONE;
  report->history = g_string_new(NULL);
  return &report->base;
}

static void connection(LaReport *base, const LaConnectionRecord *record)
{
  Report *report = (Report *)base;
  const LaConnection *conn = record->conn;
  if (report->opened != la_output_times_opened(base->out))
    write_head(report, la_time_is_known(conn->first_time) ? conn->first_time : LA_TIME_NONE);
  GString *out = la_output_buffer(base->out);
  char uid[LA_ZEEK_UID_MAX], community[LA_COMMUNITY_ID_MAX];
  LaHostPort client = la_connection_end(conn, LA_OPENER);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  g_string_truncate(report->history, 0);
  la_zeek_history(conn, report->history);
  if (la_time_is_known(conn->first_time))
    append_seconds(out, conn->first_time);
  else
    g_string_append(out, UNSET);
  append_text(out, la_zeek_uid(record, uid));
  append_end(out, conn, LA_OPENER);
  append_end(out, conn, LA_ACCEPTOR);
  append_text(out, "tcp");
  append_unset(out); /* service */
  append_amounts(out, conn);
  append_text(out, la_zeek_conn_state(conn, report->history->str));
  append_unset(out); /* local_orig */
  append_unset(out); /* local_resp */
  uint64_t missed;
  if (la_zeek_missed_bytes(conn, &missed))
    append_count(out, missed);
  else
    append_unset(out);
  append_text(out, report->history->len > 0 ? report->history->str : UNSET);
  append_count(out, conn->end[LA_OPENER].packets);
  append_unset(out); /* orig_ip_bytes */
  append_count(out, conn->end[LA_ACCEPTOR].packets);
  append_unset(out); /* resp_ip_bytes */
  append_unset(out); /* tunnel_parents */
  append_text(out, la_community_id(&client, &server, community));
  append_findings(out, record->findings);
  g_string_append_c(out, '\n');
  la_output_settle(base->out);
}

static void capture(LaReport *base, const LaCaptureRecord *record)
{
  Report *report = (Report *)base;
  if (record->start != LA_TIME_NONE && (report->from == LA_TIME_NONE || record->start < report->from))
    report->from = record->start;
  if (record->observed_until != LA_TIME_NONE && (report->until == LA_TIME_NONE || record->observed_until > report->until))
    report->until = record->observed_until;
}

static void end(LaReport *base, const LaCounts *counts)
{
  (void)counts;
  Report *report = (Report *)base;
  if (report->opened != la_output_times_opened(base->out))
    write_head(report, report->from);
  GString *out = la_output_buffer(base->out);
  g_string_append(out, "#close\t");
  append_moment(out, report->until);
  g_string_append_c(out, '\n');
}

static void release(LaReport *base)
{
  Report *report = (Report *)base;
  g_string_free(report->history, TRUE);
  g_free(report);
}

const LaFormat la_format_zeek = {
    .name = "zeek",
    .records = LA_RECORDS_WHOLE,
    .begin = begin,
    .connection = connection,
    .capture = capture,
    .end = end,
    .free = release,
};
