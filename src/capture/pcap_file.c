/* Classic pcap files.
 *
 * A file header (24 bytes) gives byte order, unit of time, snaplen and link type; each record is a header, then the captured
 * bytes. What the magic number does not tell:
 *
 *  - Before version 2.3 (and in DG/UX's 543.0) the two lengths of a record are the other way round; version 2.3 was written
 *    both ways.
 *  - AIX writes version 2.2, nanoseconds, and interface types of RFC 1573 in place of link types.
 *  - Some programs wrote longer record headers under a known magic number: 24 bytes (an early patch) or 20 (Nokia) under the
 *    standard one, 28 in place of 24 (SuSE Linux 6.3) under Kuznetzov's. A record whose successor makes no sense in the
 *    usual form is read in one of these when there it does. So the first two record headers are looked at before the first
 *    packet is given out, from a pipe too: what a file says does not depend on how it arrives.
 *
 * The loop over the packets of a block is compiled once for each byte order (and once for odd records), so that per packet
 * there are four loads, five comparisons and the stores of the view. */
#include <inttypes.h>

#include "capture/source_private.h"

#define FILE_HEADER_LEN 24
#define RECORD_MIN 16 /* the fields that all forms of a record header begin with */

/* The first record is not searched for its successor when it is longer than this, so that the block holds both. */
#define VARIANT_PACKET_MAX (UINT32_C(128) << 10)
/* A captured length above this is taken for nonsense when the form of the records is in question (libpcap's own limit). */
#define VARIANT_CAPTURED_MAX (UINT32_C(256) << 10)
/* The same for a wire length. */
#define VARIANT_WIRE_MAX (UINT32_C(16) << 20)
/* And for the seconds between the first two packets: a year. */
#define VARIANT_GAP_MAX (INT64_C(365) * 86400)

typedef struct {
  uint32_t magic;
  uint32_t unit; /* nanoseconds */
  uint32_t file_header_len;
  uint32_t record_header_len;
  uint32_t variants[2]; /* other lengths of the record header seen under this magic number; 0: none */
} PcapForm;

static const PcapForm forms[] = {
    {.magic = 0xa1b2c3d4, .unit = 1000, .file_header_len = 24, .record_header_len = 16, .variants = {24, 20}},
    {.magic = 0xa1b23c4d, .unit = 1, .file_header_len = 24, .record_header_len = 16},
    {.magic = 0xa1b2cd34, .unit = 1000, .file_header_len = 24, .record_header_len = 24, .variants = {28}},
    /* Ixia: the records' total size follows the file header. */
    {.magic = 0x1c0001ac, .unit = 1, .file_header_len = 28, .record_header_len = 16},
    {.magic = 0x1c0001ab, .unit = 1000, .file_header_len = 28, .record_header_len = 16},
};

typedef struct {
  uint32_t seconds;
  uint32_t fraction;
  uint32_t captured_len;
  uint32_t wire_len;
} Record;

static inline __attribute__((always_inline)) Record load_record(const uint8_t *at, LaByteOrder order, LaLengthOrder lengths)
{
  Record record = {
      .seconds = la_load_u32(at, order),
      .fraction = la_load_u32(at + 4, order),
      .captured_len = la_load_u32(at + 8, order),
      .wire_len = la_load_u32(at + 12, order),
  };
  if (lengths == LA_LENGTHS_SWAPPED || (lengths == LA_LENGTHS_MAYBE && record.captured_len > record.wire_len)) {
    uint32_t captured_len = record.wire_len;
    record.wire_len = record.captured_len;
    record.captured_len = captured_len;
  }
  return record;
}

/* Readies the next whole record, filling the window; false at the end, a clean one or not. */
static bool ready_record(LaSource *source)
{
  const LaPcapReader *pcap = &source->pcap;
  uint64_t number = source->frame + 1;
  LaFill result = la_window_need(&source->window, pcap->header_len);
  if (result == LA_FILL_END && la_window_left(&source->window) == 0) {
    source->end = LA_READ_END;
    return false;
  }
  if (result != LA_FILL_READY)
    return la_source_need(source, pcap->header_len, "the header of packet", number);
  Record record = load_record(la_window_at(&source->window), pcap->order, pcap->lengths);
  if (record.captured_len > LA_PACKET_MAX) {
    la_source_fail(source, "corrupt at packet %" PRIu64 ": it claims %u captured bytes, and no packet has more than %u", number,
                   record.captured_len, LA_PACKET_MAX);
    return false;
  }
  return la_source_need(source, pcap->header_len + record.captured_len, "packet", number);
}

