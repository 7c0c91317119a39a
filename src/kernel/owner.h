/* Which processes hold a socket: found in /proc by the socket's inode. */
#ifndef LA_KERNEL_OWNER_H
#define LA_KERNEL_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LA_OWNER_COMMAND_MAX 32 /* with the closing zero */
#define LA_OWNER_NO_LIMIT UINT64_MAX

typedef struct {
  uint32_t inode;                     /* of the socket, as in LaSocket */
  uint32_t pid;                       /* the lowest of those that hold it; 0: none was found */
  uint32_t others;                    /* how many more processes hold it: it was handed on by fork() */
  uint32_t descriptors;               /* that this process has open */
  uint64_t descriptor_limit;          /* how many it may have (soft RLIMIT_NOFILE); 0: not known */
  char command[LA_OWNER_COMMAND_MAX]; /* the process's name; any bytes */
} LaOwner;

/* How thoroughly was looked. */
typedef struct {
  uint32_t processes; /* whose descriptors were read */
  uint32_t hidden;    /* whose descriptors may not be read */
  bool cut;           /* there was more to read than is read at most */
} LaOwnerScan;

/* Goes once through the descriptors of all processes of this machine that may be read, and fills in the owners of `count` sockets. Of
 * each the inode is given (0: has none; each other one once); what is not found has pid 0. Reads at most 65,536 processes and
 * 4,194,304 descriptors, and for at most 3 s. Owners of other users' sockets need CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH. */
LaOwnerScan la_owner_find(LaOwner *owners, size_t count);

#endif
