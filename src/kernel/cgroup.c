/* Theory of operation.
 *
 * The number of a group is the inode of its directory, so one walk over the directories gives the path of each. (The kernel can also
 * open a directory by such a number, but only for who may read every file.) Where the file system is mounted stands in
 * /proc/self/mountinfo: fields with octal escapes, and behind a lone `-` the type. */
#include "kernel/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  GROUPS_MAX = 65536,
  DEPTH_MAX = 32,
  MOUNT_POINT_FIELD = 4,
};

struct LaCgroups {
  GHashTable *paths; /* of char *, by guint64 */
};

static void add(LaCgroups *groups, uint64_t id, const char *path)
{
  guint64 *key = g_new(guint64, 1);
  *key = id;
  g_hash_table_insert(groups->paths, key, g_strdup(path));
}

/* Takes `fd`. `path` is that of the directory, and as it was when this returns. */
static void walk(LaCgroups *groups, int fd, GString *path, unsigned depth)
{
  DIR *folder = fdopendir(fd);
  if (folder == NULL) {
    close(fd);
    return;
  }
  struct stat facts;
  if (fstat(fd, &facts) == 0)
    add(groups, facts.st_ino, path->len > 0 ? path->str : "/");
  struct dirent *entry;
  while (depth < DEPTH_MAX && g_hash_table_size(groups->paths) < GROUPS_MAX && (entry = readdir(folder)) != NULL) {
    if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    int deeper = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (deeper < 0)
      continue;
    gsize before = path->len;
    g_string_append_printf(path, "/%s", entry->d_name);
    walk(groups, deeper, path, depth + 1);
    g_string_truncate(path, before);
  }
  closedir(folder);
}

/* The mount point of the first file system of this type. (transfer full) */
static char *mount_point(void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
    return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    if (strstr(lines[i], " - cgroup2 ") == NULL)
      continue;
    g_auto(GStrv) fields = g_strsplit(lines[i], " ", MOUNT_POINT_FIELD + 2);
    if (g_strv_length(fields) > MOUNT_POINT_FIELD)
      return g_strcompress(fields[MOUNT_POINT_FIELD]); /* \040 */
  }
  return NULL;
}

LaCgroups *la_cgroups_read(void)
{
  LaCgroups *groups = g_new0(LaCgroups, 1);
  groups->paths = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  g_autofree char *top = mount_point();
  int fd = top != NULL ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd < 0)
    return groups;
  g_autoptr(GString) path = g_string_new(NULL);
  walk(groups, fd, path, 0);
  return groups;
}

void la_cgroups_free(LaCgroups *groups)
{
  if (groups == NULL)
    return;
  g_hash_table_unref(groups->paths);
  g_free(groups);
}

const char *la_cgroups_path(const LaCgroups *groups, uint64_t id)
{
  guint64 key = id;
  return g_hash_table_lookup(groups->paths, &key);
}
