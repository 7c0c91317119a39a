/* Headers below TCP, put in front of what is there: IP, tunnels, tags, and the link header of each link type. */
#include <string.h>

#include "base/error.h"
#include "trace_parse.h"

enum {
  TYPE_IPV4 = 0x0800,
  TYPE_IPV6 = 0x86dd,
  TYPE_MPLS = 0x8847
};

static void prepend(GByteArray *bytes, const uint8_t *header, unsigned len)
{
  g_byte_array_prepend(bytes, header, len);
}

static void set_u16(uint8_t *at, unsigned value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void set_u32(uint8_t *at, uint32_t value)
{
  set_u16(at, value >> 16);
  set_u16(at + 2, value);
}

static uint32_t sum_bytes(const uint8_t *data, size_t len, uint32_t sum)
{
  for (size_t i = 0; i < len; i++)
    sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
  return sum;
}

uint16_t la_trace_checksum(const GByteArray *bytes, uint32_t start_sum)
{
  uint32_t sum = sum_bytes(bytes->data, bytes->len, start_sum);
  while (sum >> 16 != 0)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

uint32_t la_trace_pseudo_sum(const LaTraceIp *ip, uint32_t len)
{
  unsigned size = ip->family == LA_FAMILY_IPV6 ? 16 : 4;
  return sum_bytes(ip->dst.bytes, size, sum_bytes(ip->src.bytes, size, 0)) + ip->protocol + len;
}

void la_trace_ip_prepend(const LaTraceIp *ip, GByteArray *bytes)
{
  if (ip->family == LA_FAMILY_IPV6) {
    uint8_t header[40] = {0x60};
    set_u16(header + 4, bytes->len);
    header[6] = ip->protocol;
    header[7] = ip->ttl;
    memcpy(header + 8, ip->src.bytes, 16);
    memcpy(header + 24, ip->dst.bytes, 16);
    prepend(bytes, header, sizeof header);
    return;
  }
  uint8_t header[20] = {0x45};
  set_u16(header + 2, 20 + bytes->len);
  set_u16(header + 4, ip->ip_id);
  header[6] = 0x40; /* do not fragment */
  header[8] = ip->ttl;
  header[9] = ip->protocol;
  memcpy(header + 12, ip->src.bytes, 4);
  memcpy(header + 16, ip->dst.bytes, 4);
  GByteArray *copy = g_byte_array_new();
  g_byte_array_append(copy, header, sizeof header);
  set_u16(header + 10, la_trace_checksum(copy, 0));
  g_byte_array_unref(copy);
  prepend(bytes, header, sizeof header);
}

static const struct {
  const char *word;
  LaTraceLayerKind kind;
  uint32_t max; /* of its id; 0: it has none */
} layer_words[] = {
    {"vlan", LA_TRACE_VLAN, 4095},
    {"svlan", LA_TRACE_SVLAN, 4095},
    {"mpls", LA_TRACE_MPLS, 0xfffff},
    {"pppoe", LA_TRACE_PPPOE, 0},
    {"ipip", LA_TRACE_IPIP, 0},
    {"6in4", LA_TRACE_IPIP, 0},
    {"4in6", LA_TRACE_IP6, 0},
    {"gre", LA_TRACE_GRE, 0},
    {"gre-key", LA_TRACE_GRE_KEY, UINT32_MAX},
    {"vxlan", LA_TRACE_VXLAN, 0xffffff},
    {"geneve", LA_TRACE_GENEVE, 0xffffff},
};

bool la_trace_layer_parse(const char *word, LaTraceLayer *ret_layer, GError **error)
{
  size_t len = strcspn(word, ":");
  for (unsigned i = 0; i < G_N_ELEMENTS(layer_words); i++) {
    if (strlen(layer_words[i].word) != len || strncmp(layer_words[i].word, word, len) != 0)
      continue;
    uint64_t id = 0;
    if ((word[len] == ':') != (layer_words[i].max != 0))
      return la_trace_fail(error, layer_words[i].max != 0 ? "`%s` needs a number: WORD:N" : "`%s` takes no number", word);
    if (word[len] == ':' && !la_trace_parse_number(word + len + 1, layer_words[i].max, &id, error))
      return false;
    *ret_layer = (LaTraceLayer){.kind = layer_words[i].kind, .id = (uint32_t)id};
    return true;
  }
  return la_trace_fail(error, "unknown layer `%s`", word);
}

/* The ends of every tunnel; packets of the later-defined end go the other way. */
static void tunnel_prepend(GByteArray *bytes, const LaTracePacket *packet, LaFamily family, uint8_t protocol)
{
  LaTraceIp ip = {.family = family, .protocol = protocol, .ttl = 63, .ip_id = 7};
  LaAddr near_addr = {{0}}, far_addr = {{0}};
  la_addr_parse(family == LA_FAMILY_IPV6 ? "2001:db8:ffff::1" : "203.0.113.1", &near_addr);
  la_addr_parse(family == LA_FAMILY_IPV6 ? "2001:db8:ffff::2" : "203.0.113.2", &far_addr);
  ip.src = packet->src < packet->dst ? near_addr : far_addr;
  ip.dst = packet->src < packet->dst ? far_addr : near_addr;
  la_trace_ip_prepend(&ip, bytes);
}

static void mac_of(unsigned end, uint8_t *ret_mac)
{
  static const uint8_t prefix[4] = {2, 0, 0, 0};
  memcpy(ret_mac, prefix, 4);
  set_u16(ret_mac + 4, end + 1);
}

static void ethernet_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  uint8_t header[14];
  mac_of(packet->dst, header);
  mac_of(packet->src, header + 6);
  set_u16(header + 12, type);
  prepend(bytes, header, sizeof header);
}

/* An Ethernet frame in UDP behind a header of eight bytes: VXLAN (RFC 7348) and GENEVE (RFC 8926). */
static void overlay_prepend(GByteArray *bytes, const LaTracePacket *packet, const LaTraceLayer *layer, uint16_t type)
{
  bool vxlan = layer->kind == LA_TRACE_VXLAN;
  ethernet_prepend(bytes, packet, type);
  uint8_t header[8] = {0};
  if (vxlan)
    header[0] = 0x08;
  else
    set_u16(header + 2, 0x6558);
  set_u32(header + 4, layer->id << 8);
  prepend(bytes, header, sizeof header);
  uint8_t udp[8] = {0};
  set_u16(udp, 49152);
  set_u16(udp + 2, vxlan ? 4789 : 6081);
  set_u16(udp + 4, 8 + bytes->len);
  prepend(bytes, udp, sizeof udp);
  tunnel_prepend(bytes, packet, LA_FAMILY_IPV4, 17);
}

/* Puts one layer in front of what `type` announces; returns what announces the result. */
static uint16_t layer_prepend(GByteArray *bytes, const LaTracePacket *packet, const LaTraceLayer *layer, uint16_t type)
{
  uint8_t header[8] = {0};
  switch (layer->kind) {
  case LA_TRACE_VLAN:
  case LA_TRACE_SVLAN:
    set_u16(header, layer->id);
    set_u16(header + 2, type);
    prepend(bytes, header, 4);
    return layer->kind == LA_TRACE_VLAN ? 0x8100 : 0x88a8;
  case LA_TRACE_MPLS:
    set_u32(header, layer->id << 12 | (type == TYPE_MPLS ? 0 : 0x100) | 64);
    prepend(bytes, header, 4);
    return TYPE_MPLS;
  case LA_TRACE_PPPOE:
    header[0] = 0x11;
    set_u16(header + 2, 1);
    set_u16(header + 4, 2 + bytes->len);
    set_u16(header + 6, type == TYPE_IPV6 ? 0x0057 : 0x0021);
    prepend(bytes, header, 8);
    return 0x8864;
  case LA_TRACE_IPIP: tunnel_prepend(bytes, packet, LA_FAMILY_IPV4, type == TYPE_IPV6 ? 41 : 4); return TYPE_IPV4;
  case LA_TRACE_IP6: tunnel_prepend(bytes, packet, LA_FAMILY_IPV6, type == TYPE_IPV6 ? 41 : 4); return TYPE_IPV6;
  case LA_TRACE_GRE:
  case LA_TRACE_GRE_KEY:
    header[0] = layer->kind == LA_TRACE_GRE_KEY ? 0x20 : 0;
    set_u16(header + 2, type);
    set_u32(header + 4, layer->id);
    prepend(bytes, header, layer->kind == LA_TRACE_GRE_KEY ? 8 : 4);
    tunnel_prepend(bytes, packet, LA_FAMILY_IPV4, 47);
    return TYPE_IPV4;
  case LA_TRACE_VXLAN:
  case LA_TRACE_GENEVE: overlay_prepend(bytes, packet, layer, type); return TYPE_IPV4;
  }
  return type;
}

/* What a link header says of the packet behind it. */
typedef enum {
  NEEDS_IP,        /* nothing but IP fits */
  NEEDS_PPP,       /* a PPP protocol number: IP */
  NEEDS_ETHERTYPE, /* any ethertype */
} Needs;

typedef struct {
  const char *name;
  uint16_t number; /* LINKTYPE_ of tcpdump.org */
  Needs needs;
  void (*prepend)(GByteArray *bytes, const LaTracePacket *packet, uint16_t type);
} Link;

static void raw_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)bytes;
  (void)packet;
  (void)type;
}

