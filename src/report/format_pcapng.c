/* `-o pcapng`: the packets again, with comments on those that are evidence. Here only the comments are collected: who reads captures writes
 * the packets, in a second pass, since what a packet is evidence of is known when its connection has finished, long after it has gone by.
 *
 * A sentence is kept once for each finding, and sixteen bytes for each of its packets. Their number is bounded, and notes may use no more
 * than half of it. The second pass goes through the packets in the order in which the remarks are sorted, so a cursor that only moves
 * forward finds them. */
#include "report/remarks.h"

#include "diagnose/rule.h"

/* A finding that is spoken of. */
typedef struct {
  const char *code; /* (borrowed from the rule) */
  char *sentence;   /* (owned) */
  uint64_t written; /* the number of its first packet in the file that is written; 0: not yet */
  uint32_t conn;    /* 0: a host's */
  uint16_t file;    /* the connection's capture, from 1 */
  uint8_t severity;
} Said;

typedef struct {
  uint64_t frame;
  uint32_t said;
  uint32_t file;
} Remark;

struct LaRemarks {
  GArray *said;     /* of Said */
  GArray *remarks;  /* of Remark */
  GArray *observed; /* of LaTime, by capture */
  LaFrames frames;
  uint64_t left_out;
  guint next;          /* of `remarks`, while they are asked for */
  GPtrArray *comments; /* of char *: the latest answer */
};

typedef struct {
  LaReport base;
  LaRemarks *remarks; /* (owned) */
} PacketReport;

static void clear_said(gpointer data)
{
  g_free(((Said *)data)->sentence);
}

static LaRemarks *remarks_new(void)
{
  LaRemarks *remarks = g_new0(LaRemarks, 1);
  remarks->said = g_array_new(FALSE, FALSE, sizeof(Said));
  g_array_set_clear_func(remarks->said, clear_said);
  remarks->remarks = g_array_new(FALSE, FALSE, sizeof(Remark));
  remarks->observed = g_array_new(FALSE, FALSE, sizeof(LaTime));
  remarks->comments = g_ptr_array_new_with_free_func(g_free);
  return remarks;
}

static void remarks_free(LaRemarks *remarks)
{
  g_array_unref(remarks->said);
  g_array_unref(remarks->remarks);
  g_array_unref(remarks->observed);
  g_ptr_array_unref(remarks->comments);
  g_free(remarks);
}

/* Whether the packets of a finding find room; counts them when not. */
static bool has_room(LaRemarks *remarks, const LaFinding *finding)
{
  guint most = finding->severity == LA_SEVERITY_NOTE ? LA_REMARKS_MAX / 2 : LA_REMARKS_MAX;
  if (remarks->remarks->len + finding->packet_count <= most)
    return true;
  remarks->left_out += finding->packet_count;
  return false;
}

/* `sentence` (transfer full). */
static void add(LaRemarks *remarks, const LaFinding *finding, Said said, GString *sentence)
{
  said.code = finding->rule->code;
  said.severity = finding->severity;
  said.sentence = g_string_free(sentence, FALSE);
  unsigned file = finding->file != 0 ? finding->file : said.file;
  for (unsigned i = 0; i < finding->packet_count; i++) {
    Remark remark = {.frame = finding->packets[i], .said = remarks->said->len, .file = file};
    g_array_append_val(remarks->remarks, remark);
  }
  g_array_append_val(remarks->said, said);
}

static void connection(LaReport *report, const LaConnectionRecord *record)
{
  LaRemarks *remarks = la_report_remarks(report);
  for (unsigned i = 0; i < record->findings->count; i++) {
    const LaFinding *finding = &record->findings->items[i];
    if (finding->packet_count == 0 || !has_room(remarks, finding))
      continue;
    GString *sentence = g_string_new(NULL);
    la_finding_summary(finding, record->conn, sentence);
    add(remarks, finding, (Said){.conn = record->conn->id, .file = (uint16_t)record->file}, sentence);
  }
}

static void host(LaReport *report, const LaHostRecord *record)
{
  LaRemarks *remarks = la_report_remarks(report);
  for (unsigned i = 0; i < record->finding_count; i++) {
    const LaFinding *finding = &record->findings[i];
    if (finding->packet_count == 0 || !has_room(remarks, finding))
      continue;
    GString *sentence = g_string_new(NULL);
    la_host_finding_summary(finding, &record->subject, sentence);
    add(remarks, finding, (Said){.file = 1}, sentence);
  }
}

