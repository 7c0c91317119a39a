/* `-o csv`: a table for spreadsheets, SQLite, pandas: one row a connection, the columns named as the fields of expressions (RFC 4180, but
 * lines end as everywhere else on the system). */
#include <string.h>

#include "report/format.h"
#include "select/columns.h"

typedef struct {
  LaReport base;
  LaColumns *columns; /* (owned) */
  GString *cell;      /* (owned) */
} Csv;

static void append_cell(GString *out, const GString *cell)
{
  if (strpbrk(cell->str, ",\"\r\n") == NULL) {
    g_string_append_len(out, cell->str, (gssize)cell->len);
    return;
  }
  g_string_append_c(out, '"');
  for (const char *at = cell->str; *at != '\0'; at++) {
    if (*at == '"')
      g_string_append_c(out, '"');
    g_string_append_c(out, *at);
  }
  g_string_append_c(out, '"');
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  Csv *csv = g_new(Csv, 1);
  *csv = (Csv){.base = {.format = &la_format_csv, .options = options, .out = out},
               .columns = la_columns_new(),
               .cell = g_string_new(NULL)};
  GString *line = la_output_buffer(out);
  for (unsigned n = 0; n < la_columns_count(csv->columns); n++)
    g_string_append_printf(line, "%s%s", n > 0 ? "," : "", la_columns_name(csv->columns, n));
  g_string_append_c(line, '\n');
  return &csv->base;
}

static void connection(LaReport *report, const LaConnectionRecord *record)
{
  Csv *csv = (Csv *)(void *)report;
  GString *line = la_output_buffer(report->out);
  LaCandidate candidate = {.file = record->file, .conn = record->conn, .findings = record->findings};
  for (unsigned n = 0; n < la_columns_count(csv->columns); n++) {
    if (n > 0)
      g_string_append_c(line, ',');
    g_string_truncate(csv->cell, 0);
    la_columns_append(csv->columns, n, &candidate, csv->cell);
    append_cell(line, csv->cell);
  }
  g_string_append_c(line, '\n');
  la_output_settle(report->out);
}

static void release(LaReport *report)
{
  Csv *csv = (Csv *)(void *)report;
  la_columns_free(csv->columns);
  g_string_free(csv->cell, TRUE);
  g_free(csv);
}

const LaFormat la_format_csv = {
    .name = "csv",
    .begin = begin,
    .connection = connection,
    .free = release,
};
