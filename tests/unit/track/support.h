/* Conversations as text for the tests of track.
 *
 *   Talk t;
 *   talk_start(&t);
 *   play(&t, "0 C S 0; 10 S SA 0 1; 10 C A 1 1; 0 C PA 1 1 100");
 *   LaConnection *conn = only(&t);
 *   assert_path(conn, LA_OPENER, "SYN_SENT ESTABLISHED");
 *   talk_end(&t);
 *
 * A line is `AFTER WHO FLAGS SEQ [ACK [LEN]] [key=value ...]`: milliseconds after the segment before it (may be negative or have a
 * fraction), C or S, the flags by their letters SAFRPU (`-` for none), numbers relative to the initial ones of each end. Keys: win, ttl,
 * id (IP ID), ts (its own timestamp), ecr, wscale, sack (1: reports a range above the acknowledgment), opt (an option of another kind, and its hash), cut, bad (checksum),
 * frag, if (interface), tunnel, isn (makes SEQ count from here on). Lines are separated by `;` or a line break.
 *
 * Frames are counted from 1 in the order in which segments are played. */
#ifndef LA_TESTS_TRACK_SUPPORT_H
#define LA_TESTS_TRACK_SUPPORT_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "track/tracker.h"

#define BEGINNING (INT64_C(1700000000) * LA_SEC)

typedef struct {
  LaTracker *tracker;
  LaTime time;    /* of the latest segment */
  uint64_t frame; /* of the latest segment */
  LaAddr addr[LA_SIDE_N];
  uint16_t port[LA_SIDE_N];
  uint8_t family;
  uint32_t isn[LA_SIDE_N];
  LaSegmentNote note; /* of the latest segment */
} Talk;

static inline LaAddr ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
  return (LaAddr){.bytes = {a, b, c, d}};
}

static inline void talk_start_with(Talk *t, const LaTrackOptions *options)
{
  *t = (Talk){
      .tracker = la_tracker_new(options),
      .time = BEGINNING,
      .addr = {ipv4(192, 0, 2, 10), ipv4(198, 51, 100, 7)},
      .port = {40001, 8888},
      .family = LA_FAMILY_IPV4,
      .isn = {1000000, 5000000},
  };
}

static inline void talk_start(Talk *t)
{
  LaTrackOptions options = LA_TRACK_OPTIONS_DEFAULT;
  talk_start_with(t, &options);
}

static inline void talk_end(Talk *t)
{
  la_tracker_free(t->tracker);
  t->tracker = NULL;
}

static inline uint16_t flags_of(const char *letters)
{
  static const struct {
    char letter;
    uint16_t flag;
  } known[] = {{'F', LA_TCP_FIN}, {'S', LA_TCP_SYN}, {'R', LA_TCP_RST},
               {'P', LA_TCP_PSH}, {'A', LA_TCP_ACK}, {'U', LA_TCP_URG}};
  uint16_t flags = 0;
  for (; *letters != '\0'; letters++)
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
      if (known[i].letter == *letters)
        flags |= known[i].flag;
  return flags;
}

static inline void set_key(Talk *t, LaSide who, LaSegment *s, const char *word)
{
  char key[16];
  long long value;
  if (sscanf(word, "%15[a-z]=%lld", key, &value) != 2)
    fail_msg("not understood: %s", word);
  if (strcmp(key, "win") == 0) {
    s->window = (uint16_t)value;
  } else if (strcmp(key, "ttl") == 0) {
    s->ttl = (uint8_t)value;
  } else if (strcmp(key, "id") == 0) {
    s->ip_id = (uint16_t)value;
  } else if (strcmp(key, "ts") == 0) {
    s->options |= LA_OPT_TIMESTAMPS;
    s->ts_val = (uint32_t)value;
  } else if (strcmp(key, "ecr") == 0) {
    s->ts_ecr = (uint32_t)value;
  } else if (strcmp(key, "wscale") == 0) {
    s->options |= LA_OPT_WSCALE;
    s->wscale = (uint8_t)value;
  } else if (strcmp(key, "mss") == 0) {
    s->options |= LA_OPT_MSS;
    s->mss = (uint16_t)value;
  } else if (strcmp(key, "sack") == 0) {
    s->options |= LA_OPT_SACK;
    s->sack_count = 1;
    s->sack[0].left = s->ack + (uint32_t)value;
    s->sack[0].right = s->ack + (uint32_t)value + 100;
  } else if (strcmp(key, "opt") == 0) {
    s->options |= LA_OPT_OTHER;
    s->option_hash = (uint16_t)value;
  } else if (strcmp(key, "cut") == 0) {
    s->options |= LA_OPT_CUT;
  } else if (strcmp(key, "bad") == 0) {
    s->checksum_bad = (uint16_t)value;
  } else if (strcmp(key, "frag") == 0) {
    s->fragment = (uint8_t)value;
  } else if (strcmp(key, "if") == 0) {
    s->interface = (uint16_t)value;
  } else if (strcmp(key, "tunnel") == 0) {
    s->tunnel_hash = (uint32_t)value;
  } else if (strcmp(key, "isn") == 0) {
    s->seq += (uint32_t)value - t->isn[who];
    t->isn[who] = (uint32_t)value;
  } else {
    fail_msg("no such key: %s", word);
  }
}

