/* The figures of the `summary` record. */
#include "report/ndjson.h"

static void write_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void write_rate(LaJson *json, const char *key, double value)
{
  la_json_key(json, key);
  la_json_double(json, value);
}

static void write_span(LaJson *json, const char *key, LaTime span)
{
  la_json_key(json, key);
  la_json_span(json, span);
}

static void write_times(LaJson *json, const char *key, const LaTimes *times)
{
  if (times->count == 0)
    return;
  la_json_key(json, key);
  la_json_begin_object(json);
  write_count(json, "count", times->count);
  write_span(json, "p50", times->p50);
  write_span(json, "p90", times->p90);
  write_span(json, "p99", times->p99);
  la_json_end_object(json);
}

static void write_again(LaJson *json, const char *key, uint64_t segments, uint64_t retransmitted)
{
  la_json_key(json, key);
  la_json_begin_object(json);
  write_count(json, "segments", segments);
  write_count(json, "retransmitted", retransmitted);
  if (segments != 0)
    write_rate(json, "share", (double)retransmitted / (double)segments);
  la_json_end_object(json);
}

static void write_rates(LaJson *json, const LaFigures *f)
{
  la_json_key(json, "rates");
  la_json_begin_object(json);
  write_count(json, "opened", f->opened);
  write_count(json, "closed", f->closed);
  write_rate(json, "opened_per_s", f->opened_per_s);
  write_rate(json, "closed_per_s", f->closed_per_s);
  write_count(json, "opened_peak_per_s", f->opened_peak_per_s);
  write_count(json, "closed_peak_per_s", f->closed_peak_per_s);
  write_count(json, "simultaneous_peak", f->simultaneous_peak);
  write_count(json, "time_wait_peak", f->time_wait_peak);
  write_count(json, "close_wait_peak", f->close_wait_peak);
  la_json_end_object(json);
}

void la_json_figures(LaJson *json, const LaFigures *f)
{
  if (f->connections == 0)
    return;
  if (f->observed_from != LA_TIME_NONE)
    write_rates(json, f);
  la_json_key(json, "times");
  la_json_begin_object(json);
  write_times(json, "syn_to_syn_ack_s", &f->syn_to_syn_ack);
  write_times(json, "syn_ack_to_ack_s", &f->syn_ack_to_ack);
  write_times(json, "close_s", &f->close);
  la_json_end_object(json);
  la_json_key(json, "retransmissions");
  la_json_begin_object(json);
  write_again(json, "to_server", f->segments[LA_OPENER], f->retransmitted[LA_OPENER]);
  write_again(json, "to_client", f->segments[LA_ACCEPTOR], f->retransmitted[LA_ACCEPTOR]);
  write_count(json, "connections", f->with_retransmissions);
  write_rate(json, "connections_share", (double)f->with_retransmissions / (double)f->connections);
  la_json_end_object(json);
  la_json_key(json, "subjects");
  la_json_begin_object(json);
  write_count(json, "services", f->services);
  write_count(json, "sources", f->sources);
  write_count(json, "pairs", f->pairs);
  write_count(json, "connections_without_service", f->services_not_kept);
  write_count(json, "connections_without_source", f->sources_not_kept);
  la_json_end_object(json);
}
