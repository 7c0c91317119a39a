/* Connections wait here in a short queue: where their subjects stand is known from the addresses, and most often in no cache, so it is
 * fetched when a connection comes in and needed when it leaves the queue. */
#include "diagnose/digest.h"

#include <string.h>

static void count_service(const LaSubjects *subjects, const LaDigest *d, LaServiceSubject *service)
{
  la_series_append(&service->series, d->service_cells, d->service_count);
  if (d->samples == 0)
    return;
  for (unsigned i = 0; i < d->samples; i++) {
    const LaDigestSample *sample = &d->sample[i];
    la_samples_add(&service->samples[sample->topic], d->file, sample->frame, sample->tick, la_subjects_sample_limit(subjects));
    service->covers[sample->topic] += sample->covers;
  }
  if (d->reset_by != LA_BLAME_N)
    service->resets_by[d->reset_by]++;
  service->embryos_repeated += d->embryo_repeated;
  service->embryos_ignored += d->embryo_ignored;
  for (unsigned side = 0; side < LA_SIDE_N; side++)
    service->close_wait_longest[side] = MAX(service->close_wait_longest[side], d->close_wait[side]);
  if (d->ttl_max == 0)
    return;
  service->ttl_min = service->ttl_max != 0 ? MIN(service->ttl_min, d->ttl_min) : d->ttl_min;
  service->ttl_max = MAX(service->ttl_max, d->ttl_max);
}

static void count_pair(const LaDigest *d, LaPairSubject *pair)
{
  la_series_append(&pair->series, d->pair_cells, d->pair_count);
  pair->findings += d->findings;
  pair->wait = pair->wait > UINT32_MAX - d->wait ? UINT32_MAX : pair->wait + d->wait;
}

static void take(LaAggregate *a, const LaDigest *d)
{
  LaSubjectsOf of = la_subjects_of(a->subjects, &d->client, &d->server, &d->hashes);
  if (of.service != NULL)
    count_service(a->subjects, d, of.service);
  if (of.pair != NULL)
    count_pair(d, of.pair);
  la_subjects_bound(a->subjects, &of);
}

static void count_segments(LaAggregate *a, const LaConnection *conn)
{
  uint32_t again = 0;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    a->segments[side] += conn->end[side].packets;
    a->retransmitted[side] += conn->end[side].retransmitted;
    again |= conn->end[side].retransmitted;
    a->answers += (uint64_t)conn->end[side].syn_ack_sent + conn->end[side].rst;
    a->ordinary_segments +=
        conn->end[side].packets - MIN(conn->end[side].packets, (uint64_t)conn->end[side].syn + conn->end[side].rst);
  }
  a->answers += (conn->flags & LA_CONN_ICMP) != 0;
  a->syns_again += conn->end[LA_OPENER].syn_sent > 1;
  a->connections++;
  a->with_retransmissions += again != 0 ? 1 : 0;
}

void la_aggregate_passed(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings)
{
  la_digest_make(aggregate, conn, findings, &aggregate->queue[aggregate->queued % LA_AGGREGATE_QUEUE]);
}

void la_aggregate_connection(LaAggregate *aggregate, const LaConnection *conn, const LaFindings *findings)
{
  count_segments(aggregate, conn);
  LaDigest *digest = &aggregate->queue[aggregate->queued % LA_AGGREGATE_QUEUE];
  if (!la_digest_make(aggregate, conn, findings, digest) || aggregate->options.purpose == LA_AGGREGATE_FIGURES)
    return;
  aggregate->with_subjects++;
  digest->hashes = la_subjects_hashes(&digest->client, &digest->server);
  la_subjects_fetch_slots(aggregate->subjects, &digest->hashes);
  aggregate->queued++;
  if (aggregate->queued - aggregate->taken > LA_AGGREGATE_QUEUE / 2)
    la_subjects_fetch_entries(aggregate->subjects,
                              &aggregate->queue[(aggregate->queued - 1 - LA_AGGREGATE_QUEUE / 2) % LA_AGGREGATE_QUEUE].hashes);
  if (aggregate->queued - aggregate->taken == LA_AGGREGATE_QUEUE)
    take(aggregate, &aggregate->queue[aggregate->taken++ % LA_AGGREGATE_QUEUE]);
}

