/* send IFACE KIND COUNT RATE CONNECTIONS: puts packets on an interface as fast as asked for, for tests and benchmarks of live capture.
 *
 *   talk   COUNT packets of CONNECTIONS connections that open, exchange data, close and are opened anew, in turns
 *   data   COUNT packets of CONNECTIONS connections that open and then exchange data
 *   flood  COUNT SYNs, each from another forged address
 *
 * RATE is packets a second; 0: as fast as it goes. Prints how many packets were sent and in how many seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define FRAME 128u

enum {
  FIN = 1,
  SYN = 2,
  PSH = 8,
  ACK = 16,
};

typedef struct {
  uint32_t seq[2];
  uint8_t step;
  uint8_t round;
  uint8_t lasts; /* never closes */
} Talk;

static uint8_t frames[BATCH][FRAME];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value & 0xffff);
}

/* One segment; checksums are left out, nobody looks at them. */
static unsigned segment(uint8_t *frame, uint32_t src, uint32_t dst, uint32_t ports, uint32_t seq, uint32_t ack, unsigned flags,
                        unsigned payload)
{
  memset(frame, 0, 54 + payload);
  frame[5] = 2;
  frame[11] = 1;
  put16(frame + 12, 0x0800);
  uint8_t *ip = frame + 14;
  ip[0] = 0x45;
  put16(ip + 2, 40 + payload);
  ip[8] = 64;
  ip[9] = 6;
  put32(ip + 12, src);
  put32(ip + 16, dst);
  uint8_t *tcp = ip + 20;
  put32(tcp, ports);
  put32(tcp + 4, seq);
  put32(tcp + 8, ack);
  tcp[12] = 0x50;
  tcp[13] = (uint8_t)flags;
  put16(tcp + 14, 64000);
  return 54 + payload;
}

/* The ten segments of a connection: SYN, SYN-ACK, ACK, data, ACK, data, ACK, FIN, FIN, ACK. */
static unsigned talk(uint8_t *frame, Talk *t, uint32_t number)
{
  static const struct {
    uint8_t side, flags, payload;
  } steps[] = {{0, SYN, 0},        {1, SYN | ACK, 0}, {0, ACK, 0},       {0, PSH | ACK, 20}, {1, ACK, 0},
               {1, PSH | ACK, 40}, {0, ACK, 0},       {0, FIN | ACK, 0}, {1, FIN | ACK, 0},  {0, ACK, 0}};
  if (t->step == 0)
    for (unsigned i = 0; i < 2; i++)
      t->seq[i] = 1000u + 7919u * number + 1000003u * t->round;
  unsigned side = steps[t->step].side;
  unsigned flags = steps[t->step].flags;
  uint32_t client = 0x0a010000u + number / 100;
  uint32_t server = 0x0a000001u;
  uint32_t port = 20000u + number % 100 + 100u * (t->round % 200);
  uint32_t src = side == 0 ? client : server;
  uint32_t dst = side == 0 ? server : client;
  uint32_t ports = side == 0 ? port << 16 | 8888u : 8888u << 16 | port;
  unsigned len =
      segment(frame, src, dst, ports, t->seq[side], (flags & ACK) != 0 ? t->seq[1 - side] : 0, flags, steps[t->step].payload);
  if (t->lasts != 0 && t->step == 6)
    t->step = 2; /* and data again */
  t->seq[side] += steps[t->step].payload + ((flags & (SYN | FIN)) != 0 ? 1 : 0);
  if (++t->step == sizeof steps / sizeof *steps) {
    t->step = 0;
    t->round++;
  }
  return len;
}

static unsigned flood(uint8_t *frame, uint64_t number)
{
  uint32_t mixed = (uint32_t)(number * 2654435761u);
  return segment(frame, 0x0b000000u | (mixed & 0xffffff), 0x0a000001u, (1024u + (mixed >> 24) * 200u) << 16 | 8888u, mixed, 0,
                 SYN, 0);
}

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_interface(const char *name)
{
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
  if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror(name);
    exit(1);
  }
  int one = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  return fd;
}

static void send_all(int fd, unsigned count)
{
  for (unsigned sent = 0; sent < count;) {
    int n = sendmmsg(fd, messages + sent, count - sent, 0);
    if (n > 0)
      sent += (unsigned)n;
    else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN) {
      perror("send");
      exit(1);
    }
  }
}

int main(int argc, char **argv)
{
  if (argc != 6) {
    fprintf(stderr, "usage: send IFACE talk|data|flood COUNT RATE CONNECTIONS\n");
    return 2;
  }
  int fd = open_interface(argv[1]);
  int is_flood = strcmp(argv[2], "flood") == 0;
  uint64_t count = strtoull(argv[3], NULL, 10);
  double rate = strtod(argv[4], NULL);
  uint32_t connections = (uint32_t)strtoul(argv[5], NULL, 10);
  Talk *talks = calloc(connections != 0 ? connections : 1, sizeof *talks);
  for (uint32_t i = 0; i < connections; i++)
    talks[i].lasts = strcmp(argv[2], "data") == 0;
  double begin = now();
  for (uint64_t done = 0; done < count;) {
    double due = begin + (double)done / rate;
    double ahead = rate > 0 ? due - now() : 0;
    if (ahead > 0.0005) {
      struct timespec pause = {.tv_nsec = (long)(ahead * 1e9) < 999999999L ? (long)(ahead * 1e9) : 999999999L};
      nanosleep(&pause, NULL);
    }
    unsigned n = 0;
    for (; n < BATCH && done < count; n++, done++) {
      uint32_t number = connections != 0 ? (uint32_t)(done % connections) : 0;
      unsigned len = is_flood ? flood(frames[n], done) : talk(frames[n], &talks[number], number);
      parts[n] = (struct iovec){frames[n], len};
      messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
    }
    send_all(fd, n);
  }
  printf("%llu packets in %.3f s\n", (unsigned long long)count, now() - begin);
  free(talks);
  close(fd);
  return 0;
}
