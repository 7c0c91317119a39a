/* The TCP header and its options (RFC 9293 section 3.1).
 *
 * A header without options, one with nothing but the timestamps (layer.h) and the usual SYN take no loop. Options are read from the
 * captured part of the header only; that some of it is missing is told, so that an absent option is not taken for
 * one that was not sent. A malformed option ends the list: where the next one would begin is then unknown. */
#include "decode/layer.h"
#include "decode/tcp_option.h"

/* One option of `len` bytes at `value`, without its kind and length: notes it in `s` and returns its LA_OPT_ bit. LA_OPT_BAD when its
 * length is not what its kind has. */
typedef unsigned OptionFunction(LaSegment *s, const uint8_t *value, size_t len);

static unsigned option_mss(LaSegment *s, const uint8_t *value, size_t len)
{
  if (len != 2)
    return LA_OPT_BAD;
  s->mss = la_be16(value);
  return LA_OPT_MSS;
}

static unsigned option_wscale(LaSegment *s, const uint8_t *value, size_t len)
{
  if (len != 1)
    return LA_OPT_BAD;
  s->wscale = value[0];
  return LA_OPT_WSCALE;
}

static unsigned option_sack_permitted(LaSegment *s, const uint8_t *value, size_t len)
{
  (void)s;
  (void)value;
  return len == 0 ? LA_OPT_SACK_PERMITTED : LA_OPT_BAD;
}

static unsigned option_sack(LaSegment *s, const uint8_t *value, size_t len)
{
  if (len == 0 || len % 8 != 0 || len / 8 > LA_SACK_MAX)
    return LA_OPT_BAD;
  s->sack_count = (uint8_t)(len / 8);
  for (size_t i = 0; i < s->sack_count; i++) {
    s->sack[i].left = la_be32(value + 8 * i);
    s->sack[i].right = la_be32(value + 8 * i + 4);
  }
  return LA_OPT_SACK;
}

static unsigned option_timestamps(LaSegment *s, const uint8_t *value, size_t len)
{
  if (len != 8)
    return LA_OPT_BAD;
  s->ts_val = la_be32(value);
  s->ts_ecr = la_be32(value + 4);
  return LA_OPT_TIMESTAMPS;
}

static unsigned option_fast_open(LaSegment *s, const uint8_t *value, size_t len)
{
  (void)value;
  s->cookie_len = (uint8_t)len;
  return LA_OPT_FAST_OPEN;
}

static unsigned option_md5(LaSegment *s, const uint8_t *value, size_t len)
{
  (void)s;
  (void)value;
  return len == 16 ? LA_OPT_MD5 : LA_OPT_BAD;
}

static unsigned option_ao(LaSegment *s, const uint8_t *value, size_t len)
{
  (void)s;
  (void)value;
  return len >= 2 ? LA_OPT_AO : LA_OPT_BAD; /* key id and next key id; the rest is the code */
}

static unsigned option_mptcp(LaSegment *s, const uint8_t *value, size_t len)
{
  (void)s;
  (void)value;
  return len >= 1 ? LA_OPT_MPTCP : LA_OPT_BAD;
}

/* Experiments say in two or four bytes which they are; 0xf989 is fast open before it had a kind (RFC 7413 4.1.1). */
static unsigned option_experiment(LaSegment *s, const uint8_t *value, size_t len)
{
  if (len < 2 || la_be16(value) != 0xf989)
    return LA_OPT_OTHER;
  return option_fast_open(s, value + 2, len - 2);
}

/* THE TABLE: one row an option kind. */
static OptionFunction *const kinds[256] = {
    [LA_TCP_OPTION_MSS] = option_mss,
    [LA_TCP_OPTION_WSCALE] = option_wscale,
    [LA_TCP_OPTION_SACK_PERMITTED] = option_sack_permitted,
    [LA_TCP_OPTION_SACK] = option_sack,
    [LA_TCP_OPTION_TIMESTAMPS] = option_timestamps,
    [LA_TCP_OPTION_MD5] = option_md5,
    [LA_TCP_OPTION_AO] = option_ao,
    [LA_TCP_OPTION_MPTCP] = option_mptcp,
    [LA_TCP_OPTION_FAST_OPEN] = option_fast_open,
    [LA_TCP_OPTION_EXPERIMENT] = option_experiment,
};

bool la_tcp_option_fits(uint8_t kind, const uint8_t *value, size_t len)
{
  LaSegment scratch = {0};
  return kinds[kind] == NULL || kinds[kind](&scratch, value, len) != LA_OPT_BAD;
}

/* FNV-1a, four bytes a step. */
static uint32_t mix_option(uint32_t hash, const uint8_t *value, size_t len)
{
  const uint32_t prime = 16777619;
  hash = (hash ^ (uint32_t)len) * prime;
  for (; len >= 4; len -= 4, value += 4) {
    hash = (hash ^ la_be32(value)) * prime;
    hash ^= hash >> 15;
  }
  for (; len > 0; len--, value++)
    hash = (hash ^ *value) * prime;
  return hash;
}

