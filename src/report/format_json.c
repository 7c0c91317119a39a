/* `-o json`: one document for tools that want one: the records of `-o ndjson`, the connections, hosts and captures in an array each, as they
 * come. Nothing is kept here either. */
#include "report/format.h"
#include "report/ndjson.h"

typedef enum {
  BEFORE,
  CONNECTIONS,
  HOSTS,
  CAPTURES,
  ARRAYS_N,
} Part;

typedef struct {
  LaReport base;
  LaJson json; /* into the output's buffer, which stays the same */
  Part part;
} Document;

/* Closes what is open and opens the arrays up to that of `part`: each is there, empty or not. */
static void go_to(Document *document, Part part)
{
  static const char *const names[ARRAYS_N] = {[CONNECTIONS] = "connections", [HOSTS] = "hosts", [CAPTURES] = "captures"};
  while (document->part != part) {
    if (document->part != BEFORE)
      la_json_end_array(&document->json);
    if (++document->part == ARRAYS_N)
      return;
    la_json_key(&document->json, names[document->part]);
    la_json_begin_array(&document->json);
  }
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  Document *document = g_new(Document, 1);
  *document = (Document){.base = {.format = &la_format_json, .options = options, .out = out}};
  la_json_init(&document->json, la_output_buffer(out));
  la_json_begin_object(&document->json);
  la_json_key(&document->json, "schema");
  la_json_string(&document->json, LA_SCHEMA);
  if (options->run != NULL)
    g_string_append_printf(la_output_buffer(out), ",%s", options->run);
  return &document->base;
}

/* Where the next record goes. */
static LaJson *next(LaReport *report, Part part)
{
  Document *document = (Document *)(void *)report;
  go_to(document, part);
  return &document->json;
}

/* A line a record: no line of the document is longer than one of ndjson. */
static void end_record(LaReport *report)
{
  g_string_append_c(la_output_buffer(report->out), '\n');
  la_output_settle(report->out);
}

static void connection(LaReport *report, const LaConnectionRecord *record)
{
  la_json_connection(next(report, CONNECTIONS), record);
  end_record(report);
}

static void host(LaReport *report, const LaHostRecord *record)
{
  la_json_host(next(report, HOSTS), record);
  end_record(report);
}

static void capture(LaReport *report, const LaCaptureRecord *record)
{
  la_json_capture(next(report, CAPTURES), record);
  end_record(report);
}

static void end(LaReport *report, const LaCounts *counts)
{
  LaJson *json = next(report, ARRAYS_N);
  la_json_key(json, "summary");
  la_json_summary(json, counts);
  la_json_end_object(json);
  end_record(report);
}

static void release(LaReport *report)
{
  g_free(report);
}

const LaFormat la_format_json = {
    .name = "json",
    .begin = begin,
    .connection = connection,
    .host = host,
    .capture = capture,
    .end = end,
    .free = release,
};
