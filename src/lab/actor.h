/* An application of an experiment: a process that runs scripts of socket calls and reports each one. */
#ifndef LA_LAB_ACTOR_H
#define LA_LAB_ACTOR_H

#include "base/addr.h"
#include "base/time.h"
#include "lab/experiment.h"

/* One call of an application, as it goes through the pipe: whole, or not at all. */
typedef struct {
  LaTime time; /* CLOCK_MONOTONIC */
  LaHostPort local, remote;
  int64_t n;    /* bytes, or what the step's n was */
  int32_t code; /* errno of what failed; 0: it worked */
  uint16_t actor, script;
  uint16_t port;
  uint8_t op; /* LaLabOp */
  uint8_t end_of_stream;
  uint8_t finished; /* this script has come to its end; no call */
} LaLabReport;

typedef struct {
  const LaLabActor *actor;
  unsigned number;              /* of the actor */
  unsigned first_port;          /* of its scripts' sockets */
  LaAddr address[LA_LAB_END_N]; /* the first of each end */
  LaFamily family;
  int report_fd; /* LaLabReport is written here (owned by the process) */
  LaTime began;  /* of the experiment, CLOCK_MONOTONIC */
} LaLabActorSetup;

/* Runs the scripts in the calling process, which must be in the namespace of the actor's end. Comes back when the laboratory has gone
 * (the pipe broke); with an exit code when a script says so. After its last step a script's sockets stay open. */
int la_lab_actor_run(const LaLabActorSetup *setup);

/* The address number `index` of a network whose first address is `first`. */
LaAddr la_lab_address(const LaAddr *first, LaFamily family, unsigned index);

/* How many ports the sockets 0 of an actor's scripts take, one for each connect; socket 1 takes those a thousand higher, and so on. */
unsigned la_lab_actor_ports(const LaLabActor *actor);

/* The word of a step in a truth file: "connect". */
const char *la_lab_op_name(LaLabOp op);

#endif
