/* The copy of a pipe that can be read twice. */
#include <errno.h>
#include <sys/stat.h>

#include "capture/spool.h"
#include "unit/capture/captures.h"

typedef struct {
  int fd;
  size_t len;
} Flood;

static gpointer flood(gpointer data)
{
  const Flood *sender = data;
  uint8_t block[1000];
  for (size_t at = 0; at < sender->len;) {
    size_t piece = MIN(sizeof block, sender->len - at);
    for (size_t i = 0; i < piece; i++)
      block[i] = (uint8_t)((at + i) % 251);
    if (write(sender->fd, block, piece) != (ssize_t)piece)
      break; /* nobody reads on */
    at += piece;
  }
  close(sender->fd);
  return NULL;
}

/* Spools `len` bytes sent through a pipe. */
static int spool(size_t len, uint64_t limit, GError **error)
{
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  Flood sender = {.fd = ends[1], .len = len};
  GThread *thread = g_thread_new("flood", flood, &sender);
  int fd = la_spool_fd(ends[0], limit, error);
  close(ends[0]);
  g_thread_join(thread);
  return fd;
}

static void assert_holds(int fd, size_t len)
{
  uint8_t *all = g_malloc(len + 1);
  size_t got = 0;
  ssize_t now;
  while ((now = read(fd, all + got, len + 1 - got)) > 0)
    got += (size_t)now;
  assert_int_equal(got, len);
  for (size_t i = 0; i < len; i++)
    assert_int_equal(all[i], i % 251);
  g_free(all);
}

static void test_read_twice(void **state)
{
  (void)state;
  static const size_t lengths[] = {0, 1, 1000000};
  for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
    int fd = spool(lengths[i], UINT64_MAX, NULL);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_nlink, 0); /* it has no name */
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_holds(fd, lengths[i]);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_holds(fd, lengths[i]);
    close(fd);
  }
}

static void test_the_limit(void **state)
{
  (void)state;
  int fd = spool(100000, 100000, NULL);
  assert_holds(fd, 100000);
  close(fd);
  GError *error = NULL;
  assert_int_equal(spool(100001, 100000, &error), -1);
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, "the limit of 100000 bytes");
  g_error_free(error);
}

static void test_a_read_error(void **state)
{
  (void)state;
  int fd = open("/", O_RDONLY | O_CLOEXEC);
  GError *error = NULL;
  assert_int_equal(la_spool_fd(fd, UINT64_MAX, &error), -1);
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, g_strerror(EISDIR));
  g_error_free(error);
  close(fd);
}

static void test_a_capture_from_the_copy(void **state)
{
  (void)state;
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  put_record(&bytes, 1, 2, 60);
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  assert_int_equal(write(ends[1], bytes.data->data, bytes.data->len), bytes.data->len);
  close(ends[1]);
  int fd = la_spool_fd(ends[0], 1000, NULL);
  close(ends[0]);
  g_autofree char *first = tell(la_source_open_fd(dup(fd), "copy", NULL));
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  g_autofree char *second = tell(la_source_open_fd(fd, "copy", NULL));
  assert_string_equal(first, second);
  assert_true(g_str_has_prefix(first, "1 t=1000002000 "));
  bytes_free(&bytes);
}

int main(void)
{
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_read_twice),
      cmocka_unit_test(test_the_limit),
      cmocka_unit_test(test_a_read_error),
      cmocka_unit_test(test_a_capture_from_the_copy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
