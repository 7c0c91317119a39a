/* Who holds a socket: in one's own /proc, and through the helper process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/cgroup.h"
#include "kernel/owner_helper.h"

static uint32_t inode_of(int fd)
{
  struct stat facts;
  assert_int_equal(fstat(fd, &facts), 0);
  return (uint32_t)facts.st_ino;
}

static int open_socket(void)
{
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  return fd;
}

static void check_own(const LaOwner *owner, uint32_t inode)
{
  struct rlimit limit;
  char name[32] = "";
  prctl(PR_GET_NAME, name, 0, 0, 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(owner->inode, inode);
  assert_int_equal(owner->pid, getpid());
  assert_int_equal(owner->others, 0);
  assert_true(owner->descriptors >= 4 && owner->descriptors < 1000);
  assert_true(owner->descriptor_limit == (limit.rlim_cur == RLIM_INFINITY ? LA_OWNER_NO_LIMIT : limit.rlim_cur));
  assert_string_equal(owner->command, name);
}

static void own_sockets(void **state)
{
  (void)state;
  int one = open_socket();
  int same = dup(one);
  int other = open_socket();
  LaOwner owners[] = {
      {.inode = inode_of(one)}, {.inode = 0, .pid = 7}, {.inode = UINT32_MAX, .pid = 7}, {.inode = inode_of(other)}};
  LaOwnerScan scan = la_owner_find(owners, G_N_ELEMENTS(owners));
  assert_true(scan.processes >= 1);
  assert_false(scan.cut);
  check_own(&owners[0], inode_of(one));
  assert_int_equal(owners[1].pid, 0);
  assert_int_equal(owners[2].pid, 0);
  check_own(&owners[3], inode_of(other));
  uint32_t before = owners[0].descriptors;
  close(same);
  la_owner_find(owners, 1);
  assert_int_equal(owners[0].descriptors, before - 1);
  close(one);
  la_owner_find(owners, 1);
  assert_int_equal(owners[0].pid, 0);
  close(other);
}

/* A process that holds what its parent had, until it is killed. */
static pid_t fork_holder(void)
{
  pid_t pid = fork();
  if (pid == 0) {
    poll(NULL, 0, 20000);
    _exit(0);
  }
  assert_true(pid > 0);
  return pid;
}

static void end_holder(pid_t pid)
{
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

static void handed_on_by_fork(void **state)
{
  (void)state;
  int fd = open_socket();
  int same = dup(fd);
  pid_t one = fork_holder();
  pid_t other = fork_holder();
  LaOwner owner = {.inode = inode_of(fd)};
  la_owner_find(&owner, 1);
  assert_int_equal(owner.others, 2);
  assert_int_equal(owner.pid, MIN(getpid(), MIN(one, other)));
  end_holder(one);
  end_holder(other);
  close(same);
  close(fd);
}

/* More than one part of the protocol, with gaps, in the order that was asked. */
static void the_helper_answers(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOwnerHelper) helper = la_owner_helper_start(&error);
  assert_non_null(helper);
  enum {
    COUNT = 5000
  };
  g_autofree LaOwner *owners = g_new0(LaOwner, COUNT);
  int fds[2] = {open_socket(), open_socket()};
  for (unsigned i = 0; i < COUNT; i++)
    owners[i].inode = 4000000000u + i;
  owners[0].inode = inode_of(fds[0]);
  owners[511].inode = 0;
  owners[COUNT - 1].inode = inode_of(fds[1]);
  LaOwnerScan scan = {0};
  assert_true(la_owner_helper_find(helper, owners, COUNT, 10000, &scan));
  assert_true(scan.processes >= 1);
  assert_false(scan.cut);
  check_own(&owners[0], inode_of(fds[0]));
  check_own(&owners[COUNT - 1], inode_of(fds[1]));
  for (unsigned i = 1; i + 1 < COUNT; i++)
    assert_int_equal(owners[i].pid, 0);
  assert_true(la_owner_helper_find(helper, owners, 0, 0, NULL));
  close(fds[0]);
  close(fds[1]);
}

/* An answer that comes too late is not taken for the next one. */
static void a_late_answer(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOwnerHelper) helper = la_owner_helper_start(&error);
  assert_non_null(helper);
  int fd = open_socket();
  enum {
    COUNT = 2000
  };
  g_autofree LaOwner *many = g_new0(LaOwner, COUNT);
  for (unsigned i = 0; i < COUNT; i++)
    many[i] = (LaOwner){.inode = 4000000000u + i, .pid = 9};
  kill(la_owner_helper_pid(helper), SIGSTOP);
  assert_false(la_owner_helper_find(helper, many, COUNT, 50, NULL));
  assert_int_equal(many[0].pid, 9);
  assert_int_equal(many[COUNT - 1].pid, 9);
  kill(la_owner_helper_pid(helper), SIGCONT);
  LaOwner owner = {.inode = inode_of(fd)};
  assert_true(la_owner_helper_find(helper, &owner, 1, 10000, NULL));
  check_own(&owner, inode_of(fd));
  close(fd);
}

