/* TCP options of a packet line: <mss 1460,sackOK,TS,wscale 7>, words separated by commas. */
#include <string.h>

#include "trace_parse.h"

static bool parse_hex(const char *text, LaTraceOption *option, GError **error)
{
  size_t len = strlen(text);
  if (len % 2 != 0 || len / 2 + option->raw_len > sizeof option->raw)
    return la_trace_fail(error, "`%s` is not an even number of hexadecimal digits, or too long", text);
  for (size_t i = 0; i < len; i += 2) {
    int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);
    if (high < 0 || low < 0)
      return la_trace_fail(error, "`%s` are no hexadecimal digits", text);
    option->raw[option->raw_len++] = (uint8_t)(high << 4 | low);
  }
  return true;
}

/* An option of its own kind and length around the bytes of `hex`. */
static bool parse_wrapped(uint8_t kind, const char *hex, LaTraceOption *option, GError **error)
{
  option->kind = LA_TRACE_OPT_RAW;
  option->raw[0] = kind;
  option->raw_len = 2;
  if (!parse_hex(hex, option, error))
    return false;
  option->raw[1] = (uint8_t)option->raw_len;
  return true;
}

/* L or =L */
static bool parse_edge(const char *text, uint32_t isn, uint32_t *ret_edge, GError **error)
{
  uint64_t value = 0;
  if (!la_trace_parse_number(text + (*text == '='), UINT32_MAX, &value, error))
    return false;
  *ret_edge = *text == '=' ? (uint32_t)value : isn + (uint32_t)value;
  return true;
}

static bool parse_sack(char **words, uint32_t peer_isn, LaTraceOption *option, GError **error)
{
  option->kind = LA_TRACE_OPT_SACK;
  for (; *words != NULL; words++) {
    if (option->sack_count == LA_TRACE_SACK_MAX)
      return la_trace_fail(error, "at most %u SACK blocks", LA_TRACE_SACK_MAX);
    g_auto(GStrv) edges = g_strsplit(*words, ":", 2);
    if (edges[0] == NULL || edges[1] == NULL)
      return la_trace_fail(error, "expected a block LEFT:RIGHT, found `%s`", *words);
    unsigned n = option->sack_count++;
    if (!parse_edge(edges[0], peer_isn, &option->sack[n].left, error) ||
        !parse_edge(edges[1], peer_isn, &option->sack[n].right, error))
      return false;
  }
  return option->sack_count > 0 || la_trace_fail(error, "expected: sack LEFT:RIGHT");
}

static bool parse_numbers(char **words, LaTraceOption *option, GError **error)
{
  uint64_t value = 0;
  if (option->kind == LA_TRACE_OPT_TS_GIVEN) {
    if (g_strv_length(words) != 4 || strcmp(words[0], "val") != 0 || strcmp(words[2], "ecr") != 0)
      return la_trace_fail(error, "expected: TS val N ecr N");
    if (!la_trace_parse_number(words[1], UINT32_MAX, &value, error))
      return false;
    option->a = (uint32_t)value;
    if (!la_trace_parse_number(words[3], UINT32_MAX, &value, error))
      return false;
    option->b = (uint32_t)value;
    return true;
  }
  if (!la_trace_parse_number(words[0], option->kind == LA_TRACE_OPT_MSS ? 65535 : 255, &value, error))
    return false;
  option->a = (uint32_t)value;
  return true;
}

static bool parse_option(char **words, uint32_t peer_isn, LaTraceOption *option, GError **error)
{
  const char *word = words[0];
  const char *value = word != NULL && words[1] != NULL ? words[1] : "";
  if (word == NULL)
    return la_trace_fail(error, "an option is empty");
  if (strcmp(word, "sackOK") == 0) {
    option->kind = LA_TRACE_OPT_SACK_OK;
    return true;
  }
  if (strcmp(word, "TS") == 0) {
    option->kind = words[1] == NULL ? LA_TRACE_OPT_TS : LA_TRACE_OPT_TS_GIVEN;
    return words[1] == NULL || parse_numbers(words + 1, option, error);
  }
  if (strcmp(word, "mss") == 0 || strcmp(word, "wscale") == 0) {
    option->kind = *word == 'm' ? LA_TRACE_OPT_MSS : LA_TRACE_OPT_WSCALE;
    return parse_numbers(words + 1, option, error);
  }
  if (strcmp(word, "sack") == 0)
    return parse_sack(words + 1, peer_isn, option, error);
  if (strcmp(word, "nop") == 0) {
    option->kind = LA_TRACE_OPT_RAW;
    return parse_hex("01", option, error);
  }
  if (strcmp(word, "tfo-request") == 0)
    return parse_wrapped(34, "", option, error);
  if (strcmp(word, "tfo") == 0)
    return parse_wrapped(34, value, option, error);
  if (strcmp(word, "tfo-exp") == 0) { /* the experimental form: kind 254 and its magic number */
    g_autofree char *hex = g_strconcat("f989", value, NULL);
    return parse_wrapped(254, hex, option, error);
  }
  if (strcmp(word, "md5") == 0)
    return parse_wrapped(19, "000102030405060708090a0b0c0d0e0f", option, error);
  if (strcmp(word, "ao") == 0)
    return parse_wrapped(29, "0101000102030405060708090a0b", option, error);
  if (strcmp(word, "mptcp") == 0)
    return parse_wrapped(30, "000102030405060708090a", option, error);
  if (strcmp(word, "raw") == 0) {
    option->kind = LA_TRACE_OPT_RAW;
    return parse_hex(value, option, error);
  }
  return la_trace_fail(error, "unknown option `%s`", word);
}

bool la_trace_options_parse(const char *text, uint32_t peer_isn, LaTracePacket *packet, GError **error)
{
  g_autofree char *inside = g_strndup(text + 1, strlen(text) - 2);
  packet->no_options_given = false;
  g_strstrip(inside);
  if (*inside == '\0')
    return true;
  g_auto(GStrv) items = g_strsplit(inside, ",", -1);
  for (char **item = items; *item != NULL; item++) {
    if (packet->option_count == LA_TRACE_OPTIONS_MAX)
      return la_trace_fail(error, "more than %u options", LA_TRACE_OPTIONS_MAX);
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(*item), " \t", -1);
    if (!parse_option(words, peer_isn, &packet->option[packet->option_count], error))
      return false;
    packet->option_count++;
  }
  return true;
}
