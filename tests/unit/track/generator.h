/* Random conversations: a stream of segments and ICMP errors of many connections at once, the same for the same seed.
 *
 * Each conversation is first played as two correct ends would (open, talk, close, in one of many ways), then spoiled: packets dropped,
 * doubled, moved, changed. Addresses and ports come from small sets, so that four-tuples are used again while the connection before is
 * open, closing, in TIME_WAIT, or gone. */
#ifndef LA_TESTS_TRACK_GENERATOR_H
#define LA_TESTS_TRACK_GENERATOR_H

#include "unit/track/support.h"

typedef struct {
  LaTime time;
  uint64_t order; /* among equal times */
  LaSegment segment;
  LaIcmpError icmp;
  bool is_icmp;
} Event;

/* One conversation being played. */
typedef struct {
  Dice *dice;
  GArray *events; /* of Event */
  guint first;    /* its first event */
  LaTime time, rtt;
  LaSegment form[LA_SIDE_N]; /* what each end's segments begin as */
  uint32_t nxt[LA_SIDE_N];   /* the next number each end sends */
  uint32_t got[LA_SIDE_N];   /* the next number each end expects */
  uint16_t ip_id[LA_SIDE_N];
  bool timestamps, scaled, sack;
} Chat;

static inline LaAddr some_addr(Dice *dice, uint8_t family, unsigned net, unsigned count)
{
  LaAddr addr = {.bytes = {10, (uint8_t)net, 0, (uint8_t)(1 + roll(dice, count))}};
  if (family == LA_FAMILY_IPV6) {
    addr.bytes[0] = 0x20;
    addr.bytes[15] = addr.bytes[3];
    addr.bytes[3] = 0;
  }
  return addr;
}

static inline uint32_t some_isn(Dice *dice)
{
  return chance(dice, 250) ? UINT32_MAX - roll(dice, 3000) : roll32(dice);
}

/* A segment of `who` that acknowledges what it has; its own number is not moved on. */
static inline LaSegment *emit(Chat *c, LaSide who, uint16_t flags, uint32_t seq, uint32_t len)
{
  Event event = {.time = c->time, .segment = c->form[who]};
  LaSegment *s = &event.segment;
  s->flags = flags;
  s->seq = seq;
  s->payload_len = len;
  s->ack = (flags & LA_TCP_ACK) != 0 ? c->got[who] : 0;
  s->ip_id = c->ip_id[who] != 0 ? c->ip_id[who]++ : 0;
  if ((flags & LA_TCP_SYN) != 0) {
    s->options |= LA_OPT_MSS;
    s->mss = 1460;
    if (c->scaled) {
      s->options |= LA_OPT_WSCALE;
      s->wscale = (uint8_t)(who == LA_OPENER ? 7 : 15);
    }
    if (c->sack)
      s->options |= LA_OPT_SACK_PERMITTED;
  }
  if (c->timestamps && (flags & LA_TCP_RST) == 0) {
    s->options |= LA_OPT_TIMESTAMPS;
    s->ts_val = (uint32_t)(c->time / LA_MSEC) + (who == LA_OPENER ? 7000u : 0u);
  }
  g_array_append_val(c->events, event);
  return &g_array_index(c->events, Event, c->events->len - 1).segment;
}

/* The same, moving the sender's number on; `arrives`: and the receiver has it. */
typedef enum {
  LOST,
  ARRIVES,
} Fate;

static inline void say(Chat *c, LaSide who, uint16_t flags, uint32_t len, Fate fate)
{
  uint32_t seq = c->nxt[who];
  emit(c, who, flags, seq, len);
  c->nxt[who] = seq + len + ((flags & LA_TCP_SYN) != 0) + ((flags & LA_TCP_FIN) != 0);
  if (fate == ARRIVES)
    c->got[LA_OTHER(who)] = c->nxt[who];
}

static inline void wait_us(Chat *c, uint32_t least, uint32_t span)
{
  c->time += (LaTime)(least + roll(c->dice, span + 1)) * LA_USEC;
}