/* What the loop over the records is compiled for. */
typedef struct {
  LaByteOrder order;
  LaLengthOrder lengths;
  uint32_t header_len;
} RecordForm;

/* The packets of the window, up to `max`. */
static inline __attribute__((always_inline)) unsigned take_packets(LaSource *source, LaPacketView *packets, unsigned max,
                                                                   RecordForm form)
{
  const LaPcapReader pcap = source->pcap;
  LaInterface *interface = la_source_interface(source, 0);
  LaTime last_time = interface->last_time;
  uint64_t went_back = 0;
  uint64_t out_of_range = 0;
  const uint8_t *at = la_window_at(&source->window);
  size_t left = la_window_left(&source->window);
  /* A first packet that is longer than any may be does not fit before this end; one after it is the first of the next call. */
  const uint8_t *end = at + MIN(left, (size_t)form.header_len + LA_PACKET_MAX);
  unsigned n = 0;
  for (; n < max && (size_t)(end - at) >= form.header_len; n++) {
    Record record = load_record(at, form.order, form.lengths);
    const uint8_t *data = at + form.header_len;
    if (record.captured_len > (size_t)(end - data))
      break;
    LaTime time = (LaTime)record.seconds * LA_SEC + (LaTime)record.fraction * pcap.unit;
    if (G_UNLIKELY(time < last_time))
      went_back++;
    if (G_UNLIKELY(record.fraction >= pcap.units))
      out_of_range++;
    last_time = time;
    packets[n] = (LaPacketView){
        .data = data,
        .captured_len = record.captured_len,
        .wire_len = record.wire_len,
        .frame = source->frame + 1 + n,
        .time = time,
        .link_type = pcap.link_type,
        .fcs_len = pcap.fcs_len,
    };
    at = data + record.captured_len;
  }
  source->window.at += (size_t)(at - la_window_at(&source->window));
  source->frame += n;
  interface->packets += n;
  interface->last_time = last_time;
  interface->time_went_back += went_back;
  interface->time_out_of_range += out_of_range;
  return n;
}

static inline __attribute__((always_inline)) unsigned read_packets(LaSource *source, LaPacketView *packets, unsigned max,
                                                                   RecordForm form)
{
  unsigned n = take_packets(source, packets, max, form);
  if (n == 0 && ready_record(source))
    n = take_packets(source, packets, max, form);
  return n;
}

static unsigned read_native(LaSource *source, LaPacketView *packets, unsigned max)
{
  return read_packets(source, packets, max, (RecordForm){LA_ORDER_NATIVE, LA_LENGTHS_PLAIN, RECORD_MIN});
}

static unsigned read_swapped(LaSource *source, LaPacketView *packets, unsigned max)
{
  return read_packets(source, packets, max, (RecordForm){LA_ORDER_SWAPPED, LA_LENGTHS_PLAIN, RECORD_MIN});
}

/* For the files of before 1999 and of a few programs, where speed is no matter. */
static unsigned read_odd(LaSource *source, LaPacketView *packets, unsigned max)
{
  const LaPcapReader *pcap = &source->pcap;
  return read_packets(source, packets, max, (RecordForm){pcap->order, pcap->lengths, pcap->header_len});
}

static bool is_plausible(const Record *record)
{
  return record->fraction < 1000000 && record->captured_len <= VARIANT_CAPTURED_MAX &&
         record->captured_len <= record->wire_len && record->wire_len <= VARIANT_WIRE_MAX;
}

typedef enum {
  FORM_FITS,  /* a second record follows that makes sense */
  FORM_ENDS,  /* the file ends with the first record */
  FORM_UNFIT, /* what follows the first record makes no sense, or the file ends inside */
} FormFit;

/* How well the first two records fit a record header of `header_len` bytes. */
static FormFit try_form(LaSource *source, uint32_t header_len)
{
  LaWindow *window = &source->window;
  LaByteOrder order = source->pcap.order;
  if (la_window_need(window, header_len) != LA_FILL_READY)
    return FORM_UNFIT;
  Record first = load_record(la_window_at(window), order, LA_LENGTHS_PLAIN);
  if (!is_plausible(&first) || first.captured_len > VARIANT_PACKET_MAX)
    return FORM_UNFIT;
  size_t second_at = header_len + first.captured_len;
  if (la_window_need(window, second_at + RECORD_MIN) != LA_FILL_READY)
    return la_window_left(window) == second_at ? FORM_ENDS : FORM_UNFIT;
  Record second = load_record(la_window_at(window) + second_at, order, LA_LENGTHS_PLAIN);
  int64_t gap = (int64_t)second.seconds - first.seconds;
  return is_plausible(&second) && gap < VARIANT_GAP_MAX && gap > -VARIANT_GAP_MAX ? FORM_FITS : FORM_UNFIT;
}

