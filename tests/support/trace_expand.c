/* The lines of a trace without comments, with loops unrolled.
 *
 *   for i 1 25          the lines up to `done` once for each i, both ends included
 *   C{i} = 192.0.2.{i}:{40000+i}
 *   {i*0.5} C{i}>S S 0(0)
 *   done
 *
 * Everything inside braces is arithmetic over the loop variables (+ - * / %, parentheses, decimals); its value is put in the
 * place of the braces with at most six decimals. Loops nest. At most LINES_MAX lines come out, so a mistake ends. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "trace.h"

#define LINES_MAX 500000
#define DEPTH_MAX 4

typedef struct {
  char *name;
  double value;
} Variable;

typedef struct {
  Variable variable[DEPTH_MAX];
  unsigned depth;
  GPtrArray *out;
  char **lines;
  unsigned line_count;
  GError **error;
} Expansion;

typedef struct {
  const char *at;
  const Expansion *expansion;
  bool failed;
} Arithmetic;

static void line_free(void *data)
{
  LaTraceLine *line = data;
  g_free(line->text);
  g_free(line);
}

static double parse_sum(Arithmetic *a);

static void skip_space(Arithmetic *a)
{
  while (g_ascii_isspace(*a->at))
    a->at++;
}

static double parse_atom(Arithmetic *a)
{
  skip_space(a);
  if (*a->at == '(') {
    a->at++;
    double value = parse_sum(a);
    skip_space(a);
    if (*a->at != ')')
      a->failed = true;
    else
      a->at++;
    return value;
  }
  if (*a->at == '-') {
    a->at++;
    return -parse_atom(a);
  }
  if (g_ascii_isdigit(*a->at) || *a->at == '.') {
    char *end = NULL;
    double value = g_ascii_strtod(a->at, &end);
    a->at = end;
    return value;
  }
  size_t len = 0;
  while (g_ascii_isalnum(a->at[len]) || a->at[len] == '_')
    len++;
  for (unsigned i = a->expansion->depth; i-- > 0;) {
    const Variable *variable = &a->expansion->variable[i];
    if (strlen(variable->name) == len && strncmp(variable->name, a->at, len) == 0) {
      a->at += len;
      return variable->value;
    }
  }
  a->failed = true;
  return 0;
}

static double parse_product(Arithmetic *a)
{
  double value = parse_atom(a);
  while (!a->failed) {
    skip_space(a);
    char sign = *a->at;
    if (sign != '*' && sign != '/' && sign != '%')
      break;
    a->at++;
    double right = parse_atom(a);
    if (sign == '*')
      value *= right;
    else if (right == 0)
      a->failed = true;
    else
      value = sign == '/' ? value / right : fmod(value, right);
  }
  return value;
}

static double parse_sum(Arithmetic *a)
{
  double value = parse_product(a);
  while (!a->failed) {
    skip_space(a);
    char sign = *a->at;
    if (sign != '+' && sign != '-')
      break;
    a->at++;
    double right = parse_product(a);
    value = sign == '+' ? value + right : value - right;
  }
  return value;
}

/* The line with its braces replaced, or NULL. */
static char *substitute(const Expansion *expansion, const char *line)
{
  GString *out = g_string_new(NULL);
  while (*line != '\0') {
    if (*line != '{') {
      g_string_append_c(out, *line++);
      continue;
    }
    Arithmetic a = {.at = line + 1, .expansion = expansion};
    double value = parse_sum(&a);
    skip_space(&a);
    if (a.failed || *a.at != '}') {
      g_string_free(out, TRUE);
      return NULL;
    }
    char number[64];
    g_ascii_formatd(number, sizeof number, "%.6f", value);
    size_t len = strlen(number);
    while (number[len - 1] == '0')
      number[--len] = '\0';
    if (number[len - 1] == '.')
      number[--len] = '\0';
    g_string_append(out, number);
    line = a.at + 1;
  }
  return g_string_free(out, FALSE);
}

