#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#define PACKETS_BETWEEN_LOOKS 4096
#define SHOWN_AFTER_USEC (G_USEC_PER_SEC / 2)
#define USEC_BETWEEN (G_USEC_PER_SEC / 10)
#define CELLS 20

struct LaProgress {
  gint64 started;
  gint64 drawn;
  uint64_t packets;
  unsigned since_look;
  gboolean visible;
};

LaProgress *la_progress_new(void)
{
  if (!isatty(STDERR_FILENO))
    return NULL;
  LaProgress *progress = g_new0(LaProgress, 1);
  progress->started = g_get_monotonic_time();
  return progress;
}

void la_progress_free(LaProgress *progress)
{
  la_progress_clear(progress);
  g_free(progress);
}

void la_progress_clear(LaProgress *progress)
{
  if (progress != NULL && progress->visible)
    fputs("\r\033[K", stderr);
  if (progress != NULL)
    progress->visible = FALSE;
}

static void draw(LaProgress *progress, const LaBatch *batch, gint64 now)
{
  uint64_t done = batch->done;
  uint64_t total = batch->total;
  double seconds = (double)(now - progress->started) / G_USEC_PER_SEC;
  g_autofree char *read = g_format_size(done);
  fprintf(stderr, "\r\033[K%s", read);
  if (total > 0) {
    double share = done < total ? (double)done / (double)total : 1;
    char bar[CELLS + 1] = {0};
    for (int i = 0; i < CELLS; i++)
      bar[i] = i < (int)(share * CELLS) ? '#' : '.';
    fprintf(stderr, " [%s] %3.0f %%", bar, share * 100);
    if (share > 0.01)
      fprintf(stderr, ", %.0f s left", seconds * (1 - share) / share);
  }
  fprintf(stderr, ", %.0f packets/s", (double)progress->packets / seconds);
  fflush(stderr);
  progress->visible = TRUE;
}

void la_progress_update(LaProgress *progress, const LaBatch *batch)
{
  if (progress == NULL)
    return;
  progress->packets += batch->count;
  progress->since_look += batch->count;
  if (progress->since_look < PACKETS_BETWEEN_LOOKS)
    return;
  progress->since_look = 0;
  gint64 now = g_get_monotonic_time();
  if (now - progress->started < SHOWN_AFTER_USEC || now - progress->drawn < USEC_BETWEEN)
    return;
  progress->drawn = now;
  draw(progress, batch, now);
}
