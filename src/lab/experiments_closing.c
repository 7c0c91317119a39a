/* How connections end when nothing is lost on the way. */
#include "lab/experiments.h"
#include "lab/steps.h"

/* clang-format off */
const LaLabExperiment la_lab_experiments_closing[] = {
    {.name = "close-by-client", .summary = "the client closes, the server follows 300 ms later: four segments",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, SLEEP(300), CLOSE), USUAL_CLIENT},
     .expected = {CLEAN}},
    {.name = "close-by-server", .summary = "the server answers and closes first, the client follows",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), CLOSE),
                CLIENT(CONNECT(80), SEND(200), RECV_ALL, SLEEP(150), CLOSE)},
     .expected = {CLEAN}},
    {.name = "close-three-segments", .summary = "the server closes at once when the client's FIN comes: its ACK and FIN are one segment",
     .actors = {USUAL_SERVER, USUAL_CLIENT},
     .expected = {CLEAN}},
    {.name = "close-simultaneous", .summary = "both ends close within one round trip: CLOSING on both sides",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), AT(500), CLOSE),
                CLIENT(CONNECT(80), SEND(200), RECV(1000), AT(500), CLOSE)},
     .rules = {{.match = LA_LAB_FIN, .act = LA_LAB_DELAY_BEFORE, .n = 40, .count = 2}},
     .expected = {EXPECT("simultaneous-close", "none")}},
    {.name = "half-close", .summary = "the client shuts its side, the server sends on for a while and closes",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), RECV_ALL, SEND(1000), SLEEP(100), SEND(1000), SLEEP(100), SEND(1000), CLOSE),
                CLIENT(CONNECT(80), SEND(200), SHUT, RECV_ALL, CLOSE)},
     .expected = {EXPECT("half-close", "none")}},
    {.name = "close-wait-leak", .summary = "the server never closes after the client's FIN",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL), USUAL_CLIENT},
     .sysctls = {SYSCTL(LA_LAB_CLIENT, "tcp_fin_timeout", "3")}, .tail_ms = 5500,
     .expected = {ALLOWED("close-wait-leak|still-open", "server-application|none")}},
    {.name = "close-late-fin", .summary = "the server closes after the client's FIN_WAIT_2 has expired: its FIN gets a RST",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, SLEEP(3500), CLOSE),
                CLIENT(CONNECT(80), SEND(200), RECV(1000), CLOSE, SLEEP(3500))},
     .sysctls = {SYSCTL(LA_LAB_CLIENT, "tcp_fin_timeout", "2")},
     .expected = {EXPECT("rst-late-fin|rst-no-connection", "server-application"),
                  ALLOWED("close-wait-slow", "server-application")}},
};
/* clang-format on */

const size_t la_lab_experiments_closing_n = sizeof la_lab_experiments_closing / sizeof la_lab_experiments_closing[0];