static inline void half_trip(Chat *c)
{
  c->time += c->rtt / 2;
}

#define SAY_ACK LA_TCP_ACK
#define SAY_DATA (LA_TCP_ACK | LA_TCP_PSH)
#define SAY_FIN (LA_TCP_ACK | LA_TCP_FIN)
#define SAY_SYN_ACK (LA_TCP_ACK | LA_TCP_SYN)
#define SAY_RST_ACK (LA_TCP_ACK | LA_TCP_RST)

static inline LaSide some_side(Chat *c)
{
  return (LaSide)roll(c->dice, 2);
}

/* An ICMP error about a packet of `who`, right now. */
static inline void error_about(Chat *c, LaSide who)
{
  static const uint16_t kinds[] = {0x0301, 0x0303, 0x0304, 0x0b00, 0x0104, 0x0200, 0x0c00};
  const LaSegment *form = &c->form[who];
  uint16_t kind = kinds[roll(c->dice, G_N_ELEMENTS(kinds))];
  Event event = {.time = c->time,
                 .is_icmp = true,
                 .icmp = {.reporter = ipv4(172, 16, 0, 1),
                          .quoted_src = form->src,
                          .quoted_dst = form->dst,
                          .quoted_src_port = form->src_port,
                          .quoted_dst_port = form->dst_port,
                          .quoted_seq = c->nxt[who] - roll(c->dice, 2),
                          .has_seq = chance(c->dice, 800),
                          .family = form->family,
                          .type = (uint8_t)(kind >> 8),
                          .code = (uint8_t)kind,
                          .tunnel_hash = form->tunnel_hash,
                          .ttl = 61}};
  g_array_append_val(c->events, event);
}

/* ---- opening ---- */

static inline void ack_syn_ack(Chat *c)
{
  half_trip(c);
  say(c, LA_OPENER, SAY_ACK, 0, ARRIVES);
}

static inline void open_plainly(Chat *c)
{
  say(c, LA_OPENER, LA_TCP_SYN, 0, ARRIVES);
  half_trip(c);
  say(c, LA_ACCEPTOR, SAY_SYN_ACK, 0, ARRIVES);
  ack_syn_ack(c);
}

static inline void open_with_retries(Chat *c)
{
  uint32_t isn[LA_SIDE_N] = {c->nxt[LA_OPENER], c->nxt[LA_ACCEPTOR]};
  say(c, LA_OPENER, LA_TCP_SYN, 0, ARRIVES);
  for (uint32_t i = roll(c->dice, 3); i > 0; i--) {
    c->time += LA_SEC << i;
    emit(c, LA_OPENER, LA_TCP_SYN, isn[LA_OPENER], 0);
  }
  half_trip(c);
  say(c, LA_ACCEPTOR, SAY_SYN_ACK, 0, ARRIVES);
  for (uint32_t i = roll(c->dice, 3); i > 0; i--) {
    c->time += LA_SEC;
    emit(c, LA_ACCEPTOR, SAY_SYN_ACK, isn[LA_ACCEPTOR], 0);
  }
  ack_syn_ack(c);
  if (chance(c->dice, 300)) {
    wait_us(c, 10, 1500000);
    emit(c, LA_ACCEPTOR, SAY_SYN_ACK, isn[LA_ACCEPTOR], 0);
    half_trip(c);
    say(c, LA_OPENER, SAY_ACK, 0, ARRIVES);
  }
}

