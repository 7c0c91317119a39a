/* What a segment was, and what it leaves in the counters of its sender: the same lines are classified and then accounted for. */
#include <glib.h>

#include "unit/track/support.h"

/* All marks that say what a segment was; a case names those it has, and none of the others. */
#define ANY (LA_MARK(LA_MARK_N) - 1)

typedef struct {
  const char *lines; /* the last is the one */
  uint64_t marks;    /* exactly these */
} MarkCase;

static void check_marks_of(const MarkCase *cases, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    Talk t;
    talk_start(&t);
    uint64_t marks = play(&t, cases[i].lines);
    check_marks(marks, cases[i].marks, ANY & ~cases[i].marks, cases[i].lines);
    talk_end(&t);
  }
}

#define DATA_FIRST (LA_MARK_DATA | LA_MARK_FIRST_DATA)
#define HANDSHAKE_ACK (LA_MARK_HANDSHAKE_ACK | LA_MARK_ACKS_SYN)

static void segments_of_the_handshake(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {"0 C S 0", LA_MARK_SYN},
      {"0 C S 0; 1000 C S 0", LA_MARK_SYN | LA_MARK_RETRANSMISSION},
      {"0 C S 0; 1000 C S 0 isn=77", LA_MARK_SYN | LA_MARK_ISN_CHANGED},
      {"0 C S 0; 10 S SA 0 1", LA_MARK_SYN_ACK},
      {"0 C S 0; 10 S SA 0 1; 1000 S SA 0 1",
       LA_MARK_SYN_ACK | LA_MARK_RETRANSMISSION | LA_MARK_CORRECTED}, /* it did not arrive */
      {"0 C S 0; 10 S SA 0 1; 1000 S SA 0 1 isn=77", LA_MARK_SYN_ACK | LA_MARK_ISN_CHANGED},
      {"0 C S 0; 10 S SA 0 0", LA_MARK_SYN_ACK | LA_MARK_BAD_ACK},
      {"0 C S 0; 10 S SA 0 2", LA_MARK_SYN_ACK | LA_MARK_BAD_ACK | LA_MARK_ACK_OF_UNSEEN},
      {"0 C S 0 0 20", LA_MARK_SYN | LA_MARK_FAST_OPEN},
      {"0 C S 0 0 20; 10 S SA 0 21", LA_MARK_SYN_ACK},
      {"0 C S 0 0 20; 10 S SA 0 1", LA_MARK_SYN_ACK}, /* takes the SYN alone */
      {"0 C S 0; 10 S SA 0 1; 10 C A 1 1", HANDSHAKE_ACK},
      {"0 C S 0; 10 S SA 0 1; 10 C PA 1 1 10", HANDSHAKE_ACK | DATA_FIRST},
      {HANDSHAKE "5 C PA 1 1 10; 100 S SA 0 1; 10 C A 11 1", LA_MARK_ACKS_SYN}, /* the SYN-ACK again, the ACK again */
      {HANDSHAKE "5 C PA 1 1 10; 0 S SA 0 1; 10 C A 11 1", LA_MARK_ACKS_SYN},
      {HANDSHAKE "5 C A 1 1", 0},
      {"0 C S 0; 10 S SA 0 1; 10 C A 1 0", 0},   /* does not acknowledge the SYN */
      {"0 C S 0; 10 S A 0 1", LA_MARK_ACKS_SYN}, /* half of a split handshake */
      {"0 C S 0; 10 S A 500 77", LA_MARK_ACK_OF_UNSEEN},
      {"0 C S 0; 10 S A 0 1; 1 S S 0", LA_MARK_SYN},
      {"0 C S 0; 1 S S 0; 10 C SA 0 1", LA_MARK_SYN_ACK},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void payload_and_its_acknowledgments(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {HANDSHAKE "5 C PA 1 1 10", DATA_FIRST},
      {HANDSHAKE "5 C PA 1 1 10; 5 C PA 11 1 10", LA_MARK_DATA},
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 11", LA_MARK_ACKS_DATA},
      {HANDSHAKE "5 C PA 1 1 10; 5 S PA 1 11 10", DATA_FIRST | LA_MARK_ACKS_DATA},
      {HANDSHAKE "5 C PA 1 1 10; 5 C PA 11 1 10; 5 S A 1 11; 5 S A 1 11", LA_MARK_DUP_ACK},
      {HANDSHAKE "5 C PA 1 1 10; 5 C PA 11 1 10; 5 S A 1 11; 5 S A 1 11 win=5000", 0}, /* a window update */
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 11; 5 S A 1 11", 0},                          /* nothing is outstanding */
      {HANDSHAKE "5 C PA 1 1 10; 5 C PA 11 1 10; 5 S A 1 11; 5 S PA 1 11 4", DATA_FIRST},
      {HANDSHAKE "5 C PA 1 1 10; 5 C PA 11 1 10; 5 S A 1 21; 5 S A 1 11", 0}, /* an old one */
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 21", LA_MARK_ACKS_DATA | LA_MARK_ACK_OF_UNSEEN},
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 11 sack=-5", LA_MARK_ACKS_DATA},
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 11 sack=-100", LA_MARK_ACKS_DATA | LA_MARK_DSACK},
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 11 sack=-99", LA_MARK_ACKS_DATA},
      {"0 C PA 1 1 10", DATA_FIRST},
      {"0 C A 1 1; 5 C PA 1 1 10", DATA_FIRST},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void segments_out_of_place(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      /* sent again, whole or in part */
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 3 1 4", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 11", LA_MARK_DATA}, /* there is something new in it */
      /* a hole, filled within a round trip or later */
      {HANDSHAKE "5 C PA 21 1 10", DATA_FIRST | LA_MARK_HOLE_BEFORE},
      {HANDSHAKE "5 C PA 21 1 10; 20 C PA 1 1 20", LA_MARK_DATA | LA_MARK_OUT_OF_ORDER},
      {HANDSHAKE "5 C PA 21 1 10; 21 C PA 1 1 20", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      {HANDSHAKE "5 C PA 21 1 10; 10 C PA 5 1 5", LA_MARK_DATA | LA_MARK_OUT_OF_ORDER},
      {HANDSHAKE "5 C PA 21 1 10; 10 C PA 15 1 7", LA_MARK_DATA | LA_MARK_RETRANSMISSION}, /* reaches over the hole */
      {HANDSHAKE "5 C PA 21 1 10; 10 C PA 1 1 10; 0 C PA 11 1 10", LA_MARK_DATA | LA_MARK_OUT_OF_ORDER},
      {HANDSHAKE "5 C PA 21 1 10; 10 C PA 1 1 20; 5 C PA 1 1 20",
       LA_MARK_DATA | LA_MARK_RETRANSMISSION}, /* the hole is filled */
      /* without a round trip, three milliseconds */
      {"0 C A 1 1; 5 C PA 21 1 10; 3 C PA 1 1 20", LA_MARK_DATA | LA_MARK_OUT_OF_ORDER},
      {"0 C A 1 1; 5 C PA 21 1 10; 3.1 C PA 1 1 20", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      /* the acknowledgment of a hole begins its time anew */
      {HANDSHAKE "5 C PA 11 1 10; 100 S A 1 21; 3 C PA 1 1 10", LA_MARK_DATA | LA_MARK_OUT_OF_ORDER},
      {HANDSHAKE "5 C PA 11 1 10; 100 S A 1 21; 4 C PA 1 1 10", LA_MARK_DATA | LA_MARK_ACK_OF_UNSENT},
      /* a bare ACK in front of what was acknowledged shows that it was never sent; a capture may change the order by less */
      {HANDSHAKE "5 S A 1 21; 1 C A 1 1", LA_MARK_ACK_OF_UNSENT},
      {HANDSHAKE "5 S A 1 21; 0.9 C A 1 1", 0},
      {HANDSHAKE "5 S A 1 21; 2 C A 2 1", 0},
      {HANDSHAKE "5 C PA 11 1 10; 2 C A 1 1", 0},
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 11; 2 C A 1 1", 0}, /* the numbers above it were sent */
      /* acknowledged before it stands in the capture */
      {HANDSHAKE "5 S A 1 21; 3 C PA 1 1 20", DATA_FIRST | LA_MARK_OUT_OF_ORDER},
      {HANDSHAKE "5 S A 1 21; 4 C PA 1 1 20", DATA_FIRST | LA_MARK_ACK_OF_UNSENT},
      /* beyond the window that the other end announced: its SYN's window is not scaled */
      {"0 C S 0 wscale=0; 10 S SA 0 1 win=1000 wscale=0; 10 C A 1 1; 5 C PA 1001 1 10", DATA_FIRST | LA_MARK_HOLE_BEFORE},
      {"0 C S 0 wscale=0; 10 S SA 0 1 win=1000 wscale=0; 10 C A 1 1; 5 C PA 1002 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE | LA_MARK_OUT_OF_WINDOW},
      /* past its own FIN; after the other's */
      {HANDSHAKE "5 C FA 1 1; 5 C PA 2 1 10", DATA_FIRST | LA_MARK_BEYOND_FIN},
      {HANDSHAKE "5 C FA 1 1; 5 S PA 1 2 10", DATA_FIRST | LA_MARK_AFTER_PEER_FIN | LA_MARK_ACKS_FIN},
      {HANDSHAKE "5 C FA 1 1; 5 S PA 1 2 10; 5 S PA 1 2 10", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

/* Windows are scaled when both SYNs offered it, at most by 14 (RFC 7323 section 2.3). */
static void windows_are_scaled_when_both_ends_offer_it(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {"0 C S 0 wscale=2; 10 S SA 0 1 win=1000 wscale=3; 10 C A 1 1; 5 S A 1 1 win=1000; 5 C PA 8001 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE},
      {"0 C S 0 wscale=2; 10 S SA 0 1 win=1000 wscale=3; 10 C A 1 1; 5 S A 1 1 win=1000; 5 C PA 8002 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE | LA_MARK_OUT_OF_WINDOW},
      {"0 C S 0 wscale=2; 10 S SA 0 1 win=1000; 10 C A 1 1; 5 S A 1 1 win=1000; 5 C PA 1002 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE | LA_MARK_OUT_OF_WINDOW},
      {"0 C S 0; 10 S SA 0 1 win=1000 wscale=3; 10 C A 1 1; 5 S A 1 1 win=1000; 5 C PA 1002 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE | LA_MARK_OUT_OF_WINDOW},
      {"0 C S 0 wscale=15; 10 S SA 0 1 win=1 wscale=15; 10 C A 1 1; 5 S A 1 1 win=1; 5 C PA 16385 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE},
      {"0 C S 0 wscale=15; 10 S SA 0 1 win=1 wscale=15; 10 C A 1 1; 5 S A 1 1 win=1; 5 C PA 16386 1 10",
       DATA_FIRST | LA_MARK_HOLE_BEFORE | LA_MARK_OUT_OF_WINDOW},
      /* unknown: the options were cut, or the SYN is not in the capture */
      {"0 C S 0 wscale=2; 10 S SA 0 1 win=1000 cut=1; 10 C A 1 1; 5 C PA 9001 1 10", DATA_FIRST | LA_MARK_HOLE_BEFORE},
      {"0 S SA 0 1 win=1000 wscale=0; 10 C A 1 1; 5 C PA 9001 1 10", DATA_FIRST | LA_MARK_HOLE_BEFORE},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void fins_and_their_acknowledgments(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {HANDSHAKE "5 C FA 1 1", LA_MARK_FIN},
      {HANDSHAKE "5 C FA 1 1 10", LA_MARK_FIN | DATA_FIRST},
      {HANDSHAKE "5 C FA 1 1; 300 C FA 1 1", LA_MARK_FIN | LA_MARK_RETRANSMISSION | LA_MARK_CORRECTED}, /* it did not arrive */
      {HANDSHAKE "5 C FA 1 1; 10 S A 1 2", LA_MARK_ACKS_FIN},
      {HANDSHAKE "5 C FA 1 1; 10 S A 1 1", LA_MARK_DUP_ACK},
      {HANDSHAKE "5 C FA 1 1; 10 S FA 1 2", LA_MARK_FIN | LA_MARK_ACKS_FIN},
      {HANDSHAKE "5 C FA 1 1; 10 S A 1 2; 5 S A 1 2", 0},
      {HANDSHAKE "5 C FA 1 1; 10 S A 1 2; 5 C FA 1 1; 5 S A 1 2", LA_MARK_ACKS_FIN}, /* the FIN came again, so does this */
      {HANDSHAKE "5 C PA 1 1 10; 1 C FA 11 1; 5 S A 1 11", LA_MARK_ACKS_DATA},
      {HANDSHAKE REQUEST CLOSE_BY_CLIENT "5 C A 102 202", LA_MARK_AFTER_CLOSE},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void probes_and_windows(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {HANDSHAKE REQUEST "7000 C A 100 201", LA_MARK_KEEPALIVE},
      {HANDSHAKE REQUEST "7000 C A 100 201 1", LA_MARK_KEEPALIVE},
      {HANDSHAKE REQUEST "7000 C A 100 201; 10 S A 201 101", LA_MARK_KEEPALIVE_ANSWER},
      {HANDSHAKE REQUEST "7000 C A 100 201; 10 S A 201 101; 10 S A 201 101", 0},
      {HANDSHAKE REQUEST "7000 C A 99 201 2", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      {HANDSHAKE REQUEST "7000 C A 99 201", 0},
      {HANDSHAKE REQUEST "7000 C FA 100 201", LA_MARK_FIN | LA_MARK_RETRANSMISSION},
      {HANDSHAKE "1 C PA 1 1 10; 300 C A 10 1 1", LA_MARK_DATA | LA_MARK_RETRANSMISSION}, /* not acknowledged: no keep-alive */
      {"0 C S 0; 10 S SA 0 1; 10 C A 0 1", LA_MARK_KEEPALIVE | HANDSHAKE_ACK},
      {"0 C S 0; 10 C A 0 0", 0}, /* not before it is established */
      {HANDSHAKE "5 S A 1 1 win=0", LA_MARK_ZERO_WINDOW},
      {HANDSHAKE "5 S A 1 1 win=0; 5 S A 1 1 win=0", LA_MARK_ZERO_WINDOW},
      {HANDSHAKE "5 S A 1 1 win=0; 5 S A 1 1 win=1", LA_MARK_WINDOW_OPENED},
      {HANDSHAKE "5 S A 1 1 win=0; 5 S A 1 1 win=1; 5 S A 1 1", 0},
      {HANDSHAKE REQUEST "5 S A 201 101 win=0; 300 C A 100 201", LA_MARK_WINDOW_PROBE},
      {HANDSHAKE REQUEST "5 S A 201 101 win=0; 300 C A 100 201; 10 S A 201 101 win=0",
       LA_MARK_ZERO_WINDOW | LA_MARK_KEEPALIVE_ANSWER},
      {HANDSHAKE REQUEST "5 S A 201 101 win=0; 300 C PA 101 201 1; 300 C PA 101 201 1",
       LA_MARK_DATA | LA_MARK_RETRANSMISSION | LA_MARK_WINDOW_PROBE}, /* the byte that does not fit */
      {HANDSHAKE REQUEST "5 S A 201 101 win=0; 300 C PA 101 201 2; 300 C PA 101 201 2", LA_MARK_DATA | LA_MARK_RETRANSMISSION},
      {HANDSHAKE "5 S RA 1 1 win=0", LA_MARK_RST | LA_MARK_RST_COUNTS},
      {"0 C S 0; 10 S SA 0 1 win=0", LA_MARK_SYN_ACK},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

/* RFC 9293 section 3.10.7, RFC 5961 section 3. */
static void resets_count_or_do_not(void **state)
{
  (void)state;
  static const uint64_t counts = LA_MARK_RST | LA_MARK_RST_COUNTS;
  static const uint64_t ignored = LA_MARK_RST | LA_MARK_RST_IGNORED;
  const MarkCase cases[] = {
      {HANDSHAKE REQUEST "5 C R 101", counts},
      {HANDSHAKE REQUEST "5 C RA 101 201", counts},
      {HANDSHAKE REQUEST "5 C R 100", ignored}, /* below RCV.NXT */
      {HANDSHAKE REQUEST "5 C R 102", ignored}, /* nothing of it was sent */
      {HANDSHAKE REQUEST "5 C PA 101 201 50; 1 C R 101", counts},
      {HANDSHAKE REQUEST "5 C PA 101 201 50; 1 C R 120", counts}, /* RCV.NXT may be there by now */
      {HANDSHAKE REQUEST "5 C PA 101 201 50; 1 C R 151", counts},
      {HANDSHAKE REQUEST "5 C PA 101 201 50; 1 C R 152", ignored},
      {HANDSHAKE REQUEST "5 S A 201 111; 5 C PA 111 201 5; 5 C R 130", counts}, /* the capture misses packets: it may be */
      {HANDSHAKE REQUEST "5 C R 101 ttl=99", counts | LA_MARK_FOREIGN_TTL},
      {HANDSHAKE REQUEST "5 C R 101 ttl=63", counts | LA_MARK_FOREIGN_TTL},
      {"0 C R 101", counts},
      {HANDSHAKE REQUEST "5 C R 101; 5 C R 101 id=5", counts | LA_MARK_AFTER_RST},
      /* in SYN_SENT the acknowledgment decides */
      {"0 C S 0; 10 S RA 0 1", counts},
      {"0 C S 0; 10 S RA 777 1", counts},
      {"0 C S 0; 10 S RA 0 0", ignored},
      {"0 C S 0; 10 S RA 0 2", ignored | LA_MARK_ACK_OF_UNSEEN},
      {"0 C S 0; 10 S R 0", ignored},
      {"0 C S 0 0 10; 10 S RA 0 11", counts},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void challenges_follow_what_changed_nothing(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {HANDSHAKE REQUEST "5 C R 99; 10 S A 201 101", LA_MARK_CHALLENGE_ACK},
      {HANDSHAKE REQUEST "5 C R 99; 1000 S A 201 101", LA_MARK_CHALLENGE_ACK},
      {HANDSHAKE REQUEST "5 C R 99; 1001 S A 201 101", 0},
      {HANDSHAKE REQUEST "5 C R 99; 10 S A 201 101; 10 S A 201 101", 0}, /* one answers it */
      {HANDSHAKE REQUEST "5 C R 99; 10 S PA 201 101 10", LA_MARK_DATA},
      {HANDSHAKE REQUEST "5 C R 101; 1 S A 201 101", LA_MARK_AFTER_RST}, /* that one counted */
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void impossible_flags_are_told_and_nothing_else(void **state)
{
  (void)state;
  static const char *const invalid[] = {"SF", "SR", "SFA", "SRA", "RFP", "RFU", "-", "F", "P", "FPU", "U"};
  for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
    char lines[256];
    snprintf(lines, sizeof lines, HANDSHAKE REQUEST "5 C %s 101 201", invalid[i]);
    check_marks_of(&(MarkCase){lines, LA_MARK_INVALID_FLAGS}, 1);
  }
  static const char *const valid[] = {"A", "PA", "FA", "FPUA", "R", "RA", "RP", "RFA", "RF", "SA", "SPA"};
  for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
    Talk t;
    talk_start(&t);
    char lines[256];
    snprintf(lines, sizeof lines, HANDSHAKE REQUEST "5 S %s 201 101", valid[i]);
    check_marks(play(&t, lines), 0, LA_MARK_INVALID_FLAGS, valid[i]);
    talk_end(&t);
  }
}

/* The same packet captured twice: what tells it is the IP ID or the timestamp; without both only a time no timer reaches. */
static void copies_are_told_from_sendings(void **state)
{
  (void)state;
  static const uint64_t copy = LA_MARK_DATA | LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE;
  static const uint64_t again = LA_MARK_DATA | LA_MARK_RETRANSMISSION;
  static const uint64_t rst_again = LA_MARK_RST | LA_MARK_RST_COUNTS | LA_MARK_AFTER_RST;
  static const uint64_t rst_copy = LA_MARK_RST | LA_MARK_RST_COUNTS | LA_MARK_AFTER_RST | LA_MARK_DUPLICATE;
  const MarkCase cases[] = {
      {HANDSHAKE "5 C PA 1 1 10 id=7; 400 C PA 1 1 10 id=7", copy},
      {HANDSHAKE "5 C PA 1 1 10 id=7; 400.001 C PA 1 1 10 id=7", again},
      {HANDSHAKE "5 C PA 1 1 10 id=7; 1 C PA 1 1 10 id=8", again},
      {HANDSHAKE "5 C PA 1 1 10 ts=7; 400 C PA 1 1 10 ts=7", copy},
      {HANDSHAKE "5 C PA 1 1 10 ts=7; 1 C PA 1 1 10 ts=8", again},
      {HANDSHAKE "5 C PA 1 1 10; 1.5 C PA 1 1 10", copy},
      {HANDSHAKE "5 C PA 1 1 10 id=7 opt=5; 1 C PA 1 1 10 id=7 opt=5", copy},
      {HANDSHAKE "5 C PA 1 1 10 id=7 opt=5; 1 C PA 1 1 10 id=7 opt=6", again},
      {HANDSHAKE "5 C PA 1 1 10; 1.501 C PA 1 1 10", again},
      {HANDSHAKE "5 C PA 1 1 10; 1 C PA 1 1 10 win=5", again},
      {HANDSHAKE "5 C PA 1 1 10; 1 C A 1 1 10", again},
      {HANDSHAKE "5 C PA 1 1 10; 1 C PA 1 0 10", again},
      /* of two points of capture merged into one file, either may be earlier */
      {HANDSHAKE "5 C PA 1 1 10 id=7; -1 C PA 1 1 10 id=7", copy | LA_MARK_TIME_WENT_BACK},
      /* eight segments later it is forgotten */
      {HANDSHAKE "5 C PA 1 1 10 id=7; 1 C PA 11 1 1; 1 C PA 12 1 1; 1 C PA 13 1 1; 1 C PA 14 1 1; 1 C PA 15 1 1; 1 C PA 16 1 1;"
                 "1 C PA 17 1 1; 1 C PA 1 1 10 id=7",
       copy},
      {HANDSHAKE "5 C PA 1 1 10 id=7; 1 C PA 11 1 1; 1 C PA 12 1 1; 1 C PA 13 1 1; 1 C PA 14 1 1; 1 C PA 15 1 1; 1 C PA 16 1 1;"
                 "1 C PA 17 1 1; 1 C PA 18 1 1; 1 C PA 1 1 10 id=7",
       again},
      {HANDSHAKE REQUEST "5 C A 101 201; 1 C A 101 201", 0}, /* two pure ACKs without IP ID are ordinary */
      {HANDSHAKE REQUEST "5 C A 101 201 id=9; 1 C A 101 201 id=9", LA_MARK_DUPLICATE},
      {HANDSHAKE "1 C S 0; 1 C S 0", LA_MARK_SYN | LA_MARK_RETRANSMISSION | LA_MARK_DUPLICATE},
      {HANDSHAKE REQUEST "5 C R 101 id=3; 1 C R 101 id=3", rst_copy},
      /* bare RSTs are alike: one for each segment that is refused; unless the TTL, or earlier copies, tell */
      {HANDSHAKE REQUEST "5 C R 101; 1 C R 101", rst_again},
      {HANDSHAKE REQUEST "5 C R 101; 1 C R 101 ttl=60", rst_copy | LA_MARK_FOREIGN_TTL},
      {HANDSHAKE REQUEST "5 S A 201 101 id=5; 0 S A 201 101 id=5; 5 C R 101; 1 C R 101", rst_copy},
      {HANDSHAKE REQUEST "5 C A 101 201 id=5; 0 C A 101 201 id=5; 5 C R 101; 1 C R 101", rst_copy},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

static void what_else_a_segment_carries(void **state)
{
  (void)state;
  static const MarkCase cases[] = {
      {HANDSHAKE "5 C PA 1 1 10 bad=1", DATA_FIRST | LA_MARK_BAD_CHECKSUM},
      {HANDSHAKE "-1 C PA 1 1 10", DATA_FIRST | LA_MARK_TIME_WENT_BACK},
      {HANDSHAKE "0 S A 1 1 if=1; -1 S PA 1 1 10 if=1", DATA_FIRST | LA_MARK_TIME_WENT_BACK},
      {HANDSHAKE "0 C PA 1 1 10", DATA_FIRST},
  };
  check_marks_of(cases, G_N_ELEMENTS(cases));
}

/* ---- counters ---- */

static void counters_count_what_they_say(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 C S 0 mss=1460 wscale=7 id=1; 1000 C S 0 mss=1460 wscale=7 id=2; 10 S SA 0 1 mss=1400 wscale=9; 10 C A 1 1 id=3;"
           "1 C PA 1 1 100 id=4; 0.1 C PA 1 1 100 id=4; 300 C PA 1 1 100 id=5; 10 S A 1 101; 7000 C A 100 1 id=6; 10 S A 1 101 "
           "cut=1;"
           "10 S A 1 101 win=0; 500 C A 100 1 id=7; 10 S A 1 101 win=0; 1000 S A 1 101 win=5 bad=1;"
           "1 C PA 111 1 20 id=8; 1 C PA 101 1 10 id=9; 10 S A 1 131; 5 C FA 131 1 id=10; 300 C FA 131 1 id=11; 10 S A 1 132;"
           "5 S PA 1 132 15; 1 S PA 16 132 25; 10 C RA 132 41 id=12");
  const LaConnection *conn = only(&t);
  const LaEndpoint *c = &conn->end[LA_OPENER];
  const LaEndpoint *s = &conn->end[LA_ACCEPTOR];
  assert_int_equal(c->packets, 13);
  assert_int_equal(s->packets, 10);
  assert_int_equal(c->payload_bytes, 330);
  assert_int_equal(c->payload_segments, 4); /* the copy is none */
  assert_int_equal(s->payload_bytes, 40);
  assert_int_equal(c->syn, 2);
  assert_int_equal(c->syn_sent, 2);
  assert_int_equal(s->syn, 1);
  assert_int_equal(s->syn_ack_sent, 1);
  assert_int_equal(c->fin, 2);
  assert_int_equal(c->fin_sent, 2);
  assert_int_equal(s->fin, 0);
  assert_int_equal(c->rst, 1);
  assert_int_equal(c->duplicate, 1);
  assert_int_equal(c->retransmitted, 3); /* SYN, payload, FIN */
  assert_int_equal(c->out_of_order, 1);
  assert_int_equal(c->keepalive, 1);
  assert_int_equal(c->probes, 1);
  assert_int_equal(s->cut, 1);
  assert_int_equal(s->bad_checksums, 1);
  assert_int_equal(c->mss, 1460);
  assert_int_equal(s->mss, 1400);
  assert_int_equal(c->syn_wscale, 7);
  assert_int_equal(c->wscale, 7);
  assert_int_equal(s->wscale, 9);
  assert_int_equal(c->isn, 1000000);
  assert_int_equal(c->snd_nxt, 1000132);
  assert_int_equal(c->snd_una, 1000132);
  assert_int_equal(s->snd_nxt, 5000041);
  assert_int_equal(s->rcv_nxt, 1000132);
  assert_int_equal(c->syn_frame, 1);
  assert_int_equal(c->syn_last_frame, 2);
  assert_int_equal(c->fin_frame, 18);
  assert_int_equal(c->fin_last_frame, 19);
  assert_int_equal(c->fin_end, 1000132);
  assert_int_equal(c->fin_acked_frame, 20);
  assert_int_equal(c->data_first_frame, 5);
  assert_int_equal(c->data_last_frame, 16);
  assert_int_equal(c->new_data_frame, 15);
  assert_int_equal(s->data_after_fin_bytes, 40);
  assert_true(s->zero_window_longest == 1510 * LA_MSEC);
  assert_int_equal(c->ttl_min, 64);
  assert_int_equal(c->ttl_max, 64);
  assert_int_equal(conn->first_fin, LA_OPENER);
  assert_int_equal(conn->rst_frame, 23);
  assert_int_equal(conn->rst_side, LA_OPENER);
  assert_int_equal(conn->handshake_ack_frame, 4);
  assert_int_equal(conn->moments_total, conn->moments_used);
  talk_end(&t);
}

/* A hole that the receiver acknowledges was on the network and not in the capture. */
static void missing_packets_are_told_by_acknowledgments(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    unsigned missed;
    unsigned holes;
  } cases[] = {
      {HANDSHAKE "5 C PA 11 1 10", 0, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 1", 0, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 21", 1, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 11", 1, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 10", 0, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 1 1 10; 5 S A 1 21", 0, 0},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 1 1 4; 5 C PA 5 1 6; 5 S A 1 21", 0, 0},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 5 1 6; 5 C PA 1 1 4; 5 S A 1 21", 0, 0},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 1 1 4; 5 S A 1 21", 1, 1},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 31 1 10; 5 S A 1 41", 2, 2},
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 21", 1, 1},                   /* nobody saw these ten */
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 21; 1 C PA 11 1 10", 0, 0},   /* the capture had the order wrong */
      {HANDSHAKE "5 C PA 1 1 10; 5 S A 1 21; 100 C PA 11 1 10", 0, 0}, /* an acknowledgment of what was not sent */
      {"0 C PA 1 1 10; 5 S A 1 11", 0, 0},
      {HANDSHAKE "5 C PA 11 1 10; 5 C PA 1 1 40", 0, 0},                /* the hole and more */
      {HANDSHAKE "5 C PA 11 1 10; 5 S A 1 31; 100 C PA 21 1 10", 1, 1}, /* only the second was never sent */
      {HANDSHAKE "5 S A 1 11; 5 C A 1 51; 1 S PA 1 11 50", 1, 1},       /* the server's are there, the client's are not */
      {HANDSHAKE "5 S A 1 21; 2 C A 1 1", 0, 0},                        /* the acknowledgment was wrong */
      {"0 S A 1 11; 5 C PA 1 1 10", 0, 0},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    const LaConnection *conn = only(&t);
    const LaEndpoint *c = &conn->end[LA_OPENER];
    if (c->missed != cases[i].missed || c->holes_used != cases[i].holes ||
        ((conn->flags & LA_CONN_MISSED) != 0) != (cases[i].missed != 0))
      fail_msg("%s: %u missed, %u holes, flags 0x%x", cases[i].lines, c->missed, c->holes_used, conn->flags);
    talk_end(&t);
  }
}

/* Things that stand in the capture behind their own acknowledgment. */
static void late_recording_is_measured(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE "5 C PA 11 1 10; 5 S A 1 51; 2 C PA 21 1 15; 0.5 C PA 36 1 15");
  const LaEndpoint *c = &only(&t)->end[LA_OPENER];
  assert_int_equal(c->out_of_order, 2);
  assert_int_equal(c->recorded_late, 2);
  assert_true(c->recorded_late_most == 2500 * LA_USEC);
  talk_end(&t);
  talk_start(&t);
  play(&t, HANDSHAKE "5 C PA 11 1 10; 1 C PA 1 1 10"); /* nobody acknowledged it */
  c = &only(&t)->end[LA_OPENER];
  assert_int_equal(c->out_of_order, 1);
  assert_int_equal(c->recorded_late, 0);
  talk_end(&t);
}

/* What one end sent, or acknowledged, is never put back. */
static void numbers_only_grow(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, "0 S PA 1 1 100; 5 C A 1 51; 5 C A 1 31; 5 S A 101 1 win=5");
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_ACCEPTOR].snd_nxt, 5000101);
  assert_int_equal(conn->end[LA_ACCEPTOR].snd_una, 5000051);
  assert_int_equal(conn->end[LA_OPENER].rcv_nxt, 5000051);
  assert_int_equal(conn->end[LA_OPENER].rcv_edge, 5000051 + 64000);
  assert_int_equal(conn->end[LA_ACCEPTOR].rcv_edge, 1000001 + 64000); /* RFC 9293 section 3.8.6: not drawn back */
  talk_end(&t);
}

static void syn_acks_that_acknowledge_something_else_are_counted(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    unsigned sent;
    bool bad;
  } cases[] = {
      {"0 C S 0; 10 S SA 0 1", 1, false},
      {"0 C S 0; 10 S SA 0 77", 1, true},
      {"0 C S 0; 10 S SA 0 77; 10 S SA 0 1", 2, true},
      {"0 C S 0; 10 S SA 0 1; 10 S SA 0 77", 1, true},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    const LaEndpoint *s = &only(&t)->end[LA_ACCEPTOR];
    if (s->syn_ack_sent != cases[i].sent || ((s->flags & LA_END_SYN_ACK_BAD) != 0) != cases[i].bad)
      fail_msg("%s: %u sent, flags 0x%x", cases[i].lines, s->syn_ack_sent, s->flags);
    talk_end(&t);
  }
}

/* The timeline holds what matters: how many moments the last line of a case adds. */
static void what_the_timeline_keeps(void **state)
{
  (void)state;
  static const struct {
    const char *before, *last;
    bool kept;
  } cases[] = {
      {HANDSHAKE, "5 C PA 1 1 10", true},
      {HANDSHAKE REQUEST, "5 C PA 101 201 10", false},
      {HANDSHAKE REQUEST "5 C PA 101 201 10;", "5 S A 201 111", false},
      {HANDSHAKE REQUEST "5 C PA 111 201 10;", "5 C PA 101 201 10", false}, /* out of order */
      {HANDSHAKE REQUEST "5 C PA 101 201 10;", "300 C PA 101 201 10", true},
      /* around a FIN the order of data matters, too */
      {HANDSHAKE REQUEST "5 C FA 111 201;", "5 C PA 101 201 10", true},
      {HANDSHAKE REQUEST "5 C FA 111 201;", "5 S A 201 101", true},    /* asks for what is missing in front of the FIN */
      {HANDSHAKE REQUEST "5 C FA 111 201;", "5 S PA 201 101 5", true}, /* goes on after the FIN */
      {HANDSHAKE REQUEST "5 C FA 111 201;", "5 S PA 201 101 5 sack=10", true},
      {HANDSHAKE REQUEST "5 S PA 201 101 5; 5 C FA 111 201;", "5 C A 112 201", false},
      {HANDSHAKE REQUEST "5 C FA 101 201; 5 S A 201 102; 5 S PA 201 102 5;", "5 S A 206 102 sack=10", false},
      /* and behind a copy whether its receiver reacts */
      {HANDSHAKE REQUEST "5 C PA 101 201 10 id=7; 0.1 C PA 101 201 10 id=7;", "5 S A 201 111", true},
      {HANDSHAKE REQUEST "5 C PA 101 201 10 id=7; 0.1 C PA 101 201 10 id=7;", "5 S PA 201 111 5", false},
      {HANDSHAKE REQUEST "5 C PA 101 201 10 id=7; 0.1 C PA 101 201 10 id=7; 5 C PA 111 201 10;", "5 S A 201 121", false},
      {"", "0 C A 1 1", true}, /* the first of all */
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    uint64_t moments[2];
    for (unsigned k = 0; k < 2; k++) {
      Talk t;
      talk_start(&t);
      play(&t, cases[i].before);
      if (k > 0)
        play(&t, cases[i].last);
      moments[k] = t.frame != 0 ? only(&t)->moments_total : 0;
      talk_end(&t);
    }
    if (moments[1] - moments[0] != cases[i].kept)
      fail_msg("%s then %s: %s", cases[i].before, cases[i].last, cases[i].kept ? "not kept" : "kept");
  }
}

static void many_holes_are_bounded(void **state)
{
  (void)state;
  Talk t;
  talk_start(&t);
  play(&t, HANDSHAKE);
  for (unsigned i = 1; i <= 20; i++) {
    char line[64];
    snprintf(line, sizeof line, "1 C PA %u 1 10", i * 100);
    play(&t, line);
  }
  const LaConnection *conn = only(&t);
  assert_int_equal(conn->end[LA_OPENER].holes_used, LA_HOLES_MAX);
  assert_int_equal(conn->end[LA_OPENER].snd_nxt, 1000000 + 2010);
  talk_end(&t);
}

/* Sendings that nobody answers. */
static void unanswered_sendings_are_counted(void **state)
{
  (void)state;
  static const struct {
    const char *lines;
    unsigned unanswered, repeats;
    uint64_t first;
  } cases[] = {
      {"0 C S 0", 1, 0, 1},
      {"0 C S 0; 1000 C S 0", 2, 0, 1},
      {HANDSHAKE, 0, 0, 1},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 300 C PA 1 1 10", 3, 2, 4},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 10 S A 1 11", 0, 0, 4},
      {HANDSHAKE "5 C PA 1 1 10; 300 C PA 1 1 10; 10 S A 1 1", 0, 1, 4},      /* heard, but no progress */
      {HANDSHAKE "5 C PA 1 1 10; 1 C PA 11 1 10; 300 C PA 11 1 10", 3, 0, 4}, /* not the oldest */
      {HANDSHAKE "7000 C A 0 1; 1000 C A 0 1", 2, 0, 4},
      {HANDSHAKE "5 C A 1 1", 0, 0, 1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Talk t;
    talk_start(&t);
    play(&t, cases[i].lines);
    const LaEndpoint *c = &only(&t)->end[LA_OPENER];
    if (c->unanswered != cases[i].unanswered || c->repeats != cases[i].repeats || c->unanswered_frame != cases[i].first)
      fail_msg("%s: %u unanswered since %" PRIu64 ", %u repeats", cases[i].lines, c->unanswered, c->unanswered_frame,
               c->repeats);
    talk_end(&t);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segments_of_the_handshake),
      cmocka_unit_test(payload_and_its_acknowledgments),
      cmocka_unit_test(segments_out_of_place),
      cmocka_unit_test(windows_are_scaled_when_both_ends_offer_it),
      cmocka_unit_test(fins_and_their_acknowledgments),
      cmocka_unit_test(probes_and_windows),
      cmocka_unit_test(resets_count_or_do_not),
      cmocka_unit_test(challenges_follow_what_changed_nothing),
      cmocka_unit_test(impossible_flags_are_told_and_nothing_else),
      cmocka_unit_test(copies_are_told_from_sendings),
      cmocka_unit_test(what_else_a_segment_carries),
      cmocka_unit_test(counters_count_what_they_say),
      cmocka_unit_test(missing_packets_are_told_by_acknowledgments),
      cmocka_unit_test(late_recording_is_measured),
      cmocka_unit_test(numbers_only_grow),
      cmocka_unit_test(syn_acks_that_acknowledge_something_else_are_counted),
      cmocka_unit_test(what_the_timeline_keeps),
      cmocka_unit_test(many_holes_are_bounded),
      cmocka_unit_test(unanswered_sendings_are_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
