/* A trace file as a model: directives and ends. A line's first word tells what it is; a word with a '>' in the second place makes
 * it a packet (trace_packet.c). Lines that begin with '=' or `args` are for the runner of the tests. */
#include "trace_parse.h"

#include <string.h>

#include "base/error.h"

#define DEFAULT_TTL 64
#define DEFAULT_BASE "2026-11-21T02:00:00Z"

bool la_trace_fail(GError **error, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE, text);
  return false;
}

bool la_trace_parse_number(const char *text, uint64_t max, uint64_t *ret_value, GError **error)
{
  char *end = NULL;
  guint64 value = text != NULL && g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 0) : 0;
  if (end == NULL || *end != '\0' || value > max)
    return la_trace_fail(error, "expected a number up to %" G_GUINT64_FORMAT ", found `%s`", max,
                         text != NULL ? text : "nothing");
  *ret_value = value;
  return true;
}

bool la_trace_parse_seconds(const char *text, LaTime *ret_span, GError **error)
{
  const char *at = text;
  bool negative = *at == '-';
  if (negative)
    at++;
  int64_t whole = 0, fraction = 0, unit = LA_SEC;
  unsigned digits = 0;
  for (; g_ascii_isdigit(*at) && digits < 10; at++, digits++)
    whole = whole * 10 + (*at - '0');
  if (*at == '.') {
    for (at++; g_ascii_isdigit(*at) && unit > 1; at++, digits++) {
      unit /= 10;
      fraction += (*at - '0') * unit;
    }
  }
  if (digits == 0 || *at != '\0')
    return la_trace_fail(error, "expected seconds such as 0.010, found `%s`", text);
  *ret_span = (whole * LA_SEC + fraction) * (negative ? -1 : 1);
  return true;
}

int la_trace_find_end(const LaTrace *trace, const char *name)
{
  for (unsigned i = 0; i < trace->ends->len; i++)
    if (strcmp(g_array_index(trace->ends, LaTraceEnd, i).name, name) == 0)
      return (int)i;
  return -1;
}

/* `192.0.2.10:40001`, `[2001:db8::1]:80`, or an address alone. */
static bool parse_host_port(const char *text, LaHostPort *ret_at, GError **error)
{
  g_autofree char *copy = g_strdup(text);
  char *host = copy;
  char *port = NULL;
  if (*host == '[') {
    host++;
    char *bracket = strchr(host, ']');
    if (bracket == NULL)
      return la_trace_fail(error, "`]` is missing in `%s`", text);
    *bracket = '\0';
    port = bracket[1] == ':' ? bracket + 2 : NULL;
  } else if (strchr(host, ':') != NULL && strchr(host, ':') == strrchr(host, ':')) {
    port = strchr(host, ':');
    *port++ = '\0';
  }
  LaHostPort at = {0};
  at.family = (uint8_t)la_addr_parse(host, &at.addr);
  if (at.family == LA_FAMILY_NONE)
    return la_trace_fail(error, "`%s` is no IPv4 or IPv6 address", host);
  uint64_t number = 0;
  if (port != NULL && !la_trace_parse_number(port, 65535, &number, error))
    return false;
  at.port = (uint16_t)number;
  *ret_at = at;
  return true;
}

/* NAME = ADDRESS[:PORT], several times on a line. */
static bool parse_ends(LaTrace *trace, char **words, GError **error)
{
  for (char **word = words; *word != NULL; word += 3) {
    if (word[1] == NULL || strcmp(word[1], "=") != 0 || word[2] == NULL)
      return la_trace_fail(error, "expected NAME = ADDRESS:PORT");
    if (la_trace_find_end(trace, word[0]) >= 0)
      return la_trace_fail(error, "`%s` is defined twice", word[0]);
    unsigned n = trace->ends->len;
    LaTraceEnd end = {
        .isn = 1000000000u + n * 100000000u,
        .ts_base = 1000000u * (n + 1),
        .ip_id = (uint16_t)(4096 + n * 1024),
        .ttl = DEFAULT_TTL,
    };
    if (!parse_host_port(word[2], &end.at, error))
      return false;
    end.name = g_strdup(word[0]);
    g_array_append_val(trace->ends, end);
  }
  return true;
}

/* isn C 1000, ttl C 57, ipid C 100, tsval C 5000: hold for the lines that follow (ipid: for the whole trace). */
static bool parse_end_value(LaTrace *trace, char **words, GError **error)
{
  int index = words[1] != NULL ? la_trace_find_end(trace, words[1]) : -1;
  if (index < 0)
    return la_trace_fail(error, "expected the name of an end, found `%s`", words[1] != NULL ? words[1] : "nothing");
  LaTraceEnd *end = &g_array_index(trace->ends, LaTraceEnd, index);
  uint64_t value = 0;
  if (strcmp(words[0], "ttl") == 0) {
    if (!la_trace_parse_number(words[2], 255, &value, error))
      return false;
    end->ttl = (uint8_t)value;
  } else if (strcmp(words[0], "ipid") == 0) {
    if (!la_trace_parse_number(words[2], 65535, &value, error))
      return false;
    end->ip_id = (uint16_t)value;
  } else {
    if (!la_trace_parse_number(words[2], UINT32_MAX, &value, error))
      return false;
    if (strcmp(words[0], "isn") == 0)
      end->isn = (uint32_t)value;
    else
      end->ts_base = (uint32_t)value;
  }
  return true;
}

