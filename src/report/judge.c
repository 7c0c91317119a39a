/* Every finished connection belongs to one suite: that of the first of the policy's services whose `where` holds, else that of its
 * server's address and port. A finding is judged there by clauses and severity; beside that, a connection has to be closed, and to
 * keep what is required of it. What is expected of all together is tallied by src/select.
 *
 * Memory is bounded: suites by their number, examples by LA_EXAMPLES_MAX of a case and blame; everything else is counted.
 *
 * A finding about the capture stands on each connection it concerns and once on the capture. It is judged on the capture, and on a
 * connection only by a clause that chooses connections. */
#include "report/judge.h"

#include <string.h>

#include "report/judge_private.h"
#include "track/measures.h"

#define SERVERS_REMEMBERED 4096u

static guint hash_server(gconstpointer data)
{
  const LaHostPort *end = data;
  uint64_t words[2];
  memcpy(words, end->addr.bytes, sizeof words);
  uint64_t mixed = (words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15)) + end->port;
  mixed *= UINT64_C(0xbf58476d1ce4e5b9);
  return (guint)(mixed >> 32);
}

static void clear_slot(LaSlot *slot)
{
  la_case_free(slot->one);
  slot->one = NULL;
}

static void free_suite(gpointer data)
{
  LaJudgeSuite *suite = data;
  for (unsigned i = 0; i < LA_RULES_MAX; i++)
    clear_slot(&suite->rules[i]);
  clear_slot(&suite->unclosed);
  g_free(suite->requirements); /* la_judge_free has cleared them */
  g_free(suite);
}

static LaJudgeSuite *add_suite(LaJudge *judge, unsigned section, const LaHostPort *server)
{
  LaJudgeSuite *suite = g_new0(LaJudgeSuite, 1);
  suite->section = section;
  if (server != NULL)
    suite->server = *server;
  suite->requirements = g_new0(LaSlot, MAX(judge->options.policy->requirements->len, 1));
  g_ptr_array_add(judge->suites, suite);
  return suite;
}

LaJudge *la_judge_new(const LaJudgeOptions *options)
{
  const LaPolicy *policy = options->policy;
  LaJudge *judge = g_new0(LaJudge, 1);
  judge->options = *options;
  judge->options.paths = NULL; /* copied below */
  judge->check = la_check_new(policy, options->now);
  judge->suites = g_ptr_array_new_with_free_func(free_suite);
  judge->by_server = g_hash_table_new(hash_server, la_host_port_equal);
  judge->of_sections = g_hash_table_new_full(hash_server, la_host_port_equal, g_free, NULL);
  for (unsigned i = 0; i < options->paths->len; i++)
    g_ptr_array_add(judge->check->paths, g_strdup(g_ptr_array_index(options->paths, i)));
  for (unsigned i = 0; i < policy->services->len; i++)
    add_suite(judge, i, NULL);
  judge->tallies = g_new0(LaTally *, MAX(policy->expectations->len, 1));
  judge->expectations = g_new0(LaSlot, MAX(policy->expectations->len, 1));
  for (unsigned i = 0; i < policy->expectations->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->expectations, i);
    judge->tallies[i] = la_tally_new(demand->expression);
  }
  judge->suppressed = g_new0(uint64_t, MAX(policy->clauses->len, 1));
  judge->empty = g_ptr_array_new_with_free_func(g_free);
  judge->unopened = g_ptr_array_new_with_free_func(g_free);
  judge->broken_off = g_ptr_array_new_with_free_func(g_free);
  return judge;
}

