/* A packet line: TIME A>B FLAGS SEQ(LEN) [ack N] [win N] [<options>] [key value ...], and the lines of other packets. */
#include <stdio.h>
#include <string.h>

#include "trace_parse.h"

/* In the order of tcpdump's letters. */
static const struct {
  char letter;
  uint16_t bit;
} flag_letters[] = {{'S', 0x02}, {'F', 0x01}, {'R', 0x04}, {'P', 0x08}, {'.', 0x10},
                    {'U', 0x20}, {'E', 0x40}, {'W', 0x80}, {'e', 0x100}};

static bool parse_flags(const char *word, uint16_t *ret_flags, GError **error)
{
  uint16_t flags = 0;
  if (strcmp(word, "-") != 0)
    for (const char *c = word; *c != '\0'; c++) {
      unsigned i = 0;
      while (i < G_N_ELEMENTS(flag_letters) && flag_letters[i].letter != *c)
        i++;
      if (i == G_N_ELEMENTS(flag_letters))
        return la_trace_fail(error, "`%s` are no flags: letters S F R P . U E W e, or -", word);
      flags |= flag_letters[i].bit;
    }
  *ret_flags = flags;
  return true;
}

/* `N` relative to `isn`, `-N` before it, `=N` absolute. */
static bool parse_seq(const char *word, uint32_t isn, uint32_t *ret_seq, GError **error)
{
  uint64_t value = 0;
  bool before = *word == '-';
  if (!la_trace_parse_number(word + (*word == '=' || before), UINT32_MAX, &value, error))
    return false;
  *ret_seq = *word == '=' ? (uint32_t)value : before ? isn - (uint32_t)value : isn + (uint32_t)value;
  return true;
}

/* SEQ(LEN) */
static bool parse_range(const char *word, uint32_t isn, LaTracePacket *packet, GError **error)
{
  const char *open = strchr(word, '(');
  size_t len = strlen(word);
  if (open == NULL || word[len - 1] != ')')
    return la_trace_fail(error, "expected SEQ(LEN), found `%s`", word);
  g_autofree char *first = g_strndup(word, (size_t)(open - word));
  g_autofree char *second = g_strndup(open + 1, len - (size_t)(open - word) - 2);
  uint64_t value = 0;
  if (!parse_seq(first, isn, &packet->seq, error) || !la_trace_parse_number(second, 65000, &value, error))
    return false;
  packet->len = (uint32_t)value;
  return true;
}

static bool parse_data(const char *word, LaTracePacket *packet, GError **error)
{
  if (word == NULL)
    return la_trace_fail(error, "`data` needs a text");
  char *text = g_strcompress(word);
  packet->data = g_bytes_new_take(text, strlen(text));
  packet->len = (uint32_t)g_bytes_get_size(packet->data);
  return true;
}

/* vlan N[,N]: tags of this packet alone, in place of the trace's layers. */
static bool parse_vlan(const char *word, LaTracePacket *packet, GError **error)
{
  g_auto(GStrv) ids = g_strsplit(word, ",", LA_TRACE_LAYERS_MAX + 1);
  LaTraceEncap encap = {0};
  for (char **id = ids; *id != NULL; id++) {
    uint64_t value = 0;
    if (encap.count == LA_TRACE_LAYERS_MAX || !la_trace_parse_number(*id, 4095, &value, error))
      return error == NULL || *error != NULL ? false : la_trace_fail(error, "too many tags");
    encap.layer[encap.count++] = (LaTraceLayer){.kind = LA_TRACE_VLAN, .id = (uint32_t)value};
  }
  packet->encap = encap;
  return true;
}

/* dup DELAY [ttl N] [iface N] */
static bool parse_copy(char ***words, LaTracePacket *packet, GError **error)
{
  if (packet->copy_count == LA_TRACE_COPIES_MAX || **words == NULL)
    return la_trace_fail(error, "expected: dup SECONDS (at most %u times)", LA_TRACE_COPIES_MAX);
  LaTraceCopy copy = {.ttl = -1, .iface = -1};
  if (!la_trace_parse_seconds(**words, &copy.delay, error))
    return false;
  (*words)++;
  uint64_t value = 0;
  while (**words != NULL && (strcmp(**words, "ttl") == 0 || strcmp(**words, "iface") == 0)) {
    if (!la_trace_parse_number((*words)[1], 255, &value, error))
      return false;
    if (***words == 't')
      copy.ttl = (int)value;
    else
      copy.iface = (int)value;
    *words += 2;
  }
  packet->copy[packet->copy_count++] = copy;
  return true;
}