bool la_trace_encap_parse(char **words, LaTraceEncap *ret_encap, GError **error)
{
  LaTraceEncap encap = {0};
  for (; *words != NULL; words++) {
    if (strcmp(*words, "none") == 0)
      continue;
    if (encap.count == LA_TRACE_LAYERS_MAX)
      return la_trace_fail(error, "more than %u layers", LA_TRACE_LAYERS_MAX);
    if (!la_trace_layer_parse(*words, &encap.layer[encap.count], error))
      return false;
    encap.count++;
  }
  *ret_encap = encap;
  return true;
}

static bool parse_format(LaTrace *trace, const char *word, GError **error)
{
  static const char *const names[] = {"pcap", "pcap-nsec", "pcapng"};
  for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_strcmp0(word, names[i]) == 0) {
      trace->format = (LaTraceFormat)i;
      trace->format_given = true;
      return true;
    }
  return la_trace_fail(error, "expected the format pcap, pcap-nsec or pcapng");
}

/* ifname N "TEXT", with C escapes in the text. */
static bool parse_iface_name(LaTrace *trace, char **words, GError **error)
{
  uint64_t index = 0;
  if (!la_trace_parse_number(words[1], trace->iface_count - 1, &index, error))
    return false;
  if (words[2] == NULL)
    return la_trace_fail(error, "expected: ifname N \"NAME\"");
  g_ptr_array_set_size(trace->iface_names, MAX((int)trace->iface_names->len, (int)index + 1));
  g_free(trace->iface_names->pdata[index]);
  trace->iface_names->pdata[index] = g_strcompress(words[2]);
  return true;
}

/* stats TIME [iface N] [osdrop N] [ifdrop N] */
static bool parse_statistics(LaTraceParser *parser, char **words, GError **error)
{
  LaTrace *trace = parser->trace;
  LaTraceStatistics statistics = {.received_drops = -1, .system_drops = -1};
  if (words[1] == NULL)
    return la_trace_fail(error, "expected: stats TIME [iface N] [osdrop N] [ifdrop N]");
  const char *time = words[1];
  if (!la_trace_parse_seconds(*time == '+' ? time + 1 : time, &statistics.time, error))
    return false;
  statistics.time += *time == '+' ? parser->last_time : 0;
  for (words += 2; *words != NULL; words += 2) {
    uint64_t value = 0;
    bool iface = strcmp(*words, "iface") == 0;
    if (!la_trace_parse_number(words[1], iface ? trace->iface_count - 1 : INT64_MAX, &value, error))
      return false;
    if (iface)
      statistics.iface = (unsigned)value;
    else if (strcmp(*words, "osdrop") == 0)
      statistics.system_drops = (int64_t)value;
    else if (strcmp(*words, "ifdrop") == 0)
      statistics.received_drops = (int64_t)value;
    else
      return la_trace_fail(error, "expected iface, osdrop or ifdrop, found `%s`", *words);
  }
  unsigned count = trace->statistics->len;
  if (count > 0 && g_array_index(trace->statistics, LaTraceStatistics, count - 1).time > statistics.time)
    return la_trace_fail(error, "statistics are given in the order of their times");
  g_array_append_val(trace->statistics, statistics);
  return true;
}

static bool parse_end_time(LaTraceParser *parser, const char *word, GError **error)
{
  if (word == NULL)
    return la_trace_fail(error, "expected: end TIME");
  LaTime time = 0;
  if (!la_trace_parse_seconds(*word == '+' ? word + 1 : word, &time, error))
    return false;
  parser->trace->end = *word == '+' ? parser->last_time + time : time;
  return true;
}

/* A directive, told by its first word. `*ret_known` is false when it is none. */
static bool parse_directive(LaTraceParser *parser, char **words, bool *ret_known, GError **error)
{
  LaTrace *trace = parser->trace;
  const char *word = words[0];
  uint64_t value = 0;
  *ret_known = true;
  if (strcmp(word, "link") == 0) {
    int link = words[1] != NULL ? la_trace_link_find(words[1]) : -1;
    if (link < 0)
      return la_trace_fail(error, "unknown link type `%s`", words[1] != NULL ? words[1] : "");
    trace->link = (unsigned)link;
    return true;
  }
  if (strcmp(word, "encap") == 0)
    return la_trace_encap_parse(words + 1, &parser->encap, error);
  if (strcmp(word, "format") == 0)
    return parse_format(trace, words[1], error);
  if (strcmp(word, "end") == 0)
    return parse_end_time(parser, words[1], error);
  if (strcmp(word, "stats") == 0)
    return parse_statistics(parser, words, error);
  if (strcmp(word, "ifname") == 0)
    return parse_iface_name(trace, words, error);
  if (strcmp(word, "sort") == 0)
    return trace->sorted = true;
  if (strcmp(word, "base") == 0)
    return (words[1] != NULL && la_time_parse(words[1], &trace->base)) ||
           la_trace_fail(error, "expected: base TIME (RFC 3339)");
  if (strcmp(word, "snaplen") == 0) {
    if (!la_trace_parse_number(words[1], 262144, &value, error))
      return false;
    trace->snaplen = (uint32_t)value;
    return true;
  }
  if (strcmp(word, "interfaces") == 0) {
    if (!la_trace_parse_number(words[1], 16, &value, error) || value == 0)
      return la_trace_fail(error, "expected: interfaces N (1 to 16)");
    trace->iface_count = (unsigned)value;
    return true;
  }
  if (strcmp(word, "isn") == 0 || strcmp(word, "ttl") == 0 || strcmp(word, "ipid") == 0 || strcmp(word, "tsval") == 0)
    return parse_end_value(trace, words, error);
  *ret_known = false;
  return true;
}

