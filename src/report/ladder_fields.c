/* `lastack show -v`: every field of a packet's headers, in lines of their own below its row: what lay below IP, IP, TCP, and the options
 * in the order in which they stand in the header. Four lines a packet are many: what its row has is not said again, what should be
 * zero (an urgent pointer, reserved bits) is told when it is not, and an ordinary packet's line fits into 100 columns. */
#include "base/addr.h"
#include "decode/decoder.h"
#include "decode/tcp_option.h"
#include "report/ladder_private.h"

static void add_hex(GString *out, const uint8_t *bytes, size_t count)
{
  for (size_t i = 0; i < count; i++)
    g_string_append_printf(out, "%s%02x", i > 0 ? " " : "", bytes[i]);
}

/* "cksum 0x1234 right" */
static void add_checksum(GString *out, unsigned checksum, unsigned verdict, unsigned right)
{
  static const char *const words[] = {
      [LA_CHECKSUM_RIGHT] = "right",
      [LA_CHECKSUM_WRONG] = "WRONG",
      [LA_CHECKSUM_OFFLOADED] = "offloaded",
      [LA_CHECKSUM_CUT] = "not verified (cut short)",
      [LA_CHECKSUM_FRAGMENT] = "not verified (fragment)",
  };
  g_string_append_printf(out, ", cksum 0x%04x %s", checksum, words[verdict]);
  if (verdict == LA_CHECKSUM_WRONG && right != 0)
    g_string_append_printf(out, " (0x%04x would be right)", right);
}

static void add_link(GString *out, const LaSegment *segment, const LaHeaderFields *fields)
{
  gsize from = out->len;
  for (unsigned i = 0; i < segment->encap_count && i < LA_ENCAP_MAX; i++) {
    char word[LA_ENCAP_TEXT_MAX];
    g_string_append_printf(out, ", %s", la_encap_format(&segment->encap[i], word));
  }
  if (segment->interface > 0)
    g_string_append_printf(out, ", interface %u", segment->interface);
  if (fields->captured_len < fields->wire_len)
    g_string_append_printf(out, ", %" G_GUINT32_FORMAT " of %" G_GUINT32_FORMAT " bytes captured", fields->captured_len,
                           fields->wire_len);
  if (out->len == from)
    return;
  g_string_erase(out, (gssize)from, 2);
  g_string_insert(out, (gssize)from, "link\t");
  g_string_append_c(out, '\n');
}

/* The DSCP by its name, where RFC 2474, 2597, 3246, 5865 or 8622 gives it one. */
static void add_dscp(GString *out, unsigned dscp)
{
  g_string_append_printf(out, "DSCP %u", dscp);
  unsigned class = dscp >> 3;
  unsigned drop = dscp & 7;
  if (dscp == 46)
    g_string_append(out, " EF");
  else if (dscp == 44)
    g_string_append(out, " VA");
  else if (dscp == 1)
    g_string_append(out, " LE");
  else if (drop == 0 && class > 0)
    g_string_append_printf(out, " CS%u", class);
  else if (class >= 1 && class <= 4 && (drop == 2 || drop == 4 || drop == 6))
    g_string_append_printf(out, " AF%u%u", class, drop / 2);
}

/* The byte that was TOS: "tos 0xba (DSCP 46 EF, ECT(0))" */
static void add_class(GString *out, const char *name, const LaHeaderFields *fields)
{
  static const char *const ecn[] = {"Not-ECT", "ECT(1)", "ECT(0)", "CE"};
  g_string_append_printf(out, "%s 0x%02x", name, (unsigned)(fields->dscp << 2 | fields->ecn));
  if (fields->dscp == 0 && fields->ecn == 0)
    return;
  g_string_append(out, " (");
  add_dscp(out, fields->dscp);
  g_string_append_printf(out, ", %s)", ecn[fields->ecn & 3]);
}

