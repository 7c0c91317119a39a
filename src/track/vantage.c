/* A packet leaves its host with a TTL of 64, 128 or 255 and loses one at every router. At an end of the path one side's packets
 * still have that number and the other's do not; when both have it there is no router to tell by, and when neither has it the
 * capture lies between routers. The halves of the handshake's round trip speak where TTLs do not: on the client's host the
 * ACK follows the SYN-ACK within the kernel's own time, on the server's the SYN-ACK follows the SYN. */
#include "track/vantage.h"

#include <assert.h>

/* A kernel answers on its own host within this, and the other half must be this many times longer. */
#define LOCAL_MAX LA_MSEC
#define FAR_FACTOR 5

static const char *const names[] = {"unknown", "client", "server", "middle"};
static_assert(sizeof names / sizeof *names == LA_VANTAGE_N, "a name for each vantage point");

const char *la_vantage_name(LaVantage vantage)
{
  return names[vantage];
}

static bool is_initial(uint8_t ttl)
{
  return ttl == 64 || ttl == 128 || ttl == 255;
}

/* A half that ends before it begins was recorded by a clock that was set back, and tells nothing; nor do two halves without length, in a
 * capture without times. */
static bool is_quick(LaTime half, LaTime other)
{
  return half >= 0 && other > 0 && half <= LOCAL_MAX && half * FAR_FACTOR <= other;
}

LaVantage la_connection_vantage(const LaConnection *conn)
{
  const LaEndpoint *opener = &conn->end[LA_OPENER];
  const LaEndpoint *acceptor = &conn->end[LA_ACCEPTOR];
  if (opener->ttl_max == 0 || acceptor->ttl_max == 0 || conn->handshake_ack_frame == 0 || opener->syn_sent != 1 ||
      acceptor->syn_ack_sent != 1)
    return LA_VANTAGE_UNKNOWN;
  bool client_near = is_initial(opener->ttl_max);
  bool server_near = is_initial(acceptor->ttl_max);
  if (!client_near && !server_near)
    return LA_VANTAGE_MIDDLE;
  LaTime server_half = acceptor->syn_time - opener->syn_time;
  LaTime client_half = conn->handshake_ack_time - acceptor->syn_time;
  bool client_quick = is_quick(client_half, server_half);
  bool server_quick = is_quick(server_half, client_half);
  if (client_near && !server_near)
    return server_quick ? LA_VANTAGE_UNKNOWN : LA_VANTAGE_CLIENT;
  if (server_near && !client_near)
    return client_quick ? LA_VANTAGE_UNKNOWN : LA_VANTAGE_SERVER;
  /* Both in one network: only the times may tell. */
  if (client_quick)
    return LA_VANTAGE_CLIENT;
  return server_quick ? LA_VANTAGE_SERVER : LA_VANTAGE_UNKNOWN;
}

LaVantage la_vantage_estimate(const LaVantageVotes *v)
{
  uint32_t total = v->votes[LA_VANTAGE_CLIENT] + v->votes[LA_VANTAGE_SERVER] + v->votes[LA_VANTAGE_MIDDLE];
  for (unsigned i = LA_VANTAGE_CLIENT; i < LA_VANTAGE_N; i++)
    if (total != 0 && v->votes[i] >= total - total / 3)
      return (LaVantage)i;
  return LA_VANTAGE_UNKNOWN;
}