/* The first word of `line` is `word`. */
static bool begins_with(const char *line, const char *word)
{
  size_t len = strlen(word);
  return strncmp(line, word, len) == 0 && (line[len] == '\0' || g_ascii_isspace(line[len]));
}

static bool fail(const Expansion *expansion, unsigned number, const char *what)
{
  g_set_error(expansion->error, LA_ERROR, LA_ERROR_USAGE, "%u: %s", number, what);
  return false;
}

/* The index of the `done` that closes the loop at `start`, or `end`. */
static unsigned find_done(const Expansion *expansion, unsigned start, unsigned end)
{
  unsigned depth = 0;
  for (unsigned i = start; i < end; i++) {
    if (begins_with(expansion->lines[i], "for"))
      depth++;
    else if (begins_with(expansion->lines[i], "done") && --depth == 0)
      return i;
  }
  return end;
}

static bool expand_range(Expansion *expansion, unsigned start, unsigned end);

static bool expand_loop(Expansion *expansion, unsigned start, unsigned done)
{
  g_autofree char *line = substitute(expansion, expansion->lines[start]);
  char name[32] = "";
  long from = 0, to = 0;
  if (line == NULL || sscanf(line, "for %31s %ld %ld", name, &from, &to) != 3)
    return fail(expansion, start + 1, "expected: for NAME FROM TO");
  if (expansion->depth == DEPTH_MAX)
    return fail(expansion, start + 1, "loops are nested too deep");
  unsigned mine = expansion->depth++;
  expansion->variable[mine].name = name;
  bool ok = true;
  for (long i = from; ok && i <= to; i++) {
    expansion->variable[mine].value = (double)i;
    ok = expand_range(expansion, start + 1, done);
  }
  expansion->depth--;
  return ok;
}

static bool expand_range(Expansion *expansion, unsigned start, unsigned end)
{
  for (unsigned i = start; i < end; i++) {
    const char *line = expansion->lines[i];
    if (begins_with(line, "done"))
      return fail(expansion, i + 1, "`done` without `for`");
    if (begins_with(line, "for")) {
      unsigned done = find_done(expansion, i, end);
      if (done == end)
        return fail(expansion, i + 1, "`for` without `done`");
      if (!expand_loop(expansion, i, done))
        return false;
      i = done;
      continue;
    }
    if (*line == '\0')
      continue;
    /* Expectations are not substituted: braces are part of their regular expressions. */
    char *text = *line == '=' ? g_strdup(line) : substitute(expansion, line);
    if (text == NULL)
      return fail(expansion, i + 1, "cannot read what stands in the braces");
    LaTraceLine *out = g_new0(LaTraceLine, 1);
    out->number = i + 1;
    out->text = text;
    g_ptr_array_add(expansion->out, out);
    if (expansion->out->len > LINES_MAX)
      return fail(expansion, i + 1, "the loops make too many lines");
  }
  return true;
}

/* Cuts a comment: '#' at the line's beginning or after a space, outside quotes. */
static void cut_comment(char *line)
{
  bool quoted = false;
  for (char *c = line; *c != '\0'; c++) {
    if (*c == '"')
      quoted = !quoted;
    if (*c == '#' && !quoted && (c == line || g_ascii_isspace(c[-1]))) {
      *c = '\0';
      return;
    }
  }
}

GPtrArray *la_trace_expand(const char *text, GError **error)
{
  Expansion expansion = {.out = g_ptr_array_new_with_free_func(line_free), .error = error};
  expansion.lines = g_strsplit(text, "\n", -1);
  expansion.line_count = g_strv_length(expansion.lines);
  for (unsigned i = 0; i < expansion.line_count; i++) {
    cut_comment(expansion.lines[i]);
    g_strstrip(expansion.lines[i]);
  }
  if (!expand_range(&expansion, 0, expansion.line_count))
    g_clear_pointer(&expansion.out, g_ptr_array_unref);
  g_strfreev(expansion.lines);
  return expansion.out;
}