static void add_extensions(GString *out, const LaHeaderFields *fields)
{
  static const struct {
    uint8_t kind;
    const char *name;
  } names[] = {
      {0, "hop-by-hop options"}, {43, "routing header"}, {44, "fragment header"}, {51, "AH"}, {60, "destination options"},
      {135, "mobility header"},  {139, "HIP"},           {140, "shim6"}};
  for (unsigned i = 0; i < fields->extension_count && i < LA_EXTENSIONS_MAX; i++) {
    const char *name = NULL;
    for (unsigned n = 0; n < G_N_ELEMENTS(names); n++)
      name = names[n].kind == fields->extensions[i] ? names[n].name : name;
    if (name != NULL)
      g_string_append_printf(out, ", %s", name);
    else
      g_string_append_printf(out, ", header %u", fields->extensions[i]);
  }
  if (fields->extension_count == LA_EXTENSIONS_MAX)
    g_string_append(out, " ...");
}

static void add_ipv4(GString *out, const LaHeaderFields *fields)
{
  g_string_append(out, "IPv4\t");
  add_class(out, "tos", fields);
  g_string_append_printf(out, ", ttl %u, id %u", fields->ttl, fields->ip_id);
  g_string_append(out, fields->dont_fragment ? ", DF" : ", no DF");
  if (fields->more_fragments)
    g_string_append(out, ", MF: a first fragment");
  if (fields->reserved_ip)
    g_string_append(out, ", the reserved bit");
  g_string_append_printf(out, ", length %u", fields->len);
  if (fields->len == 0)
    g_string_append(out, " (offloaded)");
  g_string_append_printf(out, ", header %u", fields->ip_header_len);
  add_checksum(out, fields->ip_checksum, fields->ip_checksum_is, 0);
  if (fields->ip_options_len > 0) {
    g_string_append(out, ", options ");
    add_hex(out, fields->ip_options, fields->ip_options_len);
  }
  add_extensions(out, fields);
}

static void add_ipv6(GString *out, const LaHeaderFields *fields)
{
  g_string_append(out, "IPv6\t");
  add_class(out, "traffic class", fields);
  g_string_append_printf(out, ", flow label 0x%05x, hop limit %u", (unsigned)fields->flow_label, fields->ttl);
  g_string_append_printf(out, ", payload length %u", fields->len);
  if (fields->len == 0)
    g_string_append(out, " (offloaded, or a jumbogram)");
  add_extensions(out, fields);
  if (fields->more_fragments)
    g_string_append(out, ", more fragments follow");
}

static void add_tcp(GString *out, const LaSegment *segment, const LaHeaderFields *fields, unsigned wscale)
{
  g_string_append_printf(out, "TCP\tflags 0x%03x", segment->flags);
  g_autoptr(GString) names = g_string_new(NULL);
  la_ladder_flags(names, segment->flags);
  if (names->len > LA_LADDER_ARROW_LABEL)
    g_string_append_printf(out, " (%s)", names->str);
  g_string_append_printf(out, ", window %u", segment->window);
  if ((segment->flags & LA_TCP_SYN) == 0 && wscale > 0)
    g_string_append_printf(out, " (%lu bytes)", (unsigned long)segment->window << MIN(wscale, 14));
  g_string_append_printf(out, ", header %u", fields->data_offset * 4u);
  if (fields->reserved != 0)
    g_string_append_printf(out, ", reserved bits 0x%x", fields->reserved);
  add_checksum(out, fields->checksum, fields->checksum_is, fields->checksum_right);
  if (fields->urgent != 0 || (segment->flags & LA_TCP_URG) != 0)
    g_string_append_printf(out, ", urgent pointer %u%s", fields->urgent,
                           (segment->flags & LA_TCP_URG) == 0 ? " without URG" : "");
  if ((segment->flags & LA_TCP_ACK) == 0 && segment->ack != 0)
    g_string_append_printf(out, ", ack field %" G_GUINT32_FORMAT " without ACK", segment->ack);
}