static void a_helper_that_died(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOwnerHelper) helper = la_owner_helper_start(&error);
  assert_non_null(helper);
  kill(la_owner_helper_pid(helper), SIGKILL);
  LaOwner owner = {.inode = 1, .pid = 9};
  assert_false(la_owner_helper_find(helper, &owner, 1, 5000, NULL));
  assert_false(la_owner_helper_find(helper, &owner, 1, 5000, NULL));
  assert_int_equal(owner.pid, 9);
}

/* The value of a line of /proc/PID/status. (transfer full) */
static char *status_of(pid_t pid, const char *name)
{
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return NULL;
  g_autofree char *start = g_strdup_printf("%s:", name);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix(lines[i], start))
      return g_strdup(g_strstrip(lines[i] + strlen(start)));
  return NULL;
}

static void what_the_helper_keeps(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  int held = open("/dev/zero", O_RDONLY); /* not closed on exec: the helper gives it back all the same */
  g_autoptr(LaOwnerHelper) helper = la_owner_helper_start(&error);
  LaOwner owner = {.inode = 1};
  assert_true(la_owner_helper_find(helper, &owner, 1, 10000, NULL)); /* it is ready */
  pid_t pid = la_owner_helper_pid(helper);
  g_autofree char *seccomp = status_of(pid, "Seccomp");
  g_autofree char *gains = status_of(pid, "NoNewPrivs");
  g_autofree char *rights = status_of(pid, "CapPrm");
  g_autofree char *name = status_of(pid, "Name");
  assert_string_equal(seccomp, "2");
  assert_string_equal(gains, "1");
  assert_string_equal(name, "lastack-owner");
  uint64_t kept = g_ascii_strtoull(rights, NULL, 16);
  assert_true((kept & ~(UINT64_C(1) << 19 | UINT64_C(1) << 2)) == 0);
  if (geteuid() == 0) {
    g_autofree char *uid = status_of(pid, "Uid");
    g_autofree char *groups = status_of(pid, "Groups");
    assert_string_equal(uid, "65534\t65534\t65534\t65534");
    assert_string_equal(groups, "");
    assert_true(kept != 0);
  }
  g_autofree char *folder = g_strdup_printf("/proc/%d/fd", (int)pid);
  GDir *dir = g_dir_open(folder, 0, NULL);
  if (dir != NULL) {
    const char *entry;
    while ((entry = g_dir_read_name(dir)) != NULL)
      assert_true(g_ascii_strtoull(entry, NULL, 10) <= 3);
    g_dir_close(dir);
  }
  close(held);
}

static bool is_there(pid_t pid)
{
  g_autofree char *status = status_of(pid, "State");
  return status != NULL && status[0] != 'Z';
}

/* However its parent ends, it ends too; and a Ctrl-C does not take it away from its parent. */
static void it_ends_with_its_parent(void **state)
{
  (void)state;
  int pipes[2];
  assert_int_equal(pipe(pipes), 0);
  pid_t middle = fork();
  if (middle == 0) {
    LaOwnerHelper *helper = la_owner_helper_start(NULL);
    LaOwner owner = {.inode = 1};
    pid_t pid = helper != NULL && la_owner_helper_find(helper, &owner, 1, 10000, NULL) ? la_owner_helper_pid(helper) : 0;
    kill(pid, SIGINT);
    kill(pid, SIGTERM);
    if (!la_owner_helper_find(helper, &owner, 1, 10000, NULL))
      pid = 0;
    if (write(pipes[1], &pid, sizeof pid) != sizeof pid)
      _exit(1);
    poll(NULL, 0, 20000);
    _exit(0);
  }
  pid_t pid = 0;
  assert_int_equal(read(pipes[0], &pid, sizeof pid), sizeof pid);
  assert_true(pid > 0);
  assert_true(is_there(pid));
  end_holder(middle);
  for (unsigned i = 0; i < 500 && is_there(pid); i++)
    poll(NULL, 0, 10);
  assert_false(is_there(pid));
  close(pipes[0]);
  close(pipes[1]);
}

static void control_groups(void **state)
{
  (void)state;
  g_autoptr(LaCgroups) groups = la_cgroups_read();
  assert_null(la_cgroups_path(groups, UINT64_MAX));
  const char *root = la_cgroups_path(groups, 1); /* where there is such a file system at all */
  if (root != NULL)
    assert_string_equal(root, "/");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(own_sockets),
      cmocka_unit_test(handed_on_by_fork),
      cmocka_unit_test(the_helper_answers),
      cmocka_unit_test(a_late_answer),
      cmocka_unit_test(a_helper_that_died),
      cmocka_unit_test(what_the_helper_keeps),
      cmocka_unit_test(it_ends_with_its_parent),
      cmocka_unit_test(control_groups),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
