/* Link types: the numbers of capture files (LINKTYPE_, tcpdump.org's list), their names, and libpcap's own numbers (DLT_). */
#ifndef LA_CAPTURE_LINK_TYPE_H
#define LA_CAPTURE_LINK_TYPE_H

#include <stdint.h>

/* libpcap's number on this system for the link type of a file. The two differ only where systems gave one number to several
 * types. */
int la_link_type_dlt(uint16_t link_type);

/* The other way: the number that a file has for what libpcap calls `dlt`. */
uint16_t la_link_type_of_dlt(int dlt);

/* LINKTYPE_ name ("EN10MB", "LINUX_SLL2" ...), or NULL for one without a name. The string is static. */
const char *la_link_type_name(uint16_t link_type);

#endif
