/* pcapng files (draft-ietf-opsawg-pcapng).
 *
 * A file is a row of blocks: type, total length, body, total length again. A section header begins a section with its own
 * byte order and its own interfaces; interface numbers in blocks count within the section, ours through the file. The
 * section's length is not used: it may be -1, and blocks are walked anyway.
 *
 * Blocks with packets are used where they lie. Of the other known blocks only the fields in front and the options are read,
 * from a block of a sane size; an unknown block, of whatever size, is passed over by reading through it and keeping nothing.
 * A block whose two lengths differ, that is too short for its own fields, or whose packet would reach beyond it ends the
 * reading: from there on nothing can be trusted. An option that does not fit ends only the options of its block.
 *
 * Frame numbers are Wireshark's: it also numbers custom, systemd journal and Sysdig event blocks, so these take a number
 * here, and give no packet. */
#include <inttypes.h>

#include "capture/pcapng_options.h"
#include "capture/source_private.h"

enum {
  BLOCK_INTERFACE = 0x00000001,
  BLOCK_PACKET = 0x00000002, /* obsolete */
  BLOCK_SIMPLE = 0x00000003,
  BLOCK_STATISTICS = 0x00000005,
  BLOCK_ENHANCED = 0x00000006,
  BLOCK_JOURNAL = 0x00000009,
  BLOCK_SYSDIG = 0x00000204,
  BLOCK_SYSDIG_V2 = 0x00000216,
  BLOCK_SYSDIG_V2_LARGE = 0x00000221,
  BLOCK_CUSTOM = 0x00000BAD,
  BLOCK_CUSTOM_NO_COPY = 0x40000BAD,
  BLOCK_SECTION = 0x0A0D0D0A, /* the same in both byte orders */
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1A2B3C4D)
#define BLOCK_MIN 12 /* type and both lengths */
#define TRAILER_LEN 4

/* Where the bodies' fixed parts end. */
#define SECTION_FIXED 24
#define INTERFACE_FIXED 16
#define PACKET_FIXED 28 /* of enhanced and of obsolete packet blocks */
#define SIMPLE_FIXED 12
#define STATISTICS_FIXED 20

/* The largest block whose content is used: the largest packet, and as much again for comments as fits in 16 options. */
#define BLOCK_MAX (LA_PACKET_MAX + (UINT32_C(1) << 20))

#define INTERFACES_MAX 65536            /* in a file */
#define TEXT_BUDGET (UINT32_C(4) << 20) /* bytes of interface texts kept for a file */
#define NAME_MAX_LEN 255
#define FILTER_MAX_LEN 4095

/* What came of a block. */
typedef enum {
  STEP_PACKET, /* a packet view */
  STEP_OTHER,  /* something else, taken */
  STEP_WAIT,   /* its bytes are not all there, and there are packets to give out first */
  STEP_ENDED,  /* the source has ended */
} Step;

/* Whether a step may fill the window (and so move what views point to). */
typedef enum {
  MAY_FILL,
  MUST_NOT_FILL,
} FillRule;

/* A block whose bytes are all there. */
typedef struct {
  const uint8_t *at; /* its type field */
  uint32_t len;      /* its length, rounded up to 4 */
  LaByteOrder order;
} Block;

static Step fail_block(LaSource *source, const char *what)
{
  la_source_fail(source, "corrupt after packet %" PRIu64 ": the block at byte %" PRIu64 " %s", source->frame,
                 la_window_offset(&source->window), what);
  return STEP_ENDED;
}

static Step fail_length(LaSource *source, uint32_t len)
{
  la_source_fail(source, "corrupt after packet %" PRIu64 ": the block at byte %" PRIu64 " claims a length of %u", source->frame,
                 la_window_offset(&source->window), len);
  return STEP_ENDED;
}

static Step fail_interface(LaSource *source, uint32_t interface)
{
  unsigned count = source->interfaces->len - source->pcapng.first;
  la_source_fail(source, "corrupt at packet %" PRIu64 ": it names interface %u, but its section has %u", source->frame + 1,
                 interface, count);
  return STEP_ENDED;
}

static Step fail_captured(LaSource *source, uint32_t captured_len, uint32_t block_len)
{
  la_source_fail(source, "corrupt at packet %" PRIu64 ": it claims %u captured bytes in a block of %u", source->frame + 1,
                 captured_len, block_len);
  return STEP_ENDED;
}

