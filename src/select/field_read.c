/* Reading fields from a connection, its findings, or a finding about a host or a capture. Values are those of the records
 * (report/ndjson_connection.c): what a record leaves out, or gives as null, is not known here either. */
#include <string.h>

#include "diagnose/aggregate.h"
#include "base/community_id.h"
#include "decode/decoder.h"
#include "select/field.h"
#include "track/measures.h"

static bool number(LaValue *ret, int64_t value)
{
  ret->number = value;
  return true;
}

static bool flags_hold(const LaConnection *conn, const LaFieldRow *row)
{
  return (conn->end[row->side].flags & row->end_flags) == row->end_flags && (conn->flags & row->conn_flags) == row->conn_flags;
}

bool la_read_member(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaConnection *conn = candidate->conn;
  if (conn == NULL || at > 0 || !flags_hold(conn, row))
    return false;
  const uint8_t *member = (const uint8_t *)conn + row->offset;
  uint8_t one;
  uint16_t two;
  uint32_t four;
  uint64_t value;
  switch (row->size) {
  case 1:
    memcpy(&one, member, sizeof one);
    value = one;
    break;
  case 2:
    memcpy(&two, member, sizeof two);
    value = two;
    break;
  case 4:
    memcpy(&four, member, sizeof four);
    value = four;
    break;
  default: memcpy(&value, member, sizeof value); break;
  }
  if ((value == 0 && row->zero != 0) || (row->type == LA_TYPE_TIME && !la_time_is_known((LaTime)value)))
    return false;
  return number(ret, (int64_t)value);
}

bool la_read_span(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  if (candidate->conn == NULL || at > 0)
    return false;
  LaTime span = row->span(candidate->conn, (LaSide)row->side);
  return span != LA_TIME_NONE && number(ret, span);
}

bool la_read_pick(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  if (candidate->conn == NULL || at > 0)
    return false;
  int value = row->pick(candidate->conn, (LaSide)row->side);
  return value >= 0 && number(ret, value);
}

bool la_read_file(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  unsigned file = candidate->finding != NULL && candidate->finding->file != 0 ? candidate->finding->file : candidate->file;
  return at == 0 && file != 0 && number(ret, file);
}

/* ---- ends ---- */

/* The end that a row speaks of; false when the candidate has none. A source has no port. */
static bool find_end(const LaCandidate *candidate, const LaFieldRow *row, LaHostPort *ret)
{
  const LaConnection *conn = candidate->conn;
  if (conn != NULL) {
    *ret = (LaHostPort){.addr = conn->addr[row->side], .port = conn->port[row->side], .family = conn->family};
    return true;
  }
  const LaSubject *subject = candidate->subject;
  if (subject == NULL || subject->kind == (row->side == LA_OPENER ? LA_SUBJECT_SERVICE : LA_SUBJECT_SOURCE))
    return false;
  *ret = row->side == LA_OPENER ? subject->client : subject->server;
  return true;
}

bool la_read_address(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  LaHostPort end;
  if (at > 0 || !find_end(candidate, row, &end))
    return false;
  ret->addr = end.addr;
  ret->family = end.family;
  return true;
}

bool la_read_port(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  LaHostPort end;
  if (at > 0 || !find_end(candidate, row, &end) || (candidate->conn == NULL && row->side == LA_OPENER))
    return false;
  return number(ret, end.port);
}

bool la_read_community_id(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaConnection *conn = candidate->conn;
  if (conn == NULL || at > 0)
    return false;
  LaHostPort ends[LA_SIDE_N];
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    ends[side] = (LaHostPort){.addr = conn->addr[side], .port = conn->port[side], .family = conn->family};
  _Static_assert(sizeof ret->room >= LA_COMMUNITY_ID_MAX && sizeof ret->room >= LA_ENCAP_TEXT_MAX, "room for both");
  ret->text = la_community_id(&ends[LA_OPENER], &ends[LA_ACCEPTOR], ret->room);
  return true;
}

bool la_read_encapsulation(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaConnection *conn = candidate->conn;
  if (conn == NULL || at >= conn->encap_count || at >= LA_ENCAP_MAX)
    return false;
  ret->text = la_encap_format(&conn->encap[at], ret->room);
  return true;
}

bool la_read_subject_kind(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  return at == 0 && candidate->subject != NULL && number(ret, candidate->subject->kind);
}

/* ---- the path ---- */

static const LaStep *step_of(const LaCandidate *candidate, const LaFieldRow *row, unsigned at)
{
  if (candidate->conn == NULL)
    return NULL;
  const LaEndpoint *end = &candidate->conn->end[row->side];
  return la_connection_knows(candidate->conn, (LaSide)row->side) && at < end->steps && at < LA_STEPS_MAX ? &end->path[at]
                                                                                                         : NULL;
}

bool la_read_path_state(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaStep *step = step_of(candidate, row, at);
  return step != NULL && number(ret, step->state);
}

bool la_read_path_packet(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  for (unsigned i = 0; step_of(candidate, row, i) != NULL; i++) {
    uint64_t frame = la_connection_step_frame(candidate->conn, (LaSide)row->side, i);
    if (frame != 0 && at-- == 0)
      return number(ret, (int64_t)frame);
  }
  return false;
}

