/* Writes the benchmark's capture: 1,000,000 packets of 100,000 connections in 30 minutes, snaplen 96, 15 % IPv6, always the same
 * bytes.
 *
 * Each connection is played from its own random stream into a list of packets that is relative to its start: an opening, a few
 * exchanges, one of nine endings, with retransmissions here and there. What is missing to the wanted number of packets is then
 * spread over the connections as further data. A start is drawn so that the whole connection lies inside the capture; the
 * packets of all connections are sorted by time and written with real headers and checksums (payload bytes are zero, so that
 * they do not count in a checksum). At the end it says how many connections were alive at once, counted as an analyzer has to
 * hold them: 60 s past a close or a reset, 180 s past the last packet of a handshake that failed. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  FIN = 0x01,
  SYN = 0x02,
  RST = 0x04,
  PSH = 0x08,
  ACK = 0x10
};
enum {
  CLIENT = 0,
  SERVER = 1
};
enum {
  SNAPLEN = 96,
  MSS = 1448,
  SERVERS = 48,
  CLIENTS = 20000
};

#define SEC INT64_C(1000000) /* times are microseconds */
#define EPOCH INT64_C(1790000000)

typedef enum {
  END_CLIENT_FIRST,
  END_SERVER_FIRST,
  END_HALF_CLOSE, /* the server goes on sending after the client's FIN */
  END_ABORT,      /* RST instead of a FIN */
  END_FIN_RST,    /* data after a full close is answered by a RST */
  END_LEAK,       /* the server never closes */
  END_OPEN,       /* nobody closes */
  END_REFUSED,
  END_UNANSWERED,
} Ending;

/* Of 1000 connections. */
static const struct {
  Ending ending;
  unsigned per_mille;
} MIX[] = {
    {END_CLIENT_FIRST, 560}, {END_SERVER_FIRST, 250}, {END_HALF_CLOSE, 20}, {END_ABORT, 60},      {END_FIN_RST, 30},
    {END_LEAK, 5},           {END_OPEN, 10},          {END_REFUSED, 40},    {END_UNANSWERED, 25},
};

typedef struct {
  int64_t time; /* since the connection's start, then since the capture's start */
  uint32_t order;
  uint32_t conn;
  uint32_t seq;
  uint32_t ack;
  uint16_t len;
  uint8_t flags;
  uint8_t side;
} Packet;

typedef struct {
  uint8_t addr[2][16];
  uint16_t port[2];
  uint32_t ts_base[2];
  uint32_t ts_last[2];
  uint16_t ip_id[2];
  uint8_t ttl[2];
  bool v6;
  Ending ending;
  uint32_t extra; /* further data packets */
} Conn;

typedef struct {
  Packet *packets;
  size_t count;
  size_t room;
} List;

/* One connection while it is played. */
typedef struct {
  List *list;
  uint64_t random;
  int64_t now;
  int64_t rtt;
  uint32_t conn;
  uint32_t next[2]; /* SND.NXT of each side */
} Play;

static uint64_t random_next(uint64_t *state)
{
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t n)
{
  return (uint32_t)((random_next(state) >> 32) * n >> 32);
}

/* An exponentially distributed span with this mean, at most ten times as long. */
static int64_t random_span(uint64_t *state, int64_t mean)
{
  double u = ((double)(random_next(state) >> 11) + 1.0) / 9007199254740993.0;
  double span = -log(u) * (double)mean;
  return (int64_t)(span > 10.0 * (double)mean ? 10.0 * (double)mean : span);
}

static void *must(void *memory)
{
  if (memory == NULL) {
    fprintf(stderr, "gen_bench: out of memory\n");
    exit(1);
  }
  return memory;
}

static void put(Play *play, int side, uint8_t flags, uint32_t len)
{
  List *list = play->list;
  if (list->count == list->room) {
    list->room = list->room != 0 ? list->room * 2 : 4096;
    list->packets = must(realloc(list->packets, list->room * sizeof *list->packets));
  }
  list->packets[list->count] = (Packet){
      .time = play->now,
      .order = (uint32_t)list->count,
      .conn = play->conn,
      .seq = play->next[side],
      .ack = (flags & ACK) != 0 ? play->next[1 - side] : 0,
      .len = (uint16_t)len,
      .flags = flags,
      .side = (uint8_t)side,
  };
  list->count++;
  play->next[side] += len + ((flags & SYN) != 0) + ((flags & FIN) != 0);
}

