/* The options of `lastack diff`, beside those it shares with other commands. Their rows stand in the one table of options.c. */
#ifndef LA_CLI_OPTIONS_DIFF_H
#define LA_CLI_OPTIONS_DIFF_H

#include <glib.h>
#include <stdbool.h>

#include "diagnose/finding.h"

#define LA_OPTION_DIFF_FIRST 2000

typedef enum {
  LA_OPTION_MAP = LA_OPTION_DIFF_FIRST,
  LA_OPTION_DIFF_FAIL_ON,
  LA_OPTION_DIFF_ALLOW_TRUNCATED,
} LaDiffOption;

typedef enum {
  LA_DIFF_TRUNCATED_FAILS, /* a capture that broke off ends in exit code 4 */
  LA_DIFF_TRUNCATED_ALLOWED,
} LaDiffTruncated;

typedef struct {
  GArray *maps; /* of LaServiceMap (owned) */
  LaSeverity fail_on;
  LaDiffTruncated truncated;
} LaDiffChoices;

void la_diff_choices_init(LaDiffChoices *choices); /* the defaults */
void la_diff_choices_clear(LaDiffChoices *choices);

/* Takes one option. False and LA_ERROR_USAGE with one line. */
bool la_options_take_diff(LaDiffChoices *choices, LaDiffOption option, const char *value, GError **error);

#endif
