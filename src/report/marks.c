/* Two kinds of files, told apart by their first character: XML begins with a '<'.
 *
 * A mark lasts until the next one, a case of a JUnit file for as long as it says. The cases of a suite run one after the other, so
 * that without timestamps of their own each begins when the one before has ended. What is asked for is the last test to begin
 * before a moment and not over by then; times of JUnit files are rounded to seconds or milliseconds, so a test that has just
 * ended is still taken when there is no other. */
#include "report/marks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define ROUNDING LA_SEC /* how far a JUnit file's times may be off */

typedef struct {
  LaTime from, to;
  guint order;
  char *name; /* (owned) */
} Mark;

struct LaMarks {
  GArray *marks; /* of Mark, by `from` */
};

static void clear_mark(gpointer data)
{
  g_free(((Mark *)data)->name);
}

static void add(LaMarks *marks, LaTime from, LaTime to, const char *name)
{
  Mark mark = {.from = from, .to = to, .order = marks->marks->len, .name = g_strdup(name)};
  g_array_append_val(marks->marks, mark);
}

/* ---- lines ---- */

static gboolean read_lines(LaMarks *marks, char *text, const char *path, GError **error)
{
  unsigned number = 0;
  for (char *line = text; line != NULL;) {
    char *end = strchr(line, '\n');
    char *next = end != NULL ? end + 1 : NULL;
    if (end != NULL)
      *end = '\0';
    number++;
    line = g_strstrip(line);
    if (*line != '\0' && *line != '#') {
      size_t len = strcspn(line, " \t");
      const char *name = line + len + strspn(line + len, " \t");
      g_autofree char *moment = g_strndup(line, len);
      LaTime time;
      if (!la_time_parse(moment, &time) || *name == '\0' || marks->marks->len == LA_MARKS_MAX) {
        la_error_set(error, LA_ERROR_USAGE,
                     "%s:%u: a mark is TIME NAME, the time in RFC 3339 or seconds since the epoch, not '%s'", path, number,
                     line);
        return FALSE;
      }
      add(marks, time, LA_TIME_MAX, name);
    }
    line = next;
  }
  return TRUE;
}

/* ---- JUnit ---- */

typedef struct {
  LaMarks *marks;
  LaTime next; /* when the suite's next case begins; LA_TIME_NONE: not known */
} Reader;

static const char *attribute(const char **names, const char **values, const char *name)
{
  for (unsigned i = 0; names[i] != NULL; i++) {
    if (strcmp(names[i], name) == 0)
      return values[i];
  }
  return NULL;
}

/* Seconds with a fraction, perhaps with commas between thousands. */
static LaTime read_span(const char *text)
{
  g_autofree char *plain = g_strdup(text != NULL ? text : "0");
  char *to = plain;
  for (const char *from = plain; *from != '\0'; from++) {
    if (*from != ',')
      *to++ = *from;
  }
  *to = '\0';
  LaTime span;
  return strspn(plain, "0123456789.") == strlen(plain) && la_span_parse(plain, &span) ? span : 0;
}

static void start_element(GMarkupParseContext *context, const char *element, const char **names, const char **values,
                          gpointer data, GError **error)
{
  (void)context;
  Reader *reader = data;
  LaTime stamp;
  const char *text = attribute(names, values, "timestamp");
  gboolean stamped = text != NULL && la_time_parse(text, &stamp);
  if (strcmp(element, "testsuite") == 0 && stamped) {
    reader->next = stamp;
    return;
  }
  if (strcmp(element, "testcase") != 0)
    return;
  LaTime from = stamped ? stamp : reader->next;
  if (from == LA_TIME_NONE)
    return;
  if (reader->marks->marks->len == LA_MARKS_MAX) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "more than %u cases", LA_MARKS_MAX);
    return;
  }
  const char *class = attribute(names, values, "classname");
  const char *name = attribute(names, values, "name");
  g_autofree char *full = g_strdup_printf("%s%s%s", class != NULL ? class : "", class != NULL && *class != '\0' ? "." : "",
                                          name != NULL ? name : "?");
  LaTime to = la_time_add(from, read_span(attribute(names, values, "time")));
  reader->next = to;
  add(reader->marks, from, to, full);
}

static gboolean read_junit(LaMarks *marks, const char *text, gsize len, const char *path, GError **error)
{
  static const GMarkupParser parser = {.start_element = start_element};
  Reader reader = {.marks = marks, .next = LA_TIME_NONE};
  g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &reader, NULL);
  g_autoptr(GError) why = NULL;
  if (!g_markup_parse_context_parse(context, text, (gssize)len, &why) || !g_markup_parse_context_end_parse(context, &why)) {
    la_error_set(error, LA_ERROR_USAGE, "%s is no JUnit file: %s", path, why->message);
    return FALSE;
  }
  if (marks->marks->len == 0) {
    la_error_set(error, LA_ERROR_USAGE, "%s holds no test whose time is known (a timestamp of the testsuite or testcase)",
                 path);
    return FALSE;
  }
  return TRUE;
}

/* ---- both ---- */

static gint by_time(gconstpointer a, gconstpointer b)
{
  const Mark *one = a;
  const Mark *other = b;
  if (one->from != other->from)
    return one->from < other->from ? -1 : 1;
  return one->order < other->order ? -1 : one->order > other->order;
}

LaMarks *la_marks_load(const char *path, GError **error)
{
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "cannot read the marks %s: %s", path, g_strerror(errno));
    return NULL;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  char block[16384];
  size_t got;
  while (text->len <= LA_MARKS_BYTES_MAX && (got = fread(block, 1, sizeof block, file)) > 0)
    g_string_append_len(text, block, (gssize)got);
  int failed = ferror(file) ? errno : 0;
  fclose(file);
  if (failed != 0 || text->len > LA_MARKS_BYTES_MAX || strlen(text->str) != text->len) {
    la_error_set(error, LA_ERROR_USAGE, "cannot read the marks %s: %s", path,
                 failed != 0 ? g_strerror(failed) : "neither lines of text nor a JUnit file");
    return NULL;
  }
  g_autoptr(LaMarks) marks = g_new0(LaMarks, 1);
  marks->marks = g_array_new(FALSE, FALSE, sizeof(Mark));
  g_array_set_clear_func(marks->marks, clear_mark);
  const char *first = text->str + (g_str_has_prefix(text->str, "\xef\xbb\xbf") ? 3 : 0);
  first += strspn(first, " \t\r\n");
  gboolean ok = *first == '<' ? read_junit(marks, first, text->len - (gsize)(first - text->str), path, error)
                              : read_lines(marks, text->str, path, error);
  if (!ok)
    return NULL;
  g_array_sort(marks->marks, by_time);
  return g_steal_pointer(&marks);
}

void la_marks_free(LaMarks *marks)
{
  if (marks == NULL)
    return;
  g_array_unref(marks->marks);
  g_free(marks);
}

const char *la_marks_at(const LaMarks *marks, LaTime time)
{
  guint low = 0;
  guint high = marks->marks->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index(marks->marks, Mark, middle).from <= time)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0)
    return NULL;
  const Mark *mark = &g_array_index(marks->marks, Mark, low - 1);
  return mark->to >= time || time - mark->to < ROUNDING ? mark->name : NULL;
}

unsigned la_marks_count(const LaMarks *marks)
{
  return marks->marks->len;
}
