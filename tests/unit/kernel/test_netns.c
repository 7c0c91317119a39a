/* Network namespaces held by descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "kernel/netns.h"

static void a_new_one_is_empty_and_the_thread_stays(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  int home = la_netns_open_current(NULL);
  assert_true(home >= 0);
  int made = la_netns_new(&error);
  if (made < 0) {
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_PERMISSION));
    close(home);
    print_message("SKIPPED: %s\n", error->message);
    skip();
  }
  int now = la_netns_open_current(NULL);
  assert_true(la_netns_id(home) == la_netns_id(now));
  assert_true(la_netns_id(made) != 0 && la_netns_id(made) != la_netns_id(home));
  assert_true(la_netns_enter(made, NULL));
  struct if_nameindex *all = if_nameindex();
  assert_string_equal(all[0].if_name, "lo");
  assert_int_equal(all[1].if_index, 0);
  if_freenameindex(all);
  assert_true(la_netns_enter(home, NULL));
  close(now);
  now = la_netns_open_pid(getpid(), NULL);
  assert_true(la_netns_id(home) == la_netns_id(now));
  close(now);
  close(made);
  close(home);
}

static void what_is_none(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_false(la_netns_enter(file, &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_PERMISSION));
  g_clear_error(&error);
  close(file);
  assert_int_equal(la_netns_open_pid(-1, &error), -1);
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_PERMISSION));
  assert_true(la_netns_id(-1) == 0);
}

/* In a child of its own: a process does not come back from a user namespace. */
static void nobody_becomes_root(void **state)
{
  (void)state;
  pid_t child = fork();
  if (child == 0) {
    uid_t nobody = 65534;
    if (geteuid() == 0 && setuid(nobody) != 0)
      _exit(3);
    prctl(PR_SET_DUMPABLE, 1); /* else its /proc/self still belongs to root */
    if (!la_netns_become_root(NULL))
      _exit(2);
    int made = la_netns_new(NULL);
    _exit(made >= 0 && geteuid() == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) >= 2) {
    print_message("SKIPPED: this system lets nobody but root make namespaces\n");
    skip();
  }
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_one_is_empty_and_the_thread_stays),
      cmocka_unit_test(what_is_none),
      cmocka_unit_test(nobody_becomes_root),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
