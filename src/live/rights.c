/* In this order, since each step takes away what the one before needed: the bounding set, groups and user, the capabilities of a
 * process that is not root, no_new_privs, Landlock, seccomp.
 *
 * Landlock and seccomp are a second line: a kernel without them is no reason not to run. System calls that are not on the list fail with
 * EPERM; the process is not killed for them, because a library that tries something and does without it is no attack. */
#include "live/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

#define CAPABILITIES 64 /* more than there are */

/* ---- the user ---- */

static const struct passwd *user_of_sudo(void)
{
  const char *text = g_getenv("SUDO_UID");
  guint64 uid;
  if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX - 1, &uid, NULL))
    return NULL;
  return getpwuid((uid_t)uid);
}

bool la_user_find(const char *name, LaUser *ret_user, GError **error)
{
  if (name == NULL && geteuid() != 0) {
    *ret_user = (LaUser){.uid = geteuid(), .gid = getegid(), .changes = false, .name = g_strdup("this user")};
    return true;
  }
  const struct passwd *entry = name != NULL ? getpwnam(name) : user_of_sudo();
  if (entry == NULL && name == NULL)
    entry = getpwnam("nobody");
  if (entry == NULL) {
    la_error_set(error, LA_ERROR_USAGE, "-Z: there is no user '%s'", name != NULL ? name : "nobody");
    return false;
  }
  if (entry->pw_uid != geteuid() && geteuid() != 0) {
    la_error_set(error, LA_ERROR_PERMISSION, "-Z: only root can become '%s'", name);
    return false;
  }
  *ret_user = (LaUser){.uid = entry->pw_uid, .gid = entry->pw_gid, .changes = geteuid() == 0, .name = g_strdup(entry->pw_name)};
  return true;
}

void la_user_clear(LaUser *user)
{
  g_clear_pointer(&user->name, g_free);
}

static bool become(const LaUser *user, GError **error)
{
  /* What is not in the bounding set cannot come back by any exec. Fails without CAP_SETPCAP, when there is nothing to lose. */
  for (int capability = 0; capability < CAPABILITIES; capability++)
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (user->changes && (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
                        setresuid(user->uid, user->uid, user->uid) != 0)) {
    la_error_set(error, LA_ERROR_PERMISSION, "cannot become '%s': %s (-Z USER names another)", user->name, g_strerror(errno));
    return false;
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
  memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    la_error_set(error, LA_ERROR_PERMISSION, "cannot give up capabilities: %s", g_strerror(errno));
    return false;
  }
  return true;
}

/* ---- files ---- */

#define WRITES                                                                                                                 \
  (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                            \
   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |  \
   LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define WRITES_BELOW (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)

static void restrict_files(const LaRightsKept *kept)
{
  struct landlock_ruleset_attr rules = {.handled_access_fs = WRITES};
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0)
    return; /* the kernel has none */
  for (unsigned i = 0; i < kept->folder_count; i++) {
    struct landlock_path_beneath_attr below = {
        .allowed_access = WRITES_BELOW,
        .parent_fd = open(kept->folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC),
    };
    if (below.parent_fd < 0)
      continue; /* then nothing can be written there anyway */
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0);
    close(below.parent_fd);
  }
  (void)syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
}

/* ---- system calls ---- */

/* What the loop needs: files and sockets that are open, files below the folders, memory, time, signals. */
static const int running[] = {
    SCMP_SYS(read),          SCMP_SYS(write),        SCMP_SYS(writev),
    SCMP_SYS(readv),         SCMP_SYS(pread64),      SCMP_SYS(pwrite64),
    SCMP_SYS(lseek),         SCMP_SYS(close),        SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),    SCMP_SYS(stat),         SCMP_SYS(lstat),
    SCMP_SYS(statx),         SCMP_SYS(fstatfs),      SCMP_SYS(openat),
    SCMP_SYS(open),          SCMP_SYS(unlinkat),     SCMP_SYS(unlink),
    SCMP_SYS(ftruncate),     SCMP_SYS(fsync),        SCMP_SYS(fdatasync),
    SCMP_SYS(getdents64),    SCMP_SYS(faccessat),    SCMP_SYS(faccessat2),
    SCMP_SYS(access),        SCMP_SYS(readlink),     SCMP_SYS(readlinkat),
    SCMP_SYS(fcntl),         SCMP_SYS(dup),          SCMP_SYS(dup2),
    SCMP_SYS(dup3),          SCMP_SYS(poll),         SCMP_SYS(ppoll),
    SCMP_SYS(select),        SCMP_SYS(pselect6),     SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),     SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),  SCMP_SYS(eventfd2),     SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),       SCMP_SYS(sendto),       SCMP_SYS(sendmsg),
    SCMP_SYS(accept),        SCMP_SYS(accept4),      SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt),    SCMP_SYS(setsockopt),   SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),   SCMP_SYS(ioctl),        SCMP_SYS(mmap),
    SCMP_SYS(munmap),        SCMP_SYS(mremap),       SCMP_SYS(mprotect),
    SCMP_SYS(madvise),       SCMP_SYS(brk),          SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
    SCMP_SYS(time),          SCMP_SYS(nanosleep),    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),     SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(sigaltstack),  SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),       SCMP_SYS(getuid),
    SCMP_SYS(geteuid),       SCMP_SYS(getgid),       SCMP_SYS(getegid),
    SCMP_SYS(getppid),       SCMP_SYS(tgkill),       SCMP_SYS(sched_yield),
    SCMP_SYS(uname),         SCMP_SYS(wait4),        SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(rseq),         SCMP_SYS(set_robust_list),
};

/* The resolver's own. */
static const int naming[] = {
    SCMP_SYS(socket),   SCMP_SYS(connect), SCMP_SYS(bind),      SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg), SCMP_SYS(getcwd),  SCMP_SYS(prlimit64),
};

static void restrict_calls(const LaRightsKept *kept)
{
#ifdef __SANITIZE_ADDRESS__
  (void)kept; /* the leak checker stops the process from outside at its end */
  (void)running;
  (void)naming;
#else
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == NULL)
    return;
  bool ok = true;
  for (unsigned i = 0; i < G_N_ELEMENTS(running); i++)
    ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, running[i], 0) == 0 && ok;
  for (unsigned i = 0; kept->names && i < G_N_ELEMENTS(naming); i++)
    ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, naming[i], 0) == 0 && ok;
  if (ok)
    (void)seccomp_load(filter);
  seccomp_release(filter);
#endif
}

bool la_rights_drop(const LaUser *user, const LaRightsKept *kept, GError **error)
{
  if (!become(user, error))
    return false;
  restrict_files(kept);
  restrict_calls(kept);
  return true;
}
