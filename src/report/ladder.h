/* `lastack show`: one connection, a line a packet, with the states of both ends at the sides.
 *
 * States are those of the finished connection (only then is its path final), so the packets are gone through a second time: the
 * first pass yields the story, the second feeds the ladder. */
#ifndef LA_REPORT_LADDER_H
#define LA_REPORT_LADDER_H

#include "decode/header_fields.h"
#include "report/format.h"
#include "report/record.h"
#include "track/tracker.h"

/* A finished connection, kept: what a record says, copied. */
typedef struct {
  LaConnection conn; /* without its timeline, which may not be read */
  char *path;        /* of the capture (owned) */
  LaHandshakeResult handshake;
  LaTeardownResult teardown;
  LaAppError app_error[LA_SIDE_N];
  LaFindings findings;
  char *sentences[LA_FINDINGS_MAX]; /* (owned) */
} LaStory;

LaStory *la_story_new(const LaConnectionRecord *record); /* (transfer full) */
void la_story_free(LaStory *story);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaStory, la_story_free)

typedef enum {
  LA_LADDER_FOLDED,  /* long runs of ordinary data are one line */
  LA_LADDER_VERBOSE, /* every packet, with every header field and option */
} LaLadderDetail;

typedef enum {
  LA_SEQUENCE_RELATIVE,
  LA_SEQUENCE_ABSOLUTE,
} LaSequenceNumbers;

typedef struct {
  LaStyle style;
  LaLadderDetail detail;
  LaSequenceNumbers numbers;
  LaNames names;
} LaLadderOptions;

typedef struct LaLadder LaLadder;

/* A ladder of `story` (borrowed) that is appended to `out` (borrowed), beginning with its head. (transfer full) */
LaLadder *la_ladder_new(const LaStory *story, const LaLadderOptions *options, GString *out);
void la_ladder_free(LaLadder *ladder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLadder, la_ladder_free)

/* Whether la_ladder_segment wants the header's fields. */
bool la_ladder_wants_fields(const LaLadder *ladder);

/* The connection's packets, in capture order; the second for ICMP errors that quote it. `fields` may be NULL when they are not
 * wanted, or not to be had. */
void la_ladder_segment(LaLadder *ladder, const LaSegment *segment, const LaSegmentNote *note, const LaHeaderFields *fields);
void la_ladder_icmp(LaLadder *ladder, const LaIcmpError *icmp);

/* After the last packet: what is still folded, and the findings. */
void la_ladder_end(LaLadder *ladder);

#endif
