/* ICMP and ICMPv6 errors in words. */
#ifndef LA_DIAGNOSE_ICMP_WORDS_H
#define LA_DIAGNOSE_ICMP_WORDS_H

#include <stdint.h>

/* "host unreachable", "administratively prohibited": the names of RFC 792, RFC 1122, RFC 1812 and RFC 4443. Static. `family`
 * is an LaFamily. */
const char *la_icmp_words(uint8_t family, unsigned type, unsigned code);

#endif
