/* Host names of addresses (-N), looked up once each and a bounded number of times. */
#ifndef LA_REPORT_NAMES_H
#define LA_REPORT_NAMES_H

#include <glib.h>

#include "base/addr.h"

typedef struct LaNameCache LaNameCache;

LaNameCache *la_name_cache_new(void); /* (transfer full) */
void la_name_cache_free(LaNameCache *cache);

/* Appends the name of the end's address for a terminal, escaped, with its port ("www.example.net:443"), or the address and port
 * when it has no name, or when 64 addresses have been looked up already: each look-up may take seconds. */
void la_name_cache_end(LaNameCache *cache, GString *out, const LaHostPort *end);

#endif