/* False: and there it ends. */
static inline bool open_somehow(Chat *c)
{
  switch (roll(c->dice, 16)) {
  case 0: open_with_retries(c); return true;
  case 1: /* refused, or a RST that does not fit */
    say(c, LA_OPENER, LA_TCP_SYN, 0, ARRIVES);
    half_trip(c);
    emit(c, LA_ACCEPTOR, SAY_RST_ACK, chance(c->dice, 800) ? 0 : c->nxt[LA_ACCEPTOR], 0);
    return false;
  case 2: /* unanswered */
    for (uint32_t i = roll(c->dice, 4), isn = c->nxt[LA_OPENER]; i-- > 0; c->time += LA_SEC)
      emit(c, LA_OPENER, LA_TCP_SYN, isn, 0);
    if (chance(c->dice, 300))
      error_about(c, LA_OPENER);
    return chance(c->dice, 500);
  case 3: /* both at once */
    say(c, LA_OPENER, LA_TCP_SYN, 0, LOST);
    wait_us(c, 0, 50);
    say(c, LA_ACCEPTOR, LA_TCP_SYN, 0, ARRIVES);
    half_trip(c);
    c->got[LA_ACCEPTOR] = c->nxt[LA_OPENER];
    emit(c, LA_OPENER, SAY_SYN_ACK, c->nxt[LA_OPENER] - 1, 0);
    emit(c, LA_ACCEPTOR, SAY_SYN_ACK, c->nxt[LA_ACCEPTOR] - 1, 0);
    return true;
  case 4: /* split handshake */
    say(c, LA_OPENER, LA_TCP_SYN, 0, ARRIVES);
    half_trip(c);
    if (chance(c->dice, 500))
      say(c, LA_ACCEPTOR, SAY_ACK, 0, ARRIVES);
    say(c, LA_ACCEPTOR, LA_TCP_SYN, 0, ARRIVES);
    half_trip(c);
    emit(c, LA_OPENER, SAY_SYN_ACK, c->nxt[LA_OPENER] - 1, 0);
    half_trip(c);
    say(c, LA_ACCEPTOR, SAY_ACK, 0, ARRIVES);
    return true;
  case 5: /* payload in the SYN */
    say(c, LA_OPENER, LA_TCP_SYN, 1 + roll(c->dice, 400), ARRIVES);
    half_trip(c);
    say(c, LA_ACCEPTOR, SAY_SYN_ACK, chance(c->dice, 300) ? roll(c->dice, 50) : 0, ARRIVES);
    ack_syn_ack(c);
    return true;
  case 6: /* given up on the SYN-ACK */
    say(c, LA_OPENER, LA_TCP_SYN, 0, ARRIVES);
    half_trip(c);
    say(c, LA_ACCEPTOR, SAY_SYN_ACK, 0, ARRIVES);
    half_trip(c);
    emit(c, LA_OPENER, LA_TCP_RST, c->nxt[LA_OPENER], 0);
    return false;
  case 7: /* picked up in the middle */
    c->got[LA_OPENER] = c->nxt[LA_ACCEPTOR];
    c->got[LA_ACCEPTOR] = c->nxt[LA_OPENER];
    return true;
  case 8: /* a SYN-ACK that acknowledges something else, then perhaps the right one */
    say(c, LA_OPENER, LA_TCP_SYN, 0, LOST);
    half_trip(c);
    c->got[LA_ACCEPTOR] = c->nxt[LA_OPENER] + 1 + roll(c->dice, 3);
    say(c, LA_ACCEPTOR, SAY_SYN_ACK, 0, ARRIVES);
    c->got[LA_ACCEPTOR] = c->nxt[LA_OPENER];
    if (chance(c->dice, 500))
      emit(c, LA_ACCEPTOR, SAY_SYN_ACK, c->nxt[LA_ACCEPTOR] - 1, 0);
    ack_syn_ack(c);
    return true;
  case 9: /* tried again with another number */
    emit(c, LA_OPENER, LA_TCP_SYN, some_isn(c->dice), 0);
    c->time += LA_SEC;
    open_plainly(c);
    return true;
  default: open_plainly(c); return true;
  }
}

/* ---- talking ---- */

static inline void exchange(Chat *c)
{
  LaSide who = some_side(c);
  uint32_t flight = 1 + roll(c->dice, 4);
  for (uint32_t i = 0; i < flight; i++) {
    say(c, who, chance(c->dice, 500) ? SAY_DATA : SAY_ACK, 1 + roll(c->dice, 1460), ARRIVES);
    wait_us(c, 0, 200);
  }
  half_trip(c);
  if (chance(c->dice, 800))
    say(c, LA_OTHER(who), SAY_ACK, chance(c->dice, 200) ? 1 + roll(c->dice, 800) : 0, ARRIVES);
}