void la_judge_free(LaJudge *judge)
{
  if (judge == NULL)
    return;
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < judge->suites->len; i++) {
    LaJudgeSuite *suite = g_ptr_array_index(judge->suites, i);
    for (unsigned k = 0; k < policy->requirements->len; k++)
      clear_slot(&suite->requirements[k]);
  }
  for (unsigned i = 0; i < policy->expectations->len; i++) {
    la_tally_free(judge->tallies[i]);
    clear_slot(&judge->expectations[i]);
  }
  g_free(judge->tallies);
  g_free(judge->expectations);
  g_free(judge->suppressed);
  g_free(judge->scaled_note);
  g_hash_table_unref(judge->by_server);
  g_hash_table_unref(judge->of_sections);
  g_ptr_array_unref(judge->suites);
  g_ptr_array_unref(judge->empty);
  g_ptr_array_unref(judge->unopened);
  g_ptr_array_unref(judge->broken_off);
  la_check_free(judge->check);
  g_free(judge);
}

const LaCheck *la_judge_check(const LaJudge *judge)
{
  return judge->check;
}

void la_judge_note(LaJudge *judge, const char *sentence)
{
  for (unsigned i = 0; i < judge->check->notes->len; i++) {
    if (strcmp(g_ptr_array_index(judge->check->notes, i), sentence) == 0)
      return;
  }
  g_ptr_array_add(judge->check->notes, g_strdup(sentence));
}

/* The slot's case, made when it is not there yet. */
static LaCase *slot_case(LaSlot *slot, const char *name, const LaRule *rule)
{
  if (slot->one == NULL) {
    slot->one = la_case_new(name, rule);
    slot->breaking = slot->suppressing = LA_SLOT_NONE;
  }
  return slot->one;
}

/* ---- suites ---- */

static LaJudgeSuite *new_service(LaJudge *judge, const LaHostPort *server)
{
  if (g_hash_table_size(judge->by_server) < LA_JUDGE_SUITES_MAX) {
    LaJudgeSuite *suite = add_suite(judge, 0, server);
    g_hash_table_insert(judge->by_server, &suite->server, suite);
    return suite;
  }
  if (judge->other == NULL)
    judge->other = add_suite(judge, 0, NULL);
  return judge->other;
}

static LaJudgeSuite *suite_of(LaJudge *judge, const LaConnection *conn, unsigned section)
{
  if (section != 0)
    return g_ptr_array_index(judge->suites, section);
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  if (judge->last != NULL && judge->last->section == 0 && la_host_port_equal(&judge->last_server, &server))
    return judge->last;
  LaJudgeSuite *suite = g_hash_table_lookup(judge->by_server, &server);
  if (suite == NULL)
    suite = new_service(judge, &server);
  judge->last = suite;
  judge->last_server = server;
  return suite;
}

/* Which of the policy's services a server's findings belong to; of a server in several, the first that was seen. */
static void remember_server(LaJudge *judge, const LaConnection *conn, LaJudgeSuite *suite)
{
  LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
  if (judge->last == suite && la_host_port_equal(&judge->last_server, &server))
    return;
  judge->last = suite;
  judge->last_server = server;
  if (g_hash_table_size(judge->of_sections) < SERVERS_REMEMBERED && !g_hash_table_contains(judge->of_sections, &server))
    g_hash_table_insert(judge->of_sections, g_memdup2(&server, sizeof server), suite);
}

/* Findings about a whole service stand with its connections; those about who visits many, with the run. */
static LaJudgeSuite *suite_of_subject(LaJudge *judge, const LaSubject *subject)
{
  LaJudgeSuite *suite = NULL;
  if (subject->kind != LA_SUBJECT_SOURCE) {
    suite = g_hash_table_lookup(judge->of_sections, &subject->server);
    if (suite == NULL)
      suite = g_hash_table_lookup(judge->by_server, &subject->server);
  }
  return suite != NULL ? suite : g_ptr_array_index(judge->suites, 0);
}

/* ---- examples ---- */

static void add_packet(LaExample *example, uint64_t frame)
{
  unsigned at = 0;
  while (at < example->packet_count && example->packets[at] < frame)
    at++;
  if (frame == 0 || example->packet_count == LA_FINDING_PACKETS_MAX ||
      (at < example->packet_count && example->packets[at] == frame))
    return;
  memmove(&example->packets[at + 1], &example->packets[at], (example->packet_count - at) * sizeof example->packets[0]);
  example->packets[at] = frame;
  example->packets_total = ++example->packet_count;
}