/* Chooses the length of the record headers. In doubt it is the usual one: a variant must show two records that make sense. */
static void choose_header_len(LaSource *source, const PcapForm *form)
{
  source->pcap.header_len = form->record_header_len;
  if (form->variants[0] == 0 || try_form(source, form->record_header_len) != FORM_UNFIT)
    return;
  for (size_t i = 0; i < G_N_ELEMENTS(form->variants) && form->variants[i] != 0; i++) {
    if (try_form(source, form->variants[i]) == FORM_FITS) {
      source->pcap.header_len = form->variants[i];
      return;
    }
  }
}

/* AIX files: version 2.2, the standard magic number, and an interface type (RFC 1573) of its LAN devices for the link type. */
static bool is_aix(uint32_t network, uint16_t *ret_link_type)
{
  static const uint8_t types[][2] = {{6, 1}, {9, 6}, {15, 10}, {24, 0}}; /* Ethernet, Token Ring, FDDI, loopback */
  for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
    if (network == types[i][0]) {
      *ret_link_type = types[i][1];
      return true;
    }
  }
  return false;
}

static const PcapForm *find_form(const uint8_t *header, LaByteOrder *ret_order)
{
  for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
    for (LaByteOrder order = LA_ORDER_NATIVE; order <= LA_ORDER_SWAPPED; order++) {
      if (la_load_u32(header, order) == forms[i].magic) {
        *ret_order = order;
        return &forms[i];
      }
    }
  }
  return NULL;
}

bool la_pcap_begin(LaSource *source)
{
  LaPcapReader *pcap = &source->pcap;
  if (!la_source_need(source, FILE_HEADER_LEN, "the file header", 0))
    return false;
  const uint8_t *header = la_window_at(&source->window);
  const PcapForm *form = find_form(header, &pcap->order);
  g_return_val_if_fail(form != NULL, false); /* only called for one of these magic numbers */
  if (!la_source_need(source, form->file_header_len, "the file header", 0))
    return false;
  header = la_window_at(&source->window);
  unsigned major = la_load_u16(header + 4, pcap->order);
  unsigned minor = la_load_u16(header + 6, pcap->order);
  uint32_t snaplen = la_load_u32(header + 16, pcap->order);
  uint32_t network = la_load_u32(header + 20, pcap->order);
  if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0)) {
    la_source_fail(source, "pcap version %u.%u is not supported", major, minor);
    return false;
  }
  pcap->unit = form->unit;
  pcap->lengths = major == 543 || minor < 3 ? LA_LENGTHS_SWAPPED : minor == 3 ? LA_LENGTHS_MAYBE : LA_LENGTHS_PLAIN;
  /* The upper bits of the link type: 28-31 the length of the frame check sequence in units of 16 bits, 26 whether it is given;
   * the others are reserved and mean nothing. */
  pcap->link_type = (uint16_t)network;
  pcap->fcs_len = (network & 0x04000000) != 0 ? (int8_t)((network >> 28) * 2) : -1;
  if (form->magic == 0xa1b2c3d4 && major == 2 && minor == 2 && is_aix(network, &pcap->link_type))
    pcap->unit = 1;
  pcap->units = (uint32_t)(LA_SEC / pcap->unit);
  la_source_add_interface(source,
                          &(LaInterface){.link_type = pcap->link_type,
                                         .snaplen = snaplen,
                                         .kernel_drops = -1,
                                         .interface_drops = -1,
                                         .last_time = LA_TIME_NONE},
                          &(LaInterfaceExtra){.fcs_len = pcap->fcs_len});
  source->window.at += form->file_header_len;
  if (pcap->lengths == LA_LENGTHS_PLAIN)
    choose_header_len(source, form);
  else
    pcap->header_len = form->record_header_len;
  if (pcap->lengths != LA_LENGTHS_PLAIN || pcap->header_len != RECORD_MIN)
    source->read = read_odd;
  else
    source->read = pcap->order == LA_ORDER_NATIVE ? read_native : read_swapped;
  return true;
}
