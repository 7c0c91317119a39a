#include "live/top.h"

#include <assert.h>
#include <string.h>

#include "diagnose/rule.h"

static const char *const order_names[] = {"errors", "CLOSE_WAIT", "open", "resets"};
static_assert(G_N_ELEMENTS(order_names) == LA_TOP_BY_N, "a name for each order");

struct LaTop {
  GHashTable *index;   /* LaTopService -> itself (owned) */
  LaTopService others; /* those that found no room */
  GQueue events;       /* of LaTopEvent, the latest first */
};

static void free_event(gpointer data)
{
  LaTopEvent *event = data;
  g_free(event->sentence);
  g_free(event);
}

const char *la_top_order_name(LaTopOrder order)
{
  return order_names[order];
}

LaTop *la_top_new(void)
{
  LaTop *top = g_new0(LaTop, 1);
  top->index = g_hash_table_new_full(la_host_port_hash, la_host_port_equal, g_free, NULL);
  g_queue_init(&top->events);
  return top;
}

void la_top_free(LaTop *top)
{
  if (top == NULL)
    return;
  g_hash_table_unref(top->index);
  g_queue_clear_full(&top->events, free_event);
  g_free(top);
}

static LaTopService *service_of(LaTop *top, const LaHostPort *server)
{
  LaTopService *service = g_hash_table_lookup(top->index, server);
  if (service != NULL)
    return service;
  if (g_hash_table_size(top->index) >= LA_TOP_SERVICES_MAX)
    return &top->others;
  service = g_new(LaTopService, 1);
  *service = (LaTopService){.server = *server};
  g_hash_table_add(top->index, service);
  return service;
}

void la_top_connection(LaTop *top, const LaConnectionRecord *record)
{
  LaHostPort server = la_connection_end(record->conn, LA_ACCEPTOR);
  LaTopService *service = service_of(top, &server);
  service->ended++;
  service->reset += record->teardown == LA_TEARDOWN_RST || record->teardown == LA_TEARDOWN_FIN_RST;
}

void la_top_count(LaTop *top, const LaEventRecord *event)
{
  const LaHostPort *server = event->connection != 0 ? &event->server : &event->subject.server;
  if (event->kind == LA_EVENT_RAISED && (event->connection != 0 || event->subject.kind != LA_SUBJECT_SOURCE)) {
    LaTopService *service = service_of(top, server);
    service->errors += event->finding.severity == LA_SEVERITY_ERROR;
    service->warnings += event->finding.severity == LA_SEVERITY_WARNING;
  }
}

void la_top_event(LaTop *top, const LaEventRecord *event)
{
  LaTopEvent *kept = g_new0(LaTopEvent, 1);
  kept->record = *event;
  kept->record.key = "";
  kept->record.sentence = kept->sentence = g_strdup(event->sentence);
  g_queue_push_head(&top->events, kept);
  if (g_queue_get_length(&top->events) > LA_TOP_EVENTS_MAX)
    free_event(g_queue_pop_tail(&top->events));
}

void la_top_count_open(LaTop *top, LaTracker *tracker)
{
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, top->index);
  while (g_hash_table_iter_next(&iter, &key, NULL))
    ((LaTopService *)key)->open = ((LaTopService *)key)->close_wait = 0;
  top->others.open = top->others.close_wait = 0;
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(tracker, &at)) != NULL) {
    if ((conn->flags & (LA_CONN_CLOSED | LA_CONN_RST)) != 0)
      continue;
    LaHostPort server = la_connection_end(conn, LA_ACCEPTOR);
    LaTopService *service = service_of(top, &server);
    service->open++;
    service->close_wait += conn->end[LA_OPENER].state == LA_TCP_CLOSE_WAIT || conn->end[LA_ACCEPTOR].state == LA_TCP_CLOSE_WAIT;
  }
}

static uint64_t weight(const LaTopService *service, LaTopOrder order)
{
  switch (order) {
  case LA_TOP_BY_ERRORS: return service->errors * 1000 + service->warnings;
  case LA_TOP_BY_CLOSE_WAIT: return service->close_wait;
  case LA_TOP_BY_RESETS: return service->reset;
  default: return service->open;
  }
}

static gint by_weight(gconstpointer a, gconstpointer b, gpointer data)
{
  const LaTopService *x = *(const LaTopService *const *)a;
  const LaTopService *y = *(const LaTopService *const *)b;
  LaTopOrder order = *(const LaTopOrder *)data;
  if (weight(x, order) != weight(y, order))
    return weight(x, order) > weight(y, order) ? -1 : 1;
  if (x->open + x->ended != y->open + y->ended)
    return x->open + x->ended > y->open + y->ended ? -1 : 1;
  int addresses = la_addr_compare(&x->server.addr, &y->server.addr);
  return addresses != 0 ? addresses : (int)x->server.port - (int)y->server.port;
}

GPtrArray *la_top_services(LaTop *top, LaTopOrder order, const char *filter)
{
  GPtrArray *services = g_ptr_array_new();
  GHashTableIter iter;
  gpointer key;
  g_hash_table_iter_init(&iter, top->index);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    char text[LA_HOST_PORT_TEXT_MAX];
    if (filter == NULL || strstr(la_host_port_format(&((LaTopService *)key)->server, text), filter) != NULL)
      g_ptr_array_add(services, key);
  }
  g_ptr_array_sort_with_data(services, by_weight, &order);
  return services;
}

GPtrArray *la_top_events(LaTop *top, const char *filter)
{
  GPtrArray *events = g_ptr_array_new();
  for (GList *at = top->events.head; at != NULL; at = at->next) {
    const LaTopEvent *event = at->data;
    if (filter == NULL || strstr(event->sentence, filter) != NULL || strstr(event->record.finding.rule->code, filter) != NULL)
      g_ptr_array_add(events, at->data);
  }
  return events;
}
