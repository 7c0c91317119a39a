/* The options of a pcapng block: a walk that stays within the block whatever their lengths say. */
#ifndef LA_CAPTURE_PCAPNG_OPTIONS_H
#define LA_CAPTURE_PCAPNG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/source_private.h"

enum {
  LA_OPTION_END = 0,
  LA_OPTION_COMMENT = 1,
  LA_OPTION_SHB_APPLICATION = 4,
  LA_OPTION_IF_NAME = 2,
  LA_OPTION_IF_DESCRIPTION = 3,
  LA_OPTION_IF_TSRESOL = 9,
  LA_OPTION_IF_FILTER = 11,
  LA_OPTION_IF_FCSLEN = 13,
  LA_OPTION_IF_TSOFFSET = 14,
  LA_OPTION_EPB_FLAGS = 2,
  LA_OPTION_EPB_HASH = 3,
  LA_OPTION_EPB_DROPCOUNT = 4,
  LA_OPTION_EPB_PACKETID = 5,
  LA_OPTION_EPB_QUEUE = 6,
  LA_OPTION_EPB_VERDICT = 7,
  LA_OPTION_ISB_ENDTIME = 3,
  LA_OPTION_ISB_IFRECV = 4,
  LA_OPTION_ISB_IFDROP = 5,
  LA_OPTION_ISB_OSDROP = 7,
};

typedef struct {
  uint16_t code;
  uint16_t len;
  const uint8_t *value; /* `len` bytes (borrowed) */
} LaOption;

/* Takes the next option from the `*len` bytes at `*at`. False at the end of the options, or at one that does not fit. */
static inline bool la_option_next(const uint8_t **at, size_t *len, LaByteOrder order, LaOption *ret_option)
{
  if (*len < 4)
    return false;
  LaOption option = {.code = la_load_u16(*at, order), .len = la_load_u16(*at + 2, order), .value = *at + 4};
  if (option.code == LA_OPTION_END || option.len > *len - 4)
    return false;
  size_t whole = 4 + ((size_t)option.len + 3) / 4 * 4;
  if (whole > *len) /* the last option may lack its padding */
    whole = *len;
  *at += whole;
  *len -= whole;
  *ret_option = option;
  return true;
}

#endif
