/* With both totals and the sum of both counts given, the count after has a hypergeometric distribution when there is no difference. The
 * probability of what was seen comes from logarithms of factorials, those of more extreme counts from it one by one: they fall fast, so a few
 * terms are enough also for millions of connections. */
#include "report/significance.h"

#include <math.h>
#include <stdbool.h>

#define NEGLIGIBLE 1e-15

static double log_choose(double n, double k)
{
  int sign;
  return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

double la_share_fisher(LaShare before, LaShare after)
{
  double n1 = (double)before.total;
  double n2 = (double)after.total;
  double marked = (double)before.count + (double)after.count;
  if (before.total == 0 || after.total == 0)
    return 1;
  double expected = marked * n2 / (n1 + n2);
  double x = (double)after.count;
  if (x == expected)
    return 1;
  double least = marked - n1 > 0 ? marked - n1 : 0;
  double most = marked < n2 ? marked : n2;
  double term = exp(log_choose(n2, x) + log_choose(n1, marked - x) - log_choose(n1 + n2, marked));
  double sum = term;
  bool up = x > expected;
  while (term > sum * NEGLIGIBLE && (up ? x < most : x > least)) {
    if (up) {
      term *= (n2 - x) * (marked - x) / ((x + 1) * (n1 - marked + x + 1));
      x++;
    } else {
      term *= x * (n1 - marked + x) / ((n2 - x + 1) * (marked - x + 1));
      x--;
    }
    sum += term;
  }
  return sum < 1 ? sum : 1;
}