static inline void retransmit(Chat *c, LaSide who)
{
  uint32_t len = 1 + roll(c->dice, 900);
  say(c, who, SAY_DATA, len, LOST);
  for (uint32_t i = roll(c->dice, 4); i > 0; i--) {
    wait_us(c, 100, 400000);
    emit(c, who, SAY_DATA, c->nxt[who] - len, len);
  }
  half_trip(c);
  c->got[LA_OTHER(who)] = c->nxt[who];
  say(c, LA_OTHER(who), SAY_ACK, 0, ARRIVES);
}

static inline void lose_one(Chat *c, LaSide who)
{
  uint32_t hole = c->nxt[who];
  uint32_t len = 1 + roll(c->dice, 900);
  c->nxt[who] += len;
  for (uint32_t i = 1 + roll(c->dice, 4); i > 0; i--) {
    say(c, who, SAY_ACK, 1 + roll(c->dice, 900), LOST);
    LaSegment *s = emit(c, LA_OTHER(who), SAY_ACK, c->nxt[LA_OTHER(who)], 0); /* still asks for the hole */
    if (c->sack) {
      s->options |= LA_OPT_SACK;
      s->sack_count = 1;
      s->sack[0].left = hole + len;
      s->sack[0].right = c->nxt[who];
    }
    wait_us(c, 0, 2000);
  }
  if (chance(c->dice, 700))
    emit(c, who, SAY_ACK, hole, len);
  c->got[LA_OTHER(who)] = c->nxt[who];
  say(c, LA_OTHER(who), SAY_ACK, 0, ARRIVES);
}

static inline void shut_window(Chat *c, LaSide who)
{
  LaSide other = LA_OTHER(who);
  emit(c, who, SAY_ACK, c->nxt[who], 0)->window = 0;
  for (uint32_t i = roll(c->dice, 3); i > 0; i--) {
    wait_us(c, 1000, 400000);
    uint32_t byte = roll(c->dice, 2);
    emit(c, other, SAY_ACK, c->nxt[other] - 1 + byte, byte);
    half_trip(c);
    emit(c, who, SAY_ACK, c->nxt[who], 0)->window = 0;
  }
  wait_us(c, 100, 1000);
  if (chance(c->dice, 800))
    emit(c, who, SAY_ACK, c->nxt[who], 0);
}

static inline void disturb(Chat *c)
{
  LaSide who = some_side(c);
  switch (roll(c->dice, 13)) {
  case 0: retransmit(c, who); break;
  case 1: lose_one(c, who); break;
  case 2: shut_window(c, who); break;
  case 3: /* keep-alive */
    wait_us(c, 100000, 30000000);
    emit(c, who, SAY_ACK, c->nxt[who] - 1, roll(c->dice, 2));
    half_trip(c);
    emit(c, LA_OTHER(who), SAY_ACK, c->nxt[LA_OTHER(who)], 0);
    break;
  case 4: /* a forged RST beside the number, perhaps answered */
    emit(c, who, LA_TCP_RST, c->nxt[who] + 100 + roll(c->dice, 1000) - 500, 0)->ttl = (uint8_t)(50 + roll(c->dice, 20));
    half_trip(c);
    if (chance(c->dice, 500))
      emit(c, LA_OTHER(who), SAY_ACK, c->nxt[LA_OTHER(who)], 0);
    break;
  case 5: /* a SYN in the middle, perhaps answered with a challenge and a RST */
    emit(c, who, LA_TCP_SYN, some_isn(c->dice), 0);
    half_trip(c);
    if (chance(c->dice, 600))
      emit(c, LA_OTHER(who), SAY_ACK, c->nxt[LA_OTHER(who)], 0);
    half_trip(c);
    if (chance(c->dice, 300))
      emit(c, who, LA_TCP_RST, c->got[LA_OTHER(who)], 0);
    break;
  case 6: error_about(c, who); break;
  case 7: /* acknowledges what the capture does not have */
    c->got[who] += 1 + roll(c->dice, 1000);
    say(c, who, SAY_ACK, 0, ARRIVES);
    if (chance(c->dice, 500))
      c->nxt[LA_OTHER(who)] = c->got[who];
    break;
  case 8: emit(c, who, SAY_ACK, c->nxt[who], 0); break;
  case 9: /* far outside the window */ emit(c, who, SAY_DATA, c->nxt[who] + (1u << 24), 10); break;
  case 10: /* an old acknowledgment */ emit(c, who, SAY_ACK, c->nxt[who], 0)->ack -= 1 + roll(c->dice, 2000); break;
  case 11: /* another window, the same numbers */
    emit(c, who, SAY_ACK, c->nxt[who], 0)->window = (uint16_t)(1 + roll(c->dice, 60000));
    break;
  default: wait_us(c, 0, chance(c->dice, 100) ? 200000000 : 3000000); break;
  }
}

