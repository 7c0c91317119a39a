/* The comparison as records: one for each service, `compared` saying whether it is in both, and one for the whole. */
#include "report/comparison.h"
#include "report/ndjson.h"

static void write_count(LaJson *json, const char *key, uint64_t value)
{
  la_json_key(json, key);
  la_json_uint(json, value);
}

static void begin(LaJson *json, GString *out, const char *type)
{
  la_json_init(json, out);
  la_json_begin_object(json);
  la_json_key(json, "type");
  la_json_string(json, type);
  la_json_key(json, "schema");
  la_json_string(json, LA_SCHEMA);
}

static void end(LaJson *json, GString *out)
{
  la_json_end_object(json);
  g_string_append_c(out, '\n');
}

static void write_end(LaJson *json, const char *key, const LaHostPort *end_point)
{
  char text[LA_ADDR_TEXT_MAX];
  la_json_key(json, key);
  la_json_begin_object(json);
  la_json_key(json, "ip");
  la_json_string(json, la_addr_format(&end_point->addr, (LaFamily)end_point->family, text));
  write_count(json, "port", end_point->port);
  la_json_end_object(json);
}

static void write_side(LaJson *json, const char *key, const LaServiceSide *side)
{
  la_json_key(json, key);
  la_json_begin_object(json);
  write_count(json, "connections", side->connections);
  la_json_key(json, "times");
  la_json_begin_object(json);
  for (unsigned i = 0; i < LA_COMPARED_TIMES; i++) {
    const LaTimes *times = &side->times[i];
    if (times->count == 0)
      continue;
    la_json_key(json, la_compared_times[i]);
    la_json_begin_object(json);
    write_count(json, "count", times->count);
    la_json_key(json, "p50");
    la_json_span(json, times->p50);
    la_json_key(json, "p90");
    la_json_span(json, times->p90);
    la_json_key(json, "p99");
    la_json_span(json, times->p99);
    la_json_end_object(json);
  }
  la_json_end_object(json);
  la_json_end_object(json);
}

static void write_share(LaJson *json, const char *key, const LaShare *share)
{
  la_json_key(json, key);
  la_json_begin_object(json);
  write_count(json, "count", share->count);
  if (share->total != 0) {
    la_json_key(json, "share");
    la_json_double(json, (double)share->count / (double)share->total);
  }
  la_json_end_object(json);
}

static void write_finding(LaJson *json, const LaFindingChange *finding)
{
  la_json_begin_object(json);
  la_json_key(json, "code");
  la_json_string(json, finding->rule->code);
  la_json_key(json, "severity");
  la_json_string(json, la_severity_name(finding->severity));
  la_json_key(json, "change");
  la_json_string(json, la_change_name(finding->change));
  write_share(json, "before", &finding->before);
  write_share(json, "after", &finding->after);
  if (finding->rule->scope != LA_SCOPE_HOST) {
    la_json_key(json, "p");
    la_json_double(json, finding->p);
  }
  la_json_key(json, "significant");
  la_json_bool(json, finding->significant != 0);
  la_json_key(json, "regression");
  la_json_bool(json, finding->worse != 0);
  la_json_end_object(json);
}

typedef enum {
  IN_BOTH,
  ONLY_BEFORE,
  ONLY_AFTER,
} Where;

static void write_service(GString *out, const LaServiceChange *service, Where where)
{
  LaJson json;
  begin(&json, out, "diff");
  if (service->service.family != LA_FAMILY_NONE)
    write_end(&json, "server", &service->service);
  if (service->was.family != LA_FAMILY_NONE && where == IN_BOTH &&
      (!la_addr_equal(&service->was.addr, &service->service.addr) || service->was.port != service->service.port))
    write_end(&json, "was", &service->was);
  la_json_key(&json, "compared");
  la_json_bool(&json, where == IN_BOTH);
  if (where != ONLY_AFTER)
    write_side(&json, "before", &service->before);
  if (where != ONLY_BEFORE)
    write_side(&json, "after", &service->after);
  la_json_key(&json, "findings");
  la_json_begin_array(&json);
  for (unsigned i = 0; i < service->findings->len; i++)
    write_finding(&json, &g_array_index(service->findings, LaFindingChange, i));
  la_json_end_array(&json);
  end(&json, out);
}

void la_comparison_ndjson(const LaComparison *comparison, const LaComparisonText *how, GString *out)
{
  for (unsigned i = 0; i < comparison->services->len; i++)
    write_service(out, g_ptr_array_index(comparison->services, i), IN_BOTH);
  for (unsigned i = 0; i < comparison->only_before->len; i++)
    write_service(out, g_ptr_array_index(comparison->only_before, i), ONLY_BEFORE);
  for (unsigned i = 0; i < comparison->only_after->len; i++)
    write_service(out, g_ptr_array_index(comparison->only_after, i), ONLY_AFTER);
  LaJson json;
  begin(&json, out, "diff_summary");
  const char *const paths[] = {how->before, how->after};
  static const char *const keys[] = {"before", "after"};
  for (unsigned i = 0; i < 2; i++) {
    la_json_key(&json, keys[i]);
    la_json_begin_object(&json);
    la_json_key(&json, "path");
    la_json_string(&json, paths[i]);
    write_count(&json, "connections", comparison->connections[i]);
    write_count(&json, "connections_not_kept", comparison->not_kept[i]);
    write_count(&json, "findings_unknown", comparison->unknown[i]);
    write_count(&json, "findings_suppressed", comparison->suppressed[i]);
    la_json_end_object(&json);
  }
  write_count(&json, "services", comparison->services->len);
  write_count(&json, "shares_compared", comparison->compared);
  la_json_key(&json, "p_limit");
  la_json_double(&json, comparison->limit);
  write_count(&json, "regressions", comparison->regressions);
  end(&json, out);
}
