/* Zeek decides from flags as they pass; here the connection has been judged by the state machine already, and what the judgement says is
 * taken: a RST that its receiver had to refuse ended nothing, and a FIN outside the window closed nothing. Otherwise the words mean
 * what Zeek's manual says, and where that leaves a case open (a connection that began before the capture and was reset), the
 * word whose meaning holds is used.
 *
 * `history` is read off the kept timeline: all SYN, FIN and RST, the first payload, and what is unusual stand there, ordinary
 * acknowledgments do not. */
#include "report/zeek.h"

#include <string.h>

#include "base/seq.h"
#include "track/measures.h"

/* ---- uid ---- */

#define UID_DIGITS 17u /* 62^17 is more than 2^96 */
#define UID_WORDS 3u

static void hash_number(GChecksum *hash, uint64_t number)
{
  guchar bytes[8];
  for (unsigned i = 0; i < sizeof bytes; i++)
    bytes[i] = (guchar)(number >> (8 * i));
  g_checksum_update(hash, bytes, sizeof bytes);
}

/* Divides the number, most significant word first, by 62 and returns the rest. */
static unsigned next_digit(uint32_t *words)
{
  uint64_t rest = 0;
  for (unsigned i = 0; i < UID_WORDS; i++) {
    rest = rest << 32 | words[i];
    words[i] = (uint32_t)(rest / 62);
    rest %= 62;
  }
  return (unsigned)rest;
}

char *la_zeek_uid(const LaConnectionRecord *record, char *ret_text)
{
  static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const LaConnection *conn = record->conn;
  GChecksum *hash = g_checksum_new(G_CHECKSUM_SHA256);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    g_checksum_update(hash, conn->addr[side].bytes, sizeof conn->addr[side].bytes);
    hash_number(hash, conn->port[side]);
  }
  hash_number(hash, record->file);
  hash_number(hash, conn->id);
  hash_number(hash, (uint64_t)conn->first_time);
  guint8 sum[32];
  gsize len = sizeof sum;
  g_checksum_get_digest(hash, sum, &len);
  g_checksum_free(hash);
  uint32_t words[UID_WORDS];
  for (unsigned i = 0; i < UID_WORDS; i++)
    words[i] = (uint32_t)sum[4 * i] << 24 | (uint32_t)sum[4 * i + 1] << 16 | (uint32_t)sum[4 * i + 2] << 8 | sum[4 * i + 3];
  ret_text[0] = 'C';
  for (unsigned i = UID_DIGITS; i > 0; i--)
    ret_text[i] = digits[next_digit(words)];
  ret_text[1 + UID_DIGITS] = '\0';
  return ret_text;
}

/* ---- history ---- */

typedef enum {
  LETTERS_SYN, /* again when the sequence number is another */
  LETTERS_FIN,
  LETTERS_RST,
  LETTERS_NUMBERED,
} Numbered;

typedef enum {
  SCALED_CHECKSUM, /* at the first, the tenth, the hundredth ... */
  SCALED_GAP,
  SCALED_AGAIN,
  SCALED_ZERO_WINDOW,
  SCALED_N,
} Scaled;

typedef struct {
  GString *out;
  struct {
    uint32_t seen; /* bits by letter: those that stand once */
    uint8_t numbered[LETTERS_NUMBERED];
    uint32_t number[LETTERS_NUMBERED]; /* of the latest */
    unsigned count[SCALED_N];
  } side[LA_SIDE_N];
} Walk;

static void add(Walk *walk, LaSide side, char letter)
{
  g_string_append_c(walk->out, side == LA_OPENER ? letter : g_ascii_tolower(letter));
}

static void add_once(Walk *walk, LaSide side, char letter)
{
  uint32_t bit = UINT32_C(1) << (letter - 'A');
  if ((walk->side[side].seen & bit) == 0)
    add(walk, side, letter);
  walk->side[side].seen |= bit;
}

static void add_numbered(Walk *walk, LaSide side, Numbered which, char letter, uint32_t number)
{
  if (walk->side[side].numbered[which] == 0 || walk->side[side].number[which] != number)
    add(walk, side, letter);
  walk->side[side].numbered[which] = 1;
  walk->side[side].number[which] = number;
}

static void add_scaled(Walk *walk, LaSide side, Scaled which, char letter)
{
  unsigned count = ++walk->side[side].count[which];
  while (count % 10 == 0)
    count /= 10;
  if (count == 1)
    add(walk, side, letter);
}

