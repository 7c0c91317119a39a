/* The file has no name from the start where the system can do that (O_TMPFILE), else it loses it at once; so it is gone when
 * the last descriptor is, however the program ends. */
#include "capture/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

#define BLOCK ((size_t)256 << 10)

static int temporary_file(GError **error)
{
  const char *folder = g_get_tmp_dir();
#ifdef O_TMPFILE
  int nameless = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (nameless >= 0)
    return nameless;
#endif
  char *name = g_build_filename(folder, "lastack-XXXXXX", NULL);
  int fd = mkostemp(name, O_CLOEXEC);
  if (fd < 0)
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "no temporary file in %s: %s", folder, g_strerror(errno));
  else
    unlink(name);
  g_free(name);
  return fd;
}

/* Writes all of `block`; false and errno when that fails. */
static bool write_all(int fd, const char *block, size_t len)
{
  while (len > 0) {
    ssize_t put = write(fd, block, len);
    if (put < 0 && errno != EINTR)
      return false;
    if (put > 0) {
      block += put;
      len -= (size_t)put;
    }
  }
  return true;
}

/* Copies to the end; false and `error`. */
static bool copy(int from, int to, uint64_t limit, GError **error)
{
  char *block = g_malloc(BLOCK);
  uint64_t total = 0;
  bool good = true;
  for (;;) {
    ssize_t got = read(from, block, BLOCK);
    if (got < 0 && errno == EINTR)
      continue;
    if (got == 0)
      break;
    if (got < 0) {
      g_set_error(error, LA_ERROR, LA_ERROR_OPEN, "reading failed after %" PRIu64 " bytes: %s", total, g_strerror(errno));
      good = false;
      break;
    }
    total += (uint64_t)got;
    if (total > limit) {
      g_set_error(error, LA_ERROR, LA_ERROR_OPEN,
                  "the input is larger than the limit of %" PRIu64 " bytes for a temporary copy", limit);
      good = false;
      break;
    }
    if (!write_all(to, block, (size_t)got)) {
      g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "writing the temporary copy in %s failed: %s", g_get_tmp_dir(),
                  g_strerror(errno));
      good = false;
      break;
    }
  }
  g_free(block);
  return good;
}

int la_spool_fd(int fd, uint64_t limit, GError **error)
{
  int spooled = temporary_file(error);
  if (spooled < 0)
    return -1;
  bool good = copy(fd, spooled, limit, error);
  if (good && lseek(spooled, 0, SEEK_SET) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_OUTPUT, "the temporary copy in %s cannot be read: %s", g_get_tmp_dir(),
                g_strerror(errno));
    good = false;
  }
  if (good)
    return spooled;
  close(spooled);
  return -1;
}
