/* A row of the field table is a column when it is read from a connection, holds no more than one value or a list of words, and repeats no
 * other. Lists of numbers, sentences and facts stand in the records (ndjson), where they have a structure. */
#include "select/columns.h"

#include <string.h>

#include "select/field.h"

struct LaColumns {
  GPtrArray *rows; /* of LaFieldRow (static) */
};

static bool is_column(const LaFieldRow *row)
{
  if (row->read == NULL || (row->kinds & LA_FIELD_CONNECTION) == 0)
    return false;
  if (row->shape == LA_FIELD_SCALAR)
    return true;
  if (row->type == LA_TYPE_WORD)
    return strcmp(row->name, "findings.blame_also") != 0; /* several to a finding: which is whose could not be told */
  return strcmp(row->name, "encapsulation") == 0;
}

LaColumns *la_columns_new(void)
{
  LaColumns *columns = g_new(LaColumns, 1);
  columns->rows = g_ptr_array_new();
  const LaFieldRow *row;
  for (unsigned i = 0; (row = la_field_row(i)) != NULL; i++) {
    if (is_column(row))
      g_ptr_array_add(columns->rows, (gpointer)(guintptr)row);
  }
  return columns;
}

void la_columns_free(LaColumns *columns)
{
  if (columns == NULL)
    return;
  g_ptr_array_unref(columns->rows);
  g_free(columns);
}

unsigned la_columns_count(const LaColumns *columns)
{
  return columns->rows->len;
}

const char *la_columns_name(const LaColumns *columns, unsigned n)
{
  return ((const LaFieldRow *)g_ptr_array_index(columns->rows, n))->name;
}

static void append_value(const LaFieldRow *row, const LaValue *value, GString *out)
{
  char text[LA_TIME_TEXT_MAX];
  switch (row->type) {
  case LA_TYPE_NUMBER:
  case LA_TYPE_BYTES:
  case LA_TYPE_PORT: g_string_append_printf(out, "%" G_GINT64_FORMAT, value->number); return;
  case LA_TYPE_SPAN: g_string_append(out, la_span_format_seconds(value->number, text)); return;
  default: la_value_text(value, row->type, row->words, out);
  }
}

void la_columns_append(const LaColumns *columns, unsigned n, const LaCandidate *connection, GString *out)
{
  const LaFieldRow *row = g_ptr_array_index(columns->rows, n);
  LaValue value;
  for (unsigned at = 0; la_field_value(connection, row, at, &value); at++) {
    if (at > 0)
      g_string_append_c(out, ' ');
    append_value(row, &value, out);
    la_value_clear(&value);
    if (row->shape == LA_FIELD_SCALAR)
      return;
  }
}