bool la_read_path_at(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaStep *step = step_of(candidate, row, at);
  if (step == NULL || !la_time_is_known(candidate->conn->first_time))
    return false;
  return number(ret, step->time != LA_TIME_NONE ? step->time - candidate->conn->first_time : 0);
}

/* Those steps that another packet proves: the n-th such, since the others have no value. */
bool la_read_path_proved(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaStep *step;
  for (unsigned i = 0; (step = step_of(candidate, row, i)) != NULL; i++) {
    if (step->proved_by != 0 && step->proved_by != step->frame && !la_step_is_told(step) && at-- == 0)
      return number(ret, (int64_t)step->proved_by);
  }
  return false;
}

bool la_read_path_kernel(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaStep *step;
  for (unsigned i = 0; (step = step_of(candidate, row, i)) != NULL; i++) {
    if (la_step_is_told(step) && at-- == 0)
      return number(ret, 1);
  }
  return false;
}

bool la_read_path_gap(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaStep *step;
  for (unsigned i = 0; (step = step_of(candidate, row, i)) != NULL; i++) {
    if (step->gap != 0 && at-- == 0)
      return number(ret, 1);
  }
  return false;
}

/* ---- findings ---- */

static const LaFinding *finding_at(const LaCandidate *candidate, unsigned at)
{
  if (candidate->finding != NULL)
    return at == 0 ? candidate->finding : NULL;
  return candidate->findings != NULL && at < candidate->findings->count ? &candidate->findings->items[at] : NULL;
}

bool la_read_finding_code(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  return finding != NULL && number(ret, la_rule_index(finding->rule));
}

bool la_read_finding_severity(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  return finding != NULL && number(ret, finding->severity);
}

bool la_read_finding_blame(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  return finding != NULL && number(ret, finding->blame);
}

bool la_read_finding_blame_also(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding;
  for (unsigned i = 0; (finding = finding_at(candidate, i)) != NULL; i++) {
    for (unsigned blame = 0; blame < LA_BLAME_N; blame++) {
      if ((finding->blame_also >> blame & 1) != 0 && at-- == 0)
        return number(ret, blame);
    }
  }
  return false;
}

bool la_read_finding_confidence(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  return finding != NULL && number(ret, finding->confidence);
}

bool la_read_finding_packets(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding;
  for (unsigned i = 0; (finding = finding_at(candidate, i)) != NULL; i++) {
    if (at < finding->packet_count)
      return number(ret, (int64_t)finding->packets[at]);
    at -= finding->packet_count;
  }
  return false;
}

/* Told only where more packets show it than the finding lists. */
bool la_read_finding_packets_total(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding;
  for (unsigned i = 0; (finding = finding_at(candidate, i)) != NULL; i++) {
    if (finding->packets_total > finding->packet_count && at-- == 0)
      return number(ret, (int64_t)finding->packets_total);
  }
  return false;
}

bool la_read_finding_file(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding;
  for (unsigned i = 0; (finding = finding_at(candidate, i)) != NULL; i++) {
    if (finding->file != 0 && at-- == 0)
      return number(ret, finding->file);
  }
  return false;
}

bool la_read_finding_at(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  return finding != NULL && la_time_is_known(finding->at) && number(ret, finding->at);
}

bool la_read_finding_summary(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  (void)row;
  const LaFinding *finding = finding_at(candidate, at);
  if (finding == NULL || (candidate->finding != NULL && candidate->subject == NULL)) {
    ret->text = candidate->sentence;
    return finding != NULL && ret->text != NULL;
  }
  GString *text = g_string_new(NULL);
  if (candidate->subject != NULL)
    la_host_finding_summary(finding, candidate->subject, text);
  else
    la_finding_summary(finding, candidate->conn, text);
  ret->owned = g_string_free(text, FALSE);
  ret->text = ret->owned;
  return true;
}

static bool take_fact(const LaFact *fact, const LaFieldRow *row, LaValue *ret)
{
  switch (fact->kind) {
  case LA_FACT_COUNT: return (row->type == LA_TYPE_NUMBER || row->type == LA_TYPE_BYTES) && number(ret, fact->value.count);
  case LA_FACT_SPAN: return row->type == LA_TYPE_SPAN && fact->value.span != LA_TIME_NONE && number(ret, fact->value.span);
  case LA_FACT_RATIO: ret->ratio = fact->value.ratio; return row->type == LA_TYPE_RATIO;
  case LA_FACT_WORD: ret->text = fact->value.word; return row->type == LA_TYPE_TEXT;
  case LA_FACT_ADDR:
    ret->addr = fact->value.addr;
    ret->family = (uint8_t)fact->extra;
    return row->type == LA_TYPE_ADDRESS;
  }
  return false;
}

bool la_read_fact(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret)
{
  const LaFinding *finding;
  for (unsigned i = 0; (finding = finding_at(candidate, i)) != NULL; i++) {
    const LaFact *fact = la_finding_fact(finding, row->fact);
    if (fact != NULL && at-- == 0)
      return take_fact(fact, row, ret);
  }
  return false;
}