/* ---- closing ---- */

static inline void repeat_fin(Chat *c, LaSide who)
{
  for (uint32_t i = roll(c->dice, 3); i > 0; i--) {
    wait_us(c, 100, 500000);
    emit(c, who, SAY_FIN, c->nxt[who] - 1, 0);
    if (chance(c->dice, 400))
      emit(c, LA_OTHER(who), SAY_ACK, c->nxt[LA_OTHER(who)], 0);
  }
}

static inline void close_plainly(Chat *c, LaSide who)
{
  LaSide other = LA_OTHER(who);
  say(c, who, SAY_FIN, chance(c->dice, 100) ? 1 + roll(c->dice, 500) : 0, ARRIVES);
  half_trip(c);
  if (chance(c->dice, 500)) {
    say(c, other, SAY_ACK, 0, ARRIVES);
    wait_us(c, 0, 3000);
  }
  say(c, other, SAY_FIN, 0, ARRIVES);
  half_trip(c);
  say(c, who, SAY_ACK, 0, ARRIVES);
}

static inline void close_somehow(Chat *c)
{
  LaSide who = some_side(c);
  LaSide other = LA_OTHER(who);
  switch (roll(c->dice, 16)) {
  case 0: /* half-close with data */
    say(c, who, SAY_FIN, 0, ARRIVES);
    half_trip(c);
    say(c, other, SAY_ACK, 0, ARRIVES);
    for (uint32_t i = roll(c->dice, 5); i > 0; i--) {
      say(c, other, SAY_DATA, 1 + roll(c->dice, 900), ARRIVES);
      half_trip(c);
      say(c, who, SAY_ACK, 0, ARRIVES);
    }
    if (chance(c->dice, 700)) {
      say(c, other, SAY_FIN, 0, ARRIVES);
      half_trip(c);
      say(c, who, SAY_ACK, 0, ARRIVES);
    }
    break;
  case 1: /* both at once */
    say(c, who, SAY_FIN, 0, LOST);
    say(c, other, SAY_FIN, 0, LOST);
    c->got[other] = c->nxt[who];
    c->got[who] = c->nxt[other];
    half_trip(c);
    emit(c, who, SAY_ACK, c->nxt[who], 0);
    emit(c, other, SAY_ACK, c->nxt[other], 0);
    break;
  case 2: /* FINs sent again */
    say(c, who, SAY_FIN, 0, ARRIVES);
    repeat_fin(c, who);
    say(c, other, SAY_ACK, 0, ARRIVES);
    say(c, other, SAY_FIN, 0, ARRIVES);
    repeat_fin(c, other);
    say(c, who, SAY_ACK, 0, ARRIVES);
    repeat_fin(c, other);
    break;
  case 3: emit(c, who, chance(c->dice, 500) ? SAY_RST_ACK : LA_TCP_RST, c->nxt[who], 0); break;
  case 4: /* FIN, then RST */
    say(c, who, SAY_FIN, 0, ARRIVES);
    half_trip(c);
    if (chance(c->dice, 500))
      say(c, other, SAY_ACK, 0, ARRIVES);
    emit(c, chance(c->dice, 500) ? who : other, SAY_RST_ACK, c->nxt[other], 0);
    break;
  case 5: emit(c, who, SAY_RST_ACK | LA_TCP_FIN, c->nxt[who], 0); break;
  case 6: break; /* stays open */
  case 7: say(c, who, SAY_FIN, 0, ARRIVES); break;
  case 8: /* the FIN before the data in front of it */
    c->nxt[who] += 100;
    say(c, who, SAY_FIN, 0, LOST);
    emit(c, other, SAY_ACK, c->nxt[other], 0);
    wait_us(c, 10, 8000);
    emit(c, who, SAY_DATA, c->nxt[who] - 101, 100);
    c->got[other] = c->nxt[who];
    half_trip(c);
    say(c, other, SAY_ACK, 0, ARRIVES);
    break;
  case 9: /* a RST after everything */
    close_plainly(c, who);
    emit(c, some_side(c), LA_TCP_RST, c->nxt[who], 0);
    break;
  case 10: /* data, then FIN, acknowledged one by one */
    say(c, who, SAY_DATA, 10, ARRIVES);
    say(c, who, SAY_FIN, 0, LOST);
    say(c, other, SAY_ACK, 0, ARRIVES);
    c->got[other] = c->nxt[who];
    close_plainly(c, other);
    break;
  default: close_plainly(c, who); break;
  }
}

