/* Theory of operation.
 *
 * A namespace is made by moving into it: the thread unshares, opens what it is in now, and goes back. Going back needs rights over the
 * old namespace; without root the process first becomes root of a user namespace of its own and leaves the old network behind for
 * good. There, setgroups() must be given up before the group can be mapped (user_namespaces(7)). */
#include "kernel/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static void tell(GError **error, const char *what, int code)
{
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "network namespaces: %s: %s", what, g_strerror(code));
}

int la_netns_open_current(GError **error)
{
  int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    tell(error, "cannot open this thread's", errno);
  return fd;
}

int la_netns_open_pid(pid_t pid, GError **error)
{
  char path[64];
  g_snprintf(path, sizeof path, "/proc/%ld/ns/net", (long)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0)
    return fd;
  int code = errno;
  g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "network namespace of process %ld: %s", (long)pid, g_strerror(code));
  return -1;
}

int la_netns_open_name(const char *name, GError **error)
{
  if (g_str_has_prefix(name, "pid:")) {
    guint64 pid;
    if (g_ascii_string_to_unsigned(name + 4, 10, 1, INT32_MAX, &pid, NULL))
      return la_netns_open_pid((pid_t)pid, error);
    la_error_set(error, LA_ERROR_USAGE, "--netns wants PATH or pid:N, not '%s'", name);
    return -1;
  }
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    la_error_set(error, LA_ERROR_PERMISSION, "cannot enter the network namespace '%s': %s", name, g_strerror(errno));
  return fd;
}

bool la_netns_enter(int netns, GError **error)
{
  if (setns(netns, CLONE_NEWNET) == 0)
    return true;
  tell(error, "cannot enter", errno);
  return false;
}

int la_netns_new(GError **error)
{
  int home = la_netns_open_current(error);
  if (home < 0)
    return -1;
  int made = -1;
  if (unshare(CLONE_NEWNET) != 0) {
    tell(error, "cannot make one", errno);
  } else {
    made = la_netns_open_current(error);
    if (!la_netns_enter(home, made >= 0 ? error : NULL) && made >= 0) {
      close(made);
      made = -1;
    }
  }
  close(home);
  return made;
}

uint64_t la_netns_id(int netns)
{
  struct stat about;
  return fstat(netns, &about) == 0 ? (uint64_t)about.st_ino : 0;
}

static bool write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t len = (ssize_t)strlen(text);
  bool done = write(fd, text, (size_t)len) == len;
  int code = errno;
  close(fd);
  errno = code;
  return done;
}

bool la_netns_become_root(GError **error)
{
  long uid = (long)geteuid(), gid = (long)getegid();
  char users[64], groups[64];
  g_snprintf(users, sizeof users, "0 %ld 1", uid);
  g_snprintf(groups, sizeof groups, "0 %ld 1", gid);
  const char *wrong = NULL;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
    wrong = "this system lets nobody but root make them";
  else if (!write_file("/proc/self/setgroups", "deny") && errno != ENOENT)
    wrong = "cannot give up groups";
  else if (!write_file("/proc/self/uid_map", users) || !write_file("/proc/self/gid_map", groups))
    wrong = "cannot become root of a user namespace";
  if (wrong != NULL)
    tell(error, wrong, errno);
  return wrong == NULL;
}