static uint32_t be32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_mptcp(GString *out, const uint8_t *value, size_t len)
{
  /* RFC 8684 section 8: the subtype is the first four bits. */
  static const char *const subtypes[] = {"MP_CAPABLE", "MP_JOIN", "DSS",          "ADD_ADDR", "REMOVE_ADDR",
                                         "MP_PRIO",    "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST"};
  unsigned subtype = value[0] >> 4;
  g_string_append(out, "MPTCP ");
  if (subtype < G_N_ELEMENTS(subtypes))
    g_string_append_printf(out, "%s ", subtypes[subtype]);
  add_hex(out, value, len);
}

static void add_fast_open(GString *out, const char *name, const uint8_t *cookie, size_t len)
{
  g_string_append_printf(out, "%s %s", name, len > 0 ? "cookie " : "request");
  add_hex(out, cookie, len);
}

static void add_sack(GString *out, const uint8_t *value, size_t len, uint32_t base)
{
  g_string_append(out, "sack");
  for (size_t i = 0; i + 8 <= len; i += 8)
    g_string_append_printf(out, " %" G_GUINT32_FORMAT "-%" G_GUINT32_FORMAT, be32(value + i) - base,
                           be32(value + i + 4) - base);
}

/* An option that is whole and as long as its kind is. */
static void add_value(GString *out, const LaHeaderOption *option, const uint8_t *value, uint32_t base)
{
  size_t len = option->value_len;
  switch (option->kind) {
  case LA_TCP_OPTION_MSS: g_string_append_printf(out, "mss %u", (unsigned)(value[0] << 8 | value[1])); return;
  case LA_TCP_OPTION_WSCALE: g_string_append_printf(out, "wscale %u", value[0]); return;
  case LA_TCP_OPTION_SACK_PERMITTED: g_string_append(out, "sackOK"); return;
  case LA_TCP_OPTION_SACK: add_sack(out, value, len, base); return;
  case LA_TCP_OPTION_TIMESTAMPS:
    g_string_append_printf(out, "TS %" G_GUINT32_FORMAT " ecr %" G_GUINT32_FORMAT, be32(value), be32(value + 4));
    return;
  case LA_TCP_OPTION_MD5:
    g_string_append(out, "MD5 ");
    add_hex(out, value, len);
    return;
  case LA_TCP_OPTION_AO:
    g_string_append_printf(out, "AO key %u next %u code ", value[0], value[1]);
    add_hex(out, value + 2, len - 2);
    return;
  case LA_TCP_OPTION_MPTCP: add_mptcp(out, value, len); return;
  case LA_TCP_OPTION_FAST_OPEN: add_fast_open(out, "fast open", value, len); return;
  case LA_TCP_OPTION_EXPERIMENT:
    if (len >= 2 && value[0] == 0xf9 && value[1] == 0x89) {
      add_fast_open(out, "fast open (experimental)", value + 2, len - 2);
      return;
    }
    break;
  case LA_TCP_OPTION_USER_TIMEOUT:
    if (len == 2) { /* RFC 5482: the first bit says minutes */
      g_string_append_printf(out, "user timeout %u %s", (unsigned)((value[0] & 0x7f) << 8 | value[1]),
                             (value[0] & 0x80) != 0 ? "min" : "s");
      return;
    }
    break;
  default: break;
  }
  g_string_append_printf(out, "kind %u length %u", option->kind, option->len);
  if (len > 0)
    g_string_append(out, ": ");
  add_hex(out, value, len);
}

static const char *option_name(unsigned kind)
{
  switch (kind) {
  case LA_TCP_OPTION_MSS: return "mss";
  case LA_TCP_OPTION_WSCALE: return "wscale";
  case LA_TCP_OPTION_SACK_PERMITTED: return "sackOK";
  case LA_TCP_OPTION_SACK: return "sack";
  case LA_TCP_OPTION_TIMESTAMPS: return "TS";
  case LA_TCP_OPTION_MD5: return "MD5";
  case LA_TCP_OPTION_AO: return "AO";
  case LA_TCP_OPTION_MPTCP: return "MPTCP";
  case LA_TCP_OPTION_FAST_OPEN: return "fast open";
  default: return NULL;
  }
}