/* The segment of one line; moves the time on. */
static inline LaSegment line_segment(Talk *t, char *line)
{
  char *rest = NULL;
  const char *words[24];
  unsigned count = 0;
  for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    assert_true(count < 24);
    words[count++] = word;
  }
  assert_true(count >= 4);
  LaSide who = words[1][0] == 'C' ? LA_OPENER : LA_ACCEPTOR;
  t->time += (LaTime)(strtod(words[0], NULL) * 1e6);
  LaSegment s = {
      .time = t->time,
      .frame = ++t->frame,
      .src = t->addr[who],
      .dst = t->addr[LA_OTHER(who)],
      .src_port = t->port[who],
      .dst_port = t->port[LA_OTHER(who)],
      .family = t->family,
      .flags = flags_of(words[2]),
      .seq = t->isn[who] + (uint32_t)strtoll(words[3], NULL, 10),
      .window = 64000,
      .ttl = who == LA_OPENER ? 64 : 57,
      .header_len = 20,
  };
  unsigned at = 4;
  if (at < count && strchr(words[at], '=') == NULL)
    s.ack = t->isn[LA_OTHER(who)] + (uint32_t)strtoll(words[at++], NULL, 10);
  if (at < count && strchr(words[at], '=') == NULL)
    s.payload_len = (uint32_t)strtoul(words[at++], NULL, 10);
  for (; at < count; at++)
    set_key(t, who, &s, words[at]);
  return s;
}

/* Plays lines; returns the marks of the last segment. */
static inline uint64_t play(Talk *t, const char *lines)
{
  char *text = g_strdup(lines);
  char *rest = NULL;
  for (char *line = strtok_r(text, ";\n", &rest); line != NULL; line = strtok_r(NULL, ";\n", &rest)) {
    if (line[strspn(line, " ")] == '\0')
      continue;
    LaSegment s = line_segment(t, line);
    t->note = la_tracker_segment(t->tracker, &s);
  }
  g_free(text);
  return t->note.marks;
}

/* An ICMP error of `type`/`code` about a packet that `who` sent with the number `seq`, right now. */
static inline bool play_icmp(Talk *t, LaSide who, unsigned type_code, uint32_t seq)
{
  LaIcmpError icmp = {
      .time = t->time,
      .frame = ++t->frame,
      .reporter = ipv4(203, 0, 113, 1),
      .quoted_src = t->addr[who],
      .quoted_dst = t->addr[LA_OTHER(who)],
      .quoted_src_port = t->port[who],
      .quoted_dst_port = t->port[LA_OTHER(who)],
      .quoted_seq = t->isn[who] + seq,
      .has_seq = 1,
      .family = t->family,
      .type = (uint8_t)(type_code >> 8),
      .code = (uint8_t)type_code,
      .ttl = 60,
  };
  return la_tracker_icmp(t->tracker, &icmp, &t->note);
}

/* Usual beginnings and ends. */
#define HANDSHAKE "0 C S 0; 10 S SA 0 1; 10 C A 1 1;"
#define REQUEST "1 C PA 1 1 100; 10 S A 1 101; 1 S PA 1 101 200; 10 C A 101 201;"         /* then C 101, S 201 */
#define CLOSE_BY_CLIENT "5 C FA 101 201; 10 S A 201 102; 1 S FA 201 102; 10 C A 102 202;" /* after REQUEST */

