/* Any bytes as an expression of any kind, and as a stored record that it is asked about. What was understood must be the same when it is
 * printed and parsed again, and a refusal must be three lines that are safe for a terminal. The first byte chooses the kind; a zero ends the
 * expression, the rest are records. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "select/expression.h"
#include "select/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
  if (!holds)
    abort();
}

static void check_refusal(const GError *error)
{
  unsigned lines = 1;
  check(g_utf8_validate(error->message, -1, NULL));
  for (const char *at = error->message; *at != '\0'; at++) {
    lines += *at == '\n' ? 1 : 0;
    check(*at == '\n' || ((unsigned char)*at >= 0x20 && *at != 0x7f));
  }
  check(lines == 3 || lines == 1);
  check(strlen(error->message) < 4000);
}

/* Asks the expression about each record of the text. */
static void ask(const LaExpression *expression, const uint8_t *data, size_t size)
{
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  check(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
  g_autoptr(LaStoredReader) reader = la_stored_open_fd(fd, "fuzz", NULL);
  check(reader != NULL);
  LaExpressionKind kind = la_expression_kind(expression);
  g_autoptr(LaTally) tally = kind == LA_EXPRESSION_TOTAL ? la_tally_new(expression) : NULL;
  g_autoptr(GError) error = NULL;
  LaStored *record;
  while ((record = la_stored_next(reader, &error)) != NULL) {
    check(error == NULL);
    LaCandidate candidate = {.stored = record};
    unsigned count;
    const LaStoredFinding *findings = la_stored_findings(record, &count);
    for (unsigned i = 0; i < count; i++)
      check(findings[i].code != NULL && findings[i].summary != NULL && findings[i].severity < LA_SEVERITY_N);
    if (la_stored_kind(record) == LA_EXPRESSION_KIND_N)
      continue;
    if (la_stored_kind(record) != LA_EXPRESSION_CONNECTION && count > 0)
      la_stored_focus(record, count - 1);
    if (tally != NULL)
      la_tally_add(tally, &candidate);
    else if (kind == la_stored_kind(record))
      la_expression_holds(expression, &candidate);
  }
  g_autoptr(GString) measured = g_string_new(NULL);
  if (tally != NULL)
    check(la_tally_verdict(tally, measured) <= LA_VERDICT_NOTHING);
  check(error == NULL || strchr(error->message, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  LaExpressionKind kind = (LaExpressionKind)(data[0] % LA_EXPRESSION_KIND_N);
  g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
  size_t used = 1 + strlen(text);
  g_autoptr(GError) error = NULL;
  g_autoptr(LaExpression) first = la_expression_parse(text, kind, LA_CLOCK_UTC, &error);
  if (first == NULL) {
    check(error != NULL);
    check_refusal(error);
    return 0;
  }
  check(error == NULL && la_expression_kind(first) == kind);
  g_autoptr(GString) printed = g_string_new(NULL);
  la_expression_print(first, printed);
  g_autoptr(LaExpression) second = la_expression_parse(printed->str, kind, LA_CLOCK_UTC, &error);
  /* The plainest form may be the longer one. */
  if (second == NULL)
    check(printed->len > LA_EXPRESSION_TEXT_MAX || strstr(error->message, "nested") != NULL);
  else
    check(la_expression_equal(first, second));
  if (used < size)
    ask(first, data + used + 1, size - used - 1);
  return 0;
}