/* One with something wrong: what it says, and what bytes there are of it. */
static void add_faulty(GString *out, const LaHeaderOption *option, const uint8_t *value)
{
  const char *name = option_name(option->kind);
  g_string_append_printf(out, "kind %u", option->kind);
  if (name != NULL)
    g_string_append_printf(out, " (%s)", name);
  if (option->len != 0 || option->value_len > 0)
    g_string_append_printf(out, " length %u", option->len);
  switch ((LaOptionFault)option->fault) {
  case LA_OPTION_CUT: g_string_append(out, ", cut short"); break;
  case LA_OPTION_BAD_SIZE: g_string_append(out, ", malformed: its kind has another length"); break;
  case LA_OPTION_BAD_LENGTH:
  default:
    g_string_append(out, option->len >= 2                             ? ", malformed: longer than the header"
                         : option->len == 0 && option->value_len == 0 ? ", malformed: no length"
                                                                      : ", malformed: too short");
    break;
  }
  if (option->value_len > 0)
    g_string_append(out, ": ");
  add_hex(out, value, option->value_len);
}

static bool is_padding(const uint8_t *bytes, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != 0)
      return false;
  }
  return true;
}

static void add_options(GString *out, const LaHeaderFields *fields, uint32_t base)
{
  gsize from = out->len;
  for (unsigned i = 0; i < fields->option_count && i < LA_TCP_OPTIONS_MAX; i++) {
    const LaHeaderOption *option = &fields->options[i];
    const uint8_t *value = fields->option_bytes + MIN(option->value, LA_TCP_OPTIONS_MAX);
    g_string_append(out, out->len > from ? ", " : "");
    if (option->fault != LA_OPTION_WHOLE) {
      add_faulty(out, option, value);
    } else if (option->kind == LA_TCP_OPTION_NOP) {
      g_string_append(out, "nop");
    } else if (option->kind == LA_TCP_OPTION_END) {
      g_string_append(out, "end of options");
      if (!is_padding(value, option->value_len)) {
        g_string_append(out, ", then not zeros: ");
        add_hex(out, value, option->value_len);
      }
    } else {
      add_value(out, option, value, base);
    }
  }
  if (fields->options_missing > 0)
    g_string_append_printf(out, "%s%u bytes of options not captured", out->len > from ? ", " : "", fields->options_missing);
}

void la_ladder_fields(GString *out, const LaSegment *segment, const LaHeaderFields *fields, const LaLadderSide *peer,
                      unsigned wscale)
{
  add_link(out, segment, fields);
  if (fields->family == LA_FAMILY_IPV4)
    add_ipv4(out, fields);
  else
    add_ipv6(out, fields);
  g_string_append_c(out, '\n');
  add_tcp(out, segment, fields, wscale);
  if (fields->option_count == 0 && fields->options_missing == 0)
    return;
  g_string_append(out, "\nopts\t");
  add_options(out, fields, peer->base);
}

void la_ladder_icmp_fields(GString *out, const LaIcmpError *icmp, const LaLadderSide *quoted)
{
  LaHostPort from = {.addr = icmp->quoted_src, .port = icmp->quoted_src_port, .family = icmp->family};
  LaHostPort to = {.addr = icmp->quoted_dst, .port = icmp->quoted_dst_port, .family = icmp->family};
  g_string_append_printf(out, icmp->family == LA_FAMILY_IPV6 ? "ICMP\thop limit %u, quotes " : "ICMP\tttl %u, quotes ",
                         icmp->ttl);
  la_text_end(out, &from);
  g_string_append(out, " > ");
  la_text_end(out, &to);
  if (icmp->has_seq)
    g_string_append_printf(out, " seq %" G_GUINT32_FORMAT, icmp->quoted_seq - quoted->base);
}
