/* Literals are read for the field they are compared with: `1` is a second beside a span, a port beside a port. Numbers are decimal
 * and exact; what cannot be held exactly (half a packet, a tenth of a nanosecond) is refused. */
#include <string.h>

#include "base/nearest.h"
#include "select/value.h"

typedef struct {
  const char *name;
  int64_t scale;
} Unit;

/* The largest first: printing takes the first that divides. The first `print` of them are printed. */
static const Unit span_units[] = {
    {"h", 3600 * LA_SEC}, {"min", 60 * LA_SEC}, {"s", LA_SEC},   {"ms", LA_MSEC}, {"us", LA_USEC},      {"ns", 1},
    {"", LA_SEC},         {"m", 60 * LA_SEC},   {"sec", LA_SEC}, {"µs", LA_USEC}, {"d", 86400 * LA_SEC}};
static const Unit byte_units[] = {{"GiB", INT64_C(1) << 30},
                                  {"MiB", 1 << 20},
                                  {"KiB", 1 << 10},
                                  {"", 1},
                                  {"B", 1},
                                  {"kB", 1000},
                                  {"KB", 1000},
                                  {"MB", 1000000},
                                  {"GB", 1000000000},
                                  {"TiB", INT64_C(1) << 40},
                                  {"kiB", 1 << 10},
                                  {"bytes", 1}};
#define SPAN_UNITS_PRINTED 6
#define BYTE_UNITS_PRINTED 4
static const Unit no_unit[] = {{"", 1}};

bool la_decimal_read(const char *text, size_t len, int64_t scale, int64_t *ret_value)
{
  int64_t whole = 0;
  size_t i = 0;
  for (; i < len && g_ascii_isdigit(text[i]); i++) {
    if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text[i] - '0', &whole))
      return false;
  }
  if (i == 0 || __builtin_mul_overflow(whole, scale, &whole))
    return false;
  if (i < len && text[i] == '.') {
    int64_t place = scale;
    int64_t rest = 0; /* of `place` by ten, for scales that are no powers of ten */
    int64_t fraction = 0;
    int64_t denominator = 1;
    if (++i == len)
      return false;
    for (; i < len && g_ascii_isdigit(text[i]); i++) {
      if (__builtin_mul_overflow(fraction, 10, &fraction) || __builtin_mul_overflow(denominator, 10, &denominator))
        return false;
      fraction += text[i] - '0';
    }
    int64_t product;
    if (__builtin_mul_overflow(fraction, place, &product))
      return false;
    rest = product % denominator;
    if (rest != 0 || __builtin_add_overflow(whole, product / denominator, &whole))
      return false;
  }
  if (i != len)
    return false;
  *ret_value = whole;
  return true;
}

static const Unit *units_of(LaType type, unsigned *ret_count)
{
  switch (type) {
  case LA_TYPE_SPAN: *ret_count = G_N_ELEMENTS(span_units); return span_units;
  case LA_TYPE_BYTES: *ret_count = G_N_ELEMENTS(byte_units); return byte_units;
  default: *ret_count = 1; return no_unit;
  }
}

static char *number_wanted(LaType type)
{
  switch (type) {
  case LA_TYPE_SPAN: return g_strdup("a span of time is wanted here: 5s, 200ms, 1.5min");
  case LA_TYPE_BYTES: return g_strdup("a number of bytes is wanted here: 1500, 64KiB, 1MiB");
  case LA_TYPE_PORT: return g_strdup("a port is wanted here: a number from 0 to 65535");
  default: return g_strdup("a whole number without a unit is wanted here");
  }
}

/* One number with its unit, `len` bytes. */
static char *read_number(const char *text, size_t len, LaType type, int64_t *ret_value)
{
  size_t digits = 0;
  while (digits < len && (g_ascii_isdigit(text[digits]) || text[digits] == '.'))
    digits++;
  unsigned count;
  const Unit *units = units_of(type, &count);
  for (unsigned i = 0; i < count && digits > 0; i++) {
    if (strlen(units[i].name) != len - digits || strncmp(units[i].name, text + digits, len - digits) != 0)
      continue;
    int64_t value;
    if (!la_decimal_read(text, digits, units[i].scale, &value))
      return type == LA_TYPE_PORT ? number_wanted(type) : g_strdup("this number is too large, or finer than its unit allows");
    if (type == LA_TYPE_PORT && value > 65535)
      return number_wanted(type);
    *ret_value = value;
    return NULL;
  }
  return number_wanted(type);
}

