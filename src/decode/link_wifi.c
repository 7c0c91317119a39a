/* IEEE 802.11 data frames, and the headers that capturing adds in front of them.
 *
 * A data frame has three or four addresses (four between two distribution systems), with quality of service two bytes more, with
 * the order bit and quality of service another four; then LLC/SNAP. Of an aggregate (A-MSDU) the first subframe is taken: a packet
 * gives one result. Frames whose body is encrypted hold no IP that anybody could see; but some captures carry decrypted bodies
 * and still have the protected bit, and the SNAP header tells these. All fields of these headers are little-endian. */
#include "decode/layer.h"

enum {
  LINK_IEEE80211 = 105
};

enum {
  FLAG_TO_DS = 0x01,
  FLAG_FROM_DS = 0x02,
  FLAG_PROTECTED = 0x40,
  FLAG_ORDER = 0x80,
};

/* AA AA 03 and an organization code of 0: an EtherType follows. */
static bool snap_at(const LaWalk *w, size_t offset)
{
  return la_cursor_has(&w->in, offset + 8) && la_cursor_peek_u16(&w->in, offset) == 0xaaaa &&
         la_cursor_peek_u16(&w->in, offset + 2) == 0x0300 && la_cursor_peek_u16(&w->in, offset + 4) == 0;
}

LaStep la_wifi_step(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 2);
  if (h == NULL)
    return la_walk_short(w, 2);
  uint8_t control = h[0], flags = h[1];
  /* CAPWAP senders may swap the two bytes. Swapped, the version bits (always 0) are those of the direction (never 0 there). */
  if ((control & 3) != 0 && (flags & 0x0f) == 0x08) {
    control = h[1];
    flags = h[0];
  }
  if ((control & 3) != 0)
    return la_walk_other(w);
  if ((control & 0x0c) != 0x08 || (control & 0x40) != 0) /* management, control; data frames without data */
    return la_walk_other(w);
  size_t rest = 22;
  if ((flags & (FLAG_TO_DS | FLAG_FROM_DS)) == (FLAG_TO_DS | FLAG_FROM_DS))
    rest += 6;
  bool qos = (control & 0x80) != 0;
  bool aggregate = false;
  if (qos) {
    aggregate = (la_cursor_peek_u8(&w->in, rest) & 0x80) != 0;
    rest += 2;
    if ((flags & FLAG_ORDER) != 0)
      rest += 4;
  }
  if (!la_cursor_skip(&w->in, rest))
    return la_walk_short(w, rest);
  if ((w->wifi & LA_WIFI_DATA_PAD) != 0 && (rest + 2) % 4 != 0 && !la_cursor_skip(&w->in, 4 - (rest + 2) % 4))
    return la_walk_short(w, 4 - (rest + 2) % 4);
  if ((flags & FLAG_PROTECTED) != 0) {
    if (snap_at(w, 0))
      return LA_STEP_LLC;
    return snap_at(w, 8) ? la_walk_skip(w, 8, LA_STEP_LLC) : la_walk_other(w); /* eight bytes of CCMP or TKIP header */
  }
  if (aggregate && !snap_at(w, 0)) {
    const uint8_t *subframe = la_cursor_take(&w->in, 14); /* two addresses and a length */
    if (subframe == NULL)
      return la_walk_short(w, 14);
    la_walk_limit(w, la_be16(subframe + 12));
  }
  return LA_STEP_LLC;
}

static uint16_t le16(const uint8_t *p)
{
  return (uint16_t)(p[1] << 8 | p[0]);
}

/* Skips what is left of a header of `len` bytes of which `taken` were taken, and goes on with 802.11. */
static LaStep wifi_after(LaWalk *w, uint64_t len, size_t taken)
{
  if (len < taken)
    return la_walk_bad(w);
  if (len - taken > la_cursor_left(&w->in))
    return la_walk_short(w, len - taken);
  w->link_type = LINK_IEEE80211;
  return la_walk_skip(w, (size_t)(len - taken), LA_STEP_WIFI);
}

/* Radiotap: version 0, padding, length, a word of which fields are present (and with its bit 31 set another one), then the
 * fields. The only one of use here is the flags, the second: whether the 802.11 header is padded to four bytes. */
LaStep la_link_radiotap(LaWalk *w)
{
  enum {
    PRESENT_TSFT = 1 << 0,
    PRESENT_FLAGS = 1 << 1,
    FLAGS_DATA_PAD = 0x20
  };
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  if (h[0] != 0)
    return la_walk_other(w);
  unsigned len = le16(h + 2);
  if (len < 8)
    return la_walk_bad(w);
  uint32_t present = la_le32(h + 4);
  LaCursor fields = w->in;
  la_cursor_limit(&fields, len - 8);
  for (uint32_t word = present; (word & 0x80000000u) != 0 && la_cursor_has(&fields, 4);)
    word = la_cursor_u32_le(&fields);
  if ((present & PRESENT_TSFT) != 0) {
    size_t offset = (size_t)(fields.at - h);
    (void)la_cursor_skip(&fields, (8 - offset % 8) % 8 + 8); /* aligned to eight bytes */
  }
  if ((present & PRESENT_FLAGS) != 0 && (la_cursor_peek_u8(&fields, 0) & FLAGS_DATA_PAD) != 0 && !fields.failed)
    w->wifi |= LA_WIFI_DATA_PAD;
  return wifi_after(w, len, 8);
}

/* AVS: version 0x80211001 or 2, length. */
LaStep la_link_avs(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  if ((la_be32(h) & 0xfffff000u) != 0x80211000u)
    return la_walk_other(w);
  return wifi_after(w, la_be32(h + 4), 8);
}

/* Prism: always 144 bytes; or an AVS header in its place. */
LaStep la_link_prism(LaWalk *w)
{
  if (!la_cursor_has(&w->in, 8))
    return la_walk_short(w, 8);
  if ((uint32_t)la_cursor_peek_u16(&w->in, 0) == 0x8021)
    return la_link_avs(w);
  return wifi_after(w, 144, 0);
}

/* PPI: version 0, flags, length, and the LINKTYPE_ of what follows the fields. */
LaStep la_link_ppi(LaWalk *w)
{
  const uint8_t *h = la_cursor_take(&w->in, 8);
  if (h == NULL)
    return la_walk_short(w, 8);
  if (h[0] != 0)
    return la_walk_other(w);
  unsigned len = le16(h + 2);
  if (len < 8)
    return la_walk_bad(w);
  uint32_t link_type = la_le32(h + 4);
  w->link_type = link_type > UINT16_MAX ? UINT16_MAX : (uint16_t)link_type;
  return la_walk_skip(w, len - 8, LA_STEP_LINK);
}
