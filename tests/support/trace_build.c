/* Packet lines become frames. What a line leaves open is filled in as a Linux host would: the options of a SYN, timestamps once
 * both ends offered them, the window, the IP identification. That needs a memory of each direction, kept here while the packets
 * are walked in capture order; packets that are missing from the capture move it on like all others. */
#include <string.h>

#include "base/error.h"
#include "trace.h"

enum {
  FIN = 0x01,
  SYN = 0x02,
  RST = 0x04,
  ACK = 0x10
};

/* What one end has shown to another. */
typedef struct {
  bool syn_seen;
  bool timestamps, wscale, sack; /* offered in its latest SYN */
  uint32_t ts_val;               /* the last it sent */
} Flow;

typedef struct {
  const LaTrace *trace;
  GHashTable *flows; /* src << 16 | dst -> Flow */
  uint16_t *ip_id;   /* the next of each end */
  GPtrArray *inner;  /* GBytes: the innermost IP packet of every frame that was written, by frame number - 1 */
  GArray *frames;
} Builder;

static Flow *flow_of(Builder *builder, unsigned src, unsigned dst)
{
  gpointer key = GUINT_TO_POINTER(src << 16 | dst);
  Flow *flow = g_hash_table_lookup(builder->flows, key);
  if (flow == NULL) {
    flow = g_new0(Flow, 1);
    g_hash_table_insert(builder->flows, key, flow);
  }
  return flow;
}

static const LaTraceEnd *end_of(const Builder *builder, unsigned index)
{
  return &g_array_index(builder->trace->ends, LaTraceEnd, index);
}

static void put_u8(GByteArray *out, unsigned value)
{
  uint8_t byte = (uint8_t)value;
  g_byte_array_append(out, &byte, 1);
}

static void put_u16(GByteArray *out, unsigned value)
{
  put_u8(out, value >> 8);
  put_u8(out, value);
}

static void put_u32(GByteArray *out, uint32_t value)
{
  put_u16(out, value >> 16);
  put_u16(out, value);
}

static void put_timestamps(GByteArray *out, uint32_t value, uint32_t echo)
{
  put_u8(out, 8);
  put_u8(out, 10);
  put_u32(out, value);
  put_u32(out, echo);
}

static void put_option(GByteArray *out, const LaTraceOption *option, uint32_t ts_val, uint32_t ts_ecr)
{
  switch (option->kind) {
  case LA_TRACE_OPT_MSS:
    put_u16(out, 0x0204);
    put_u16(out, option->a);
    break;
  case LA_TRACE_OPT_WSCALE:
    put_u16(out, 0x0303);
    put_u8(out, option->a);
    break;
  case LA_TRACE_OPT_SACK_OK: put_u16(out, 0x0402); break;
  case LA_TRACE_OPT_SACK:
    put_u8(out, 5);
    put_u8(out, 2 + 8 * option->sack_count);
    for (unsigned i = 0; i < option->sack_count; i++) {
      put_u32(out, option->sack[i].left);
      put_u32(out, option->sack[i].right);
    }
    break;
  case LA_TRACE_OPT_TS: put_timestamps(out, ts_val, ts_ecr); break;
  case LA_TRACE_OPT_TS_GIVEN: put_timestamps(out, option->a, option->b); break;
  case LA_TRACE_OPT_RAW: g_byte_array_append(out, option->raw, option->raw_len); break;
  }
}

/* The options a Linux host would send where the line gives none. */
static void add_default_options(LaTracePacket *packet, const Flow *mine, const Flow *peer, LaFamily family)
{
  bool answer = (packet->flags & ACK) != 0 && peer->syn_seen;
  if ((packet->flags & (SYN | RST | FIN)) == SYN) {
    packet->option[packet->option_count++] =
        (LaTraceOption){.kind = LA_TRACE_OPT_MSS, .a = family == LA_FAMILY_IPV6 ? 1440 : 1460};
    if (!answer || peer->sack)
      packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_SACK_OK};
    if (!answer || peer->timestamps)
      packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_TS};
    if (!answer || peer->wscale) {
      packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_RAW, .raw = {1}, .raw_len = 1};
      packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_WSCALE, .a = 7};
    }
    return;
  }
  if (mine->timestamps && peer->timestamps && (packet->flags & (RST | ACK)) != RST && (packet->flags & SYN) == 0) {
    packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_RAW, .raw = {1, 1}, .raw_len = 2};
    packet->option[packet->option_count++] = (LaTraceOption){.kind = LA_TRACE_OPT_TS};
  }
}

