/* TCP flags in words. */
#ifndef LA_DIAGNOSE_FLAG_WORDS_H
#define LA_DIAGNOSE_FLAG_WORDS_H

#include <stdint.h>

/* "SYN+ACK", "FIN+PSH+URG", "none": FIN, SYN, RST, PSH, ACK and URG of `flags` (LA_TCP_*). Static. */
const char *la_flag_words(uint16_t flags);

#endif
