/* Theory of operation.
 *
 * A packet goes through three moments: it arrives at the path's beginning, passes the router (the point of capture) after the first
 * half of the way, and leaves at the path's end after the second. On arrival the plan is asked once, and the answer goes with the
 * packet: what is to happen before the point of capture happens at once, the rest in the router. What waits for a moment stands in one
 * queue ordered by time; of equal times what came first goes first, so nothing is reordered that the plan does not reorder.
 *
 * For each four-tuple the relay remembers as much as it needs to know a handshake's ACK or a FIN's when it sees one, and to forge
 * segments that fit: numbers, windows, who opened. It is no state machine and does not judge.
 *
 * The router's own packets begin in the middle with a full time to live, as those of a real middlebox do. */
#include "lab/relay.h"

#include <glib.h>

#include "base/seq.h"

typedef enum {
  AT_ROUTER,
  AT_END,
} Moment;

typedef struct {
  LaTime due;
  Moment moment;
  LaLabEnd from; /* the end it comes from, or in whose name the router made it */
  uint8_t act;   /* LaLabAct, to be done in the router */
  int32_t n;
  LaPacket *packet;
} Flight;

/* What is known of a four-tuple, by end. */
typedef struct {
  LaHostPort at[LA_LAB_END_N];
  uint32_t isn[LA_LAB_END_N], next[LA_LAB_END_N], fin_end[LA_LAB_END_N];
  uint16_t window[LA_LAB_END_N];
  bool has_isn[LA_LAB_END_N], has_fin[LA_LAB_END_N];
  LaLabEnd opener;
} Flow;

struct LaLabRelay {
  const LaLabExperiment *experiment;
  LaLabWire wire;
  LaLabRelayHooks hooks;
  GQueue flights; /* of Flight, the next first */
  GArray *flows;  /* of Flow */
  unsigned *hits; /* of each rule: how many packets have fitted */
  unsigned phase;
};

LaLabRelay *la_lab_relay_new(const LaLabExperiment *experiment, const LaLabWire *wire, const LaLabRelayHooks *hooks)
{
  LaLabRelay *relay = g_new0(LaLabRelay, 1);
  relay->experiment = experiment;
  relay->wire = *wire;
  relay->hooks = *hooks;
  g_queue_init(&relay->flights);
  relay->flows = g_array_new(FALSE, FALSE, sizeof(Flow));
  relay->hits = g_new0(unsigned, LA_LAB_RULES + experiment->more_rules_n);
  return relay;
}

static void free_flight(void *data)
{
  Flight *flight = data;
  g_free(flight->packet);
  g_free(flight);
}

void la_lab_relay_free(LaLabRelay *relay)
{
  if (relay == NULL)
    return;
  g_queue_clear_full(&relay->flights, free_flight);
  g_array_unref(relay->flows);
  g_free(relay->hits);
  g_free(relay);
}

static void note(LaLabRelay *relay, LaTime now, const char *action, const char *where, const Flight *flight)
{
  relay->hooks.note(
      relay->hooks.ctx,
      &(LaLabNote){.time = now, .action = action, .where = where, .from = flight->from, .packet = flight->packet});
}

/* Puts a flight where its time says. (takes `flight`) */
static void enqueue(LaLabRelay *relay, Flight *flight)
{
  GList *after = relay->flights.tail;
  while (after != NULL && ((Flight *)after->data)->due > flight->due)
    after = after->prev;
  if (after == NULL)
    g_queue_push_head(&relay->flights, flight);
  else
    g_queue_insert_after(&relay->flights, after, flight);
}

static Flight *new_flight(LaTime due, LaLabEnd from)
{
  Flight *flight = g_new0(Flight, 1);
  flight->due = due;
  flight->from = from;
  flight->packet = g_new(LaPacket, 1);
  return flight;
}

static Flow *flow_of(LaLabRelay *relay, LaLabEnd from, const LaPacket *packet)
{
  for (guint i = relay->flows->len; i > 0; i--) {
    Flow *flow = &g_array_index(relay->flows, Flow, i - 1);
    if (la_host_port_equal(&flow->at[from], &packet->src) && la_host_port_equal(&flow->at[LA_LAB_OTHER(from)], &packet->dst))
      return flow;
  }
  Flow flow = {.opener = from};
  flow.at[from] = packet->src;
  flow.at[LA_LAB_OTHER(from)] = packet->dst;
  g_array_append_val(relay->flows, flow);
  return &g_array_index(relay->flows, Flow, relay->flows->len - 1);
}

