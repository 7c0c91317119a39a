/* Frames as a capture file: classic pcap, or pcapng with an interface description for each interface, enhanced packet blocks,
 * and, when the trace says when the observation ended, an interface statistics block. All of it little-endian, so that a trace
 * gives the same bytes on every machine. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "trace.h"

static void put_u16(GByteArray *out, unsigned value)
{
  uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
  g_byte_array_append(out, bytes, sizeof bytes);
}

static void put_u32(GByteArray *out, uint32_t value)
{
  put_u16(out, value & 0xffff);
  put_u16(out, value >> 16);
}

static void pad4(GByteArray *out)
{
  static const uint8_t zero[4] = {0};
  g_byte_array_append(out, zero, (4 - out->len % 4) % 4);
}

static bool write_pcap(const LaTrace *trace, const GArray *frames, GByteArray *out, GError **error)
{
  bool nanoseconds = trace->format == LA_TRACE_FORMAT_PCAP_NSEC;
  put_u32(out, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
  put_u16(out, 2);
  put_u16(out, 4);
  put_u32(out, 0);
  put_u32(out, 0);
  put_u32(out, trace->snaplen);
  put_u32(out, la_trace_link_number(trace->link));
  for (unsigned i = 0; i < frames->len; i++) {
    const LaTraceFrame *frame = &g_array_index(frames, LaTraceFrame, i);
    LaTime fraction = frame->time % LA_SEC;
    if (!nanoseconds && fraction % LA_USEC != 0) {
      g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s: a time is finer than microseconds: use format pcapng or pcap-nsec",
                  trace->path);
      return false;
    }
    put_u32(out, (uint32_t)(frame->time / LA_SEC));
    put_u32(out, (uint32_t)(nanoseconds ? fraction : fraction / LA_USEC));
    put_u32(out, frame->captured_len);
    put_u32(out, (uint32_t)g_bytes_get_size(frame->bytes));
    g_byte_array_append(out, g_bytes_get_data(frame->bytes, NULL), frame->captured_len);
  }
  return true;
}

static void put_option(GByteArray *out, unsigned code, const void *data, unsigned len)
{
  put_u16(out, code);
  put_u16(out, len);
  g_byte_array_append(out, data, len);
  pad4(out);
}

static void put_time(GByteArray *out, LaTime time)
{
  put_u32(out, (uint32_t)((uint64_t)time >> 32));
  put_u32(out, (uint32_t)time);
}

/* A block around its body: type, length, body, length. */
static void put_block(GByteArray *out, uint32_t type, GByteArray *body)
{
  pad4(body);
  put_u32(out, type);
  put_u32(out, 12 + body->len);
  g_byte_array_append(out, body->data, body->len);
  put_u32(out, 12 + body->len);
  g_byte_array_set_size(body, 0);
}

static void put_interface(const LaTrace *trace, unsigned index, GByteArray *body)
{
  put_u16(body, la_trace_link_number(trace->link));
  put_u16(body, 0);
  put_u32(body, trace->snaplen);
  const char *name = index < trace->iface_names->len ? trace->iface_names->pdata[index] : NULL;
  if (name != NULL)
    put_option(body, 2, name, (unsigned)strlen(name));
  put_option(body, 9, "\x09", 1); /* nanoseconds */
  put_u32(body, 0);
}

/* -1: not said */
static void put_count_option(GByteArray *body, unsigned code, int64_t value)
{
  if (value < 0)
    return;
  put_u16(body, code);
  put_u16(body, 8);
  put_u32(body, (uint32_t)value);
  put_u32(body, (uint32_t)((uint64_t)value >> 32));
}

/* Those from `*next` on that are not after `until`. */
static void put_statistics(const LaTrace *trace, LaTime until, unsigned *next, GByteArray *out)
{
  g_autoptr(GByteArray) body = g_byte_array_new();
  for (; *next < trace->statistics->len; (*next)++) {
    const LaTraceStatistics *statistics = &g_array_index(trace->statistics, LaTraceStatistics, *next);
    if (trace->base + statistics->time > until)
      return;
    put_u32(body, statistics->iface);
    put_time(body, trace->base + statistics->time);
    put_count_option(body, 5, statistics->received_drops); /* isb_ifdrop */
    put_count_option(body, 7, statistics->system_drops);   /* isb_osdrop */
    put_u32(body, 0);
    put_block(out, 5, body);
  }
}

static void write_pcapng(const LaTrace *trace, const GArray *frames, GByteArray *out)
{
  g_autoptr(GByteArray) body = g_byte_array_new();
  put_u32(body, 0x1a2b3c4d);
  put_u16(body, 1);
  put_u16(body, 0);
  put_u32(body, 0xffffffff); /* the section's length is not said */
  put_u32(body, 0xffffffff);
  put_block(out, 0x0a0d0d0a, body);
  unsigned next = 0;
  for (unsigned i = 0; i < trace->iface_count; i++) {
    put_interface(trace, i, body);
    put_block(out, 1, body);
  }
  for (unsigned i = 0; i < frames->len; i++) {
    const LaTraceFrame *frame = &g_array_index(frames, LaTraceFrame, i);
    put_statistics(trace, frame->time, &next, out);
    put_u32(body, frame->iface);
    put_time(body, frame->time);
    put_u32(body, frame->captured_len);
    put_u32(body, (uint32_t)g_bytes_get_size(frame->bytes));
    g_byte_array_append(body, g_bytes_get_data(frame->bytes, NULL), frame->captured_len);
    pad4(body);
    put_count_option(body, 4, frame->lost); /* epb_dropcount */
    if (frame->lost >= 0)
      put_u32(body, 0);
    put_block(out, 6, body);
  }
  put_statistics(trace, LA_TIME_MAX, &next, out);
  if (trace->end == LA_TIME_NONE)
    return;
  for (unsigned i = 0; i < trace->iface_count; i++) {
    LaTime end = trace->base + trace->end;
    put_u32(body, i);
    put_time(body, end);
    put_u16(body, 3); /* isb_endtime */
    put_u16(body, 8);
    put_time(body, end);
    put_u32(body, 0);
    put_block(out, 5, body);
  }
}

static bool speaks_of_losses(const LaTrace *trace, const GArray *frames)
{
  bool lost = trace->statistics->len > 0;
  for (unsigned i = 0; i < frames->len; i++)
    lost = lost || g_array_index(frames, LaTraceFrame, i).lost >= 0;
  return lost;
}

bool la_trace_write(const LaTrace *trace, const GArray *frames, const char *path, GError **error)
{
  if (trace->format != LA_TRACE_FORMAT_PCAPNG && speaks_of_losses(trace, frames)) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s: only the format pcapng has room for stats and lost", trace->path);
    return false;
  }
  g_autoptr(GByteArray) out = g_byte_array_new();
  if (trace->format == LA_TRACE_FORMAT_PCAPNG)
    write_pcapng(trace, frames, out);
  else if (!write_pcap(trace, frames, out, error))
    return false;
  return g_file_set_contents(path, (const char *)out->data, (gssize)out->len, error);
}
