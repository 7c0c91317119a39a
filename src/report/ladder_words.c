/* A segment's marks as words. The order of the table is that of importance: what changes the story first. */
#include <string.h>

#include "base/seq.h"
#include "report/ladder_private.h"

static const struct {
  uint64_t mark;
  const char *words;
} table[] = {
    {LA_MARK_INVALID_FLAGS, "flags that mean nothing together"},
    {LA_MARK_STALE_SYN, "SYN on a connection that lived on"},
    {LA_MARK_ISN_CHANGED, "with another initial sequence number"},
    {LA_MARK_BAD_ACK, "does not acknowledge the SYN"},
    {LA_MARK_FAST_OPEN, "data in the SYN (fast open)"},
    {LA_MARK_RST_COUNTS, "ends the connection"},
    {LA_MARK_RST_IGNORED, "ends nothing: not at the number the receiver expects"},
    {LA_MARK_CHALLENGE_ACK, "challenge ACK"},
    {LA_MARK_OUT_OF_ORDER, "out of order, fills a hole"},
    {LA_MARK_HOLE_BEFORE, "data before it is missing"},
    {LA_MARK_WINDOW_PROBE, "probes the closed window"},
    {LA_MARK_ZERO_WINDOW, "closes its window"},
    {LA_MARK_WINDOW_OPENED, "opens its window again"},
    {LA_MARK_OUT_OF_WINDOW, "outside the receiver's window"},
    {LA_MARK_BEYOND_FIN, "data beyond its own FIN"},
    {LA_MARK_AFTER_PEER_FIN, "data after the other end's FIN"},
    {LA_MARK_ACK_OF_UNSENT, "acknowledges data that was never sent"},
    {LA_MARK_ACK_OF_UNSEEN, "acknowledges data that the capture does not have"},
    {LA_MARK_DSACK, "reports a segment that came twice"},
    {LA_MARK_DUP_ACK, "the same ACK again"},
    {LA_MARK_AFTER_RST, "after the RST"},
    {LA_MARK_AFTER_CLOSE, "after the close"},
    {LA_MARK_FOREIGN_TTL, "with a TTL its sender never had"},
    {LA_MARK_BAD_CHECKSUM, "wrong checksum"},
    {LA_MARK_TIME_WENT_BACK, "time goes back here"},
    {LA_MARK_CORRECTED, "shows that an assumed step had not happened"},
};

static void add(GString *out, gsize from, const char *words)
{
  if (out->len > from)
    g_string_append(out, ", ");
  g_string_append(out, words);
}

static void add_of(GString *out, gsize from, const char *words, uint64_t frame)
{
  add(out, from, words);
  if (frame != 0)
    g_string_append_printf(out, " of %" G_GUINT64_FORMAT, frame);
}

/* The first packet that carried the segment's first byte. */
static uint64_t first_sending(const LaLadderSide *sender, const LaSegment *segment)
{
  unsigned kept = MIN(sender->sent_count, LA_LADDER_RECALL);
  for (unsigned i = 0; i < kept; i++) {
    const LaSent *sent = &sender->sent[(sender->sent_count - kept + i) % LA_LADDER_RECALL];
    if (la_seq_le(sent->start, segment->seq) && la_seq_lt(segment->seq, sent->end))
      return sent->frame;
  }
  return 0;
}

/* The latest segment without data that had the same numbers. */
static uint64_t same_ack(const LaLadderSide *sender, const LaSegment *segment)
{
  unsigned kept = MIN(sender->ack_count, LA_LADDER_RECALL_ACKS);
  for (unsigned i = 1; i <= kept; i++) {
    const LaSent *ack = &sender->acks[(sender->ack_count - i) % LA_LADDER_RECALL_ACKS];
    if (ack->start == segment->seq && ack->end == segment->ack)
      return ack->frame;
  }
  return 0;
}

