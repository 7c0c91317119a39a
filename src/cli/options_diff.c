#include "cli/options_diff.h"

#include <string.h>

#include "base/error.h"
#include "report/comparison.h"

void la_diff_choices_init(LaDiffChoices *choices)
{
  *choices = (LaDiffChoices){.maps = g_array_new(FALSE, FALSE, sizeof(LaServiceMap)),
                             .fail_on = LA_SEVERITY_WARNING,
                             .truncated = LA_DIFF_TRUNCATED_FAILS};
}

void la_diff_choices_clear(LaDiffChoices *choices)
{
  g_clear_pointer(&choices->maps, g_array_unref);
}

static bool read_severity(const char *value, LaSeverity *ret, GError **error)
{
  for (unsigned i = 0; i < LA_SEVERITY_N; i++) {
    if (strcmp(la_severity_name((LaSeverity)i), value) == 0) {
      *ret = (LaSeverity)i;
      return true;
    }
  }
  la_error_set(error, LA_ERROR_USAGE, "--fail-on wants error, warning or note, not '%s'", value);
  return false;
}

bool la_options_take_diff(LaDiffChoices *choices, LaDiffOption option, const char *value, GError **error)
{
  LaServiceMap map;
  switch (option) {
  case LA_OPTION_MAP:
    if (!la_service_map_parse(value, &map, error))
      return false;
    g_array_append_val(choices->maps, map);
    return true;
  case LA_OPTION_DIFF_FAIL_ON: return read_severity(value, &choices->fail_on, error);
  case LA_OPTION_DIFF_ALLOW_TRUNCATED: choices->truncated = LA_DIFF_TRUNCATED_ALLOWED; return true;
  }
  g_assert_not_reached();
}