static LaExample *example_of_connection(const LaJudge *judge, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  LaExample *example = g_new0(LaExample, 1);
  example->path = g_strdup(record->path);
  example->id = (conn->flags & LA_CONN_ADOPTED) == 0 ? conn->id : 0; /* no file gives it this id */
  example->client = la_connection_end(conn, LA_OPENER);
  example->server = la_connection_end(conn, LA_ACCEPTOR);
  bool timed = (conn->flags & LA_CONN_ADOPTED) == 0 && la_time_is_known(conn->first_time);
  example->started = timed ? conn->first_time : LA_TIME_NONE;
  example->blame = LA_BLAME_NONE;
  if (judge->options.owners != NULL)
    example->owner = la_owners_say(judge->options.owners, &example->client, &example->server, conn->first_time);
  if (judge->options.marks != NULL)
    example->test = g_strdup(la_marks_at(judge->options.marks, conn->first_time));
  return example;
}

static void take_finding(LaExample *example, const LaFinding *finding)
{
  example->severity = finding->severity;
  example->confidence = finding->confidence;
  example->blame = finding->blame;
  example->has_finding = true;
  example->packet_count = finding->packet_count;
  memcpy(example->packets, finding->packets, finding->packet_count * sizeof finding->packets[0]);
  example->packets_total = MAX(finding->packets_total, finding->packet_count);
}

/* ---- connections ---- */

static LaTime silence_at_end(const LaConnection *conn)
{
  return conn->end_time != LA_TIME_NONE && conn->end_time > conn->last_time ? conn->end_time - conn->last_time : 0;
}

static void say_state(const LaConnection *conn, LaSide side, GString *out)
{
  const LaEndpoint *end = &conn->end[side];
  if (end->steps == 0)
    g_string_append_printf(out, "%s unseen", la_side_name(side));
  else
    g_string_append_printf(out, "%s in %s", la_side_name(side),
                           la_tcp_state_name((LaTcpState)end->path[MIN(end->steps, LA_STEPS_MAX) - 1].state));
}

static void judge_unclosed(LaJudge *judge, LaJudgeSuite *suite, const LaConnectionRecord *record, LaUnclosed rule)
{
  const LaConnection *conn = record->conn;
  LaCase *one = slot_case(&suite->unclosed, "unclosed", NULL);
  if (rule == LA_UNCLOSED_FAIL) {
    one->broken++;
    judge->breaks = true;
  } else {
    one->warned++;
  }
  one->by_blame[LA_BLAME_NONE]++;
  if (!la_case_wants_example(one, LA_BLAME_NONE))
    return;
  LaExample *example = example_of_connection(judge, record);
  add_packet(example, conn->first_frame);
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    add_packet(example, conn->end[side].fin_frame);
  add_packet(example, conn->last_frame);
  char span[LA_TIME_TEXT_MAX];
  GString *text = g_string_new(NULL);
  la_example_say_ends(example, text);
  g_string_append_printf(text, " was not closed (%s: ", la_teardown_result_name(record->teardown));
  say_state(conn, LA_OPENER, text);
  g_string_append(text, ", ");
  say_state(conn, LA_ACCEPTOR, text);
  const char *when = conn->ended_by == LA_ENDED_IDLE   ? "it was given up as idle"
                     : conn->ended_by == LA_ENDED_GONE ? "the kernel held its socket no more"
                                                       : "the capture ended";
  if (conn->last_frame != 0)
    g_string_append_printf(text, ") when %s, %s after its last packet %" G_GUINT64_FORMAT ".", when,
                           la_span_format(silence_at_end(conn), span), conn->last_frame);
  else
    g_string_append_printf(text, ") when %s; it was there before the capture, which has no packet of it.", when);
  example->sentence = g_string_free(text, FALSE);
  la_case_add_example(one, example);
}