static void null_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[4] = {type == TYPE_IPV6 ? 24 : 2, 0, 0, 0}; /* the writer's own byte order: little-endian */
  prepend(bytes, header, sizeof header);
}

static void loop_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[4] = {0, 0, 0, type == TYPE_IPV6 ? 24 : 2};
  prepend(bytes, header, sizeof header);
}

static void sll_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  uint8_t header[16] = {0};
  set_u16(header, packet->src < packet->dst ? 4 : 0); /* outgoing, or to us */
  set_u16(header + 2, 1);
  set_u16(header + 4, 6);
  mac_of(packet->src, header + 6);
  set_u16(header + 14, type);
  prepend(bytes, header, sizeof header);
}

static void sll2_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  uint8_t header[20] = {0};
  set_u16(header, type);
  set_u32(header + 4, 2);
  set_u16(header + 8, 1);
  header[10] = packet->src < packet->dst ? 4 : 0;
  header[11] = 6;
  mac_of(packet->src, header + 12);
  prepend(bytes, header, sizeof header);
}

static void ppp_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[4] = {0xff, 0x03};
  set_u16(header + 2, type == TYPE_IPV6 ? 0x0057 : 0x0021);
  prepend(bytes, header, sizeof header);
}

static void chdlc_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[4] = {0x0f, 0};
  set_u16(header + 2, type);
  prepend(bytes, header, sizeof header);
}

