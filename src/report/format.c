#include "report/format.h"

#include <string.h>

#define FORMAT(name) &la_format_##name,
static const LaFormat *const formats[] = {
#include "report/formats.def"
};
#undef FORMAT

const LaFormat *const *la_formats(unsigned *ret_count)
{
  *ret_count = G_N_ELEMENTS(formats);
  return formats;
}

const LaFormat *la_format_find(const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
    if (strcmp(formats[i]->name, name) == 0)
      return formats[i];
  }
  return NULL;
}
