/* A connection made by hand for the tests of reports: 10.9.0.1:55308 opens to 10.9.0.2:8888, sends 10 bytes and a FIN; the server
 * acknowledges the FIN and never closes. */
#ifndef LA_UNIT_REPORT_STORY_H
#define LA_UNIT_REPORT_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "report/format.h"
#include "report/record.h"

#define STORY_START (INT64_C(1795226400) * LA_SEC) /* 2026-11-21 02:00:00 UTC */

typedef struct {
  LaConnection conn;
  LaFindings findings;
  LaConnectionRecord record;
} Story;

static inline void assert_has(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    fail_msg("%s\nis not in\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
  if (strstr(text, part) != NULL)
    fail_msg("%s\nis in\n%s", part, text);
}

static inline void story_step(LaEndpoint *end, LaTcpState state, LaStep step)
{
  step.state = (uint8_t)state;
  end->path[end->steps++] = step;
  end->state = (uint8_t)state;
}

static inline void story_add_finding(Story *story, const char *code, LaTime at)
{
  LaFinding *finding = &story->findings.items[story->findings.count++];
  const LaRule *rule = la_rule_find(code);
  assert_non_null(rule);
  *finding = (LaFinding){.rule = rule,
                         .severity = (uint8_t)rule->severity,
                         .confidence = LA_CONFIDENCE_LIKELY,
                         .blame = LA_BLAME_SERVER_APPLICATION,
                         .side = LA_ACCEPTOR,
                         .at = at};
  la_finding_add_packet(finding, 6);
  la_finding_add_packet(finding, 7);
  la_finding_add_span(finding, "held_s", 312 * LA_SEC);
}

static inline Story *story_new(void)
{
  Story *story = g_new0(Story, 1);
  LaConnection *conn = &story->conn;
  LaTime t = STORY_START;
  la_addr_parse("10.9.0.1", &conn->addr[LA_OPENER]);
  la_addr_parse("10.9.0.2", &conn->addr[LA_ACCEPTOR]);
  conn->port[LA_OPENER] = 55308;
  conn->port[LA_ACCEPTOR] = 8888;
  conn->family = LA_FAMILY_IPV4;
  conn->roles_from = LA_ROLES_SYN;
  conn->flags = LA_CONN_ESTABLISHED;
  conn->id = 1;
  conn->file = 1;
  conn->first_frame = 1;
  conn->last_frame = 7;
  conn->first_time = t;
  conn->last_time = t + 1043451 * LA_USEC;
  conn->end_time = conn->last_time + 312 * LA_SEC;
  conn->ended_by = LA_ENDED_CAPTURE_END;
  conn->rst_side = LA_SIDE_N;
  conn->first_fin = LA_OPENER;
  conn->handshake_ack_frame = 3;
  conn->handshake_ack_time = t + 440 * LA_USEC;
  conn->encap_count = 1;
  conn->encap[0] = (LaEncap){.kind = LA_ENCAP_VLAN, .id = 10, .has_id = 1};

  LaEndpoint *client = &conn->end[LA_OPENER];
  client->flags =
      LA_END_ISN | LA_END_SPOKE | LA_END_ACKED | LA_END_UNA | LA_END_SYN | LA_END_FIN | LA_END_FIN_ACKED | LA_END_DATA;
  client->isn = 1000;
  client->packets = 4;
  client->payload_bytes = 10;
  client->syn = client->fin = client->syn_sent = client->fin_sent = 1;
  client->syn_frame = 1;
  client->syn_time = t;
  client->syn_options = LA_OPT_MSS | LA_OPT_WSCALE | LA_OPT_SACK_PERMITTED | LA_OPT_TIMESTAMPS;
  client->mss = 1460;
  client->syn_wscale = 7;
  client->fin_frame = 6;
  client->fin_time = t + 1002258 * LA_USEC;
  client->fin_acked_frame = 7;
  client->fin_acked_time = conn->last_time;
  story_step(client, LA_TCP_SYN_SENT, (LaStep){.time = t, .frame = 1, .proved_by = 1});
  story_step(client, LA_TCP_ESTABLISHED, (LaStep){.time = t + 409 * LA_USEC, .frame = 2, .proved_by = 3});
  story_step(client, LA_TCP_FIN_WAIT_1, (LaStep){.time = client->fin_time, .frame = 6, .proved_by = 6});
  story_step(client, LA_TCP_FIN_WAIT_2, (LaStep){.time = conn->last_time, .frame = 7});

  LaEndpoint *server = &conn->end[LA_ACCEPTOR];
  server->flags = LA_END_ISN | LA_END_SPOKE | LA_END_ACKED | LA_END_UNA | LA_END_SYN_ACK;
  server->isn = 5000;
  server->packets = 3;
  server->syn = server->syn_ack_sent = 1;
  server->syn_frame = 2;
  server->syn_time = t + 409 * LA_USEC;
  server->syn_options = LA_OPT_MSS | LA_OPT_CUT;
  server->mss = 1400;
  story_step(server, LA_TCP_SYN_RECEIVED, (LaStep){.time = server->syn_time, .frame = 2, .proved_by = 2});
  story_step(server, LA_TCP_ESTABLISHED, (LaStep){.time = t + 440 * LA_USEC, .frame = 3, .proved_by = 5});
  story_step(server, LA_TCP_CLOSE_WAIT, (LaStep){.time = client->fin_time, .frame = 6, .proved_by = 7});

  story->record = (LaConnectionRecord){.conn = conn,
                                       .findings = &story->findings,
                                       .path = "leak.pcapng",
                                       .file = 1,
                                       .handshake = LA_HANDSHAKE_COMPLETE,
                                       .teardown = LA_TEARDOWN_HALF_CLOSED};
  return story;
}

#endif