typedef struct {
  const char *word;
  uint64_t max;
} Key;

enum {
  KEY_WIN,
  KEY_TTL,
  KEY_ID,
  KEY_CUT,
  KEY_IFACE,
  KEY_QUOTING,
  KEY_QUOTE,
  KEY_MTU,
  KEY_LOST,
  KEY_FRAGMENT
};
static const Key keys[] = {
    [KEY_WIN] = {"win", 65535},          [KEY_TTL] = {"ttl", 255},        [KEY_ID] = {"id", 65535},
    [KEY_CUT] = {"cut", 65535},          [KEY_IFACE] = {"iface", 15},     [KEY_QUOTING] = {"quoting", 1000000},
    [KEY_QUOTE] = {"quote", 60},         [KEY_MTU] = {"mtu", UINT32_MAX}, [KEY_LOST] = {"lost", INT64_MAX},
    [KEY_FRAGMENT] = {"fragment", 8191},
};

static void set_key(LaTracePacket *packet, unsigned key, uint64_t value)
{
  switch (key) {
  case KEY_WIN: packet->window = (int)value; break;
  case KEY_TTL: packet->ttl = (int)value; break;
  case KEY_ID: packet->ip_id = (int)value; break;
  case KEY_CUT: packet->cut = (int64_t)value; break;
  case KEY_IFACE: packet->iface = (unsigned)value; break;
  case KEY_QUOTING: packet->quoting = (unsigned)value; break;
  case KEY_QUOTE: packet->quote_len = (unsigned)value; break;
  case KEY_LOST: packet->lost = (int64_t)value; break;
  case KEY_FRAGMENT: packet->fragment = (unsigned)value * 8; break;
  default: packet->mtu = (uint32_t)value; break;
  }
}

/* Everything after the sequence numbers. */
static bool parse_keys(const LaTrace *trace, char **words, LaTracePacket *packet, GError **error)
{
  uint32_t peer_isn = g_array_index(trace->ends, LaTraceEnd, packet->dst).isn;
  while (*words != NULL) {
    const char *word = *words++;
    if (*word == '<') {
      if (!la_trace_options_parse(word, peer_isn, packet, error))
        return false;
    } else if (strcmp(word, "missing") == 0) {
      packet->missing = true;
    } else if (strcmp(word, "bad-checksum") == 0) {
      packet->bad_checksum = true;
    } else if (strcmp(word, "dup") == 0) {
      if (!parse_copy(&words, packet, error))
        return false;
    } else if (*words == NULL) {
      return la_trace_fail(error, "unknown word `%s`, or its value is missing", word);
    } else if (strcmp(word, "ack") == 0) {
      if (!parse_seq(*words++, peer_isn, &packet->ack, error))
        return false;
    } else if (strcmp(word, "vlan") == 0) {
      if (!parse_vlan(*words++, packet, error))
        return false;
    } else if (strcmp(word, "data") == 0) {
      if (!parse_data(*words++, packet, error))
        return false;
    } else {
      unsigned key = 0;
      while (key < G_N_ELEMENTS(keys) && strcmp(keys[key].word, word) != 0)
        key++;
      if (key == G_N_ELEMENTS(keys))
        return la_trace_fail(error, "unknown word `%s`", word);
      uint64_t value = 0;
      if (!la_trace_parse_number(*words++, keys[key].max, &value, error))
        return false;
      set_key(packet, key, value);
    }
  }
  return true;
}

/* A>B, both defined and of one address family. */
static bool parse_ends(const LaTrace *trace, const char *word, LaTracePacket *packet, GError **error)
{
  g_auto(GStrv) names = g_strsplit(word, ">", 2);
  int src = names[0] != NULL ? la_trace_find_end(trace, names[0]) : -1;
  int dst = src >= 0 && names[1] != NULL ? la_trace_find_end(trace, names[1]) : -1;
  if (dst < 0)
    return la_trace_fail(error, "expected A>B with two ends that are defined, found `%s`", word);
  packet->src = (unsigned)src;
  packet->dst = (unsigned)dst;
  if (g_array_index(trace->ends, LaTraceEnd, src).at.family != g_array_index(trace->ends, LaTraceEnd, dst).at.family)
    return la_trace_fail(error, "`%s` joins IPv4 and IPv6", word);
  return true;
}

