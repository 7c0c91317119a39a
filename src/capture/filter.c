/* libpcap compiles the expression for each link type when its first packet comes, and its interpreter runs the program.
 *
 * A compiled filter returns the snaplen it was compiled with for a packet that passes, so that must not be 0.
 *
 * Where libpcap and we part: an expression that cannot match on a link type ("expression rejects all packets", `ip6` on
 * IPv4-only links) is an error for libpcap and no match for us, because a capture may have interfaces of several link types;
 * for Ethernet it stays an error, as it is a mistake there. And libpcap refuses `vlan` and `mpls` on links that have no such
 * tags; there they are replaced by something false. */
#include "capture/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define SNAPLEN 262144
#define FILE_MAX ((gsize)1 << 20) /* of a filter's file */

typedef enum {
  MATCH_PROGRAM, /* run `program` */
  MATCH_NEVER,   /* libpcap knows that nothing can pass */
} MatchKind;

/* Of the family's number in front of a loopback packet: that of the machine that captured. */
typedef enum {
  ORDER_LITTLE, /* also where no order counts */
  ORDER_BIG,
} Order;

typedef struct {
  uint16_t link_type;
  Order order;
  MatchKind kind;
  struct bpf_program program; /* only with MATCH_PROGRAM */
} Compiled;

struct LaFilter {
  char *expression;
  GArray *compiled; /* of Compiled */
};

static void compiled_clear(gpointer data)
{
  Compiled *compiled = data;
  if (compiled->kind == MATCH_PROGRAM)
    pcap_freecode(&compiled->program);
}

/* Whether a word before `vlan` or `mpls` makes that a name (`host vlan`) and no keyword. */
static bool takes_name(const GString *word)
{
  static const char *const qualifiers[] = {"host", "net", "port", "portrange", "src", "dst", "proto", "gateway", "broadcast"};
  for (size_t i = 0; i < G_N_ELEMENTS(qualifiers); i++) {
    if (strcmp(word->str, qualifiers[i]) == 0)
      return true;
  }
  return false;
}

static bool is_word_char(char c)
{
  return g_ascii_isalnum(c) || strchr("_.:-\\", c) != NULL;
}

/* Appends the word at `at` to `word` and returns where it ends. */
static const char *take_word(const char *at, GString *word)
{
  g_string_truncate(word, 0);
  while (*at != '\0' && is_word_char(*at))
    g_string_append_c(word, *at++);
  return at;
}

/* The expression with `vlan [ID]` and `mpls [LABEL]` replaced by a comparison that is false. (transfer full) */
static char *without_tags(const char *expression)
{
  GString *out = g_string_new(NULL);
  GString *word = g_string_new(NULL);
  GString *before = g_string_new(NULL);
  const char *at = expression;
  while (*at != '\0') {
    if (!is_word_char(*at)) {
      g_string_append_c(out, *at++);
      continue;
    }
    at = take_word(at, word);
    if ((strcmp(word->str, "vlan") != 0 && strcmp(word->str, "mpls") != 0) || takes_name(before)) {
      g_string_append(out, word->str);
      g_string_assign(before, word->str);
      continue;
    }
    g_string_append(out, "(1 = 0)");
    g_string_truncate(before, 0);
    const char *number = at + strspn(at, " \t\n\r");
    if (g_ascii_isdigit(*number))
      at = take_word(number, word);
  }
  g_string_free(word, TRUE);
  g_string_free(before, TRUE);
  return g_string_free(out, FALSE);
}

/* Loopback packets of BSD and macOS, with a number for the family in front (tcpdump.org's list). */
#define LINK_TYPE_NULL 0
#define LINK_TYPE_LOOP 108

/* A family is a small number: the order in which it is one. */
static Order order_of(const LaPacketView *packet)
{
  const uint8_t *family = packet->data;
  bool big = packet->link_type == LINK_TYPE_NULL && packet->captured_len >= 4 && family[0] == 0 && family[1] == 0 &&
             (family[2] != 0 || family[3] != 0);
  return big ? ORDER_BIG : ORDER_LITTLE;
}