static char *read_numbers(const char *text, const LaLiteralWanted *wanted, LaLiteral *ret)
{
  const char *dots = strstr(text, "..");
  size_t len = dots != NULL ? (size_t)(dots - text) : strlen(text);
  LaLiteral literal = {0};
  char *why = read_number(text, len, wanted->type, &literal.low);
  if (why != NULL)
    return why;
  literal.high = literal.low;
  if (dots != NULL) {
    if (wanted->how != LA_RANGE_TOO)
      return g_strdup("a range stands in braces behind in: in {8000..8010}");
    why = read_number(dots + 2, strlen(dots + 2), wanted->type, &literal.high);
    if (why != NULL)
      return why;
    if (literal.high < literal.low)
      return g_strdup("the end of this range is below its beginning");
    literal.is_range = 1;
  }
  *ret = literal;
  return NULL;
}

/* A ratio's text is kept: it is printed as it came. */
static char *read_ratio(const char *text, LaLiteral *ret)
{
  size_t len = strlen(text);
  bool percent = len > 0 && text[len - 1] == '%';
  size_t digits = strspn(text, "0123456789.");
  int64_t exact;
  if (digits != len - (percent ? 1 : 0) || !la_decimal_read(text, digits, 1000000, &exact))
    return g_strdup("a number is wanted here: 0.25, 25%, 3.5");
  LaLiteral literal = {.low = exact, .high = percent ? 1 : 0, .ratio = (double)exact / (percent ? 1e8 : 1e6)};
  *ret = literal;
  return NULL;
}

static char *read_address(const char *text, LaLiteral *ret)
{
  const char *slash = strchr(text, '/');
  g_autofree char *address = slash != NULL ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
  LaLiteral literal = {0};
  LaFamily family = la_addr_parse(address, &literal.addr);
  if (family == LA_FAMILY_NONE)
    return g_strdup("an address or a prefix is wanted here: 10.0.0.1, 10.0.0.0/8, 2001:db8::/32");
  unsigned most = family == LA_FAMILY_IPV4 ? 32 : 128;
  guint64 bits = most;
  if (slash != NULL && !g_ascii_string_to_unsigned(slash + 1, 10, 0, most, &bits, NULL))
    return g_strdup_printf("behind the slash stands how many bits count, from 0 to %u", most);
  literal.family = (uint8_t)family;
  literal.bits = (uint8_t)bits;
  *ret = literal;
  return NULL;
}

/* RFC 793 and ss write some states otherwise. */
static const struct {
  const char *other, *word;
} other_words[] = {{"SYN_RCVD", "SYN_RECEIVED"}, {"SYN_RECV", "SYN_RECEIVED"}, {"ESTAB", "ESTABLISHED"},
                   {"FIN_WAIT1", "FIN_WAIT_1"},  {"FIN_WAIT2", "FIN_WAIT_2"},  {"CLOSE", "CLOSED"}};

static char *read_word(const char *text, const LaVocabulary *words, LaLiteral *ret)
{
  const char *wanted = text;
  for (unsigned i = 0; i < G_N_ELEMENTS(other_words) && strcmp(words->what, "state") == 0; i++) {
    if (la_nearest_distance(other_words[i].other, text) == 0)
      wanted = other_words[i].word;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (unsigned i = 0; i < words->count; i++) {
    const char *word = words->word(i);
    if (word == NULL)
      continue;
    if (la_nearest_distance(word, wanted) == 0) {
      *ret = (LaLiteral){.low = i, .high = i};
      return NULL;
    }
    g_ptr_array_add(names, g_strdup(word));
  }
  const char *nearest = la_nearest(text, (const char *const *)names->pdata, names->len);
  if (nearest != NULL)
    return g_strdup_printf("there is no %s of this name, did you mean '%s'?", words->what, nearest);
  if (names->len > 12)
    return g_strdup_printf("there is no %s of this name (lastack explain lists all)", words->what);
  g_ptr_array_add(names, NULL);
  g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
  return g_strdup_printf("there is no %s of this name, there are %s", words->what, all);
}

char *la_literal_read(const char *text, const LaLiteralWanted *wanted, LaLiteral *ret)
{
  switch (wanted->type) {
  case LA_TYPE_RATIO: return read_ratio(text, ret);
  case LA_TYPE_ADDRESS: return read_address(text, ret);
  case LA_TYPE_WORD: return read_word(text, wanted->words, ret);
  case LA_TYPE_TEXT: *ret = (LaLiteral){.text = g_strdup(text)}; return NULL;
  case LA_TYPE_TIME:
    if (la_time_literal_read(text, wanted->zone, ret))
      return NULL;
    return g_strdup("a time is wanted here: \"02:10\", \"2026-11-21 02:10:05\", 2026-11-21T02:10:05Z");
  case LA_TYPE_BOOLEAN:
    if (g_ascii_strcasecmp(text, "true") != 0 && g_ascii_strcasecmp(text, "false") != 0)
      return g_strdup("true or false is wanted here");
    *ret = (LaLiteral){0};
    ret->low = ret->high = g_ascii_strcasecmp(text, "true") == 0 ? 1 : 0;
    return NULL;
  default: return read_numbers(text, wanted, ret);
  }
}

static void print_number(int64_t value, LaType type, GString *out)
{
  unsigned count;
  const Unit *units = units_of(type, &count);
  count = type == LA_TYPE_SPAN ? SPAN_UNITS_PRINTED : type == LA_TYPE_BYTES ? BYTE_UNITS_PRINTED : 1;
  unsigned i = type == LA_TYPE_SPAN && value == 0 ? 2 : type == LA_TYPE_BYTES && value == 0 ? 3 : 0;
  while (i + 1 < count && value % units[i].scale != 0)
    i++;
  g_string_append_printf(out, "%" G_GINT64_FORMAT "%s", value / units[i].scale, units[i].name);
}

/* Without zeros that say nothing. */
static void print_ratio(const LaLiteral *literal, GString *out)
{
  g_string_append_printf(out, "%" G_GINT64_FORMAT, literal->low / 1000000);
  int64_t fraction = literal->low % 1000000;
  if (fraction != 0) {
    g_string_append_printf(out, ".%06" G_GINT64_FORMAT, fraction);
    while (out->str[out->len - 1] == '0')
      g_string_truncate(out, out->len - 1);
  }
  g_string_append(out, literal->high != 0 ? "%" : "");
}

/* Quoted, with what would end it escaped. */
static void print_quoted(const char *text, GString *out)
{
  g_string_append_c(out, '"');
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_c(out, '\\');
    g_string_append_c(out, *text);
  }
  g_string_append_c(out, '"');
}

