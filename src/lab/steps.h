/* Short forms for the tables of experiments (experiments_*.c only). */
#ifndef LA_LAB_STEPS_H
#define LA_LAB_STEPS_H

#include "lab/experiment.h"

/* clang-format off */
#define LISTEN(port_, backlog_) {.op = LA_LAB_LISTEN, .sock = LA_LAB_LISTENER, .port = (port_), .n = (backlog_)}
#define SERVE                   {.op = LA_LAB_SERVE, .sock = LA_LAB_LISTENER}
#define LISTENER_SET(what, n_)  {.op = LA_LAB_SET, .sock = LA_LAB_LISTENER, .port = (what), .n = (n_)}
#define ACCEPT                  {.op = LA_LAB_ACCEPT}
#define BIND(port_)             {.op = LA_LAB_BIND, .port = (port_)}
#define SET(what, n_)           {.op = LA_LAB_SET, .port = (what), .n = (n_)}
#define CONNECT(port_)          {.op = LA_LAB_CONNECT, .port = (port_)}
#define CONNECT_BEGIN(port_)    {.op = LA_LAB_CONNECT_BEGIN, .port = (port_)}
#define CONNECT_SEND(port_, n_) {.op = LA_LAB_CONNECT_SEND, .port = (port_), .n = (n_)}
#define SEND(n_)                {.op = LA_LAB_SEND, .n = (n_)}
#define SEND_BEGIN(n_)          {.op = LA_LAB_SEND_BEGIN, .n = (n_)}
#define RECV(n_)                {.op = LA_LAB_RECV, .n = (n_)}
#define RECV_ALL                {.op = LA_LAB_RECV_ALL}
#define SHUT                    {.op = LA_LAB_SHUT}
#define CLOSE                   {.op = LA_LAB_CLOSE}
#define CLOSE_LISTENER          {.op = LA_LAB_CLOSE, .sock = LA_LAB_LISTENER}
#define ABORT                   {.op = LA_LAB_ABORT}
#define SLEEP(ms)               {.op = LA_LAB_SLEEP, .n = (ms)}
#define AT(ms)                  {.op = LA_LAB_AT, .n = (ms)}
#define MARK(n_)                {.op = LA_LAB_MARK, .n = (n_)}
#define AGAIN(times_)           {.op = LA_LAB_AGAIN, .n = (times_)}
#define EXIT                    {.op = LA_LAB_EXIT}
#define EXIT_LATER(ms)          {.op = LA_LAB_EXIT_LATER, .n = (ms)}
#define KILL                    {.op = LA_LAB_KILL}

/* A server as most are: reads a request, answers, closes after its client. */
#define SERVER(...)             {.end = LA_LAB_SERVER, .steps = {__VA_ARGS__}}
#define CLIENT(...)             {.end = LA_LAB_CLIENT, .steps = {__VA_ARGS__}}
#define CLIENTS(times_, every_, ...) {.end = LA_LAB_CLIENT, .times = (times_), .every_ms = (every_), .steps = {__VA_ARGS__}}
#define USUAL_SERVER            SERVER(LISTEN(80, 16), SERVE, RECV(200), SEND(1000), RECV_ALL, CLOSE)
#define USUAL_CLIENT            CLIENT(CONNECT(80), SEND(200), RECV(1000), SLEEP(100), CLOSE)
#define BOTH_ENDS               LA_LAB_END_N
#define SYSCTL(end_, name_, value_)  {.end = (end_), .name = (name_), .value = (value_)}
#define CLEAN                        {.finding = "", .blame = "none"}
#define EXPECT(codes, blames)        {.finding = (codes), .blame = (blames)}
#define EXPECT_AT(port_, codes, blames) {.finding = (codes), .blame = (blames), .port = (port_)}
#define ALLOWED(codes, blames)       {.finding = (codes), .blame = (blames), .owed = LA_LAB_ALLOWED}
#define ALLOWED_AT(port_, codes, blames) {.finding = (codes), .blame = (blames), .port = (port_), .owed = LA_LAB_ALLOWED}
#define UNSEEN(codes, blames)        {.finding = (codes), .blame = (blames), .owed = LA_LAB_INVISIBLE}
/* clang-format on */

#endif
