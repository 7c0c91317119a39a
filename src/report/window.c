#include "report/window.h"

/* Hosts are counted in ticks, below a thousandth of a second: a moment of theirs is where its tick begins. */
#define TICK LA_MSEC

static bool overlaps(const LaWindow *window, LaTime first, LaTime last)
{
  return (window->from == LA_TIME_NONE || last >= window->from) && (window->to == LA_TIME_NONE || first <= window->to);
}

bool la_window_has_connection(const LaWindow *window, const LaConnectionRecord *record)
{
  const LaConnection *conn = record->conn;
  bool open = la_connection_record_is_unclosed(record) && conn->end_time != LA_TIME_NONE;
  return overlaps(window, conn->first_time, open ? conn->end_time : conn->last_time);
}

bool la_window_has_host_finding(const LaWindow *window, const LaFinding *finding)
{
  const LaFact *lasted = la_finding_fact(finding, "lasted_s");
  LaTime last = lasted != NULL ? la_time_add(finding->at, lasted->value.span) : finding->at;
  return overlaps(window, finding->at, la_time_add(last, TICK));
}