/* The second of the two lengths must repeat the first as it was written. */
static inline bool trailer_matches(const Block *block)
{
  return la_load_u32(block->at + block->len - TRAILER_LEN, block->order) == la_load_u32(block->at + 4, block->order);
}

/* Whether `interface` of the current section exists. */
static inline bool has_interface(const LaSource *source, uint32_t interface)
{
  return interface < source->interfaces->len - source->pcapng.first;
}

/* Counts a packet of `interface` (index through the file) at `time`. */
static inline void count_packet(LaSource *source, uint32_t interface, LaTime time)
{
  LaInterface *in = la_source_interface(source, interface);
  source->frame++;
  in->packets++;
  if (time != LA_TIME_NONE) {
    in->time_went_back += time < in->last_time;
    in->last_time = time;
  }
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Adds what a packet block says was lost since the packet before it (at `before`); it counts for the sum unless statistics blocks say it
 * all. */
static void add_drops(LaSource *source, const LaPacketView *packet, LaTime before, uint64_t drops)
{
  LaInterface *in = la_source_interface(source, packet->interface);
  LaInterfaceExtra *extra = la_source_extra(source, packet->interface);
  la_losses_add(&source->losses, (LaLoss){.from = before, .until = packet->time, .packets = drops});
  extra->located = add_up(extra->located, drops);
  if (extra->drops != LA_DROPS_PACKETS)
    return;
  int64_t known = MAX(in->kernel_drops, 0);
  in->kernel_drops = drops > (uint64_t)(INT64_MAX - known) ? INT64_MAX : known + (int64_t)drops;
}

/* The options behind a packet: the length of its frame check sequence, and packets lost before it. */
static void read_packet_options(LaSource *source, const Block *block, LaTime before, LaPacketView *packet)
{
  size_t at = PACKET_FIXED + ((size_t)packet->captured_len + 3) / 4 * 4;
  const uint8_t *options = block->at + at;
  size_t len = block->len - TRAILER_LEN - at;
  LaOption option;
  while (la_option_next(&options, &len, block->order, &option)) {
    if (option.code == LA_OPTION_EPB_FLAGS && option.len == 4) {
      unsigned fcs_len = la_load_u32(option.value, block->order) >> 5 & 0xf; /* bytes; 0: not said */
      if (fcs_len != 0)
        packet->fcs_len = (int8_t)fcs_len;
    } else if (option.code == LA_OPTION_EPB_DROPCOUNT && option.len == 8 &&
               la_load_u32(block->at, block->order) == BLOCK_ENHANCED) {
      add_drops(source, packet, before, la_load_u64(option.value, block->order));
    }
  }
}

/* Enhanced and obsolete packet blocks: they differ in the width of the interface number. */
static inline __attribute__((always_inline)) Step take_packet(LaSource *source, const Block *block, LaPacketView *packet)
{
  LaByteOrder order = block->order;
  const uint8_t *at = block->at;
  bool obsolete = la_load_u32(at, order) == BLOCK_PACKET;
  if (block->len < PACKET_FIXED + TRAILER_LEN)
    return fail_length(source, block->len);
  if (!trailer_matches(block))
    return fail_block(source, "has two different lengths");
  uint32_t interface = obsolete ? la_load_u16(at + 8, order) : la_load_u32(at + 8, order);
  uint64_t ticks = (uint64_t)la_load_u32(at + 12, order) << 32 | la_load_u32(at + 16, order);
  uint32_t captured_len = la_load_u32(at + 20, order);
  if (!has_interface(source, interface))
    return fail_interface(source, interface);
  if (captured_len > block->len - (PACKET_FIXED + TRAILER_LEN) || captured_len > LA_PACKET_MAX)
    return fail_captured(source, captured_len, block->len);
  uint32_t index = source->pcapng.first + interface;
  const LaInterfaceExtra *extra = la_source_extra(source, index);
  bool held = false;
  LaTime time = la_tick_time(&extra->tick, ticks, &held);
  la_source_interface(source, index)->time_out_of_range += held;
  LaTime before = la_source_interface(source, index)->last_time;
  count_packet(source, index, time);
  *packet = (LaPacketView){
      .data = at + PACKET_FIXED,
      .captured_len = captured_len,
      .wire_len = la_load_u32(at + 24, order),
      .frame = source->frame,
      .time = time,
      .interface = index,
      .link_type = la_source_interface(source, index)->link_type,
      .fcs_len = extra->fcs_len,
  };
  if (obsolete && la_load_u16(at + 10, order) != 0xffff) /* 0xffff: not known */
    add_drops(source, packet, before, la_load_u16(at + 10, order));
  size_t options_at = PACKET_FIXED + ((size_t)captured_len + 3) / 4 * 4;
  if (options_at + TRAILER_LEN < block->len) {
    packet->has_options = 1;
    read_packet_options(source, block, before, packet);
  }
  source->window.at += block->len;
  return STEP_PACKET;
}

LaPacketOptions la_source_packet_options(const LaSource *source, const LaPacketView *packet)
{
  if (packet->has_options == 0)
    return (LaPacketOptions){0};
  LaByteOrder order = source->pcapng.order;
  const uint8_t *block = packet->data - PACKET_FIXED;
  uint32_t len = (la_load_u32(block + 4, order) + 3) & ~UINT32_C(3); /* take_packet has checked it */
  const uint8_t *at = packet->data + ((size_t)packet->captured_len + 3) / 4 * 4;
  return (LaPacketOptions){.at = at, .len = (size_t)(block + len - TRAILER_LEN - at), .swapped = order == LA_ORDER_SWAPPED};
}

/* Simple packet blocks: the section's first interface, no time; the captured length is that of the wire, cut by the
 * interface's snaplen. */
static Step take_simple(LaSource *source, const Block *block, LaPacketView *packet)
{
  if (block->len < SIMPLE_FIXED + TRAILER_LEN)
    return fail_length(source, block->len);
  if (!trailer_matches(block))
    return fail_block(source, "has two different lengths");
  if (!has_interface(source, 0))
    return fail_interface(source, 0);
  uint32_t index = source->pcapng.first;
  const LaInterface *in = la_source_interface(source, index);
  uint32_t wire_len = la_load_u32(block->at + 8, block->order);
  uint32_t captured_len = in->snaplen != 0 ? MIN(wire_len, in->snaplen) : wire_len;
  if (captured_len > block->len - (SIMPLE_FIXED + TRAILER_LEN) || captured_len > LA_PACKET_MAX)
    return fail_captured(source, captured_len, block->len);
  count_packet(source, index, LA_TIME_NONE);
  *packet = (LaPacketView){
      .data = block->at + SIMPLE_FIXED,
      .captured_len = captured_len,
      .wire_len = wire_len,
      .frame = source->frame,
      .time = LA_TIME_NONE,
      .interface = index,
      .link_type = in->link_type,
      .fcs_len = la_source_extra(source, index)->fcs_len,
  };
  source->window.at += block->len;
  return STEP_PACKET;
}

/* A copy of an interface's text, cut at `max` bytes; NULL when the file's texts together take too much. */
static char *keep_text(LaSource *source, const uint8_t *text, size_t len, size_t max)
{
  len = MIN(len, max);
  if (len > source->pcapng.text_budget)
    return NULL;
  source->pcapng.text_budget -= (uint32_t)len;
  return g_strndup((const char *)text, len);
}

static Step take_interface(LaSource *source, const Block *block)
{
  if (block->len < INTERFACE_FIXED + TRAILER_LEN)
    return fail_length(source, block->len);
  if (!trailer_matches(block))
    return fail_block(source, "has two different lengths");
  if (source->interfaces->len >= INTERFACES_MAX)
    return fail_block(source, "is one interface more than 65536");
  LaInterface in = {
      .link_type = la_load_u16(block->at + 8, block->order),
      .snaplen = la_load_u32(block->at + 12, block->order),
      .kernel_drops = -1,
      .interface_drops = -1,
      .last_time = LA_TIME_NONE,
  };
  char *name = NULL;
  char *description = NULL;
  char *filter = NULL;
  uint8_t tsresol = 6;
  int64_t tsoffset = 0;
  int8_t fcs_len = -1;
  const uint8_t *options = block->at + INTERFACE_FIXED;
  size_t len = block->len - INTERFACE_FIXED - TRAILER_LEN;
  LaOption option;
  while (la_option_next(&options, &len, block->order, &option)) {
    if (option.code == LA_OPTION_IF_NAME && name == NULL)
      name = keep_text(source, option.value, option.len, NAME_MAX_LEN);
    else if (option.code == LA_OPTION_IF_DESCRIPTION && description == NULL)
      description = keep_text(source, option.value, option.len, NAME_MAX_LEN);
    else if (option.code == LA_OPTION_IF_FILTER && filter == NULL && option.len > 1 && option.value[0] == 0) /* 0: as text */
      filter = keep_text(source, option.value + 1, option.len - 1, FILTER_MAX_LEN);
    else if (option.code == LA_OPTION_IF_TSRESOL && option.len == 1)
      tsresol = option.value[0];
    else if (option.code == LA_OPTION_IF_TSOFFSET && option.len == 8)
      tsoffset = (int64_t)la_load_u64(option.value, block->order);
    else if (option.code == LA_OPTION_IF_FCSLEN && option.len == 1)
      fcs_len = option.value[0] <= INT8_MAX ? (int8_t)option.value[0] : -1;
  }
  in.name = name;
  in.description = description;
  in.filter = filter;
  la_source_add_interface(
      source, &in, &(LaInterfaceExtra){.tick = la_tick_init(tsresol, tsoffset), .fcs_len = fcs_len, .told_at = LA_TIME_NONE});
  source->window.at += block->len;
  return STEP_OTHER;
}

/* Reads a count of an interface statistics block. */
static int64_t load_count(const LaOption *option, LaByteOrder order)
{
  return (int64_t)MIN(la_load_u64(option->value, order), (uint64_t)INT64_MAX);
}

/* A statistics block tells drops since the capture began: what is more than the block before it told, and than packets told, was lost
 * between the two. `at` is LA_TIME_NONE when the block does not say. */
static void locate_drops(LaSource *source, uint32_t index, const uint64_t drops[2], LaTime at)
{
  LaInterfaceExtra *extra = la_source_extra(source, index);
  uint64_t before = add_up(add_up(extra->os_drops, extra->if_drops), extra->located);
  uint64_t now = add_up(drops[0], drops[1]);
  if (at == LA_TIME_NONE)
    at = LA_TIME_MAX;
  if (now > before)
    la_losses_add(&source->losses, (LaLoss){.from = extra->told_at, .until = at, .packets = now - before});
  extra->os_drops = drops[0];
  extra->if_drops = drops[1];
  extra->located = 0;
  if (at != LA_TIME_MAX)
    extra->told_at = at;
}

/* Interface statistics: the counts are since the capture began, so the latest block holds. */
static Step take_statistics(LaSource *source, const Block *block)
{
  LaByteOrder order = block->order;
  if (block->len < STATISTICS_FIXED + TRAILER_LEN)
    return fail_length(source, block->len);
  if (!trailer_matches(block))
    return fail_block(source, "has two different lengths");
  uint32_t interface = la_load_u32(block->at + 8, order);
  source->window.at += block->len;
  if (!has_interface(source, interface)) /* no packet hangs on it */
    return STEP_OTHER;
  uint32_t index = source->pcapng.first + interface;
  LaInterface *in = la_source_interface(source, index);
  LaInterfaceExtra *extra = la_source_extra(source, index);
  uint64_t ticks = (uint64_t)la_load_u32(block->at + 12, order) << 32 | la_load_u32(block->at + 16, order);
  int64_t received = -1;
  int64_t os_drops = -1;
  int64_t if_drops = -1;
  const uint8_t *options = block->at + STATISTICS_FIXED;
  size_t len = block->len - STATISTICS_FIXED - TRAILER_LEN;
  LaOption option;
  while (la_option_next(&options, &len, order, &option)) {
    if (option.len != 8)
      continue;
    if (option.code == LA_OPTION_ISB_ENDTIME)
      ticks = (uint64_t)la_load_u32(option.value, order) << 32 | la_load_u32(option.value + 4, order);
    else if (option.code == LA_OPTION_ISB_IFRECV)
      received = load_count(&option, order);
    else if (option.code == LA_OPTION_ISB_IFDROP)
      if_drops = load_count(&option, order);
    else if (option.code == LA_OPTION_ISB_OSDROP)
      os_drops = load_count(&option, order);
  }
  if (if_drops >= 0)
    in->interface_drops = if_drops;
  if (os_drops >= 0) {
    in->kernel_drops = os_drops;
    extra->drops = LA_DROPS_OSDROP;
  } else if (if_drops >= 0 && extra->drops != LA_DROPS_OSDROP) {
    in->kernel_drops = if_drops;
    extra->drops = LA_DROPS_IFDROP;
  }
  bool held = false;
  LaTime end = la_tick_time(&extra->tick, ticks, &held);
  bool timed = ticks != 0 && !held; /* 0: a writer that does not know */
  if (timed)
    source->stated_end = MAX(source->stated_end, end);
  uint64_t drops[2] = {os_drops >= 0 ? (uint64_t)os_drops : extra->os_drops,
                       if_drops >= 0 ? (uint64_t)if_drops : extra->if_drops};
  if (os_drops >= 0 || if_drops >= 0)
    locate_drops(source, index, drops, timed ? end : LA_TIME_NONE);
  if (source->told != NULL && source->told->len < LA_TOLD_STATISTICS_MAX) {
    LaToldStatistics told = {.interface = index,
                             .after = source->frame,
                             .end_time = timed ? end : LA_TIME_NONE,
                             .received = received,
                             .kernel_drops = os_drops,
                             .interface_drops = if_drops};
    g_array_append_val(source->told, told);
  }
  return STEP_OTHER;
}

/* Passes over a block of any size, `len` rounded up to 4, and checks that it repeats `said`, its length. */
static Step skip_block(LaSource *source, uint64_t len, uint32_t said)
{
  LaWindow *window = &source->window;
  uint64_t offset = la_window_offset(window);
  LaFill result = la_window_skip(window, len - TRAILER_LEN);
  if (result == LA_FILL_READY)
    result = la_window_need(window, TRAILER_LEN);
  if (result != LA_FILL_READY) {
    char what[96];
    if (source->interfaces->len == 0 && source->frame == 0)
      g_snprintf(what, sizeof what, "the file header");
    else
      g_snprintf(what, sizeof what, "the block of %u bytes after packet %" PRIu64, said, source->frame);
    la_source_fail_fill(source, result, what);
    return STEP_ENDED;
  }
  if (la_load_u32(la_window_at(window), source->pcapng.order) != said) {
    la_source_fail(source, "corrupt after packet %" PRIu64 ": the block at byte %" PRIu64 " has two different lengths",
                   source->frame, offset);
    return STEP_ENDED;
  }
  window->at += TRAILER_LEN;
  return STEP_OTHER;
}

/* Begins a section: its byte order holds from its own length field on, and its interfaces count from 0 again. */
static Step take_section(LaSource *source)
{
  if (!la_source_need(source, SECTION_FIXED, "a section header after packet", source->frame))
    return STEP_ENDED;
  const uint8_t *at = la_window_at(&source->window);
  LaByteOrder order = LA_ORDER_NATIVE;
  if (la_load_u32(at + 8, order) != BYTE_ORDER_MAGIC)
    order = LA_ORDER_SWAPPED;
  if (la_load_u32(at + 8, order) != BYTE_ORDER_MAGIC)
    return fail_block(source, "is a section header without a byte order");
  unsigned major = la_load_u16(at + 12, order);
  unsigned minor = la_load_u16(at + 14, order);
  if (major != 1) {
    la_source_fail(source, "pcapng version %u.%u is not supported", major, minor);
    return STEP_ENDED;
  }
  uint32_t said = la_load_u32(at + 4, order);
  if (said < SECTION_FIXED + TRAILER_LEN)
    return fail_length(source, said);
  source->pcapng.order = order;
  source->pcapng.first = source->interfaces->len;
  return skip_block(source, ((uint64_t)said + 3) / 4 * 4, said);
}

/* Whether Wireshark gives such a block a frame number though it holds no packet of a network. */
static bool has_frame_number(uint32_t type)
{
  return type == BLOCK_CUSTOM || type == BLOCK_CUSTOM_NO_COPY || type == BLOCK_JOURNAL || type == BLOCK_SYSDIG ||
         type == BLOCK_SYSDIG_V2 || type == BLOCK_SYSDIG_V2_LARGE;
}

/* Takes a known block whose bytes are all there. */
static inline __attribute__((always_inline)) Step take_block(LaSource *source, const Block *block, uint32_t type,
                                                             LaPacketView *packet)
{
  if (type == BLOCK_ENHANCED || type == BLOCK_PACKET)
    return take_packet(source, block, packet);
  return type == BLOCK_SIMPLE      ? take_simple(source, block, packet)
         : type == BLOCK_INTERFACE ? take_interface(source, block)
                                   : take_statistics(source, block);
}

static bool is_known(uint32_t type)
{
  return type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE || type == BLOCK_INTERFACE ||
         type == BLOCK_STATISTICS;
}

/* A block that is not a whole one in the window, or not one that holds packets. */
static Step take_other(LaSource *source, LaPacketView *packet, FillRule rule)
{
  LaWindow *window = &source->window;
  LaByteOrder order = source->pcapng.order;
  if (la_window_left(window) < BLOCK_MIN && rule == MUST_NOT_FILL)
    return STEP_WAIT;
  LaFill result = la_window_need(window, BLOCK_MIN);
  if (result == LA_FILL_END && la_window_left(window) == 0) {
    source->end = LA_READ_END;
    return STEP_ENDED;
  }
  if (result != LA_FILL_READY) {
    la_source_need(source, BLOCK_MIN, "the block header after packet", source->frame);
    return STEP_ENDED;
  }
  const uint8_t *at = la_window_at(window);
  uint32_t type = la_load_u32(at, order);
  if (type == BLOCK_SECTION)
    return rule == MUST_NOT_FILL ? STEP_WAIT : take_section(source);
  uint32_t said = la_load_u32(at + 4, order);
  if (said < BLOCK_MIN)
    return fail_length(source, said);
  uint64_t len = ((uint64_t)said + 3) / 4 * 4; /* some writers leave the padding out of the length */
  if (la_window_left(window) < len && rule == MUST_NOT_FILL)
    return STEP_WAIT;
  if (!is_known(type)) {
    Step step = skip_block(source, len, said);
    source->frame += step == STEP_OTHER && has_frame_number(type);
    return step;
  }
  if (len > BLOCK_MAX)
    return fail_length(source, said);
  bool packet_block = type != BLOCK_INTERFACE && type != BLOCK_STATISTICS;
  if (!la_source_need(source, (size_t)len, packet_block ? "packet" : "the block after packet", source->frame + packet_block))
    return STEP_ENDED;
  return take_block(source, &(Block){.at = la_window_at(window), .len = (uint32_t)len, .order = order}, type, packet);
}

/* The packets of the window's whole blocks in one byte order, up to `max`, and in between other blocks. */
static inline __attribute__((always_inline)) unsigned take_blocks(LaSource *source, LaPacketView *packets, unsigned max,
                                                                  LaByteOrder order)
{
  LaWindow *window = &source->window;
  unsigned n = 0;
  while (n < max) {
    Step step = STEP_OTHER;
    size_t left = la_window_left(window);
    const uint8_t *at = la_window_at(window);
    uint32_t len = left >= PACKET_FIXED + TRAILER_LEN ? la_load_u32(at + 4, order) : 0;
    if (len >= PACKET_FIXED + TRAILER_LEN && len <= left && len % 4 == 0 && la_load_u32(at, order) == BLOCK_ENHANCED)
      step = take_packet(source, &(Block){.at = at, .len = len, .order = order}, &packets[n]);
    else
      step = take_other(source, &packets[n], n == 0 ? MAY_FILL : MUST_NOT_FILL);
    n += step == STEP_PACKET;
    if (step == STEP_WAIT || step == STEP_ENDED || source->pcapng.order != order)
      break;
  }
  return n;
}

static unsigned read_blocks(LaSource *source, LaPacketView *packets, unsigned max)
{
  unsigned n = 0;
  while (n == 0 && source->end == LA_READ_PACKET) { /* again when a section in the other byte order began */
    if (source->pcapng.order == LA_ORDER_NATIVE)
      n = take_blocks(source, packets, max, LA_ORDER_NATIVE);
    else
      n = take_blocks(source, packets, max, LA_ORDER_SWAPPED);
  }
  return n;
}

bool la_pcapng_begin(LaSource *source)
{
  source->pcapng = (LaPcapngReader){.order = LA_ORDER_NATIVE, .text_budget = TEXT_BUDGET};
  source->read = read_blocks;
  if (!la_source_need(source, SECTION_FIXED, "the file header", 0))
    return false;
  return take_section(source) != STEP_ENDED;
}