/* Ends observation `after` milliseconds behind the last segment and gives the first finished connection. */
static inline LaConnection *finish_after(Talk *t, int64_t after)
{
  la_tracker_finish(t->tracker, t->time + after * LA_MSEC);
  LaConnection *conn = la_tracker_next(t->tracker);
  assert_non_null(conn);
  return conn;
}

/* The next finished connection, which there must be. */
static inline LaConnection *next(Talk *t)
{
  LaConnection *conn = la_tracker_next(t->tracker);
  assert_non_null(conn);
  return conn;
}

/* Ends observation with the last segment and gives the connection, which must be the only one. */
static inline LaConnection *only(Talk *t)
{
  LaConnection *conn = finish_after(t, 0);
  assert_null(la_tracker_next(t->tracker));
  return conn;
}

/* An endpoint's path: states, `?` behind what is not proved, `~` behind what was assumed over a gap. */
static inline char *path_text(const LaEndpoint *end)
{
  GString *text = g_string_new(NULL);
  for (unsigned i = 0; i < end->steps; i++) {
    const LaStep *step = &end->path[i];
    g_string_append_printf(text, "%s%s%s", i > 0 ? " " : "", la_tcp_state_name((LaTcpState)step->state),
                           step->gap != 0         ? "~"
                           : step->proved_by == 0 ? "?"
                                                  : "");
  }
  return g_string_free(text, FALSE);
}

static inline void check_path(const LaConnection *conn, LaSide side, const char *expected, const char *at)
{
  char *text = path_text(&conn->end[side]);
  if (strcmp(text, expected) != 0)
    fail_msg("%s: %s path is \"%s\", not \"%s\"", at, la_side_name(side), text, expected);
  g_free(text);
}

#define LA_TESTS_TEXT(x) #x
#define LA_TESTS_LINE(x) LA_TESTS_TEXT(x)
#define assert_path(conn, side, expected) check_path(conn, side, expected, __FILE__ ":" LA_TESTS_LINE(__LINE__))

/* All marks that must be there, and none of those that must not. */
static inline void check_marks(uint64_t marks, uint64_t must, uint64_t must_not, const char *at)
{
  if ((marks & must) != must || (marks & must_not) != 0)
    fail_msg("%s: marks 0x%" PRIx64 ", missing 0x%" PRIx64 ", too many 0x%" PRIx64, at, marks, must & ~marks, marks & must_not);
}

#define assert_marks(marks, must, must_not) check_marks(marks, must, must_not, __FILE__ ":" LA_TESTS_LINE(__LINE__))

static inline void check_words(const LaConnection *conn, const char *handshake, const char *teardown, const char *at)
{
  const char *h = la_handshake_result_name(la_connection_handshake(conn));
  const char *d = la_teardown_result_name(la_connection_teardown(conn));
  if (strcmp(h, handshake) != 0 || strcmp(d, teardown) != 0)
    fail_msg("%s: %s, %s; not %s, %s", at, h, d, handshake, teardown);
}

#define assert_words(conn, handshake, teardown) check_words(conn, handshake, teardown, __FILE__ ":" LA_TESTS_LINE(__LINE__))

/* A small generator of numbers: the same everywhere (xorshift64*). */
typedef struct {
  uint64_t state;
} Dice;

static inline Dice dice_of(uint64_t seed)
{
  return (Dice){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x2545f4914f6cdd1d)};
}

static inline uint32_t roll32(Dice *dice)
{
  dice->state ^= dice->state >> 12;
  dice->state ^= dice->state << 25;
  dice->state ^= dice->state >> 27;
  return (uint32_t)((dice->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* 0 .. n-1 */
static inline uint32_t roll(Dice *dice, uint32_t n)
{
  return (uint32_t)(((uint64_t)roll32(dice) * n) >> 32);
}

static inline bool chance(Dice *dice, uint32_t per_mille)
{
  return roll(dice, 1000) < per_mille;
}

/* The next connection of `t`, which must be number `id` and begin with frame `first`. */
static inline LaConnection *next_is(Talk *t, uint32_t id, uint64_t first)
{
  LaConnection *conn = next(t);
  assert_int_equal(conn->id, id);
  assert_int_equal(conn->first_frame, first);
  return conn;
}

#endif