static void capture(LaReport *report, const LaCaptureRecord *record)
{
  static const LaTime none = LA_TIME_NONE;
  GArray *observed = la_report_remarks(report)->observed;
  while (observed->len < record->file)
    g_array_append_val(observed, none);
  g_array_index(observed, LaTime, record->file - 1) = record->observed_until;
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  PacketReport *report = g_new0(PacketReport, 1);
  report->base = (LaReport){.format = &la_format_pcapng, .options = options, .out = out};
  report->remarks = remarks_new();
  return &report->base;
}

static void release(LaReport *report)
{
  remarks_free(((PacketReport *)report)->remarks);
  g_free(report);
}

LaRemarks *la_report_remarks(LaReport *report)
{
  g_assert(report->format == &la_format_pcapng);
  return ((PacketReport *)report)->remarks;
}

uint64_t la_remarks_left_out(const LaRemarks *remarks)
{
  return remarks->left_out;
}

static int compare(gconstpointer a, gconstpointer b)
{
  const Remark *one = a;
  const Remark *other = b;
  if (one->file != other->file)
    return one->file < other->file ? -1 : 1;
  if (one->frame != other->frame)
    return one->frame < other->frame ? -1 : 1;
  return one->said < other->said ? -1 : one->said > other->said;
}

void la_remarks_sort(LaRemarks *remarks, LaFrames frames)
{
  remarks->frames = frames;
  for (guint i = 0; frames == LA_FRAMES_GO_ON && i < remarks->remarks->len; i++)
    g_array_index(remarks->remarks, Remark, i).file = 1;
  g_array_sort(remarks->remarks, compare);
}

/* "conn 12 of file 2", without the file when ids do not begin anew in each; nothing for a host's. */
static void append_conn(const LaRemarks *remarks, const Said *said, GString *out)
{
  if (said->conn == 0)
    return;
  g_string_append_printf(out, "conn %u", said->conn);
  if (remarks->frames == LA_FRAMES_BY_FILE && remarks->observed->len > 1)
    g_string_append_printf(out, " of file %u", said->file);
}

static char *comment_of(const LaRemarks *remarks, Said *said, const LaRemarked *packet)
{
  GString *out = g_string_new(NULL);
  g_autoptr(GString) aside = g_string_new(NULL);
  append_conn(remarks, said, aside);
  if (said->written == 0) {
    said->written = packet->number;
    if (packet->number != packet->frame)
      g_string_append_printf(aside, "%snumbers of packets are those of the input, where this was %" G_GUINT64_FORMAT,
                             aside->len > 0 ? "; " : "", packet->frame);
    g_string_append_printf(out, "[%s] %s: %s", la_severity_name((LaSeverity)said->severity), said->code, said->sentence);
    if (aside->len > 0)
      g_string_append_printf(out, " (%s)", aside->str);
  } else {
    g_string_append(out, said->code);
    if (aside->len > 0)
      g_string_append_printf(out, " (%s)", aside->str);
    g_string_append_printf(out, ": see packet %" G_GUINT64_FORMAT, said->written);
  }
  return g_string_free(out, FALSE);
}

const GPtrArray *la_remarks_of(LaRemarks *remarks, const LaRemarked *packet)
{
  g_ptr_array_set_size(remarks->comments, 0);
  for (; remarks->next < remarks->remarks->len; remarks->next++) {
    const Remark *remark = &g_array_index(remarks->remarks, Remark, remarks->next);
    if (remark->file > packet->file || (remark->file == packet->file && remark->frame > packet->frame))
      break;
    if (remark->file != packet->file || remark->frame != packet->frame)
      continue;
    g_ptr_array_add(remarks->comments, comment_of(remarks, &g_array_index(remarks->said, Said, remark->said), packet));
  }
  return remarks->comments->len > 0 ? remarks->comments : NULL;
}

LaTime la_remarks_observed(const LaRemarks *remarks, unsigned file)
{
  return file <= remarks->observed->len ? g_array_index(remarks->observed, LaTime, file - 1) : LA_TIME_NONE;
}

const LaFormat la_format_pcapng = {
    .name = "pcapng",
    .records = LA_RECORDS_BRIEF,
    .rereads = true,
    .begin = begin,
    .connection = connection,
    .host = host,
    .capture = capture,
    .free = release,
};
