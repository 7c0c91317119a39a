/* The records of CONTRACT section 4 as JSON objects, shared by all formats that write them. */
#ifndef LA_REPORT_NDJSON_H
#define LA_REPORT_NDJSON_H

#include "base/json.h"
#include "report/event.h"
#include "report/record.h"

#define LA_SCHEMA "lastack/1"

/* Each writes one object. */
void la_json_connection(LaJson *json, const LaConnectionRecord *record);
void la_json_host(LaJson *json, const LaHostRecord *record);
void la_json_capture(LaJson *json, const LaCaptureRecord *record);
void la_json_summary(LaJson *json, const LaCounts *counts);

void la_json_event(LaJson *json, const LaEventRecord *event);
void la_json_stats(LaJson *json, const LaStatsRecord *stats);

/* Opens a record: `{"type":TYPE,"schema":...`. */
void la_json_begin_record(LaJson *json, const char *type);

/* The subject of a host's finding, as the value of a key that was written. */
void la_json_subject(LaJson *json, const LaSubject *subject);

/* `"KEY":{"ip":...,"port":...}`. */
void la_json_host_port(LaJson *json, const char *key, const LaHostPort *end);

/* The figures of the summary, as members of the object that is open. Nothing when none were made. */
void la_json_figures(LaJson *json, const LaFigures *figures);

/* A finding; `sentence` is its summary. */
void la_json_finding(LaJson *json, const LaFinding *finding, const char *sentence);

#endif