static void add_flags(Walk *walk, LaSide side, const LaMoment *m)
{
  unsigned flags = m->flags & (LA_TCP_SYN | LA_TCP_FIN | LA_TCP_RST);
  switch (flags) {
  case 0:
    if (m->payload_len != 0)
      add_once(walk, side, 'D');
    else if ((m->flags & LA_TCP_ACK) != 0)
      add_once(walk, side, 'A');
    return;
  case LA_TCP_SYN: add_numbered(walk, side, LETTERS_SYN, (m->flags & LA_TCP_ACK) != 0 ? 'H' : 'S', m->seq); return;
  case LA_TCP_FIN: add_numbered(walk, side, LETTERS_FIN, 'F', m->seq + m->payload_len); return;
  case LA_TCP_RST: add_numbered(walk, side, LETTERS_RST, 'R', m->seq); return;
  default: add_once(walk, side, (flags & LA_TCP_SYN) == 0 ? 'I' : 'Q'); return;
  }
}

static void add_moment(Walk *walk, const LaMoment *m)
{
  LaSide side = (LaSide)m->side;
  if ((m->marks & LA_MARK_BAD_CHECKSUM) != 0) {
    add_scaled(walk, side, SCALED_CHECKSUM, 'C');
    return;
  }
  add_flags(walk, side, m);
  if ((m->marks & LA_MARK_ZERO_WINDOW) != 0)
    add_scaled(walk, side, SCALED_ZERO_WINDOW, 'W');
  if ((m->marks & LA_MARK_RETRANSMISSION) != 0 && m->payload_len != 0)
    add_scaled(walk, side, SCALED_AGAIN, 'T');
  if ((m->marks & LA_MARK_ACK_OF_UNSEEN) != 0 && (m->flags & (LA_TCP_FIN | LA_TCP_RST)) == 0)
    add_scaled(walk, LA_OTHER(side), SCALED_GAP, 'G');
}

void la_zeek_history(const LaConnection *conn, GString *out)
{
  Walk walk = {.out = out};
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_ICMP) != 0)
      continue;
    /* The roles are not those of the first packet. */
    if (m->frame == conn->first_frame && i == 0 && m->side == LA_ACCEPTOR)
      g_string_append_c(out, '^');
    add_moment(&walk, m);
  }
}

/* ---- conn_state ---- */

/* A SYN, then a RST, and of the client nothing between that shows an answer. */
static bool gave_up_its_syn(const char *history)
{
  if (*history == '^')
    history++;
  if (*history++ != 'S')
    return false;
  size_t other = strcspn(history, "HAFGIQR");
  return history[other] == 'R';
}

/* What is known of how it opened. */
typedef struct {
  bool syn;         /* of the client */
  bool answer;      /* the server's SYN-ACK, or SYN */
  bool established; /* both ends spoke, and as connected ones */
} Opening;

static const char *state_of_reset(const LaConnection *conn, const Opening *opening, const char *history)
{
  const LaEndpoint *sender = &conn->end[conn->rst_side];
  const LaEndpoint *other = &conn->end[LA_OTHER(conn->rst_side)];
  /* Both had closed, or the other one did after all. */
  if ((sender->flags & LA_END_FIN) != 0 && sender->fin_frame < conn->rst_frame && (other->flags & LA_END_FIN) != 0)
    return "SF";
  if (conn->rst_side == LA_ACCEPTOR) {
    if (opening->syn && !opening->answer && !opening->established)
      return "REJ";
    return !opening->syn && opening->answer && !opening->established ? "RSTRH" : "RSTR";
  }
  if (opening->established)
    return "RSTO";
  return opening->syn && !opening->answer && gave_up_its_syn(history) ? "RSTOS0" : "OTH";
}

static const char *state_of_fins(const Opening *opening, bool client, bool server)
{
  if (client && server)
    return "SF";
  if (client && opening->established)
    return "S2";
  if (client)
    return opening->syn && !opening->answer ? "SH" : "OTH";
  if (opening->established)
    return "S3";
  return opening->answer && !opening->syn ? "SHR" : "OTH";
}

const char *la_zeek_conn_state(const LaConnection *conn, const char *history)
{
  const LaEndpoint *client = &conn->end[LA_OPENER];
  const LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  Opening opening = {.syn = (client->flags & LA_END_SYN) != 0, .answer = (server->flags & (LA_END_SYN | LA_END_SYN_ACK)) != 0};
  opening.established = (client->flags & LA_END_SPOKE) != 0 && (server->flags & LA_END_SPOKE) != 0 &&
                        ((opening.syn && opening.answer) || (conn->flags & LA_CONN_ESTABLISHED) != 0);
  if ((conn->flags & LA_CONN_RST) != 0 && conn->rst_side < LA_SIDE_N)
    return state_of_reset(conn, &opening, history);
  bool client_fin = (client->flags & LA_END_FIN) != 0;
  bool server_fin = (server->flags & LA_END_FIN) != 0;
  if (client_fin || server_fin)
    return state_of_fins(&opening, client_fin, server_fin);
  if (opening.syn && (server->flags & LA_END_SPOKE) == 0)
    return "S0";
  return (opening.syn || opening.answer) && opening.established ? "S1" : "OTH";
}

