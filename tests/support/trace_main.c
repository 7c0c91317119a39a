/* la-trace IN.trace OUT: writes the capture that a text trace describes.
 *
 * The format is what the trace says, else what OUT's name says (.pcapng, else pcap). On standard output, for the test runner:
 * how many packets were written and until when the observation lasted (nanoseconds since the epoch), and whether the file itself
 * says so. Exit codes: 0, 1 when the trace is wrong or OUT cannot be written, 2 usage. */
#include <stdio.h>
#include <string.h>

#include "trace.h"

int main(int argc, char **argv)
{
  if (argc != 3) {
    fputs("usage: la-trace IN.trace OUT.pcap|OUT.pcapng\n", stderr);
    return 2;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(LaTrace) trace = la_trace_read(argv[1], &error);
  if (trace != NULL && !trace->format_given && g_str_has_suffix(argv[2], ".pcapng"))
    trace->format = LA_TRACE_FORMAT_PCAPNG;
  g_autoptr(GArray) frames = trace != NULL ? la_trace_build(trace, &error) : NULL;
  if (frames == NULL || !la_trace_write(trace, frames, argv[2], &error)) {
    fprintf(stderr, "la-trace: %s\n", error->message);
    return 1;
  }
  printf("packets %u\nobserved-until %" G_GINT64_FORMAT "\nstated %s\n", frames->len, la_trace_observed_until(trace, frames),
         trace->end == LA_TIME_NONE                ? "no"
         : trace->format == LA_TRACE_FORMAT_PCAPNG ? "in-file"
                                                   : "yes");
  return 0;
}