static void judge_requirements(LaJudge *judge, LaJudgeSuite *suite, const LaConnectionRecord *record,
                               const LaCandidate *candidate)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->requirements->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->requirements, i);
    if ((demand->service != 0 && demand->service != suite->section) || la_expression_holds(demand->expression, candidate))
      continue;
    LaCase *one = slot_case(&suite->requirements[i], demand->name, NULL);
    one->broken++;
    judge->breaks = true;
    one->by_blame[LA_BLAME_NONE]++;
    if (!la_case_wants_example(one, LA_BLAME_NONE))
      continue;
    LaExample *example = example_of_connection(judge, record);
    add_packet(example, record->conn->first_frame);
    add_packet(example, record->conn->rst_frame);
    add_packet(example, record->conn->last_frame);
    GString *text = g_string_new(NULL);
    la_example_say_ends(example, text);
    g_string_append_printf(text, " does not keep %s: opened %s, closed %s.", demand->text,
                           la_handshake_result_name(record->handshake), la_teardown_result_name(record->teardown));
    example->sentence = g_string_free(text, FALSE);
    la_case_add_example(one, example);
  }
}

static void tally_connection(LaJudge *judge, const LaJudgeSuite *suite, const LaConnectionRecord *record,
                             const LaCandidate *candidate)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->expectations->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->expectations, i);
    if (demand->service != 0 && demand->service != suite->section)
      continue;
    if (!la_tally_add(judge->tallies[i], candidate))
      continue;
    LaCase *one = slot_case(&judge->expectations[i], demand->name, NULL);
    one->by_blame[LA_BLAME_NONE]++;
    if (!la_case_wants_example(one, LA_BLAME_NONE))
      continue;
    LaExample *example = example_of_connection(judge, record);
    add_packet(example, record->conn->first_frame);
    add_packet(example, record->conn->last_frame);
    GString *text = g_string_new(NULL);
    la_example_say_ends(example, text);
    g_string_append_printf(text, " is one of those that speak against it: opened %s, closed %s.",
                           la_handshake_result_name(record->handshake), la_teardown_result_name(record->teardown));
    example->sentence = g_string_free(text, FALSE);
    la_case_add_example(one, example);
  }
}

/* Counts a finding in its case. Returns whether the case wants it as an example. */
static bool count_finding(LaJudge *judge, LaSlot *slot, const LaFinding *finding, const LaRuling *ruling)
{
  LaCase *one = slot_case(slot, finding->rule->code, finding->rule);
  switch (ruling->kind) {
  case LA_RULING_SUPPRESSED:
    one->suppressed++;
    judge->suppressed[ruling->clause]++;
    judge->check->suppressed++;
    if (slot->suppressing == LA_SLOT_NONE)
      slot->suppressing = ruling->clause;
    return false;
  case LA_RULING_BREAKS:
    /* Whoever forbids says more than the severity. */
    judge->breaks = true;
    if (slot->breaking == LA_SLOT_NONE || (slot->breaking < 0 && ruling->clause >= 0))
      slot->breaking = ruling->clause;
    if (one->broken++ == 0 && one->warned > 0) {
      /* Those so far were milder and only warned. */
      la_case_drop_examples(one);
    }
    break;
  case LA_RULING_PASSES:
    one->warned++;
    if (one->broken > 0)
      return false;
    break;
  }
  one->by_blame[finding->blame]++;
  return la_case_wants_example(one, (LaBlame)finding->blame);
}

static void judge_finding(LaJudge *judge, LaJudgeSuite *suite, const LaConnectionRecord *record, const LaFinding *finding,
                          const LaRuling *ruling)
{
  LaSlot *slot = &suite->rules[la_rule_index(finding->rule)];
  if (!count_finding(judge, slot, finding, ruling))
    return;
  LaExample *example = example_of_connection(judge, record);
  take_finding(example, finding);
  GString *text = g_string_new(NULL);
  la_finding_summary(finding, record->conn, text);
  example->sentence = g_string_free(text, FALSE);
  la_case_add_example(slot->one, example);
}

