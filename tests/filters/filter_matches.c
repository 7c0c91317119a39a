/* filter_matches FILTER.bpf CAPTURE: prints the numbers of the frames that pass, on one line, through the same functions that
 * `lastack -F` uses. Exit code 2 and the message when the filter does not fit the capture's link type, 1 for any other error. */
#include <stdio.h>

#include "capture/filter.h"
#include "capture/source.h"

int main(int argc, char **argv)
{
  if (argc != 3) {
    fputs("usage: filter_matches FILTER.bpf CAPTURE\n", stderr);
    return 1;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(LaFilter) filter = la_filter_new_from_file(argv[1], &error);
  g_autoptr(LaSource) source = filter != NULL ? la_source_open(argv[2], &error) : NULL;
  if (source == NULL) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  LaPacketView packet;
  LaReadResult result;
  while ((result = la_source_next(source, &packet)) == LA_READ_PACKET) {
    bool match = false;
    if (!la_filter_match(filter, &packet, &match, &error)) {
      fprintf(stderr, "%s\n", error->message);
      return 2;
    }
    if (match)
      printf("%" G_GUINT64_FORMAT " ", packet.frame);
  }
  putchar('\n');
  return result == LA_READ_END ? 0 : 1;
}