/* What the packet is (LaLabMatch bits), as far as the flow knew before it. */
static unsigned kind_of(const Flow *flow, LaLabEnd from, const LaPacket *packet)
{
  LaLabEnd peer = LA_LAB_OTHER(from);
  if (packet->flags & LA_PACKET_RST)
    return LA_LAB_RST;
  if (packet->flags & LA_PACKET_SYN)
    return packet->flags & LA_PACKET_ACK ? LA_LAB_SYN_ACK : LA_LAB_SYN;
  unsigned kind = 0;
  if (packet->flags & LA_PACKET_FIN)
    kind |= LA_LAB_FIN;
  if (packet->payload_len > 0)
    kind |= LA_LAB_DATA;
  if (kind != 0)
    return kind;
  kind = LA_LAB_ACK;
  if (from == flow->opener && flow->has_isn[from] && flow->has_isn[peer] && packet->seq == flow->isn[from] + 1 &&
      packet->ack == flow->isn[peer] + 1)
    kind |= LA_LAB_HANDSHAKE_ACK;
  if (flow->has_fin[peer] && packet->ack == flow->fin_end[peer])
    kind |= LA_LAB_FIN_ACK;
  return kind;
}

static void learn(Flow *flow, LaLabEnd from, const LaPacket *packet)
{
  uint32_t end = la_packet_end(packet);
  if (packet->flags & LA_PACKET_RST)
    return;
  if (packet->flags & LA_PACKET_SYN) {
    if (!flow->has_isn[from] || flow->isn[from] != packet->seq) {
      flow->next[from] = end;
      flow->has_fin[from] = false;
      if (!(packet->flags & LA_PACKET_ACK))
        flow->opener = from;
    }
    flow->isn[from] = packet->seq;
    flow->has_isn[from] = true;
  }
  if (la_seq_gt(end, flow->next[from]) || !flow->has_isn[from])
    flow->next[from] = end;
  if (packet->flags & LA_PACKET_FIN) {
    flow->has_fin[from] = true;
    flow->fin_end[from] = end;
  }
  flow->window[from] = packet->window;
}

static bool rule_fits(const LaLabRelay *relay, const LaLabRule *rule, const Flow *flow, LaLabEnd from)
{
  if (rule->act == LA_LAB_PASS && rule->match == 0)
    return false;
  if (rule->way == LA_LAB_TO_SERVER ? from != LA_LAB_CLIENT : rule->way == LA_LAB_TO_CLIENT && from != LA_LAB_SERVER)
    return false;
  if (relay->phase < rule->mark || (rule->before != 0 && relay->phase >= rule->before))
    return false;
  return rule->port == 0 || rule->port == flow->at[LA_LAB_CLIENT].port;
}

/* The first rule that fits and whose turn it is, or NULL. */
static const LaLabRule *ask_plan(LaLabRelay *relay, const Flow *flow, LaLabEnd from, unsigned kind)
{
  const LaLabExperiment *experiment = relay->experiment;
  for (size_t i = 0; i < LA_LAB_RULES + experiment->more_rules_n; i++) {
    const LaLabRule *rule = i < LA_LAB_RULES ? &experiment->rules[i] : &experiment->more_rules[i - LA_LAB_RULES];
    if ((rule->match & kind) == 0 || !rule_fits(relay, rule, flow, from))
      continue;
    unsigned hit = relay->hits[i]++;
    if (hit >= rule->skip && (rule->count == 0 || hit < (unsigned)rule->skip + rule->count))
      return rule;
  }
  return NULL;
}

