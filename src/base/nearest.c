/* Restricted edit distance (Damerau-Levenshtein with three rows): words of the command line are short, so no cleverness. */
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 63

static char folded(char c)
{
  return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
  return a < b ? a : b;
}

unsigned la_nearest_distance(const char *a, const char *b)
{
  size_t a_len = strnlen(a, WORD_MAX);
  size_t b_len = strnlen(b, WORD_MAX);
  unsigned rows[3][WORD_MAX + 1];
  for (size_t j = 0; j <= b_len; j++)
    rows[0][j] = (unsigned)j;
  for (size_t i = 1; i <= a_len; i++) {
    unsigned *row = rows[i % 3];
    const unsigned *above = rows[(i - 1) % 3];
    const unsigned *two_above = rows[(i + 1) % 3];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= b_len; j++) {
      unsigned differ = folded(a[i - 1]) != folded(b[j - 1]) ? 1 : 0;
      row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + differ);
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = least(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a_len % 3][b_len];
}

const char *la_nearest(const char *word, const char *const *names, size_t count)
{
  unsigned limit = (unsigned)(strnlen(word, WORD_MAX) + 2) / 3;
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    unsigned distance = la_nearest_distance(word, names[i]);
    if (distance <= limit) {
      nearest = names[i];
      if (distance == 0)
        break;
      limit = distance - 1;
    }
  }
  return nearest;
}
