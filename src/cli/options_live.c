#include "cli/options_live.h"

#include <string.h>

#include "base/error.h"

#define REALARM (600 * LA_SEC)
#define MAX_CONNECTIONS 1000000u
#define MEMORY_LEAST ((uint64_t)16 << 20)
#define SAVE_LIMIT ((uint64_t)256 << 20)
#define SAVE_LIMIT_LEAST ((uint64_t)64 << 10)
#define BUFFER_MOST ((uint64_t)1 << 30)
#define BUFFER_LEAST ((uint64_t)64 << 10)

void la_live_choices_init(LaLiveChoices *choices)
{
  *choices = (LaLiveChoices){
      .interfaces = g_ptr_array_new_with_free_func(g_free),
      .snaplen = LA_LIVE_SNAPLEN,
      .buffer = LA_LIVE_BUFFER,
      .hears = LA_LIVE_ORDINARY,
      .realarm = REALARM,
      .save_limit = SAVE_LIMIT,
      .max_connections = MAX_CONNECTIONS,
  };
}

void la_live_choices_clear(LaLiveChoices *choices)
{
  g_ptr_array_unref(choices->interfaces);
  g_free(choices->netns);
  g_free(choices->write);
  g_free(choices->user);
  g_free(choices->save);
  g_free(choices->metrics);
}

static void replace(char **text, const char *value)
{
  g_free(*text);
  *text = g_strdup(value);
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned(text, 10, least, most, &number, NULL))
    return false;
  *ret_number = number;
  return true;
}

/* A number with k, M, G, T; a bare one is in units of `unit`. */
static bool read_size(const char *text, uint64_t unit, uint64_t *ret_size)
{
  static const char letters[] = "kMGT";
  g_autofree char *digits = g_strdup(text);
  size_t len = strlen(digits);
  const char *letter = len > 1 ? strchr(letters, digits[len - 1] == 'K' ? 'k' : digits[len - 1]) : NULL;
  if (letter != NULL && *letter != '\0') {
    unit = UINT64_C(1) << (10 * (unsigned)(letter - letters + 1));
    digits[len - 1] = '\0';
  }
  uint64_t number;
  if (!read_number(digits, 1, (UINT64_C(1) << 62) / unit, &number))
    return false;
  *ret_size = number * unit;
  return true;
}

static bool take_interface(LaLiveChoices *choices, const char *value, GError **error)
{
  if (choices->interfaces->len == LA_LIVE_INTERFACES_MAX) {
    la_error_set(error, LA_ERROR_USAGE, "-i: at most %d interfaces", LA_LIVE_INTERFACES_MAX);
    return false;
  }
  g_ptr_array_add(choices->interfaces, g_strdup(value));
  return true;
}

/* As dumpcap: `files:N`, `filesize:KIB`, `duration:SEC`. */
static bool take_ring(LaLiveChoices *choices, const char *value, GError **error)
{
  uint64_t number;
  const char *colon = strchr(value, ':');
  if (g_str_has_prefix(value, "files:") && read_number(colon + 1, 1, 100000, &number)) {
    choices->ring_files = (unsigned)number;
    return true;
  }
  if (g_str_has_prefix(value, "filesize:") && read_size(colon + 1, 1024, &number)) {
    choices->ring_size = number;
    return true;
  }
  LaTime span;
  if (g_str_has_prefix(value, "duration:") && la_span_parse(colon + 1, &span) && span > 0) {
    choices->ring_duration = span;
    return true;
  }
  la_error_set(error, LA_ERROR_USAGE, "-b wants files:N, filesize:KIB or duration:SEC, not '%s'", value);
  return false;
}

static bool take_autostop(LaLiveChoices *choices, const char *value, GError **error)
{
  LaTime span;
  if (g_str_has_prefix(value, "duration:") && la_span_parse(strchr(value, ':') + 1, &span) && span > 0) {
    choices->duration = span;
    return true;
  }
  la_error_set(error, LA_ERROR_USAGE, "-a wants duration:SEC, not '%s' (-c stops after a number of packets)", value);
  return false;
}

static bool take_snaplen(LaLiveChoices *choices, const char *value, GError **error)
{
  uint64_t number;
  if (!read_number(value, 0, LA_LIVE_SNAPLEN_WHOLE, &number) || (number != 0 && number < 64)) {
    la_error_set(error, LA_ERROR_USAGE, "-s wants 64 to %d bytes, or 0 for whole packets, not '%s'", LA_LIVE_SNAPLEN_WHOLE,
                 value);
    return false;
  }
  choices->snaplen = number != 0 ? (uint32_t)number : LA_LIVE_SNAPLEN_WHOLE;
  return true;
}