void la_aggregate_flush(LaAggregate *aggregate)
{
  while (aggregate->taken != aggregate->queued)
    take(aggregate, &aggregate->queue[aggregate->taken++ % LA_AGGREGATE_QUEUE]);
}

/* ---- the whole ---- */

LaAggregateOptions la_aggregate_options(const LaThresholds *thresholds, LaTime time_wait, uint32_t ports)
{
  return (LaAggregateOptions){
      .time_wait = time_wait,
      .ports = ports,
      .close_wait_held = thresholds->value[LA_RULE_INDEX_close_wait_pileup][1],
      .purpose = LA_AGGREGATE_ALL,
      .from = LA_TIME_NONE,
      .to = LA_TIME_NONE,
  };
}

static void note_covered(LaAggregate *a)
{
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  const LaRule *topics[] = {[LA_TOPIC_EMBRYO] = rules[LA_RULE_INDEX_syn_flood],
                            [LA_TOPIC_REFUSED] = rules[LA_RULE_INDEX_refused_burst],
                            [LA_TOPIC_RESET] = rules[LA_RULE_INDEX_reset_rate_high],
                            [LA_TOPIC_CLOSE_WAIT_SERVER] = rules[LA_RULE_INDEX_close_wait_pileup],
                            [LA_TOPIC_CLOSE_WAIT_CLIENT] = rules[LA_RULE_INDEX_close_wait_pileup]};
  for (unsigned i = 0; i < count; i++) {
    for (unsigned topic = 0; topic < LA_TOPIC_N; topic++)
      if (la_rule_covers(topics[topic], rules[i]))
        a->topics[i] |= (uint8_t)(1u << topic);
    if (la_rule_covers(rules[LA_RULE_INDEX_port_scan], rules[i]) || la_rule_covers(rules[LA_RULE_INDEX_address_scan], rules[i]))
      a->scans[i] = 1;
  }
}

LaAggregate *la_aggregate_new(const LaAggregateOptions *options)
{
  LaAggregate *aggregate = g_new0(LaAggregate, 1);
  aggregate->queue = g_new(LaDigest, LA_AGGREGATE_QUEUE);
  aggregate->options = *options;
  aggregate->first_tick = options->from != LA_TIME_NONE ? la_tick(options->from) : 0;
  aggregate->last_tick = options->to != LA_TIME_NONE ? la_tick(options->to) : LA_TICK_MAX;
  aggregate->subjects = la_subjects_new();
  aggregate->observed_from = aggregate->observed_until = LA_TIME_NONE;
  note_covered(aggregate);
  return aggregate;
}

void la_aggregate_free(LaAggregate *aggregate)
{
  if (aggregate == NULL)
    return;
  la_subjects_free(aggregate->subjects);
  la_per_second_clear(&aggregate->flows);
  g_free(aggregate->queue);
  g_free(aggregate);
}

void la_aggregate_observed(LaAggregate *aggregate, LaTime from, LaTime until)
{
  const LaAggregateOptions *options = &aggregate->options;
  if (options->from != LA_TIME_NONE && from != LA_TIME_NONE)
    from = MAX(from, options->from);
  if (options->to != LA_TIME_NONE && until != LA_TIME_NONE)
    until = MIN(until, options->to);
  if (from != LA_TIME_NONE && until != LA_TIME_NONE && from > until)
    return; /* all of it was before or after */
  if (from != LA_TIME_NONE && (aggregate->observed_from == LA_TIME_NONE || from < aggregate->observed_from))
    aggregate->observed_from = from;
  if (until != LA_TIME_NONE && (aggregate->observed_until == LA_TIME_NONE || until > aggregate->observed_until))
    aggregate->observed_until = until;
}

