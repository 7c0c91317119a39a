/* The I/O models as a table, and what select cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/io.h"

static void eight_models(void **state)
{
  (void)state;
  size_t count = 0;
  for (; la_chat_io_all[count] != NULL; count++) {
    const LaChatIo *io = la_chat_io_all[count];
    assert_ptr_equal(la_chat_io_find(io->name), io);
    assert_true(io->descriptors_each > 0);
    assert_non_null(io->summary);
  }
  assert_int_equal(count, 8);
  assert_null(la_chat_io_find("kqueue"));
}

static void nothing(LaChatSource *source G_GNUC_UNUSED, unsigned events G_GNUC_UNUSED)
{
}

static void select_refuses_what_lies_past_its_sets(void **state)
{
  (void)state;
  struct rlimit limit = {.rlim_cur = FD_SETSIZE + 10};
  struct rlimit old;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
  limit.rlim_max = old.rlim_max;
  if (old.rlim_cur < limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &limit) != 0)
    skip();
  int pair[2];
  assert_int_equal(pipe(pair), 0);
  const LaChatIo *io = la_chat_io_find("select");
  g_autoptr(GError) error = NULL;
  void *selector = io->open(NULL, &error);
  const int numbers[] = {FD_SETSIZE - 1, FD_SETSIZE};
  for (int i = 0; i < 2; i++) {
    LaChatSource source = {.fd = fcntl(pair[0], F_DUPFD, numbers[i]), .want = LA_CHAT_READ, .ready = nothing};
    assert_int_equal(source.fd, numbers[i]);
    assert_int_equal(io->attach(selector, &source, &error), i == 0);
    if (i == 0) {
      assert_true(io->turn(selector, 0, NULL));
      io->detach(selector, &source);
    }
    close(source.fd);
  }
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_PERMISSION));
  io->free(selector);
  close(pair[0]);
  close(pair[1]);
}

static void timeouts_are_rounded_up(void **state)
{
  (void)state;
  assert_int_equal(la_chat_io_timeout_ms(-5), 0);
  assert_int_equal(la_chat_io_timeout_ms(0), 0);
  assert_int_equal(la_chat_io_timeout_ms(1), 1);
  assert_int_equal(la_chat_io_timeout_ms(LA_MSEC), 1);
  assert_int_equal(la_chat_io_timeout_ms(LA_MSEC + 1), 2);
  assert_int_equal(la_chat_io_timeout_ms(LA_TIME_MAX), 60000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eight_models),
      cmocka_unit_test(select_refuses_what_lies_past_its_sets),
      cmocka_unit_test(timeouts_are_rounded_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