/* Judges the findings and takes the suppressed ones out. */
static void judge_findings(LaJudge *judge, LaJudgeSuite *suite, const LaConnectionRecord *record, LaFindings *findings)
{
  const LaPolicy *policy = judge->options.policy;
  LaCandidate candidate = {.file = record->file, .conn = record->conn, .findings = findings};
  LaRuling rulings[LA_FINDINGS_MAX];
  for (unsigned i = 0; i < findings->count; i++)
    rulings[i] = la_policy_judge(policy, suite->section, &findings->items[i], &candidate, judge->options.now);
  unsigned kept = 0;
  for (unsigned i = 0; i < findings->count; i++) {
    const LaFinding *finding = &findings->items[i];
    const LaPolicyClause *clause = rulings[i].clause >= 0 ? g_ptr_array_index(policy->clauses, rulings[i].clause) : NULL;
    bool of_capture = finding->rule->scope == LA_SCOPE_CAPTURE;
    LaJudgeSuite *where = of_capture ? g_ptr_array_index(judge->suites, 0) : suite;
    bool here = !of_capture || (clause != NULL && clause->where != NULL);
    if (here && (rulings[i].kind != LA_RULING_PASSES || finding->severity >= LA_SEVERITY_WARNING))
      judge_finding(judge, where, record, finding, &rulings[i]);
    if (rulings[i].kind == LA_RULING_SUPPRESSED)
      continue;
    if (kept != i)
      findings->items[kept] = *finding;
    kept++;
  }
  findings->count = kept;
}

void la_judge_connection(LaJudge *judge, const LaConnectionRecord *record, LaFindings *findings)
{
  const LaConnection *conn = record->conn;
  const LaPolicy *policy = judge->options.policy;
  LaCandidate candidate = {.file = record->file, .conn = conn, .findings = findings};
  judge->breaks = false;
  unsigned section = policy->services->len > 1 ? la_policy_service_of(policy, &candidate) : 0;
  LaJudgeSuite *suite = suite_of(judge, conn, section);
  if (section != 0)
    remember_server(judge, conn, suite);
  if (judge->scaled_note != NULL && la_judge_is_cut_off(conn))
    la_judge_note(judge, judge->scaled_note);
  if ((conn->flags & LA_CONN_STRAY) == 0) {
    suite->connections++;
    judge->check->connections++;
    tally_connection(judge, suite, record, &candidate);
    const LaPolicyService *rules = la_policy_service(policy, section);
    bool unclosed = la_connection_record_is_unclosed(record);
    bool unsettled = unclosed && conn->ended_by == LA_ENDED_CAPTURE_END && silence_at_end(conn) < rules->settle;
    if (unsettled)
      judge->unsettled++;
    else if (unclosed && rules->unclosed != LA_UNCLOSED_IGNORE)
      judge_unclosed(judge, suite, record, rules->unclosed);
    if (!unsettled)
      judge_requirements(judge, suite, record, &candidate);
  }
  if (findings->count > 0)
    judge_findings(judge, suite, record, findings);
  judge->check->breaking += judge->breaks;
}

/* ---- hosts and captures ---- */

static void tally_finding(LaJudge *judge, const LaJudgeSuite *suite, const LaCandidate *candidate)
{
  const LaPolicy *policy = judge->options.policy;
  for (unsigned i = 0; i < policy->expectations->len; i++) {
    const LaPolicyDemand *demand = g_ptr_array_index(policy->expectations, i);
    if (demand->service == 0 || demand->service == suite->section)
      la_tally_add(judge->tallies[i], candidate);
  }
}

