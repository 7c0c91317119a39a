/* Theory of operation.
 *
 * The kernel does not say who holds a socket: a socket may belong to many processes, and to none. What it says, process by process,
 * is what each descriptor is: a link `socket:[4242]` in /proc/PID/fd, where 4242 is the inode that the socket diagnostics tell. So
 * all descriptors of all processes are read once for any number of sockets. Inodes are those of the machine, not of a network
 * namespace: sockets of other namespaces are found as well.
 *
 * The directory of a process belongs to its user, and its links are readable to whom the kernel lets trace it; a process that is not
 * ours is passed over and counted. A process may end while it is read: what was found of it until then stays, it was true. */
#include "kernel/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
  PROCESSES_MAX = 65536,
  DESCRIPTORS_MAX = 4194304,
  SECONDS_MAX = 3,
  FILE_MAX = 4096, /* of a file of /proc; what is wanted stands in its beginning */
};

/* A socket that is looked for. */
typedef struct {
  uint32_t inode;
  uint32_t last; /* the process that held it last: descriptors may be duplicates */
  LaOwner *owner;
} Wanted;

typedef struct {
  Wanted *wanted; /* by inode */
  size_t count;
  int proc;
  LaOwnerScan scan;
  uint32_t descriptors; /* read so far */
  LaTime until;         /* la_clock_monotonic */
} Search;

/* A process while its descriptors are read. */
typedef struct {
  uint32_t pid;
  uint32_t descriptors;
  GArray *found; /* of LaOwner *: what it holds (borrowed) */
} Process;

static int compare_wanted(const void *a, const void *b)
{
  const Wanted *one = a;
  const Wanted *other = b;
  return one->inode < other->inode ? -1 : one->inode > other->inode;
}

static bool read_number(const char *text, uint32_t *ret_number)
{
  guint64 number;
  if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &number, NULL))
    return false;
  *ret_number = (uint32_t)number;
  return true;
}

/* The beginning of /proc/PID/NAME, closed by a zero; its length, 0 when it cannot be read. */
static size_t read_file(const Search *search, uint32_t pid, const char *name, char *ret_text)
{
  char path[64];
  snprintf(path, sizeof path, "%u/%s", pid, name);
  int fd = openat(search->proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return 0;
  ssize_t got;
  do {
    got = read(fd, ret_text, FILE_MAX - 1);
  } while (got < 0 && errno == EINTR);
  close(fd);
  if (got <= 0)
    return 0;
  ret_text[got] = '\0';
  return (size_t)got;
}

/* "Max open files            1024                 524288               files" */
static uint64_t read_limit(const Search *search, uint32_t pid)
{
  static const char label[] = "Max open files";
  char text[FILE_MAX];
  if (read_file(search, pid, "limits", text) == 0)
    return 0;
  const char *line = strstr(text, label);
  if (line == NULL)
    return 0;
  line += sizeof label - 1;
  line += strspn(line, " ");
  if (g_str_has_prefix(line, "unlimited"))
    return LA_OWNER_NO_LIMIT;
  return g_ascii_strtoull(line, NULL, 10);
}

static void read_command(const Search *search, uint32_t pid, char *ret_command)
{
  char text[FILE_MAX];
  if (read_file(search, pid, "comm", text) == 0)
    return;
  text[strcspn(text, "\n")] = '\0';
  g_strlcpy(ret_command, text, LA_OWNER_COMMAND_MAX);
}

/* False when what the descriptors of this process are may not be known. */
static bool look_at_link(const Search *search, int folder, const char *name, Process *process)
{
  static const char prefix[] = "socket:[";
  char target[64];
  ssize_t len = readlinkat(folder, name, target, sizeof target - 1);
  if (len < 0)
    return errno != EACCES && errno != EPERM;
  if (len <= (ssize_t)sizeof prefix || target[len - 1] != ']')
    return true;
  target[len - 1] = '\0';
  uint32_t inode;
  if (!g_str_has_prefix(target, prefix) || !read_number(target + sizeof prefix - 1, &inode))
    return true;
  Wanted key = {.inode = inode};
  Wanted *wanted = bsearch(&key, search->wanted, search->count, sizeof key, compare_wanted);
  if (wanted == NULL || wanted->last == process->pid)
    return true;
  wanted->last = process->pid;
  g_array_append_val(process->found, wanted->owner);
  return true;
}

static bool too_much(Search *search)
{
  if (search->descriptors < DESCRIPTORS_MAX && la_clock_monotonic() <= search->until)
    return false;
  search->scan.cut = true;
  return true;
}

static void read_descriptors(Search *search, Process *process)
{
  char path[32];
  snprintf(path, sizeof path, "%u/fd", process->pid);
  int fd = openat(search->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == EACCES || errno == EPERM)
      search->scan.hidden++;
    return;
  }
  DIR *folder = fdopendir(fd);
  if (folder == NULL) {
    close(fd);
    return;
  }
  bool open = true;
  struct dirent *entry;
  while ((entry = readdir(folder)) != NULL) {
    if (entry->d_name[0] == '.')
      continue;
    process->descriptors++;
    search->descriptors++;
    if (search->descriptors % 1024 == 0 && too_much(search))
      break;
    open = look_at_link(search, fd, entry->d_name, process);
    if (!open)
      break;
  }
  search->scan.processes += open ? 1 : 0;
  search->scan.hidden += open ? 0 : 1;
  closedir(folder);
}

static void look_at_process(Search *search, uint32_t pid, GArray *found)
{
  Process process = {.pid = pid, .found = found};
  g_array_set_size(found, 0);
  read_descriptors(search, &process);
  if (found->len == 0)
    return;
  LaOwner facts = {.pid = pid, .descriptors = process.descriptors, .descriptor_limit = read_limit(search, pid)};
  read_command(search, pid, facts.command);
  for (guint i = 0; i < found->len; i++) {
    LaOwner *owner = g_array_index(found, LaOwner *, i);
    uint32_t others = owner->pid != 0 ? owner->others + 1 : 0;
    if (owner->pid == 0 || pid < owner->pid) {
      uint32_t inode = owner->inode;
      *owner = facts;
      owner->inode = inode;
    }
    owner->others = others;
  }
}

static void look_at_all(Search *search)
{
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(LaOwner *));
  DIR *folder = opendir("/proc");
  if (folder == NULL)
    return;
  search->proc = dirfd(folder);
  struct dirent *entry;
  for (uint32_t count = 0; (entry = readdir(folder)) != NULL;) {
    uint32_t pid;
    if (!g_ascii_isdigit(entry->d_name[0]) || !read_number(entry->d_name, &pid))
      continue;
    if (++count > PROCESSES_MAX)
      search->scan.cut = true;
    if (search->scan.cut || too_much(search))
      break;
    look_at_process(search, pid, found);
  }
  closedir(folder);
}

LaOwnerScan la_owner_find(LaOwner *owners, size_t count)
{
  g_autofree Wanted *wanted = g_new(Wanted, count + 1);
  Search search = {.wanted = wanted, .until = la_clock_monotonic() + SECONDS_MAX * LA_SEC};
  for (size_t i = 0; i < count; i++) {
    owners[i] = (LaOwner){.inode = owners[i].inode};
    if (owners[i].inode != 0)
      wanted[search.count++] = (Wanted){.inode = owners[i].inode, .owner = &owners[i]};
  }
  if (search.count == 0)
    return search.scan;
  qsort(wanted, search.count, sizeof *wanted, compare_wanted);
  look_at_all(&search);
  return search.scan;
}