/* The packet just put, once more, `after` later. */
static void put_again(Play *play, int64_t after)
{
  List *list = play->list;
  Packet last = list->packets[list->count - 1];
  uint32_t next = play->next[last.side];
  play->now += after;
  play->next[last.side] = last.seq;
  put(play, last.side, last.flags, last.len);
  play->next[last.side] = next;
}

static bool chance(Play *play, unsigned per_mille)
{
  return random_below(&play->random, 1000) < per_mille;
}

/* A step of about half a round trip. */
static void step(Play *play)
{
  play->now += play->rtt / 2 + random_below(&play->random, 50) + 5;
}

static void play_data(Play *play, int side)
{
  put(play, side, PSH | ACK, 1 + random_below(&play->random, MSS));
  if (chance(play, 15))
    put_again(play, 200000 + random_below(&play->random, 200000));
}

static void play_exchange(Play *play)
{
  play->now += random_span(&play->random, 4 * SEC);
  play_data(play, CLIENT);
  step(play);
  play->now += random_span(&play->random, 20000);
  play_data(play, SERVER);
  step(play);
  put(play, CLIENT, ACK, 0);
}

/* A FIN of `side`, now and then sent twice. */
static void play_fin(Play *play, int side)
{
  put(play, side, FIN | ACK, 0);
  if (chance(play, 7))
    put_again(play, 210000);
  step(play);
}

static void play_close(Play *play, int first)
{
  play_fin(play, first);
  if (chance(play, 500)) { /* acknowledged at once, closed a moment later */
    put(play, 1 - first, ACK, 0);
    play->now += random_span(&play->random, SEC / 2);
  }
  play_fin(play, 1 - first);
  put(play, first, ACK, 0);
}

static void play_ending(Play *play, Ending ending)
{
  play->now += random_span(&play->random, 3 * SEC);
  switch (ending) {
  case END_CLIENT_FIRST: play_close(play, CLIENT); break;
  case END_SERVER_FIRST: play_close(play, SERVER); break;
  case END_HALF_CLOSE:
    play_fin(play, CLIENT);
    put(play, SERVER, ACK, 0);
    for (int i = 0; i < 2; i++) {
      play->now += random_span(&play->random, SEC / 5);
      put(play, SERVER, PSH | ACK, 1 + random_below(&play->random, MSS));
      step(play);
      put(play, CLIENT, ACK, 0);
    }
    play_fin(play, SERVER);
    put(play, CLIENT, ACK, 0);
    break;
  case END_ABORT: put(play, chance(play, 500) ? CLIENT : SERVER, RST | ACK, 0); break;
  case END_FIN_RST:
    play_fin(play, CLIENT);
    put(play, SERVER, ACK, 0);
    play->now += random_span(&play->random, SEC);
    put(play, SERVER, PSH | ACK, 1 + random_below(&play->random, MSS));
    step(play);
    put(play, CLIENT, RST, 0);
    break;
  case END_LEAK:
    play_fin(play, CLIENT);
    put(play, SERVER, ACK, 0);
    break;
  case END_OPEN:
  case END_REFUSED:
  case END_UNANSWERED: break;
  }
}

/* Packets beyond the plan: data of the server and the client's acknowledgments in turn, `conn->extra` in all. Their own random
 * stream leaves the rest of the connection as it is without them. */
static void play_extra(Play *play, const Conn *conn)
{
  uint64_t random = play->random ^ UINT64_C(0x5bd1e9955bd1e995);
  for (uint32_t i = 0; i < conn->extra; i++) {
    play->now += 50 + random_below(&random, 20000);
    if (i % 2 == 0)
      put(play, SERVER, ACK, MSS);
    else
      put(play, CLIENT, ACK, 0);
  }
}