/* Remembers what this packet shows of its sender. */
static void note_flow(const LaTracePacket *packet, Flow *flow, uint32_t ts_val)
{
  bool timestamps = false, wscale = false, sack = false;
  for (unsigned i = 0; i < packet->option_count; i++) {
    const LaTraceOption *option = &packet->option[i];
    if (option->kind == LA_TRACE_OPT_TS || option->kind == LA_TRACE_OPT_TS_GIVEN) {
      timestamps = true;
      flow->ts_val = option->kind == LA_TRACE_OPT_TS ? ts_val : option->a;
    }
    wscale = wscale || option->kind == LA_TRACE_OPT_WSCALE;
    sack = sack || option->kind == LA_TRACE_OPT_SACK_OK;
  }
  if ((packet->flags & SYN) != 0) {
    flow->syn_seen = true;
    flow->timestamps = timestamps;
    flow->wscale = wscale;
    flow->sack = sack;
  }
}

static unsigned default_window(const LaTracePacket *packet, const Flow *mine, const Flow *peer)
{
  if ((packet->flags & (RST | ACK)) == RST)
    return 0;
  if ((packet->flags & SYN) != 0)
    return (packet->flags & ACK) != 0 ? 65160 : 64240;
  return mine->wscale && peer->wscale ? 502 : 64240;
}

/* Payload bytes that tell where in the stream they stand. */
static void put_payload(GByteArray *out, const LaTracePacket *packet)
{
  if (packet->data != NULL) {
    gsize len = 0;
    const uint8_t *data = g_bytes_get_data(packet->data, &len);
    g_byte_array_append(out, data, (guint)len);
    return;
  }
  for (uint32_t i = 0; i < packet->len; i++)
    put_u8(out, 'a' + (packet->seq + i) % 26);
}

static void fill_checksum(GByteArray *bytes, unsigned offset, const LaTraceIp *ip, const LaTracePacket *packet)
{
  uint16_t sum = la_trace_checksum(bytes, la_trace_pseudo_sum(ip, bytes->len));
  if (packet->bad_checksum)
    sum ^= 0x5555;
  bytes->data[offset] = (uint8_t)(sum >> 8);
  bytes->data[offset + 1] = (uint8_t)sum;
}

static bool build_tcp(Builder *builder, const LaTracePacket *line, GByteArray *out, GError **error)
{
  LaTracePacket packet = *line;
  const LaTraceEnd *src = end_of(builder, packet.src), *dst = end_of(builder, packet.dst);
  Flow *mine = flow_of(builder, packet.src, packet.dst), *peer = flow_of(builder, packet.dst, packet.src);
  uint32_t ts_val = src->ts_base + (uint32_t)(packet.time / LA_MSEC);
  uint32_t ts_ecr = (packet.flags & ACK) != 0 ? peer->ts_val : 0;
  if (packet.no_options_given)
    add_default_options(&packet, mine, peer, (LaFamily)src->at.family);

  g_autoptr(GByteArray) options = g_byte_array_new();
  for (unsigned i = 0; i < packet.option_count; i++)
    put_option(options, &packet.option[i], ts_val, ts_ecr);
  while (options->len % 4 != 0)
    put_u8(options, 1);
  if (options->len > 40) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s:%u: the options need more than 40 bytes", builder->trace->path,
                line->line);
    return false;
  }
  unsigned window = packet.window >= 0 ? (unsigned)packet.window : default_window(&packet, mine, peer);
  put_u16(out, src->at.port);
  put_u16(out, dst->at.port);
  put_u32(out, packet.seq);
  put_u32(out, packet.ack);
  put_u8(out, (5 + options->len / 4) << 4 | packet.flags >> 8);
  put_u8(out, packet.flags);
  put_u16(out, window);
  put_u32(out, 0); /* checksum, urgent pointer */
  g_byte_array_append(out, options->data, options->len);
  put_payload(out, &packet);
  note_flow(&packet, mine, ts_val);
  return true;
}