/* The words of a line; <...> and "..." (without the quotes) are one word each. */
static char **split_words(const char *line, GError **error)
{
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  while (*line != '\0') {
    char close = *line == '<' ? '>' : *line == '"' ? '"' : '\0';
    size_t len;
    if (close != '\0') {
      const char *end = line + 1;
      while (*end != '\0' && *end != close)
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
      if (*end == '\0') {
        la_trace_fail(error, "`%c` is missing", close);
        return NULL;
      }
      len = (size_t)(end - line) + 1;
      g_ptr_array_add(words, close == '"' ? g_strndup(line + 1, len - 2) : g_strndup(line, len));
    } else {
      len = strcspn(line, " \t");
      g_ptr_array_add(words, g_strndup(line, len));
    }
    line += len;
    line += strspn(line, " \t");
  }
  char **out = g_new0(char *, words->len + 1);
  for (unsigned i = 0; i < words->len; i++)
    out[i] = g_strdup(words->pdata[i]);
  return out;
}

static bool parse_line(LaTraceParser *parser, const LaTraceLine *line, GError **error)
{
  if (*line->text == '=' || g_str_has_prefix(line->text, "args "))
    return true;
  g_auto(GStrv) words = split_words(line->text, error);
  if (words == NULL)
    return false;
  bool known = false;
  if (!parse_directive(parser, words, &known, error))
    return false;
  if (known)
    return true;
  if (words[1] != NULL && strcmp(words[1], "=") == 0)
    return parse_ends(parser->trace, words, error);
  parser->line = line->number;
  return la_trace_packet_parse(parser, words, error);
}

static void end_clear(void *data)
{
  LaTraceEnd *end = data;
  g_free(end->name);
}

static void packet_clear(void *data)
{
  LaTracePacket *packet = data;
  g_clear_pointer(&packet->data, g_bytes_unref);
}

static LaTrace *trace_new(const char *path)
{
  LaTrace *trace = g_new0(LaTrace, 1);
  trace->path = g_strdup(path);
  trace->end = LA_TIME_NONE;
  trace->snaplen = 262144;
  trace->iface_count = 1;
  trace->iface_names = g_ptr_array_new_with_free_func(g_free);
  trace->ends = g_array_new(FALSE, TRUE, sizeof(LaTraceEnd));
  g_array_set_clear_func(trace->ends, end_clear);
  trace->packets = g_array_new(FALSE, TRUE, sizeof(LaTracePacket));
  g_array_set_clear_func(trace->packets, packet_clear);
  trace->statistics = g_array_new(FALSE, TRUE, sizeof(LaTraceStatistics));
  la_time_parse(DEFAULT_BASE, &trace->base);
  return trace;
}

static int compare_times(const void *a, const void *b)
{
  const LaTracePacket *first = a, *second = b;
  return first->time < second->time ? -1 : first->time > second->time;
}

LaTrace *la_trace_read(const char *path, GError **error)
{
  g_autofree char *text = NULL;
  GError *cause = NULL;
  if (!g_file_get_contents(path, &text, NULL, error))
    return NULL;
  g_autoptr(GPtrArray) lines = la_trace_expand(text, &cause);
  if (lines == NULL) {
    g_propagate_prefixed_error(error, cause, "%s:", path);
    return NULL;
  }
  g_autoptr(LaTrace) trace = trace_new(path);
  LaTraceParser parser = {.trace = trace};
  for (unsigned i = 0; i < lines->len; i++) {
    const LaTraceLine *line = lines->pdata[i];
    if (!parse_line(&parser, line, &cause)) {
      g_propagate_prefixed_error(error, cause, "%s:%u: ", path, line->number);
      return NULL;
    }
  }
  if (trace->sorted) /* g_array_sort is stable: equal times keep the order of their lines */
    g_array_sort(trace->packets, compare_times);
  return g_steal_pointer(&trace);
}

void la_trace_free(LaTrace *trace)
{
  if (trace == NULL)
    return;
  g_array_unref(trace->packets);
  g_array_unref(trace->statistics);
  g_array_unref(trace->ends);
  g_ptr_array_unref(trace->iface_names);
  g_free(trace->path);
  g_free(trace);
}