void la_judge_host(LaJudge *judge, const LaSubject *subject, GArray *findings)
{
  LaJudgeSuite *suite = suite_of_subject(judge, subject);
  unsigned kept = 0;
  for (unsigned i = 0; i < findings->len; i++) {
    const LaFinding *finding = &g_array_index(findings, LaFinding, i);
    LaCandidate candidate = {.finding = finding, .subject = subject};
    tally_finding(judge, suite, &candidate);
    LaRuling ruling = la_policy_judge(judge->options.policy, suite->section, finding, &candidate, judge->options.now);
    LaSlot *slot = &suite->rules[la_rule_index(finding->rule)];
    if ((ruling.kind != LA_RULING_PASSES || finding->severity >= LA_SEVERITY_WARNING) &&
        count_finding(judge, slot, finding, &ruling)) {
      LaExample *example = g_new0(LaExample, 1);
      unsigned file = finding->file != 0 && finding->file <= judge->check->paths->len ? finding->file : 0;
      example->path = g_strdup(file != 0 ? g_ptr_array_index(judge->check->paths, file - 1) : "");
      if (subject->kind != LA_SUBJECT_SERVICE)
        example->client = subject->client;
      if (subject->kind != LA_SUBJECT_SOURCE)
        example->server = subject->server;
      example->started = LA_TIME_NONE;
      take_finding(example, finding);
      GString *text = g_string_new(NULL);
      la_host_finding_summary(finding, subject, text);
      example->sentence = g_string_free(text, FALSE);
      la_case_add_example(slot->one, example);
    }
    if (ruling.kind == LA_RULING_SUPPRESSED)
      continue;
    if (kept != i)
      g_array_index(findings, LaFinding, kept) = *finding;
    kept++;
  }
  g_array_set_size(findings, kept);
}

static void observe(LaCheck *check, const LaCaptureRecord *record)
{
  LaTime until = record->observed_until != LA_TIME_NONE ? record->observed_until : record->end;
  if (record->start != LA_TIME_NONE && (check->start == LA_TIME_NONE || record->start < check->start))
    check->start = record->start;
  if (record->start != LA_TIME_NONE && until != LA_TIME_NONE && (check->end == LA_TIME_NONE || until > check->end))
    check->end = until;
  check->packets += record->packets;
}

void la_judge_capture(LaJudge *judge, LaCaptureRecord *record)
{
  LaJudgeSuite *run = g_ptr_array_index(judge->suites, 0);
  judge->captures++;
  observe(judge->check, record);
  if (record->packets == 0)
    g_ptr_array_add(judge->empty, g_strdup(record->path));
  if (record->broken_by != NULL)
    g_ptr_array_add(judge->broken_off,
                    g_strdup_printf("%s broke off (%s): what was readable was judged", record->path, record->broken_by));
  for (unsigned i = 0; i < record->findings->len;) {
    const LaCaptureFinding *own = g_ptr_array_index(record->findings, i);
    const LaFinding *finding = &own->finding;
    LaCandidate candidate = {.file = record->file, .finding = finding};
    tally_finding(judge, run, &candidate);
    LaRuling ruling = la_policy_judge(judge->options.policy, 0, finding, &candidate, judge->options.now);
    LaSlot *slot = &run->rules[la_rule_index(finding->rule)];
    if ((ruling.kind != LA_RULING_PASSES || finding->severity >= LA_SEVERITY_WARNING) &&
        count_finding(judge, slot, finding, &ruling)) {
      LaExample *example = g_new0(LaExample, 1);
      example->path = g_strdup(record->path);
      example->started = LA_TIME_NONE;
      take_finding(example, finding);
      example->sentence = g_strdup(own->sentence);
      la_case_add_example(slot->one, example);
    }
    if (ruling.kind == LA_RULING_SUPPRESSED)
      g_ptr_array_remove_index(record->findings, i);
    else
      i++;
  }
}

void la_judge_unreadable(LaJudge *judge, const char *why)
{
  g_ptr_array_add(judge->unopened, g_strdup(why));
}
