/* Giving up rights: once everything is open, a capture needs none. */
#ifndef LA_LIVE_RIGHTS_H
#define LA_LIVE_RIGHTS_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Whom to become. */
typedef struct {
  uid_t uid;
  gid_t gid;
  bool changes; /* false: the process stays who it is (it is not root) */
  char *name;   /* for messages (owned) */
} LaUser;

/* The user of that name. NULL: under sudo the user who called it, else `nobody`; a process that is not root stays who it is. False and
 * LA_ERROR_USAGE when there is no such user, or LA_ERROR_PERMISSION when it is another one and the process is not root. */
bool la_user_find(const char *name, LaUser *ret_user, GError **error);
void la_user_clear(LaUser *user);

/* What may still be done afterwards. */
typedef struct {
  const char *const *folders; /* only below these may files be made or written; the ones already open stay usable */
  unsigned folder_count;
  bool names; /* host names are looked up */
} LaRightsKept;

/* Becomes `user`, without any capability and without a way to gain one (no_new_privs); only files below the folders can be written
 * (Landlock, where the kernel has it), and only the system calls of a running capture can be made (seccomp). For good, and for the
 * whole process, which must have one thread. False and LA_ERROR_PERMISSION when the user or the capabilities cannot be changed. */
bool la_rights_drop(const LaUser *user, const LaRightsKept *kept, GError **error);

#endif
