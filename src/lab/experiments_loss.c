/* What is lost, repeated or late on the way. */
#include "lab/experiments.h"
#include "lab/steps.h"

/* clang-format off */
const LaLabExperiment la_lab_experiments_loss[] = {
    {.name = "lost-syn", .summary = "the first SYN is lost behind the point of capture",
     .actors = {USUAL_SERVER, USUAL_CLIENT},
     .rules = {{.match = LA_LAB_SYN, .act = LA_LAB_DROP_AFTER, .count = 1}},
     .expected = {EXPECT("syn-retransmitted", "network")}},
    {.name = "lost-fin-before", .summary = "the client's FIN is lost once before the point of capture",
     .actors = {USUAL_SERVER, USUAL_CLIENT},
     .rules = {{.way = LA_LAB_TO_SERVER, .match = LA_LAB_FIN, .act = LA_LAB_DROP_BEFORE, .count = 1}},
     .expected = {UNSEEN("fin-retransmitted", "network")}},
    {.name = "lost-final-ack", .summary = "the last ACK is lost once behind the point of capture: the server repeats its FIN",
     .actors = {SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, SLEEP(200), CLOSE), USUAL_CLIENT},
     .rules = {{.way = LA_LAB_TO_SERVER, .match = LA_LAB_FIN_ACK, .act = LA_LAB_DROP_AFTER, .count = 1}}, .tail_ms = 1500,
     .expected = {EXPECT("final-ack-lost", "network")}},
};
/* clang-format on */

const size_t la_lab_experiments_loss_n = sizeof la_lab_experiments_loss / sizeof la_lab_experiments_loss[0];