void la_lab_relay_take(LaLabRelay *relay, LaTime now, LaLabEnd from, const uint8_t *frame, size_t len)
{
  Flight *flight = new_flight(now + relay->wire.delay[from], from);
  if (!la_packet_read(frame, len, flight->packet)) {
    free_flight(flight);
    return;
  }
  Flow *flow = flow_of(relay, from, flight->packet);
  const LaLabRule *rule = ask_plan(relay, flow, from, kind_of(flow, from, flight->packet));
  learn(flow, from, flight->packet);
  LaLabAct act = rule != NULL ? (LaLabAct)rule->act : LA_LAB_PASS;
  if (act == LA_LAB_DROP_BEFORE || !la_packet_age(flight->packet, relay->wire.hops[from])) {
    note(relay, now, "drop", "before_capture_point", flight);
    free_flight(flight);
    return;
  }
  flight->moment = AT_ROUTER;
  if (act == LA_LAB_DELAY_BEFORE) {
    note(relay, now, "delay", "before_capture_point", flight);
    flight->due += (LaTime)rule->n * LA_MSEC;
  } else if (act == LA_LAB_DUPLICATE) {
    Flight *copy = new_flight(flight->due + (LaTime)rule->n * LA_MSEC, from);
    *copy->packet = *flight->packet;
    note(relay, now, "duplicate", "before_capture_point", flight);
    enqueue(relay, copy);
  } else if (act != LA_LAB_PASS) {
    flight->act = (uint8_t)act;
    flight->n = rule->n;
  }
  enqueue(relay, flight);
}

/* Sends on what has passed the point of capture. (takes `flight`) */
static void forward(LaLabRelay *relay, LaTime now, Flight *flight, LaTime more)
{
  LaLabEnd to = LA_LAB_OTHER(flight->from);
  if (!la_packet_age(flight->packet, relay->wire.hops[to])) {
    free_flight(flight);
    return;
  }
  flight->moment = AT_END;
  flight->due = now + relay->wire.delay[to] + more;
  enqueue(relay, flight);
}

/* A packet that the router makes passes the point of capture and goes on. (takes `flight`) */
static void originate(LaLabRelay *relay, LaTime now, Flight *flight, const char *action)
{
  note(relay, now, action, "router", flight);
  relay->hooks.record(relay->hooks.ctx, now, flight->from, flight->packet);
  forward(relay, now, flight, 0);
}

/* A RST to the sender of `packet`, as the addressee's host would send when it knows no connection. */
static void reject(LaLabRelay *relay, LaTime now, const Flight *flight)
{
  const LaPacket *packet = flight->packet;
  if (packet->flags & LA_PACKET_RST)
    return;
  bool ack = (packet->flags & LA_PACKET_ACK) != 0;
  Flight *answer = new_flight(now, LA_LAB_OTHER(flight->from));
  la_packet_make(&(LaPacketPlan){.src = packet->dst,
                                 .dst = packet->src,
                                 .seq = ack ? packet->ack : 0,
                                 .ack = ack ? 0 : la_packet_end(packet),
                                 .flags = ack ? LA_PACKET_RST : LA_PACKET_RST | LA_PACKET_ACK},
                 answer->packet);
  originate(relay, now, answer, "reject-rst");
}

/* A RST to the addressee of `packet`, in its sender's name. */
static void cut(LaLabRelay *relay, LaTime now, const Flight *flight)
{
  const LaPacket *packet = flight->packet;
  Flight *rst = new_flight(now, flight->from);
  la_packet_make(&(LaPacketPlan){.src = packet->src,
                                 .dst = packet->dst,
                                 .seq = packet->seq,
                                 .ack = packet->ack,
                                 .flags = LA_PACKET_RST | (packet->flags & LA_PACKET_ACK)},
                 rst->packet);
  originate(relay, now, rst, "inject");
}

static void unreachable(LaLabRelay *relay, LaTime now, const Flight *flight)
{
  /* The router's own address: the client network's last. */
  LaAddr router = flight->packet->src.addr;
  router.bytes[flight->packet->src.family == LA_FAMILY_IPV6 ? 15 : 3] = 254;
  Flight *answer = new_flight(now, LA_LAB_OTHER(flight->from));
  la_packet_make_unreachable(flight->packet, &router, (unsigned)flight->n, answer->packet);
  originate(relay, now, answer, "icmp-reject");
}