bool la_aggregate_merge(LaAggregate *into, LaAggregate *from)
{
  if (into->options.time_wait != from->options.time_wait || into->options.ports != from->options.ports ||
      into->options.close_wait_held != from->options.close_wait_held || into->options.purpose != from->options.purpose ||
      into->first_tick != from->first_tick || into->last_tick != from->last_tick)
    return false;
  la_aggregate_flush(into);
  la_aggregate_flush(from);
  la_subjects_merge(into->subjects, from->subjects);
  la_per_second_merge(&into->flows, &from->flows);
  la_histogram_merge(&into->syn_ack, &from->syn_ack);
  la_histogram_merge(&into->ack, &from->ack);
  la_histogram_merge(&into->close, &from->close);
  la_aggregate_observed(into, from->observed_from, from->observed_until);
  into->connections += from->connections;
  into->with_subjects += from->with_subjects;
  into->opened += from->opened;
  into->closed += from->closed;
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    into->segments[side] += from->segments[side];
    into->retransmitted[side] += from->retransmitted[side];
  }
  into->ordinary_segments += from->ordinary_segments;
  into->answers += from->answers;
  into->syns_again += from->syns_again;
  into->with_retransmissions += from->with_retransmissions;
  return true;
}

/* ---- figures ---- */

static LaTimes times_of(const LaHistogram *histogram)
{
  return (LaTimes){.count = histogram->total,
                   .p50 = la_histogram_quantile(histogram, 500),
                   .p90 = la_histogram_quantile(histogram, 900),
                   .p99 = la_histogram_quantile(histogram, 990)};
}

void la_aggregate_figures(LaAggregate *a, LaFigures *ret)
{
  la_aggregate_flush(a);
  LaFigures f = {.observed_from = a->observed_from,
                 .observed_until = a->observed_until,
                 .opened = a->opened,
                 .closed = a->closed,
                 .connections = a->connections,
                 .with_retransmissions = a->with_retransmissions,
                 .syn_to_syn_ack = times_of(&a->syn_ack),
                 .syn_ack_to_ack = times_of(&a->ack),
                 .close = times_of(&a->close)};
  if (a->observed_from != LA_TIME_NONE && a->observed_until != LA_TIME_NONE &&
      a->observed_until - a->observed_from >= LA_MSEC) {
    f.opened_per_s = (double)a->opened / la_time_seconds(a->observed_until - a->observed_from);
    f.closed_per_s = (double)a->closed / la_time_seconds(a->observed_until - a->observed_from);
  }
  f.opened_peak_per_s = la_per_second_busiest(&a->flows, LA_FLOW_OPENED, &f.opened_peak_at);
  f.closed_peak_per_s = la_per_second_busiest(&a->flows, LA_FLOW_CLOSED, &f.closed_peak_at);
  f.simultaneous_peak = la_per_second_peak(&a->flows, LA_FLOW_LIVE, a->observed_until, &f.simultaneous_peak_at);
  f.time_wait_peak = la_per_second_peak(&a->flows, LA_FLOW_TIME_WAIT, a->observed_until, &f.time_wait_peak_at);
  f.close_wait_peak = la_per_second_peak(&a->flows, LA_FLOW_CLOSE_WAIT, a->observed_until, &f.close_wait_peak_at);
  for (unsigned side = 0; side < LA_SIDE_N; side++) {
    f.segments[side] = a->segments[side];
    f.retransmitted[side] = a->retransmitted[side];
  }
  unsigned count;
  uint64_t known = 0;
  const LaServiceSubject *services = la_subjects_services(a->subjects, &count);
  for (unsigned i = 0; i < count; i++)
    known += services[i].connections;
  f.services = count;
  f.services_not_kept = a->with_subjects - known;
  known = 0;
  const LaSource *sources = la_subjects_sources(a->subjects, &count);
  for (unsigned i = 0; i < count; i++)
    known += sources[i].connections;
  f.sources = count;
  f.sources_not_kept = a->with_subjects - known;
  f.pairs = la_subjects_pair_count(a->subjects);
  *ret = f;
}