/* The start of the frame that an ICMP error quotes: its IP header and `quote_len` bytes after it. */
static bool build_icmp(Builder *builder, const LaTracePacket *packet, GByteArray *out, GError **error)
{
  if (packet->quoting > builder->inner->len) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s:%u: packet %u does not stand before it in the capture",
                builder->trace->path, packet->line, packet->quoting);
    return false;
  }
  gsize len = 0;
  const uint8_t *quoted = g_bytes_get_data(builder->inner->pdata[packet->quoting - 1], &len);
  unsigned header = quoted[0] >> 4 == 6 ? 40 : 20;
  unsigned tcp_header = len >= header + 13u ? (quoted[header + 12] >> 4) * 4u : 0;
  gsize take = MIN(len, (gsize)header + MIN(packet->quote_len, MAX(tcp_header, 8)));
  put_u8(out, packet->icmp_type);
  put_u8(out, packet->icmp_code);
  put_u16(out, 0);
  put_u32(out, packet->mtu);
  g_byte_array_append(out, quoted, (guint)take);
  return true;
}

/* The packet from its IP header on, into `out`; `*ret_type` is its ethertype. */
static bool build_ip(Builder *builder, const LaTracePacket *packet, GByteArray *out, uint16_t *ret_type, GError **error)
{
  const LaTraceEnd *src = end_of(builder, packet->src), *dst = end_of(builder, packet->dst);
  LaTraceIp ip = {.family = (LaFamily)src->at.family, .src = src->at.addr, .dst = dst->at.addr};
  ip.ttl = packet->ttl >= 0 ? (uint8_t)packet->ttl : src->ttl;
  ip.ip_id = packet->ip_id >= 0 ? (uint16_t)packet->ip_id : builder->ip_id[packet->src]++;
  switch (packet->kind) {
  case LA_TRACE_TCP:
    if (!build_tcp(builder, packet, out, error))
      return false;
    ip.protocol = 6;
    fill_checksum(out, 16, &ip, packet);
    break;
  case LA_TRACE_UDP:
    put_u16(out, src->at.port);
    put_u16(out, dst->at.port);
    put_u16(out, 8 + packet->len);
    put_u16(out, 0);
    put_payload(out, packet);
    ip.protocol = 17;
    fill_checksum(out, 6, &ip, packet);
    break;
  default:
    if (!build_icmp(builder, packet, out, error))
      return false;
    ip.protocol = ip.family == LA_FAMILY_IPV6 ? 58 : 1;
    if (ip.family == LA_FAMILY_IPV6) {
      fill_checksum(out, 2, &ip, packet);
    } else {
      uint16_t sum = la_trace_checksum(out, 0);
      out->data[2] = (uint8_t)(sum >> 8);
      out->data[3] = (uint8_t)sum;
    }
    break;
  }
  la_trace_ip_prepend(&ip, out);
  *ret_type = ip.family == LA_FAMILY_IPV6 ? 0x86dd : 0x0800;
  return true;
}

static void build_arp(const Builder *builder, GByteArray *out)
{
  static const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1};
  g_byte_array_append(out, request, sizeof request);
  g_byte_array_append(out, end_of(builder, 0)->at.addr.bytes, 4);
  for (unsigned i = 0; i < 10; i++)
    put_u8(out, 0);
}

/* Wraps the IP packet and puts it into the capture, unless it is missing there. */
static bool add_frame(Builder *builder, const LaTracePacket *packet, uint16_t type, const GByteArray *inner, GError **error)
{
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_byte_array_append(bytes, inner->data, inner->len);
  if (!la_trace_wrap(builder->trace, packet, type, bytes, error))
    return false;
  uint32_t captured = MIN(bytes->len, builder->trace->snaplen);
  if (packet->cut >= 0 && packet->cut < captured)
    captured = (uint32_t)packet->cut;
  LaTraceFrame frame = {
      .time = builder->trace->base + packet->time,
      .captured_len = captured,
      .iface = packet->iface,
      .lost = packet->lost,
      .bytes = g_bytes_new(bytes->data, bytes->len),
  };
  g_array_append_val(builder->frames, frame);
  g_ptr_array_add(builder->inner, g_bytes_new(inner->data, inner->len));
  return true;
}

/* Gives an IP packet another TTL or hop limit. */
static void set_ttl(GByteArray *inner, uint8_t ttl)
{
  if (inner->data[0] >> 4 == 6) {
    inner->data[7] = ttl;
    return;
  }
  g_autoptr(GByteArray) header = g_byte_array_new();
  inner->data[8] = ttl;
  inner->data[10] = inner->data[11] = 0;
  g_byte_array_append(header, inner->data, 20);
  uint16_t sum = la_trace_checksum(header, 0);
  inner->data[10] = (uint8_t)(sum >> 8);
  inner->data[11] = (uint8_t)sum;
}