static void snap_prepend(GByteArray *bytes, uint16_t type)
{
  uint8_t header[8] = {0xaa, 0xaa, 0x03};
  set_u16(header + 6, type);
  prepend(bytes, header, sizeof header);
}

static void fddi_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  snap_prepend(bytes, type);
  uint8_t header[13] = {0x57};
  mac_of(packet->dst, header + 1);
  mac_of(packet->src, header + 7);
  prepend(bytes, header, sizeof header);
}

static void wifi_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  snap_prepend(bytes, type);
  uint8_t header[24] = {0x08};
  mac_of(packet->dst, header + 4);
  mac_of(packet->src, header + 10);
  mac_of(9, header + 16);
  prepend(bytes, header, sizeof header);
}

static void radiotap_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  wifi_prepend(bytes, packet, type);
  static const uint8_t header[8] = {0, 0, 8, 0};
  prepend(bytes, header, sizeof header);
}

static void ppi_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  wifi_prepend(bytes, packet, type);
  static const uint8_t header[8] = {0, 0, 8, 0, 105, 0, 0, 0};
  prepend(bytes, header, sizeof header);
}

static void ipoib_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[44] = {0};
  set_u16(header + 40, type);
  prepend(bytes, header, sizeof header);
}

static void arcnet_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  uint8_t header[8] = {(uint8_t)(packet->src + 1), (uint8_t)(packet->dst + 1)};
  header[4] = type == TYPE_IPV6 ? 196 : 212;
  prepend(bytes, header, sizeof header);
}

static void nflog_prepend(GByteArray *bytes, const LaTracePacket *packet, uint16_t type)
{
  (void)packet;
  uint8_t header[8] = {type == TYPE_IPV6 ? 10 : 2, 0, 0, 0};
  unsigned len = 4 + bytes->len; /* lengths and types of the fields are in the writer's own byte order */
  header[4] = (uint8_t)len;
  header[5] = (uint8_t)(len >> 8);
  header[6] = 9; /* the packet itself */
  prepend(bytes, header, sizeof header);
}

static const Link links[] = {
    {"ethernet", 1, NEEDS_ETHERTYPE, ethernet_prepend},
    {"sll", 113, NEEDS_ETHERTYPE, sll_prepend},
    {"sll2", 276, NEEDS_ETHERTYPE, sll2_prepend},
    {"null", 0, NEEDS_IP, null_prepend},
    {"loop", 108, NEEDS_IP, loop_prepend},
    {"raw", 101, NEEDS_IP, raw_prepend},
    {"ipv4", 228, NEEDS_IP, raw_prepend},
    {"ipv6", 229, NEEDS_IP, raw_prepend},
    {"ppp", 9, NEEDS_PPP, ppp_prepend},
    {"ppp-serial", 50, NEEDS_PPP, ppp_prepend},
    {"c-hdlc", 104, NEEDS_ETHERTYPE, chdlc_prepend},
    {"fddi", 10, NEEDS_ETHERTYPE, fddi_prepend},
    {"802.11", 105, NEEDS_ETHERTYPE, wifi_prepend},
    {"radiotap", 127, NEEDS_ETHERTYPE, radiotap_prepend},
    {"ppi", 192, NEEDS_ETHERTYPE, ppi_prepend},
    {"ipoib", 242, NEEDS_ETHERTYPE, ipoib_prepend},
    {"arcnet", 129, NEEDS_IP, arcnet_prepend},
    {"nflog", 239, NEEDS_IP, nflog_prepend},
};

int la_trace_link_find(const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(links); i++)
    if (strcmp(links[i].name, name) == 0)
      return (int)i;
  return -1;
}

uint16_t la_trace_link_number(unsigned link)
{
  return links[link].number;
}

bool la_trace_wrap(const LaTrace *trace, const LaTracePacket *packet, uint16_t type, GByteArray *packet_bytes, GError **error)
{
  for (unsigned i = packet->encap.count; i-- > 0;)
    type = layer_prepend(packet_bytes, packet, &packet->encap.layer[i], type);
  const Link *link = &links[trace->link];
  if (link->needs != NEEDS_ETHERTYPE && type != TYPE_IPV4 && type != TYPE_IPV6) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "%s:%u: link type %s carries IP only, not ethertype 0x%04x", trace->path,
                packet->line, link->name, type);
    return false;
  }
  link->prepend(packet_bytes, packet, type);
  return true;
}
