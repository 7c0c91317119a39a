/* Stands between a program and the C library (LD_PRELOAD): the time of day is as far off as the first word of the file $STEP_CLOCK says
 * (nanoseconds), and the second word counts who asks for names of hosts. The file is mapped, so the program may give up its rights. */
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *words;

__attribute__((constructor)) static void begin(void)
{
  const char *path = getenv("STEP_CLOCK");
  int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *at = fd >= 0 ? mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  words = at != MAP_FAILED ? at : NULL;
  if (fd >= 0)
    close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
  long result = syscall(SYS_clock_gettime, id, ret);
  if (result != 0 || id != CLOCK_REALTIME || words == NULL)
    return (int)result;
  int64_t time = (int64_t)ret->tv_sec * 1000000000 + ret->tv_nsec + words[0];
  ret->tv_sec = time / 1000000000;
  ret->tv_nsec = time % 1000000000;
  return 0;
}

static int count(void)
{
  if (words != NULL)
    words[1]++;
  return EAI_FAIL;
}

int getnameinfo(const struct sockaddr *address, socklen_t len, char *host, socklen_t host_len, char *service,
                socklen_t service_len, int flags)
{
  (void)address, (void)len, (void)host, (void)host_len, (void)service, (void)service_len, (void)flags;
  return count();
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  (void)node, (void)service, (void)hints, (void)ret;
  return count();
}
