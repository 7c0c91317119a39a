/* What of a command line `lastack show` must be given again: what decides which packets are read, where a connection begins and ends, and
 * what is found. How things are written (-v, --utc) is the reader's choice each time. */
#include <string.h>

#include "cli/options.h"

#include "base/escape.h"

static void append_value(GString *out, const char *option, const char *value)
{
  g_string_append_printf(out, "%s%s ", out->len > 0 ? " " : "", option);
  la_escape_shell(out, value, -1);
}

static void append_flag(GString *out, const char *option)
{
  g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", option);
}

static void append_span(GString *out, const char *option, LaTime span)
{
  char text[LA_TIME_TEXT_MAX];
  append_value(out, option, la_span_format_option(span, text));
}

static void append_time(GString *out, const char *option, LaTime time)
{
  char text[LA_TIME_TEXT_MAX];
  la_time_format_rfc3339(time, text);
  char *fraction = strchr(text, '.');
  if (fraction != NULL && time % LA_SEC == 0)
    memmove(fraction, "Z", 2);
  append_value(out, option, text);
}

static void append_tracking(const LaOptions *options, GString *out)
{
  const LaTrackOptions *track = &options->track;
  if (track->by_tunnel != 0)
    append_flag(out, "--by-tunnel");
  if (track->time_wait != LA_TRACK_OPTIONS_DEFAULT.time_wait)
    append_span(out, "--time-wait", track->time_wait);
  if (track->idle_timeout != 0)
    append_span(out, "--idle-timeout", track->idle_timeout);
  if (track->ephemeral_low != LA_TRACK_OPTIONS_DEFAULT.ephemeral_low) {
    g_autofree char *range = g_strdup_printf("%u-%u", track->ephemeral_low, options->port_range_end);
    append_value(out, "--port-range", range);
  }
}

/* Also those that a policy set: `show` takes no policy. */
static void append_thresholds(const LaOptions *options, GString *out)
{
  g_autoptr(GPtrArray) changed = la_thresholds_changed(&options->thresholds);
  for (unsigned i = 0; i < changed->len; i++)
    append_value(out, "--threshold", g_ptr_array_index(changed, i));
}

void la_options_for_show(const LaOptions *options, LaShowCommand *ret)
{
  GString *out = g_string_new(NULL);
  if (options->filter != NULL)
    append_value(out, "-f", options->filter);
  if (options->filter_file != NULL)
    append_value(out, "-F", options->filter_file);
  if (options->count != 0) {
    g_autofree char *count = g_strdup_printf("%" G_GUINT64_FORMAT, options->count);
    append_value(out, "-c", count);
  }
  append_tracking(options, out);
  append_thresholds(options, out);
  if (options->decode.verify_checksums)
    append_flag(out, "--verify-checksums");
  if (options->observed_until != LA_TIME_NONE)
    append_time(out, "--observed-until", options->observed_until);
  GString *files = NULL;
  if (options->files_are == LA_FILES_SEQUENCE) {
    append_flag(out, "--sequence");
    files = g_string_new(NULL);
    for (unsigned i = 0; i < options->words->len; i++) {
      /* With -r for one and not for another, they would be read in another order. */
      if (i > 0)
        g_string_append_c(files, ' ');
      g_string_append(files, "-r ");
      la_show_command_say_file(g_ptr_array_index(options->words, i), LA_SHOW_FILE_IS_VALUE, files);
    }
  }
  *ret = (LaShowCommand){.options = g_string_free(out, FALSE), .files = files != NULL ? g_string_free(files, FALSE) : NULL};
}