/* An IPv4 packet in fragments, each a frame of its own. */
static bool add_fragments(Builder *builder, const LaTracePacket *packet, uint16_t type, const GByteArray *inner, GError **error)
{
  enum {
    HEADER = 20
  };
  if (type != 0x0800) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s:%u: only IPv4 packets are cut into fragments", builder->trace->path,
                packet->line);
    return false;
  }
  for (unsigned at = HEADER; at < inner->len; at += packet->fragment) {
    unsigned len = MIN(packet->fragment, inner->len - at);
    unsigned place = (at - HEADER) / 8 | (at + len < inner->len ? 0x2000 : 0);
    g_autoptr(GByteArray) piece = g_byte_array_new();
    g_byte_array_append(piece, inner->data, HEADER);
    g_byte_array_append(piece, inner->data + at, len);
    piece->data[2] = (uint8_t)(piece->len >> 8);
    piece->data[3] = (uint8_t)piece->len;
    piece->data[6] = (uint8_t)(place >> 8);
    piece->data[7] = (uint8_t)place;
    set_ttl(piece, piece->data[8]);
    if (!add_frame(builder, packet, type, piece, error))
      return false;
  }
  return true;
}

/* A copy is the same IP packet, with another TTL where the line says so. */
static bool add_copies(Builder *builder, const LaTracePacket *packet, uint16_t type, const GByteArray *inner, GError **error)
{
  for (unsigned i = 0; i < packet->copy_count; i++) {
    LaTracePacket copy = *packet;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, inner->data, inner->len);
    copy.time += packet->copy[i].delay;
    copy.lost = -1;
    if (packet->copy[i].iface >= 0)
      copy.iface = (unsigned)packet->copy[i].iface;
    if (packet->copy[i].ttl >= 0 && type != 0x0806)
      set_ttl(bytes, (uint8_t)packet->copy[i].ttl);
    if (!add_frame(builder, &copy, type, bytes, error))
      return false;
  }
  return true;
}

static bool build_packet(Builder *builder, const LaTracePacket *packet, GError **error)
{
  g_autoptr(GByteArray) inner = g_byte_array_new();
  uint16_t type = 0x0806;
  if (packet->kind == LA_TRACE_ARP)
    build_arp(builder, inner);
  else if (!build_ip(builder, packet, inner, &type, error))
    return false;
  if (packet->missing)
    return true;
  if (packet->fragment != 0)
    return add_fragments(builder, packet, type, inner, error);
  return add_frame(builder, packet, type, inner, error) && add_copies(builder, packet, type, inner, error);
}

static void frame_clear(void *data)
{
  LaTraceFrame *frame = data;
  g_clear_pointer(&frame->bytes, g_bytes_unref);
}

GArray *la_trace_build(const LaTrace *trace, GError **error)
{
  Builder builder = {
      .trace = trace,
      .flows = g_hash_table_new_full(NULL, NULL, NULL, g_free),
      .ip_id = g_new0(uint16_t, trace->ends->len + 1),
      .inner = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref),
      .frames = g_array_new(FALSE, TRUE, sizeof(LaTraceFrame)),
  };
  g_array_set_clear_func(builder.frames, frame_clear);
  for (unsigned i = 0; i < trace->ends->len; i++)
    builder.ip_id[i] = end_of(&builder, i)->ip_id;
  bool ok = true;
  for (unsigned i = 0; ok && i < trace->packets->len; i++)
    ok = build_packet(&builder, &g_array_index(trace->packets, LaTracePacket, i), error);
  g_hash_table_unref(builder.flows);
  g_ptr_array_unref(builder.inner);
  g_free(builder.ip_id);
  if (!ok)
    g_clear_pointer(&builder.frames, g_array_unref);
  return builder.frames;
}

LaTime la_trace_observed_until(const LaTrace *trace, const GArray *frames)
{
  if (trace->end != LA_TIME_NONE)
    return trace->base + trace->end;
  LaTime last = trace->base;
  for (unsigned i = 0; i < frames->len; i++)
    last = MAX(last, g_array_index(frames, LaTraceFrame, i).time);
  return last;
}