static void add_repetition(GString *out, gsize from, const LaSegment *segment, const LaSegmentNote *note,
                           const LaLadderSide *sender)
{
  uint64_t frame = note->repeats_frame;
  if (frame == 0)
    frame = segment->payload_len > 0 ? first_sending(sender, segment) : same_ack(sender, segment);
  if ((note->marks & LA_MARK_DUPLICATE) != 0)
    add_of(out, from, "captured again: copy", frame);
  else if ((note->marks & LA_MARK_RETRANSMISSION) != 0)
    add_of(out, from, "retransmission", frame);
}

void la_ladder_words(GString *out, const LaSegment *segment, const LaSegmentNote *note, LaSide side, const LaLadderSide *memory)
{
  const LaLadderSide *sender = &memory[side];
  const LaLadderSide *peer = &memory[LA_OTHER(side)];
  gsize from = out->len;
  uint64_t marks = note->marks;
  add_repetition(out, from, segment, note, sender);
  if ((marks & LA_MARK_DUPLICATE) != 0)
    return; /* all else is that of the first copy */
  if ((marks & LA_MARK_KEEPALIVE) != 0)
    add(out, from, "keep-alive");
  if ((marks & LA_MARK_KEEPALIVE_ANSWER) != 0)
    add_of(out, from, "answers the keep-alive", peer->keepalive_frame);
  for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
    if (table[i].mark == LA_MARK_RST_COUNTS && (marks & LA_MARK_AFTER_RST) != 0)
      continue; /* it could have, but there was nothing left to end */
    if ((marks & table[i].mark) != 0)
      add(out, from, table[i].words);
  }
  if ((marks & LA_MARK_SYN_ACK) != 0 && (marks & LA_MARK_BAD_ACK) == 0 && peer->syn_frame != 0)
    add_of(out, from, "answers the SYN", peer->syn_frame);
  if ((marks & LA_MARK_HANDSHAKE_ACK) != 0)
    add(out, from, "completes the handshake");
  if ((marks & LA_MARK_ACKS_FIN) != 0)
    add_of(out, from, "acknowledges the FIN", peer->fin_frame);
  if ((marks & LA_MARK_FIRST_DATA) != 0 && (marks & LA_MARK_FAST_OPEN) == 0)
    add(out, from, "its first data");
}

void la_ladder_remember(LaLadderSide *memory, const LaSegment *segment, const LaSegmentNote *note, LaSide side)
{
  LaLadderSide *sender = &memory[side];
  LaLadderSide *peer = &memory[LA_OTHER(side)];
  if (!sender->has_base) {
    /* Without its SYN a side's numbers begin at 1, as if the SYN had been just before. */
    sender->base = (segment->flags & LA_TCP_SYN) != 0 ? segment->seq : segment->seq - 1;
    sender->has_base = 1;
  }
  if (!peer->has_base && (segment->flags & LA_TCP_ACK) != 0) {
    peer->base = segment->ack - 1;
    peer->has_base = 1;
  }
  if ((note->marks & LA_MARK_DUPLICATE) != 0)
    return;
  if ((segment->flags & LA_TCP_SYN) != 0)
    sender->syn_frame = segment->frame;
  if ((segment->flags & LA_TCP_FIN) != 0 && (sender->fin_frame == 0 || (note->marks & LA_MARK_RETRANSMISSION) == 0))
    sender->fin_frame = segment->frame;
  if ((note->marks & LA_MARK_KEEPALIVE) != 0)
    sender->keepalive_frame = segment->frame;
  if (segment->payload_len == 0)
    sender->acks[sender->ack_count++ % LA_LADDER_RECALL_ACKS] =
        (LaSent){.start = segment->seq, .end = segment->ack, .frame = segment->frame};
  if (segment->payload_len > 0 && (note->marks & (LA_MARK_RETRANSMISSION | LA_MARK_KEEPALIVE | LA_MARK_WINDOW_PROBE)) == 0) {
    uint32_t start = segment->seq + ((segment->flags & LA_TCP_SYN) != 0 ? 1 : 0);
    sender->sent[sender->sent_count++ % LA_LADDER_RECALL] =
        (LaSent){.start = start, .end = start + segment->payload_len, .frame = segment->frame};
  }
}