/* ---- spoiling ---- */

static inline void change(Dice *dice, LaSegment *s)
{
  switch (roll(dice, 16)) {
  case 0: s->flags ^= (uint16_t)(1u << roll(dice, 6)); break;
  case 1: s->seq += roll(dice, 5) - 2; break;
  case 2: s->ack += roll(dice, 5) - 2; break;
  case 3: s->window = 0; break;
  case 4: s->checksum_bad = 1; break;
  case 5: s->fragment = 1; break;
  case 6: s->options |= LA_OPT_CUT; break;
  case 7:
    s->options |= LA_OPT_SACK;
    s->sack_count = 1;
    s->sack[0].left = s->ack - 100;
    s->sack[0].right = s->ack + roll(dice, 200) - 100;
    break;
  case 8: s->interface = 1; break;
  case 9: s->ttl = (uint8_t)roll(dice, 256); break;
  case 10: s->payload_len += roll(dice, 3); break;
  case 11: s->seq = roll32(dice); break;
  case 12: s->ack = roll32(dice); break;
  case 13: s->window = (uint16_t)roll(dice, 70000); break;
  case 14: s->flags = (uint16_t)roll(dice, 64); break;
  default: s->tunnel_hash = roll(dice, 3); break;
  }
}

static inline void spoil(Chat *c, uint32_t per_mille)
{
  guint end = c->events->len;
  for (guint i = c->first; i < end; i++) {
    Event *event = &g_array_index(c->events, Event, i);
    if (chance(c->dice, per_mille) && !event->is_icmp)
      change(c->dice, &event->segment);
    if (chance(c->dice, per_mille))
      event->time += (LaTime)(roll(c->dice, 40000)) * LA_USEC - 20 * LA_MSEC; /* earlier or later than others */
    if (chance(c->dice, per_mille)) {
      Event copy = *event;
      copy.time += (LaTime)roll(c->dice, chance(c->dice, 500) ? 2000 : 600000) * LA_USEC;
      g_array_append_val(c->events, copy);
      event = &g_array_index(c->events, Event, i);
    }
    if (chance(c->dice, per_mille) && i + 1 < end) {
      g_array_remove_index(c->events, i);
      end--;
      i--;
    }
  }
}

/* ---- the whole ---- */