void la_literal_print(const LaLiteral *literal, const LaLiteralWanted *wanted, GString *out)
{
  char text[LA_ADDR_TEXT_MAX];
  switch (wanted->type) {
  case LA_TYPE_WORD: print_quoted(wanted->words->word((unsigned)literal->low), out); return;
  case LA_TYPE_TEXT:
  case LA_TYPE_TIME: print_quoted(literal->text, out); return;
  case LA_TYPE_BOOLEAN: g_string_append(out, literal->low != 0 ? "true" : "false"); return;
  case LA_TYPE_ADDRESS:
    g_string_append(out, la_addr_format(&literal->addr, (LaFamily)literal->family, text));
    if (literal->bits != (literal->family == LA_FAMILY_IPV4 ? 32 : 128))
      g_string_append_printf(out, "/%u", literal->bits);
    return;
  case LA_TYPE_RATIO: print_ratio(literal, out); return;
  default:
    print_number(literal->low, wanted->type, out);
    if (literal->is_range != 0) {
      g_string_append(out, "..");
      print_number(literal->high, wanted->type, out);
    }
  }
}

bool la_literal_equal(const LaLiteral *a, const LaLiteral *b, LaType type)
{
  if (type == LA_TYPE_TEXT)
    return strcmp(a->text, b->text) == 0;
  return a->low == b->low && a->high == b->high && a->family == b->family && a->bits == b->bits && a->of_day == b->of_day &&
         a->zone == b->zone && a->is_range == b->is_range && la_addr_equal(&a->addr, &b->addr);
}

static int order(int64_t value, int64_t low, int64_t high)
{
  return value < low ? -1 : value > high ? 1 : 0;
}

int la_literal_compare(const LaLiteral *literal, LaType type, const LaValue *value)
{
  switch (type) {
  case LA_TYPE_TEXT: return strcmp(value->text, literal->text) == 0 ? 0 : 1;
  case LA_TYPE_RATIO: return value->ratio < literal->ratio ? -1 : value->ratio > literal->ratio ? 1 : 0;
  case LA_TYPE_ADDRESS:
    return value->family == literal->family && la_addr_in_prefix(&value->addr, &literal->addr, literal->bits) ? 0 : 1;
  case LA_TYPE_TIME:
    if (literal->of_day != 0)
      return order(la_time_of_day(value->number, (LaClockZone)literal->zone), literal->low, literal->high);
    return order(value->number, literal->low, literal->high);
  default: return order(value->number, literal->low, literal->high);
  }
}

void la_value_text(const LaValue *value, LaType type, const LaVocabulary *words, GString *out)
{
  char text[LA_ADDR_TEXT_MAX];
  char time[LA_TIME_TEXT_MAX];
  switch (type) {
  case LA_TYPE_TEXT: g_string_append(out, value->text); return;
  case LA_TYPE_WORD: g_string_append(out, words->word((unsigned)value->number)); return;
  case LA_TYPE_ADDRESS: g_string_append(out, la_addr_format(&value->addr, (LaFamily)value->family, text)); return;
  case LA_TYPE_BOOLEAN: g_string_append(out, value->number != 0 ? "true" : "false"); return;
  case LA_TYPE_TIME: g_string_append(out, la_time_format_rfc3339(value->number, time)); return;
  case LA_TYPE_RATIO: g_string_append_printf(out, "%g", value->ratio); return;
  default: print_number(value->number, type, out); return;
  }
}