static bool take_buffer(LaLiveChoices *choices, const char *value, GError **error)
{
  uint64_t size;
  if (!read_size(value, 1024, &size) || size < BUFFER_LEAST || size > BUFFER_MOST) {
    la_error_set(error, LA_ERROR_USAGE, "-B wants a size from 64k to 1G (a bare number is KiB), not '%s'", value);
    return false;
  }
  choices->buffer = (uint32_t)size;
  return true;
}

static bool take_realarm(LaLiveChoices *choices, const char *value, GError **error)
{
  if (la_span_parse(value, &choices->realarm))
    return true;
  la_error_set(error, LA_ERROR_USAGE, "--realarm wants a span such as 10min, or 0 to be told everything, not '%s'", value);
  return false;
}

static bool take_max_connections(LaLiveChoices *choices, const char *value, GError **error)
{
  uint64_t number;
  if (!read_number(value, 100, 100000000, &number)) {
    la_error_set(error, LA_ERROR_USAGE, "--max-connections wants a number from 100 to 100000000, not '%s'", value);
    return false;
  }
  choices->max_connections = (uint32_t)number;
  return true;
}

static bool take_max_memory(LaLiveChoices *choices, const char *value, GError **error)
{
  if (read_size(value, 1, &choices->max_memory) && choices->max_memory >= MEMORY_LEAST)
    return true;
  la_error_set(error, LA_ERROR_USAGE, "--max-memory wants a size from 16M up, not '%s'", value);
  return false;
}

static bool take_save_limit(LaLiveChoices *choices, const char *value, GError **error)
{
  if (read_size(value, 1, &choices->save_limit) && choices->save_limit >= SAVE_LIMIT_LEAST)
    return true;
  la_error_set(error, LA_ERROR_USAGE, "--save-limit wants a size from 64k up, not '%s'", value);
  return false;
}

bool la_options_take_live(LaLiveChoices *choices, LaLiveOption option, const char *value, GError **error)
{
  switch (option) {
  case LA_OPTION_INTERFACE: return take_interface(choices, value, error);
  case LA_OPTION_NETNS: replace(&choices->netns, value); return true;
  case LA_OPTION_WRITE: replace(&choices->write, value); return true;
  case LA_OPTION_RING: return take_ring(choices, value, error);
  case LA_OPTION_AUTOSTOP: return take_autostop(choices, value, error);
  case LA_OPTION_SNAPLEN: return take_snaplen(choices, value, error);
  case LA_OPTION_BUFFER: return take_buffer(choices, value, error);
  case LA_OPTION_PROMISCUOUS: choices->hears = LA_LIVE_PROMISCUOUS; return true;
  case LA_OPTION_NOT_PROMISCUOUS: choices->hears = LA_LIVE_ORDINARY; return true;
  case LA_OPTION_WATCH: choices->watch = true; return true;
  case LA_OPTION_SAVE: replace(&choices->save, value); return true;
  case LA_OPTION_SAVE_LIMIT: return take_save_limit(choices, value, error);
  case LA_OPTION_USER: replace(&choices->user, value); return true;
  case LA_OPTION_REALARM: return take_realarm(choices, value, error);
  case LA_OPTION_MAX_CONNECTIONS: return take_max_connections(choices, value, error);
  case LA_OPTION_MAX_MEMORY: return take_max_memory(choices, value, error);
  case LA_OPTION_METRICS: replace(&choices->metrics, value); return true;
  case LA_OPTION_OWNER: choices->owner = true; return true;
  }
  g_assert_not_reached();
}

bool la_live_choices_check(const LaLiveChoices *choices, GError **error)
{
  if (choices->interfaces->len == 0) {
    la_error_set(error, LA_ERROR_USAGE, "no interface given (-i IFACE; lastack interfaces lists them)");
    return false;
  }
  bool rings = choices->ring_size != 0 || choices->ring_duration != 0;
  if ((rings || choices->ring_files != 0) && choices->write == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "-b needs -w FILE");
    return false;
  }
  if (choices->ring_files != 0 && !rings) {
    la_error_set(error, LA_ERROR_USAGE, "-b files:N needs -b filesize:KIB or -b duration:SEC");
    return false;
  }
  if (rings && strcmp(choices->write, "-") == 0) {
    la_error_set(error, LA_ERROR_USAGE, "-b needs a file, not standard output");
    return false;
  }
  return true;
}