static void put32(uint8_t *at, uint32_t value, Order order)
{
  for (unsigned i = 0; i < 4; i++)
    at[order == ORDER_LITTLE ? i : 3 - i] = (uint8_t)(value >> 8 * i);
}

/* A handle to compile with. As of a file, not of this machine's own interface: only then does libpcap know that other systems write
 * other numbers for IPv6 in front of a loopback packet, and that the file's byte order is the number's. */
static pcap_t *open_for(uint16_t link_type, Order order)
{
  if (link_type != LINK_TYPE_NULL && link_type != LINK_TYPE_LOOP)
    return pcap_open_dead(la_link_type_dlt(link_type), SNAPLEN);
  uint8_t header[24] = {0}; /* magic, version 2.4, zone, accuracy, snapshot length, link type */
  put32(header, 0xa1b2c3d4, order);
  put32(header + 4, order == ORDER_LITTLE ? 2 | 4 << 16 : 2 << 16 | 4, order);
  put32(header + 16, SNAPLEN, order);
  put32(header + 20, link_type, order);
  FILE *file = fmemopen(header, sizeof header, "rb");
  char why[PCAP_ERRBUF_SIZE];
  pcap_t *handle = file != NULL ? pcap_fopen_offline(file, why) : NULL;
  if (handle != NULL)
    return handle;
  if (file != NULL)
    fclose(file);
  return pcap_open_dead(la_link_type_dlt(link_type), SNAPLEN);
}

/* libpcap compiles for these too, but looks for the packet where it is not: nothing would ever pass. */
static bool is_not_understood(uint16_t link_type)
{
  const char *name = la_link_type_name(link_type);
  return name != NULL && g_str_has_prefix(name, "JUNIPER_");
}

/* Compiles for one link type. False and libpcap's words in `*ret_why` (transfer full) when it cannot. */
static bool compile(const char *expression, uint16_t link_type, Order order, Compiled *ret_compiled, char **ret_why)
{
  if (is_not_understood(link_type)) {
    *ret_why = g_strdup("libpcap does not know its header");
    return false;
  }
  pcap_t *dead = open_for(link_type, order);
  if (dead == NULL) {
    *ret_why = g_strdup("out of memory");
    return false;
  }
  Compiled compiled = {.link_type = link_type, .order = order, .kind = MATCH_PROGRAM};
  int result = pcap_compile(dead, &compiled.program, expression, 1, PCAP_NETMASK_UNKNOWN);
  if (result != 0 &&
      (strstr(pcap_geterr(dead), "no VLAN support") != NULL || strstr(pcap_geterr(dead), "no MPLS support") != NULL)) {
    char *plain = without_tags(expression);
    result = pcap_compile(dead, &compiled.program, plain, 1, PCAP_NETMASK_UNKNOWN);
    g_free(plain);
  }
  bool done = result == 0;
  if (!done && strstr(pcap_geterr(dead), "rejects all packets") != NULL) {
    compiled.kind = MATCH_NEVER;
    done = true;
  }
  if (done)
    *ret_compiled = compiled;
  else
    *ret_why = g_strdup(pcap_geterr(dead));
  pcap_close(dead);
  return done;
}

/* Whether some other link type takes the expression. */
static bool compiles_elsewhere(const char *expression)
{
  static const uint16_t others[] = {105, 127, 113, 276, 9, 117, 123, 141}; /* 802.11, cooked, PPP, pflog, ATM, SS7 */
  for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
    Compiled compiled;
    char *why = NULL;
    if (compile(expression, others[i], ORDER_LITTLE, &compiled, &why)) {
      compiled_clear(&compiled);
      return true;
    }
    g_free(why);
  }
  return false;
}

/* Makes the filter; `place` is put before the message of a mistake. */
static LaFilter *filter_new(const char *expression, const char *place, GError **error)
{
  Compiled ethernet;
  char *why = NULL;
  bool good = compile(expression, 1, ORDER_LITTLE, &ethernet, &why);
  if (good && ethernet.kind == MATCH_NEVER) {
    la_error_set(error, LA_ERROR_USAGE, "%s: it rejects all packets", place);
    return NULL;
  }
  if (!good && !compiles_elsewhere(expression)) {
    la_error_set(error, LA_ERROR_USAGE, "%s: %s", place, why);
    g_free(why);
    return NULL;
  }
  g_free(why);
  LaFilter *filter = g_new0(LaFilter, 1);
  filter->expression = g_strdup(expression);
  filter->compiled = g_array_new(FALSE, TRUE, sizeof(Compiled));
  g_array_set_clear_func(filter->compiled, compiled_clear);
  if (good)
    g_array_append_val(filter->compiled, ethernet);
  return filter;
}

