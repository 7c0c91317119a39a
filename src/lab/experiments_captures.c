/* The same over IPv6, and how captures can be taken. */
#include "lab/experiments.h"
#include "lab/steps.h"

#define TALKER                                                                                                                 \
  CLIENT(CONNECT(80), SEND(200), RECV(1000), MARK(1), SLEEP(200), SEND(200), RECV(1000), SLEEP(100), SEND(200), RECV(1000),    \
         CLOSE)
#define LISTENER                                                                                                               \
  SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV(200), SEND(1000), RECV(200), SEND(1000), RECV_ALL, CLOSE)

/* clang-format off */
const LaLabExperiment la_lab_experiments_captures[] = {
    {.name = "v6-close-by-client", .summary = "a clean close over IPv6", .ip = 6,
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, SLEEP(300), CLOSE), USUAL_CLIENT},
     .expected = {CLEAN}},
    {.name = "v6-refused", .summary = "nothing listens, over IPv6", .ip = 6,
     .actors = {USUAL_SERVER, CLIENT(CONNECT(81))},
     .expected = {EXPECT("connection-refused", "server-application")}},
    {.name = "v6-reject-admin", .summary = "the router answers the SYN: ICMPv6 administratively prohibited", .ip = 6,
     .actors = {USUAL_SERVER, CLIENT(CONNECT(80))},
     .rules = {{.match = LA_LAB_SYN, .act = LA_LAB_REJECT_ICMP, .n = 13}},
     .expected = {EXPECT("icmp-unreachable", "network")}},
    {.name = "v6-lost-final-ack", .summary = "the last ACK is lost once, over IPv6", .ip = 6,
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, SLEEP(200), CLOSE), USUAL_CLIENT},
     .rules = {{.way = LA_LAB_TO_SERVER, .match = LA_LAB_FIN_ACK, .act = LA_LAB_DROP_AFTER, .count = 1}}, .tail_ms = 1500,
     .expected = {EXPECT("final-ack-lost", "network")}},
    {.name = "v6-abort-by-client", .summary = "the client closes with SO_LINGER 0, over IPv6", .ip = 6,
     .actors = {USUAL_SERVER, CLIENT(CONNECT(80), SEND(200), RECV(1000), SLEEP(100), ABORT)},
     .expected = {EXPECT("rst-abort|rst-unread-data", "client-application")}},
    {.name = "capture-one-way", .summary = "the capture has only the packets to the server", .record = LA_LAB_RECORD_TO_SERVER,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("one-direction", "capture")}},
    {.name = "capture-control", .summary = "the capture has only SYN, FIN and RST", .record = LA_LAB_RECORD_CONTROL,
     .actors = {LISTENER, TALKER, {.end = LA_LAB_CLIENT, .start_ms = 200, .steps = {CONNECT(80), SEND(200), RECV(1000), CLOSE}}},
     .expected = {EXPECT("filtered-capture", "capture")}},
    {.name = "capture-late", .summary = "the capture begins after the handshake", .record = LA_LAB_RECORD_LATE,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("midstream", "capture")}},
    {.name = "capture-holes", .summary = "the capture misses every fifth packet with data; nothing was lost",
     .record = LA_LAB_RECORD_HOLES,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("capture-loss", "capture")}},
    {.name = "capture-twice", .summary = "every packet is captured at two points of its way", .record = LA_LAB_RECORD_TWICE,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("duplicate-packets", "capture")}},
    {.name = "capture-short", .summary = "a snaplen that cuts the TCP headers", .record = LA_LAB_RECORD_SHORT,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("cut-short", "capture")}},
    {.name = "capture-swapped", .summary = "packets are recorded in another order than they passed", .record = LA_LAB_RECORD_SWAPPED,
     .actors = {LISTENER, TALKER},
     .expected = {EXPECT("reordered-capture|time-went-back", "capture")}},
};
/* clang-format on */

const size_t la_lab_experiments_captures_n = sizeof la_lab_experiments_captures / sizeof la_lab_experiments_captures[0];