/* ---- amounts ---- */

static bool closed_at(const LaConnection *conn, LaSide side, LaTime *ret_time)
{
  const LaEndpoint *end = &conn->end[side];
  bool fin = (end->flags & LA_END_FIN) != 0;
  bool rst = (conn->flags & LA_CONN_RST) != 0 && conn->rst_side == side;
  if (fin)
    *ret_time = rst ? MIN(end->fin_time, conn->rst_time) : end->fin_time;
  else if (rst)
    *ret_time = conn->rst_time;
  return fin || rst;
}

LaTime la_zeek_duration(const LaConnection *conn)
{
  LaTime client = LA_TIME_NONE;
  LaTime server = LA_TIME_NONE;
  if (!la_time_is_known(conn->first_time))
    return 0;
  if (!closed_at(conn, LA_OPENER, &client) || !closed_at(conn, LA_ACCEPTOR, &server))
    return MAX(la_connection_duration(conn), 0); /* without packets there is none */
  LaTime last = MAX(client, server);
  return last > conn->first_time ? last - conn->first_time : 0;
}

/* The number of its first octet: behind its SYN, what the other end's SYN-ACK acknowledged, or that of its first payload. */
static bool find_base(const LaConnection *conn, LaSide side, uint32_t *ret_base)
{
  const LaEndpoint *end = &conn->end[side];
  if ((end->flags & LA_END_ISN) != 0) {
    *ret_base = end->isn + 1;
    return true;
  }
  for (unsigned i = 0; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    if ((m->marks & LA_MARK_ICMP) != 0)
      continue;
    if (m->side == side && (m->marks & LA_MARK_FIRST_DATA) != 0) {
      *ret_base = m->seq;
      return true;
    }
    if (m->side != side && (m->marks & LA_MARK_SYN_ACK) != 0) {
      *ret_base = m->ack;
      return true;
    }
  }
  return false;
}

bool la_zeek_bytes(const LaConnection *conn, LaSide side, uint64_t *ret_bytes)
{
  const LaEndpoint *end = &conn->end[side];
  uint32_t base;
  bool acked = (end->flags & LA_END_UNA) != 0;
  if ((end->flags & LA_END_SPOKE) == 0 && !acked) {
    *ret_bytes = 0;
    return true;
  }
  if (!find_base(conn, side, &base)) {
    if (end->payload_bytes != 0 || (end->flags & LA_END_SPOKE) == 0)
      return false;
    *ret_bytes = 0;
    return true;
  }
  uint32_t top = end->snd_nxt;
  if ((end->flags & LA_END_FIN) != 0 && la_seq_ge(top, end->fin_end))
    top--;
  /* Sequence numbers begin anew every 4 GiB; what was counted tells how often they did. */
  int32_t more = (int32_t)(top - base - (uint32_t)end->payload_bytes);
  if (more < 0 && (uint64_t)(-(int64_t)more) > end->payload_bytes)
    return false;
  *ret_bytes = end->payload_bytes + (uint64_t)(int64_t)more;
  return true;
}

/* What its numbers skipped. Of more holes than are kept only the number is known. */
static bool missed_of(const LaConnection *conn, LaSide side, uint64_t *ret_bytes)
{
  const LaEndpoint *end = &conn->end[side];
  uint64_t bytes = 0;
  uint32_t acknowledged = 0;
  for (unsigned i = 0; i < end->holes_used && i < LA_HOLES_MAX; i++) {
    bytes += end->holes[i].end - end->holes[i].start;
    acknowledged += end->holes[i].acked_frame != 0 ? 1 : 0;
  }
  uint64_t sent;
  if (end->holes_used >= LA_HOLES_MAX || acknowledged != end->missed ||
      (la_zeek_bytes(conn, side, &sent) && sent > end->payload_bytes + bytes))
    return false;
  *ret_bytes = bytes;
  return true;
}

bool la_zeek_missed_bytes(const LaConnection *conn, uint64_t *ret_bytes)
{
  uint64_t client, server;
  if (!missed_of(conn, LA_OPENER, &client) || !missed_of(conn, LA_ACCEPTOR, &server))
    return false;
  *ret_bytes = client + server;
  return true;
}