static void play_connection(List *list, const Conn *conn, uint32_t index)
{
  Play play = {.list = list, .random = UINT64_C(0xc0ffee) + index * UINT64_C(0x2545f4914f6cdd1d), .conn = index};
  play.next[CLIENT] = (uint32_t)random_next(&play.random);
  play.next[SERVER] = (uint32_t)random_next(&play.random);
  play.rtt = 200 + random_span(&play.random, 15000);

  put(&play, CLIENT, SYN, 0);
  if (conn->ending == END_UNANSWERED) {
    unsigned tries = 1 + random_below(&play.random, 4);
    for (unsigned i = 0; i < tries; i++)
      put_again(&play, SEC << i);
    return;
  }
  if (chance(&play, 10))
    put_again(&play, SEC + random_below(&play.random, 20000));
  step(&play);
  if (conn->ending == END_REFUSED) {
    play.next[SERVER] = 0;
    put(&play, SERVER, RST | ACK, 0);
    return;
  }
  put(&play, SERVER, SYN | ACK, 0);
  step(&play);
  put(&play, CLIENT, ACK, 0);
  for (unsigned n = 1 + random_below(&play.random, 100) / 88; n > 0; n--)
    play_exchange(&play);
  play_extra(&play, conn);
  play_ending(&play, conn->ending);
}

static bool is_established(Ending ending)
{
  return ending != END_REFUSED && ending != END_UNANSWERED;
}

static void put_u16(uint8_t *at, unsigned value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
  put_u16(at, value >> 16);
  put_u16(at + 2, value & 0xffff);
}

/* Addresses, ports, clocks of connection `index`; `used` is a table of the four-tuples given away so far. */
static void draw_connection(Conn *conn, uint64_t *random, uint64_t *used, size_t mask)
{
  static const uint16_t ports[] = {443, 443, 443, 80, 8888, 5432, 6379, 8080};
  *conn = (Conn){.v6 = random_below(random, 100) < 15};
  unsigned pick = random_below(random, 1000);
  for (size_t i = 0; pick >= MIX[i].per_mille; i++) {
    pick -= MIX[i].per_mille;
    conn->ending = MIX[i + 1].ending;
  }
  uint32_t client, server;
  for (;;) {
    client = random_below(random, CLIENTS);
    server = random_below(random, SERVERS);
    conn->port[CLIENT] = (uint16_t)(32768 + random_below(random, 60999 - 32768 + 1));
    uint64_t key = ((uint64_t)client << 32 | (uint64_t)server << 17 | (uint64_t)conn->port[CLIENT] << 1 | conn->v6) + 1;
    uint64_t hash = key;
    size_t slot = (size_t)random_next(&hash) & mask;
    while (used[slot] != 0 && used[slot] != key)
      slot = (slot + 1) & mask;
    if (used[slot] == key)
      continue;
    used[slot] = key;
    break;
  }
  conn->port[SERVER] = ports[server % (sizeof ports / sizeof ports[0])];
  uint64_t scatter = client;
  uint32_t host = (uint32_t)random_next(&scatter);
  for (int side = 0; side < 2; side++) {
    uint8_t *addr = conn->addr[side];
    if (conn->v6) {
      put_u32(addr, 0x20010db8);
      put_u32(addr + 4, side == CLIENT ? host & 0xffff : 0xffff0000);
      put_u32(addr + 12, side == CLIENT ? client + 1 : server + 1);
    } else if (side == CLIENT) {
      put_u32(addr, 0x0a000000 | ((host & 0xff) << 16) | (client + 1));
    } else {
      put_u32(addr, 0xc6336400 + server + 1);
    }
    conn->ts_base[side] = (uint32_t)random_next(random);
    conn->ip_id[side] = (uint16_t)random_next(random);
    conn->ttl[side] = (uint8_t)(64 - random_below(random, 12));
  }
}

static uint64_t sum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i + 1 < len; i += 2)
    sum += (uint64_t)bytes[i] << 8 | bytes[i + 1];
  return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

/* The TCP options of `packet` at `at`; returns their length. */
static size_t put_options(uint8_t *at, const Packet *packet, Conn *conn)
{
  if (packet->flags == RST || packet->flags == (RST | ACK))
    return 0;
  size_t n = 0;
  if ((packet->flags & SYN) != 0) {
    static const uint8_t start[] = {2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 8, 10};
    memcpy(at, start, sizeof start);
    n = sizeof start;
  } else {
    static const uint8_t start[] = {1, 1, 8, 10};
    memcpy(at, start, sizeof start);
    n = sizeof start;
  }
  conn->ts_last[packet->side] = conn->ts_base[packet->side] + (uint32_t)(packet->time / 1000);
  put_u32(at + n, conn->ts_last[packet->side]);
  put_u32(at + n + 4, (packet->flags & ACK) != 0 ? conn->ts_last[1 - packet->side] : 0);
  n += 8;
  if ((packet->flags & SYN) != 0) {
    static const uint8_t tail[] = {1, 3, 3, 7};
    memcpy(at + n, tail, sizeof tail);
    n += sizeof tail;
  }
  return n;
}

