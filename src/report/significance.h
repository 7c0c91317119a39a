/* Whether two shares differ by more than chance. */
#ifndef LA_REPORT_SIGNIFICANCE_H
#define LA_REPORT_SIGNIFICANCE_H

#include <stdint.h>

/* `count` of `total`. */
typedef struct {
  uint64_t count, total;
} LaShare;

/* Fisher's exact test, one-sided, in the direction in which the shares differ: how likely a difference at least as large is when both are
 * draws from the same connections. 1 when the shares are equal, or one of the totals is 0. */
double la_share_fisher(LaShare before, LaShare after);

#endif