/* The packet is in the router. (takes `flight`) */
static void pass_router(LaLabRelay *relay, LaTime now, Flight *flight)
{
  LaLabAct act = (LaLabAct)flight->act;
  if (act == LA_LAB_SPOIL_ACK) {
    la_packet_move_ack(flight->packet, flight->n);
    note(relay, now, "rewrite", "before_capture_point", flight);
  }
  relay->hooks.record(relay->hooks.ctx, now, flight->from, flight->packet);
  if (act == LA_LAB_STRIP_FASTOPEN) {
    note(relay, now, "rewrite", "after_capture_point", flight);
    la_packet_strip_fast_open(flight->packet);
  }
  bool stops = false;
  switch (act) {
  case LA_LAB_DROP_AFTER:
    note(relay, now, "drop", "after_capture_point", flight);
    stops = true;
    break;
  case LA_LAB_REJECT_RST:
    reject(relay, now, flight);
    stops = true;
    break;
  case LA_LAB_RST_BOTH:
    reject(relay, now, flight);
    cut(relay, now, flight);
    stops = true;
    break;
  case LA_LAB_REJECT_ICMP:
    unreachable(relay, now, flight);
    stops = true;
    break;
  case LA_LAB_TELL_ICMP: unreachable(relay, now, flight); break;
  default: break;
  }
  LaTime more = act == LA_LAB_DELAY_AFTER ? (LaTime)flight->n * LA_MSEC : 0;
  if (act == LA_LAB_REJECT_RST || act == LA_LAB_RST_BOTH || act == LA_LAB_REJECT_ICMP)
    note(relay, now, "drop", "after_capture_point", flight);
  if (act == LA_LAB_DELAY_AFTER)
    note(relay, now, "delay", "after_capture_point", flight);
  if (stops)
    free_flight(flight);
  else
    forward(relay, now, flight, more);
}

void la_lab_relay_advance(LaLabRelay *relay, LaTime now)
{
  for (Flight *flight = g_queue_peek_head(&relay->flights); flight != NULL && flight->due <= now;
       flight = g_queue_peek_head(&relay->flights)) {
    g_queue_pop_head(&relay->flights);
    if (flight->moment == AT_ROUTER) {
      pass_router(relay, now, flight);
      continue;
    }
    relay->hooks.send(relay->hooks.ctx, LA_LAB_OTHER(flight->from), flight->packet);
    free_flight(flight);
  }
}

LaTime la_lab_relay_next(const LaLabRelay *relay)
{
  const Flight *flight = relay->flights.head != NULL ? relay->flights.head->data : NULL;
  return flight != NULL ? flight->due : LA_TIME_MAX;
}

/* A forged segment in the name of `from`, in the router at `due`. */
static void forge_segment(LaLabRelay *relay, LaTime due, LaLabEnd from, const LaPacketPlan *plan)
{
  Flight *flight = new_flight(due, from);
  flight->moment = AT_ROUTER;
  la_packet_make(plan, flight->packet);
  note(relay, due, "inject", "router", flight);
  enqueue(relay, flight);
}

/* Options of an ordinary SYN: mss 1460, sackOK, window scale 7. */
static const uint8_t syn_options[] = {2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 1, 1};

/* The flow that stands for the last connection; NULL when there was none. */
static const Flow *last_flow(const LaLabRelay *relay)
{
  return relay->flows->len > 0 ? &g_array_index(relay->flows, Flow, relay->flows->len - 1) : NULL;
}