static bool parse_time(LaTraceParser *parser, const char *word, LaTime *ret_time, GError **error)
{
  bool relative = *word == '+';
  LaTime time = 0;
  if (!la_trace_parse_seconds(word + relative, &time, error))
    return false;
  *ret_time = relative ? parser->last_time + time : time;
  return true;
}

/* icmp TYPE/CODE quoting N */
static bool parse_icmp(const LaTrace *trace, char **words, LaTracePacket *packet, GError **error)
{
  unsigned type = 0, code = 0;
  char rest = '\0';
  if (words[0] == NULL || sscanf(words[0], "%3u/%3u%c", &type, &code, &rest) != 2 || type > 255 || code > 255)
    return la_trace_fail(error, "expected: icmp TYPE/CODE quoting N");
  packet->kind = LA_TRACE_ICMP;
  packet->icmp_type = (uint8_t)type;
  packet->icmp_code = (uint8_t)code;
  packet->quote_len = 60;
  return parse_keys(trace, words + 1, packet, error) &&
         (packet->quoting != 0 || la_trace_fail(error, "expected: icmp TYPE/CODE quoting N"));
}

static bool parse_tcp(const LaTrace *trace, char **words, LaTracePacket *packet, GError **error)
{
  if (words[0] == NULL || words[1] == NULL)
    return la_trace_fail(error, "expected: TIME A>B FLAGS SEQ(LEN)");
  uint32_t isn = g_array_index(trace->ends, LaTraceEnd, packet->src).isn;
  if (!parse_flags(words[0], &packet->flags, error) || !parse_range(words[1], isn, packet, error) ||
      !parse_keys(trace, words + 2, packet, error))
    return false;
  bool has_ack = false;
  for (char **word = words + 2; *word != NULL; word++)
    has_ack = has_ack || strcmp(*word, "ack") == 0;
  if (has_ack != ((packet->flags & 0x10) != 0))
    return la_trace_fail(error, "the flag `.` and `ack N` belong together");
  return true;
}

bool la_trace_packet_parse(LaTraceParser *parser, char **words, GError **error)
{
  LaTrace *trace = parser->trace;
  LaTracePacket packet = {.line = parser->line,
                          .window = -1,
                          .ip_id = -1,
                          .ttl = -1,
                          .cut = -1,
                          .lost = -1,
                          .encap = parser->encap,
                          .no_options_given = true};
  if (!g_ascii_isdigit(words[0][0]) && words[0][0] != '+')
    return la_trace_fail(error, "unknown word `%s`", words[0]);
  if (!parse_time(parser, words[0], &packet.time, error))
    return false;
  bool ok;
  if (g_strcmp0(words[1], "arp") == 0) {
    packet.kind = LA_TRACE_ARP;
    ok = trace->ends->len > 0 ? parse_keys(trace, words + 2, &packet, error)
                              : la_trace_fail(error, "define an end before `arp`");
  } else if (words[1] == NULL || !parse_ends(trace, words[1], &packet, error)) {
    ok = error == NULL || *error != NULL ? false : la_trace_fail(error, "expected: TIME A>B ...");
  } else if (g_strcmp0(words[2], "icmp") == 0 || g_strcmp0(words[2], "icmp6") == 0) {
    ok = parse_icmp(trace, words + 3, &packet, error);
  } else if (g_strcmp0(words[2], "udp") == 0) {
    uint64_t len = 0;
    packet.kind = LA_TRACE_UDP;
    ok = la_trace_parse_number(words[3], 65000, &len, error) && parse_keys(trace, words + 4, &packet, error);
    packet.len = (uint32_t)len;
  } else {
    ok = parse_tcp(trace, words + 2, &packet, error);
  }
  int highest = (int)packet.iface;
  for (unsigned i = 0; i < packet.copy_count; i++)
    highest = MAX(highest, packet.copy[i].iface);
  if (ok && highest >= (int)trace->iface_count)
    ok = la_trace_fail(error, "there are only %u interfaces", trace->iface_count);
  if (!ok) {
    g_clear_pointer(&packet.data, g_bytes_unref);
    return false;
  }
  parser->last_time = packet.time;
  g_array_append_val(trace->packets, packet);
  return true;
}