/* Writes the frame of `packet` into `frame` (zeroed, SNAPLEN and more); returns its length on the wire. */
static size_t put_frame(uint8_t *frame, const Packet *packet, Conn *conn)
{
  int side = packet->side;
  memcpy(frame, side == CLIENT ? "\x02\0\0\0\0\x02\x02\0\0\0\0\x01" : "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
  put_u16(frame + 12, conn->v6 ? 0x86dd : 0x0800);
  uint8_t *ip = frame + 14;
  size_t ip_len = conn->v6 ? 40 : 20;
  size_t addr_len = conn->v6 ? 16 : 4;
  uint8_t *tcp = ip + ip_len;
  size_t tcp_len = 20 + put_options(tcp + 20, packet, conn);
  size_t segment = tcp_len + packet->len;
  if (conn->v6) {
    ip[0] = 0x60;
    put_u16(ip + 4, (unsigned)segment);
    ip[6] = 6;
    ip[7] = conn->ttl[side];
  } else {
    ip[0] = 0x45;
    put_u16(ip + 2, (unsigned)(ip_len + segment));
    put_u16(ip + 4, packet->flags == RST || (packet->flags & SYN && side == SERVER) ? 0 : conn->ip_id[side]++);
    put_u16(ip + 6, 0x4000);
    ip[8] = conn->ttl[side];
    ip[9] = 6;
  }
  uint8_t *addrs = ip + ip_len - 2 * addr_len;
  memcpy(addrs, conn->addr[side], addr_len);
  memcpy(addrs + addr_len, conn->addr[1 - side], addr_len);
  if (!conn->v6)
    put_u16(ip + 10, sum_fold(sum_add(0, ip, ip_len)));

  bool bare = packet->flags == RST || (packet->flags == (RST | ACK) && packet->seq == 0);
  put_u16(tcp, conn->port[side]);
  put_u16(tcp + 2, conn->port[1 - side]);
  put_u32(tcp + 4, packet->seq);
  put_u32(tcp + 8, packet->ack);
  tcp[12] = (uint8_t)(tcp_len / 4 << 4);
  tcp[13] = packet->flags;
  put_u16(tcp + 14, bare ? 0 : (packet->flags & SYN) != 0 ? 64240 : 502);
  put_u16(tcp + 16, sum_fold(sum_add(sum_add(6 + segment, addrs, 2 * addr_len), tcp, tcp_len)));
  return 14 + ip_len + segment;
}

static int compare_packets(const void *left, const void *right)
{
  const Packet *a = left;
  const Packet *b = right;
  if (a->time != b->time)
    return a->time < b->time ? -1 : 1;
  return a->order < b->order ? -1 : a->order > b->order;
}

static int compare_times(const void *left, const void *right)
{
  int64_t a = *(const int64_t *)left;
  int64_t b = *(const int64_t *)right;
  return a < b ? -1 : a > b;
}

/* The most connections alive at once: `begins` and `ends` (sorted here), `n` of each. */
static size_t peak(int64_t *begins, int64_t *ends, size_t n)
{
  qsort(begins, n, sizeof *begins, compare_times);
  qsort(ends, n, sizeof *ends, compare_times);
  size_t most = 0;
  for (size_t b = 0, e = 0; b < n; b++) {
    while (ends[e] <= begins[b])
      e++;
    if (b + 1 - e > most)
      most = b + 1 - e;
  }
  return most;
}

static bool write_capture(const char *path, const List *list, Conn *conns)
{
  FILE *file = fopen(path, "wb");
  if (file == NULL)
    return false;
  const uint32_t header[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, SNAPLEN, 1};
  fwrite(header, sizeof header, 1, file);
  for (size_t i = 0; i < list->count; i++) {
    const Packet *packet = &list->packets[i];
    uint8_t frame[14 + 40 + 60 + SNAPLEN] = {0};
    uint32_t wire = (uint32_t)put_frame(frame, packet, &conns[packet->conn]);
    uint32_t captured = wire < SNAPLEN ? wire : SNAPLEN;
    uint32_t record[] = {(uint32_t)(EPOCH + packet->time / SEC), (uint32_t)(packet->time % SEC), captured, wire};
    fwrite(record, sizeof record, 1, file);
    fwrite(frame, captured, 1, file);
  }
  bool ok = ferror(file) == 0;
  return fclose(file) == 0 && ok;
}

/* Plays all connections into an empty `list`. */
static void play_all(List *list, const Conn *conns, size_t n)
{
  list->count = 0;
  for (size_t i = 0; i < n; i++)
    play_connection(list, &conns[i], (uint32_t)i);
}

/* Moves each connection's packets to where it starts; fills when it begins and when an analyzer may forget it. */
static void place_all(List *list, const Conn *conns, int64_t seconds, int64_t *begins, int64_t *ends)
{
  uint64_t random = 7;
  for (size_t i = 0; i < list->count;) {
    size_t end = i;
    while (end < list->count && list->packets[end].conn == list->packets[i].conn)
      end++;
    uint32_t conn = list->packets[i].conn;
    int64_t last = list->packets[end - 1].time;
    int64_t room = seconds * SEC - last;
    int64_t start = conn == 0 || room <= 0 ? 0 : (int64_t)(random_next(&random) % (uint64_t)room);
    for (; i < end; i++)
      list->packets[i].time += start;
    begins[conn] = start;
    Ending ending = conns[conn].ending;
    ends[conn] =
        ending == END_LEAK || ending == END_OPEN ? INT64_MAX : start + last + (ending == END_UNANSWERED ? 180 : 60) * SEC;
  }
}

int main(int argc, char **argv)
{
  if (argc != 2 && argc != 5) {
    fprintf(stderr, "usage: gen_bench FILE [PACKETS CONNECTIONS SECONDS]\n");
    return 2;
  }
  size_t packets = argc == 5 ? strtoul(argv[2], NULL, 10) : 1000000;
  size_t n = argc == 5 ? strtoul(argv[3], NULL, 10) : 100000;
  int64_t seconds = argc == 5 ? strtol(argv[4], NULL, 10) : 1800;
  if (n == 0 || packets > UINT32_MAX || n > packets || seconds < 300) {
    fprintf(stderr, "gen_bench: needs packets >= connections > 0 and at least 300 seconds\n");
    return 2;
  }

  size_t mask = 1;
  while (mask < 2 * n)
    mask *= 2;
  uint64_t *used = must(calloc(mask, sizeof *used));
  Conn *conns = must(calloc(n, sizeof *conns));
  int64_t *begins = must(calloc(n, sizeof *begins));
  int64_t *ends = must(calloc(n, sizeof *ends));
  uint64_t random = 2026;
  for (size_t i = 0; i < n; i++)
    draw_connection(&conns[i], &random, used, mask - 1);

  List list = {0};
  play_all(&list, conns, n);
  if (list.count > packets) {
    fprintf(stderr, "gen_bench: %zu connections need at least %zu packets\n", n, list.count);
    return 2;
  }
  for (size_t missing = packets - list.count; missing > 0;) {
    Conn *conn = &conns[random_below(&random, (uint32_t)n)];
    if (!is_established(conn->ending))
      continue;
    uint32_t more = 1 + (uint32_t)random_span(&random, 8);
    more = more < missing ? more : (uint32_t)missing;
    conn->extra += more;
    missing -= more;
  }
  play_all(&list, conns, n);
  place_all(&list, conns, seconds, begins, ends);
  qsort(list.packets, list.count, sizeof *list.packets, compare_packets);

  size_t v6 = 0;
  for (size_t i = 0; i < list.count; i++)
    v6 += conns[list.packets[i].conn].v6;
  bool ok = write_capture(argv[1], &list, conns);
  if (!ok)
    perror(argv[1]);
  else
    printf("%zu packets, %zu connections, at most %zu at once counting TIME_WAIT, %.0f s, %.1f %% IPv6, snaplen %d\n",
           list.count, n, peak(begins, ends, n), (double)list.packets[list.count - 1].time / (double)SEC,
           100.0 * (double)v6 / (double)list.count, SNAPLEN);
  free(list.packets);
  free(conns);
  free(begins);
  free(ends);
  free(used);
  return ok ? 0 : 1;
}