/* Segments of many strangers, or of one, that belong to no connection. */
static void forge_strangers(LaLabRelay *relay, LaTime now, const LaLabForgery *forgery, const Flow *like)
{
  static const uint8_t odd[] = {LA_PACKET_SYN | LA_PACKET_FIN, 0, LA_PACKET_FIN, LA_PACKET_FIN | LA_PACKET_PSH | LA_PACKET_URG,
                                LA_PACKET_SYN | LA_PACKET_RST};
  static const uint8_t stray[] = {LA_PACKET_SYN | LA_PACKET_ACK, LA_PACKET_RST, LA_PACKET_ACK};
  unsigned count = forgery->count;
  if (forgery->what == LA_LAB_FORGE_FLAGS)
    count = G_N_ELEMENTS(odd);
  else if (forgery->what == LA_LAB_FORGE_STRAY)
    count = G_N_ELEMENTS(stray);
  for (unsigned i = 0; i < count; i++) {
    LaPacketPlan plan = {
        .src = like->at[LA_LAB_CLIENT], .dst = like->at[LA_LAB_SERVER], .flags = LA_PACKET_SYN, .window = 64240};
    uint8_t *last = &plan.src.addr.bytes[plan.src.family == LA_FAMILY_IPV6 ? 15 : 3];
    *last = forgery->what == LA_LAB_FORGE_SYNS ? (uint8_t)(100 + i % 150) : 99;
    plan.src.port = (uint16_t)(30000 + i);
    plan.dst.port = (uint16_t)(forgery->port + (forgery->what == LA_LAB_FORGE_SCAN ? i : 0));
    plan.seq = 0x10000000u + i * 0x10001u;
    plan.ip_id = (uint16_t)(1000 + i);
    if (forgery->what == LA_LAB_FORGE_FLAGS)
      plan.flags = odd[i];
    else if (forgery->what == LA_LAB_FORGE_STRAY)
      plan.flags = stray[i];
    if (plan.flags & LA_PACKET_ACK)
      plan.ack = 0x20000000u;
    if (plan.flags == LA_PACKET_SYN) {
      plan.options = syn_options;
      plan.options_len = sizeof syn_options;
    }
    forge_segment(relay, now + (LaTime)(i * forgery->every_ms) * LA_MSEC, LA_LAB_CLIENT, &plan);
  }
}

/* One segment into a connection. */
static void forge_into(LaLabRelay *relay, LaTime now, const LaLabForgery *forgery, const Flow *flow)
{
  LaLabEnd from = forgery->way == LA_LAB_TO_CLIENT ? LA_LAB_SERVER : LA_LAB_CLIENT;
  LaLabEnd to = LA_LAB_OTHER(from);
  uint32_t n = (uint32_t)forgery->n;
  LaPacketPlan plan = {.src = flow->at[from],
                       .dst = flow->at[to],
                       .seq = flow->next[from],
                       .ack = flow->next[to],
                       .flags = LA_PACKET_ACK,
                       .window = flow->window[from]};
  switch ((LaLabForge)forgery->what) {
  case LA_LAB_FORGE_RST:
    plan.seq += n;
    plan.ack = 0;
    plan.window = 0;
    plan.flags = LA_PACKET_RST;
    break;
  case LA_LAB_FORGE_SYN:
    plan.seq += n;
    plan.ack = 0;
    plan.flags = LA_PACKET_SYN;
    break;
  case LA_LAB_FORGE_SYN_ACK:
    plan.seq = flow->isn[from] + n;
    plan.ack = flow->isn[to] + 1;
    plan.flags = LA_PACKET_SYN | LA_PACKET_ACK;
    break;
  case LA_LAB_FORGE_ACK: plan.ack += n; break;
  case LA_LAB_FORGE_DATA:
    plan.payload_len = n;
    plan.flags |= LA_PACKET_PSH;
    break;
  case LA_LAB_FORGE_FIN:
    plan.seq += n;
    plan.flags |= LA_PACKET_FIN;
    break;
  default: return;
  }
  if (plan.flags & LA_PACKET_SYN) {
    plan.options = syn_options;
    plan.options_len = sizeof syn_options;
  }
  unsigned count = forgery->count != 0 ? forgery->count : 1;
  for (unsigned i = 0; i < count; i++)
    forge_segment(relay, now + (LaTime)(i * forgery->every_ms) * LA_MSEC, from, &plan);
}

void la_lab_relay_mark(LaLabRelay *relay, LaTime now, unsigned mark)
{
  if (mark > relay->phase)
    relay->phase = mark;
  const Flow *flow = last_flow(relay);
  for (size_t i = 0; i < LA_LAB_FORGERIES && flow != NULL; i++) {
    const LaLabForgery *forgery = &relay->experiment->forgeries[i];
    if (forgery->what == LA_LAB_FORGE_NOTHING || forgery->mark != mark)
      continue;
    if (forgery->what <= LA_LAB_FORGE_FLAGS || forgery->what == LA_LAB_FORGE_STRAY)
      forge_strangers(relay, now, forgery, flow);
    else
      forge_into(relay, now, forgery, flow);
  }
}