static inline void converse(Dice *dice, GArray *events, LaTime start)
{
  uint8_t family = chance(dice, 200) ? LA_FAMILY_IPV6 : LA_FAMILY_IPV4;
  static const uint16_t services[] = {80, 443, 22, 8888, 40000, 33000, 5};
  Chat c = {
      .dice = dice, .events = events, .first = events->len, .time = start, .rtt = (LaTime)(20 + roll(dice, 60000)) * LA_USEC};
  LaAddr client = some_addr(dice, family, 1, 4);
  LaAddr server = some_addr(dice, family, chance(dice, 50) ? 1 : 2, 3);
  uint16_t service = services[roll(dice, G_N_ELEMENTS(services))];
  uint16_t port = chance(dice, 20) ? service : (uint16_t)(33000 + roll(dice, chance(dice, 300) ? 4 : 400));
  uint32_t tunnel = chance(dice, 100) ? 1 + roll(dice, 2) : 0;
  for (int side = 0; side < LA_SIDE_N; side++) {
    bool opens = side == LA_OPENER;
    c.form[side] = (LaSegment){.src = opens ? client : server,
                               .dst = opens ? server : client,
                               .src_port = opens ? port : service,
                               .dst_port = opens ? service : port,
                               .family = family,
                               .window = (uint16_t)(chance(dice, 50) ? 10 : 30000 + roll(dice, 30000)),
                               .ttl = (uint8_t)(opens               ? 64
                                                : chance(dice, 200) ? 64
                                                                    : 55),
                               .header_len = 20,
                               .tunnel_hash = tunnel,
                               .encap_count = tunnel != 0,
                               .encap = {{.id = tunnel, .kind = LA_ENCAP_VLAN, .has_id = 1}}};
    c.nxt[side] = some_isn(dice);
    c.ip_id[side] = family == LA_FAMILY_IPV4 && chance(dice, 700) ? (uint16_t)(1 + roll(dice, 65000)) : 0;
  }
  c.timestamps = chance(dice, 500);
  c.scaled = chance(dice, 600);
  c.sack = chance(dice, 500);

  bool clean = chance(dice, 450);
  if (clean)
    open_plainly(&c);
  if (clean || open_somehow(&c)) {
    /* Now and then so much happens that the timeline cannot hold it. */
    for (uint32_t i = !clean && chance(dice, 15) ? 100 : roll(dice, 6); i > 0; i--) {
      wait_us(&c, 0, chance(dice, 100) ? 2000000 : 20000);
      exchange(&c);
      if (!clean && chance(dice, 400))
        disturb(&c);
    }
    wait_us(&c, 0, chance(dice, 300) ? 900000 : 2000);
    if (clean)
      close_plainly(&c, some_side(&c));
    else
      close_somehow(&c);
  }
  if (!clean && chance(dice, 600))
    spoil(&c, chance(dice, 200) ? 150 : 30);
  /* Another connection with the same addresses and ports soon after, or much later. */
  if (chance(dice, 150)) {
    wait_us(&c, 100, chance(dice, 500) ? 2000000 : 200000000);
    c.nxt[LA_OPENER] = chance(dice, 700) ? c.nxt[LA_OPENER] + roll(dice, 100000) : some_isn(dice);
    c.nxt[LA_ACCEPTOR] = some_isn(dice);
    open_plainly(&c);
    exchange(&c);
    close_somehow(&c);
  }
}

static inline gint by_time(gconstpointer a, gconstpointer b)
{
  const Event *x = a;
  const Event *y = b;
  if (x->time != y->time)
    return x->time < y->time ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

/* The events of about `count` conversations within `span`, in capture order. (transfer full) */
static inline GArray *generate(uint64_t seed, unsigned count, LaTime span)
{
  Dice dice = dice_of(seed);
  GArray *events = g_array_new(FALSE, FALSE, sizeof(Event));
  for (unsigned i = 0; i < count; i++)
    converse(&dice, events, BEGINNING + (LaTime)roll(&dice, 1000000) * (span / 1000000));
  for (guint i = 0; i < events->len; i++)
    g_array_index(events, Event, i).order = i;
  g_array_sort(events, by_time);
  for (guint i = 0; i < events->len; i++) {
    Event *event = &g_array_index(events, Event, i);
    if (chance(&dice, 5))
      event->time -= (LaTime)roll(&dice, chance(&dice, 100) ? 3000000 : 3000) * LA_USEC; /* the clock goes back a little */
    event->segment.time = event->icmp.time = event->time;
    event->segment.frame = event->icmp.frame = i + 1;
  }
  return events;
}

#endif
