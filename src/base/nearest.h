/* The nearest name to a misspelt one, for messages. */
#ifndef LA_BASE_NEAREST_H
#define LA_BASE_NEAREST_H

#include <stddef.h>

/* How many letters must be changed, left out, added, or swapped with their neighbour to come from `a` to `b`; case does not count
 * and '_' equals '-'. Only the first 63 bytes of each are compared. */
unsigned la_nearest_distance(const char *a, const char *b);

/* The name among `count` ones that is nearest to `word`, or NULL when none is near enough to be meant (a third of its letters
 * wrong, or more). (borrowed from `names`) */
const char *la_nearest(const char *word, const char *const *names, size_t count);

#endif
