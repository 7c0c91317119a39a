/* Theory of operation.
 *
 * Each connection is put together from a behaviour of its client, one of its server, and, for every third, something that the path
 * does to one or two of its packets. Behaviours are short lists of steps; sizes and pauses are drawn. The client's port is the
 * connection's number, so the server knows which behaviour is wanted, and a rule which connection it is for. Everything is drawn
 * from one generator in a fixed order: the seed decides all of it. What the kernels then do with their clocks is theirs. */
#include "lab/mix.h"

#include <string.h>

#include "lab/steps.h"

enum {
  EVERY_MS = 25,   /* on average, between two beginnings */
  REST_MS = 16000, /* after the last beginning: most have ended by then, some never do */
  RULES_EACH = 2,
  SHARE_WITH_LOSS = 35, /* percent */
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state)
{
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* From low to high. */
static int32_t between(uint64_t *state, int32_t low, int32_t high)
{
  return low + (int32_t)(draw(state) % (uint64_t)(high - low + 1));
}

typedef struct {
  const char *name;
  unsigned weight;
  LaLabStep steps[LA_LAB_STEPS]; /* n of -1: the answer's size; of -2: a short pause; of -3: a long one */
} Behaviour;

/* clang-format off */
static const Behaviour clients[] = {
    {"close", 34, {CONNECT(80), SEND(200), RECV(-1), SLEEP(-2), CLOSE}},
    {"close-at-end", 22, {CONNECT(80), SEND(200), RECV_ALL, CLOSE}},
    {"half-close", 10, {CONNECT(80), SEND(200), SHUT, RECV_ALL, CLOSE}},
    {"abort", 7, {CONNECT(80), SEND(200), RECV(-1), SLEEP(-2), ABORT}},
    {"abort-early", 4, {CONNECT(80), SEND(200), SLEEP(-2), ABORT}},
    {"close-unread", 6, {CONNECT(80), SEND(200), RECV(100), SLEEP(-2), CLOSE}},
    {"no-data", 4, {CONNECT(80), SLEEP(-2), CLOSE}},
    {"leave-open", 5, {CONNECT(80), SEND(200), RECV(-1)}},
    {"two-requests", 5, {CONNECT(80), SEND(200), RECV(-1), SLEEP(-2), SEND(100), SLEEP(-2), CLOSE}},
    {"refused", 3, {CONNECT(81)}},
};
static const Behaviour servers[] = {
    {"answer", 40, {RECV(200), SEND(-1), RECV_ALL, CLOSE}},
    {"close-first", 25, {RECV(200), SEND(-1), CLOSE}},
    {"slow-close", 9, {RECV(200), SEND(-1), RECV_ALL, SLEEP(-3), CLOSE}},
    {"abort", 6, {RECV(200), SEND(-1), SLEEP(-2), ABORT}},
    {"leak", 6, {RECV(200), SEND(-1), RECV_ALL}},
    {"unread", 5, {SLEEP(-2), CLOSE}},
    {"answer-late", 9, {RECV(200), SLEEP(-2), SEND(-1), SLEEP(-2), SEND(1000), RECV_ALL, CLOSE}},
};
static const struct {
  uint8_t way, match;
} targets[] = {
    {LA_LAB_TO_SERVER, LA_LAB_SYN}, {LA_LAB_TO_CLIENT, LA_LAB_SYN_ACK}, {LA_LAB_TO_SERVER, LA_LAB_HANDSHAKE_ACK},
    {LA_LAB_TO_SERVER, LA_LAB_DATA}, {LA_LAB_TO_CLIENT, LA_LAB_DATA}, {LA_LAB_TO_SERVER, LA_LAB_FIN},
    {LA_LAB_TO_CLIENT, LA_LAB_FIN}, {LA_LAB_TO_SERVER, LA_LAB_FIN_ACK}, {LA_LAB_TO_CLIENT, LA_LAB_FIN_ACK},
    {LA_LAB_TO_SERVER, LA_LAB_ACK}, {LA_LAB_TO_CLIENT, LA_LAB_ACK}, {LA_LAB_BOTH_WAYS, LA_LAB_RST},
};
/* clang-format on */
static const uint8_t acts[] = {LA_LAB_DROP_BEFORE, LA_LAB_DROP_BEFORE,  LA_LAB_DROP_AFTER,  LA_LAB_DROP_AFTER,
                               LA_LAB_DROP_AFTER,  LA_LAB_DELAY_BEFORE, LA_LAB_DELAY_AFTER, LA_LAB_DUPLICATE};

static const Behaviour *choose(uint64_t *state, const Behaviour *all, size_t count)
{
  unsigned total = 0;
  for (size_t i = 0; i < count; i++)
    total += all[i].weight;
  unsigned at = (unsigned)(draw(state) % total);
  for (size_t i = 0; i + 1 < count; i++) {
    if (at < all[i].weight)
      return &all[i];
    at -= all[i].weight;
  }
  return &all[count - 1];
}

static void fill(uint64_t *state, const Behaviour *behaviour, int32_t size, LaLabScript *script)
{
  memcpy(script->steps, behaviour->steps, sizeof script->steps);
  for (int i = 0; i < LA_LAB_STEPS; i++) {
    LaLabStep *step = &script->steps[i];
    if (step->n == -1)
      step->n = size;
    else if (step->n == -2)
      step->n = between(state, 5, 400);
    else if (step->n == -3)
      step->n = between(state, 800, 7000);
  }
}

static LaLabRule draw_rule(uint64_t *state, uint16_t port)
{
  size_t target = (size_t)(draw(state) % G_N_ELEMENTS(targets));
  return (LaLabRule){.port = port,
                     .way = targets[target].way,
                     .match = targets[target].match,
                     .act = acts[draw(state) % G_N_ELEMENTS(acts)],
                     .skip = (uint16_t)between(state, 0, targets[target].match == LA_LAB_DATA ? 3 : 0),
                     .count = (uint16_t)between(state, 1, 2),
                     .n = between(state, 3, 120)};
}

LaLabExperiment *la_lab_mix_new(unsigned connections, uint64_t seed)
{
  LaLabExperiment *experiment = g_new0(LaLabExperiment, 1);
  LaLabScript *at_client = g_new0(LaLabScript, connections), *at_server = g_new0(LaLabScript, connections);
  LaLabIntent *intents = g_new0(LaLabIntent, connections);
  LaLabRule *rules = g_new0(LaLabRule, connections * RULES_EACH);
  uint64_t state = seed;
  size_t rules_n = 0;
  uint32_t start = 0;
  for (unsigned i = 0; i < connections; i++) {
    const Behaviour *client = choose(&state, clients, G_N_ELEMENTS(clients));
    const Behaviour *server = choose(&state, servers, G_N_ELEMENTS(servers));
    int32_t size = between(&state, 300, between(&state, 0, 9) == 0 ? 60000 : 4000);
    uint16_t port = (uint16_t)(LA_LAB_FIRST_PORT + i);
    fill(&state, client, size, &at_client[i]);
    fill(&state, server, size, &at_server[i]);
    at_client[i].start_ms = start;
    start += (uint32_t)between(&state, 0, 2 * EVERY_MS);
    intents[i] = (LaLabIntent){.port = port, .client = client->name, .server = server->name};
    if (between(&state, 1, 100) > SHARE_WITH_LOSS)
      continue;
    for (int32_t more = between(&state, 1, RULES_EACH); more > 0; more--)
      rules[rules_n++] = draw_rule(&state, port);
  }
  experiment->name = g_strdup_printf("random-%u-%" G_GUINT64_FORMAT, connections, seed);
  experiment->summary = "a random mix of behaviours and losses";
  experiment->run_ms = start + REST_MS;
  experiment->actors[0] = (LaLabActor)SERVER(LISTEN(80, 1024), SERVE);
  experiment->actors[0].times = (uint16_t)connections;
  experiment->actors[0].scripts = at_server;
  experiment->actors[1].end = LA_LAB_CLIENT;
  experiment->actors[1].steps[0] = at_client[0].steps[0];
  experiment->actors[1].times = (uint16_t)connections;
  experiment->actors[1].scripts = at_client;
  experiment->more_rules = rules;
  experiment->more_rules_n = rules_n;
  experiment->intents = intents;
  experiment->intents_n = connections;
  return experiment;
}

static void drop(gconstpointer data)
{
  union {
    gconstpointer in;
    gpointer out;
  } pointer = {.in = data};
  g_free(pointer.out);
}

void la_lab_mix_free(LaLabExperiment *experiment)
{
  if (experiment == NULL)
    return;
  drop(experiment->name);
  drop(experiment->actors[0].scripts);
  drop(experiment->actors[1].scripts);
  drop(experiment->more_rules);
  drop(experiment->intents);
  g_free(experiment);
}