/* What can be told of an option whose value was cut: of a SACK option the blocks that were captured whole. */
static unsigned options_cut(LaSegment *s, uint8_t kind, LaCursor rest, size_t value_len)
{
  size_t blocks = la_cursor_left(&rest) / 8;
  if (kind != LA_TCP_OPTION_SACK || value_len % 8 != 0 || value_len / 8 > LA_SACK_MAX || blocks == 0)
    return LA_OPT_CUT;
  return LA_OPT_CUT | option_sack(s, rest.at, blocks * 8);
}

/* Reads the options in `in`, the captured part of `stated` bytes of them. */
static unsigned read_options(LaSegment *s, LaCursor in, size_t stated)
{
  unsigned found = 0;
  uint32_t hash = 2166136261;
  s->option_hash = 0;
  while (la_cursor_has(&in, 1)) {
    uint8_t kind = la_cursor_u8(&in);
    stated -= 1;
    if (kind == LA_TCP_OPTION_END)
      return found;
    if (kind == LA_TCP_OPTION_NOP)
      continue;
    if (stated == 0)
      return found | LA_OPT_BAD;
    if (!la_cursor_has(&in, 1))
      return found | LA_OPT_CUT;
    uint8_t len = la_cursor_u8(&in);
    if (len < 2 || len - 1u > stated)
      return found | LA_OPT_BAD;
    size_t value_len = len - 2u;
    if (!la_cursor_has(&in, value_len))
      return found | options_cut(s, kind, in, value_len);
    const uint8_t *value = la_cursor_take(&in, value_len);
    unsigned is = kinds[kind] != NULL ? kinds[kind](s, value, value_len) : LA_OPT_OTHER;
    found |= is;
    if ((is & LA_OPT_HASHED) != 0) {
      hash = mix_option(hash ^ kind, value, value_len);
      s->option_hash = (uint16_t)(hash ^ hash >> 16);
    }
    stated -= len - 1u;
  }
  return stated != 0 ? found | LA_OPT_CUT : found;
}

/* The options of a SYN in the layout that most hosts send: MSS, SACK-permitted, timestamps, no-operation, window scale. False when
 * these are others; nothing is noted then. */
static bool read_syn_options(LaSegment *s, const uint8_t *options)
{
  uint32_t last = la_be32(options + 16);
  if (la_be16(options) != 0x0204 || la_be32(options + 4) != 0x0402080a || last >> 8 != 0x010303)
    return false;
  s->mss = la_be16(options + 2);
  s->ts_val = la_be32(options + 8);
  s->ts_ecr = la_be32(options + 12);
  s->wscale = (uint8_t)last;
  s->options = LA_OPT_MSS | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS | LA_OPT_WSCALE;
  return true;
}

void la_tcp_fill_options(LaSegment *segment, const uint8_t *tcp, size_t captured)
{
  size_t end = captured < segment->header_len ? captured : segment->header_len;
  if (end == 40 && segment->header_len == 40 && read_syn_options(segment, tcp + 20))
    return;
  segment->options = (uint16_t)read_options(segment, la_cursor_init(tcp + 20, end - 20), segment->header_len - 20u);
}

/* The sum of 16-bit words in network order, not folded. An odd last byte counts as if a zero followed it. */
static uint64_t sum_words(LaCursor in)
{
  uint64_t sum = 0;
  while (la_cursor_has(&in, 2))
    sum += la_cursor_u16(&in);
  return sum + (uint64_t)la_cursor_peek_u8(&in, 0) * 256;
}

static uint16_t fold(uint64_t sum)
{
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)sum;
}

uint16_t la_checksum_sum(LaCursor in)
{
  return fold(sum_words(in));
}

uint16_t la_tcp_pseudo_sum(const LaSegment *segment, uint32_t len)
{
  size_t addr_len = segment->family == LA_FAMILY_IPV4 ? 4 : 16;
  uint64_t sum =
      sum_words(la_cursor_init(segment->src.bytes, addr_len)) + sum_words(la_cursor_init(segment->dst.bytes, addr_len));
  return fold(sum + 6 + (len >> 16) + (len & 0xffff));
}

bool la_tcp_checksum_wrong(const LaSegment *segment, const uint8_t *tcp, uint32_t len)
{
  return fold((uint64_t)la_tcp_pseudo_sum(segment, len) + la_checksum_sum(la_cursor_init(tcp, len))) != 0xffff;
}

LaStep la_tcp_step(LaWalk *w)
{
  uint64_t begin = la_walk_offset(w);
  const uint8_t *h = la_cursor_take(&w->in, 20);
  if (h == NULL)
    return la_walk_short(w, 20);
  uint64_t stated = w->stated_end - begin;
  uint32_t len = stated < UINT32_MAX ? (uint32_t)stated : UINT32_MAX;
  size_t captured = 20 + la_cursor_left(&w->in);
  LaSegment *segment = w->segment;
  unsigned header_len = la_tcp_header_len(h);
  if (header_len < 20 || header_len > len) {
    bool beyond = header_len > len && (w->fragment & LA_FRAGMENT_INNER) != 0;
    return beyond ? (LaStep)LA_DECODED_FRAGMENT : la_walk_bad(w);
  }
  la_tcp_fill(segment, h, captured, header_len, len);
  segment->fragment = (w->fragment & LA_FRAGMENT_INNER) != 0;
  if (w->options->verify_checksums && w->fragment == 0 && captured >= len)
    segment->checksum_bad = la_tcp_checksum_wrong(segment, h, len);
  return (LaStep)LA_DECODED_SEGMENT;
}