LaFilter *la_filter_new(const char *expression, GError **error)
{
  char *place = g_strdup_printf("filter \"%s\"", expression);
  LaFilter *filter = filter_new(expression, place, error);
  g_free(place);
  return filter;
}

/* Reads a file of at most FILE_MAX bytes. (transfer full; NULL and `error` when it cannot be) */
static GString *read_text(const char *path, GError **error)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_USAGE, "filter file %s: %s", path, g_strerror(errno));
    return NULL;
  }
  GString *text = g_string_new(NULL);
  char block[4096];
  ssize_t got = 0;
  while (text->len <= FILE_MAX && ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0)
      g_string_append_len(text, block, got);
  }
  int read_errno = errno;
  close(fd);
  if (got < 0)
    la_error_set(error, LA_ERROR_USAGE, "filter file %s: %s", path, g_strerror(read_errno));
  else if (text->len > FILE_MAX)
    la_error_set(error, LA_ERROR_USAGE, "filter file %s: longer than 1 MiB", path);
  else if (memchr(text->str, '\0', text->len) != NULL)
    la_error_set(error, LA_ERROR_USAGE, "filter file %s: not a text", path);
  else
    return text;
  g_string_free(text, TRUE);
  return NULL;
}

LaFilter *la_filter_new_from_file(const char *path, GError **error)
{
  GString *text = read_text(path, error);
  if (text == NULL)
    return NULL;
  char **lines = g_strsplit(text->str, "\n", -1);
  GString *expression = g_string_new(NULL);
  for (size_t i = 0; lines[i] != NULL; i++) {
    if (lines[i][0] != '#')
      g_string_append_printf(expression, "%s ", lines[i]);
  }
  char *place = g_strdup_printf("filter file %s", path);
  LaFilter *filter = filter_new(g_strstrip(expression->str), place, error);
  g_free(place);
  g_string_free(expression, TRUE);
  g_strfreev(lines);
  g_string_free(text, TRUE);
  return filter;
}

const char *la_filter_expression(const LaFilter *filter)
{
  return filter->expression;
}

void la_filter_free(LaFilter *filter)
{
  if (filter == NULL)
    return;
  g_array_free(filter->compiled, TRUE);
  g_free(filter->expression);
  g_free(filter);
}

/* Compiles the filter for a link type met for the first time. */
static const Compiled *meet_link_type(LaFilter *filter, uint16_t link_type, Order order, GError **error)
{
  Compiled compiled;
  char *why = NULL;
  if (!compile(filter->expression, link_type, order, &compiled, &why)) {
    const char *name = la_link_type_name(link_type);
    la_error_set(error, LA_ERROR_USAGE, "the filter cannot be used on link type %s (%u): %s",
                 name != NULL ? name : "without a name", link_type, why);
    g_free(why);
    return NULL;
  }
  g_array_append_val(filter->compiled, compiled);
  return &g_array_index(filter->compiled, Compiled, filter->compiled->len - 1);
}

bool la_filter_match(LaFilter *filter, const LaPacketView *packet, bool *ret_match, GError **error)
{
  const Compiled *compiled = NULL;
  Order order = order_of(packet);
  for (unsigned i = 0; i < filter->compiled->len && compiled == NULL; i++) {
    const Compiled *known = &g_array_index(filter->compiled, Compiled, i);
    if (known->link_type == packet->link_type && known->order == order)
      compiled = known;
  }
  if (compiled == NULL)
    compiled = meet_link_type(filter, packet->link_type, order, error);
  if (compiled == NULL)
    return false;
  *ret_match = compiled->kind == MATCH_PROGRAM &&
               bpf_filter(compiled->program.bf_insns, packet->data, packet->wire_len, packet->captured_len) != 0;
  return true;
}
