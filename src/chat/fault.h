/* Misbehaviour on purpose: what a server does wrong, to all or to some of its connections. */
#ifndef LA_CHAT_FAULT_H
#define LA_CHAT_FAULT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

typedef enum {
  /* Of a connection. */
  LA_CHAT_FAULT_NO_CLOSE,      /* never closes after the peer's FIN */
  LA_CHAT_FAULT_LATE_CLOSE,    /* closes only a time after the peer's FIN */
  LA_CHAT_FAULT_LINGER0,       /* closes with SO_LINGER 0: a RST in place of the FIN */
  LA_CHAT_FAULT_UNREAD_CLOSE,  /* closes with data unread, a time after it came */
  LA_CHAT_FAULT_HALF_CLOSE,    /* goes on sending for a time after the peer's FIN */
  LA_CHAT_FAULT_STOP_READING,  /* reads nothing after the first frame: the window fills */
  LA_CHAT_FAULT_NO_PONG,       /* does not answer pings */
  LA_CHAT_FAULT_DELAY_REPLIES, /* sends everything a time late */
  /* Of the server. */
  LA_CHAT_FAULT_NO_ACCEPT,      /* listens, never accepts */
  LA_CHAT_FAULT_LATE_ACCEPT,    /* accepts a time after a connection began to wait */
  LA_CHAT_FAULT_CLOSE_LISTENER, /* closes the listener a time after a connection began to wait */
  LA_CHAT_FAULT_EXIT,           /* the process ends when so many are logged in, all sockets open */
  LA_CHAT_FAULT_COUNT
} LaChatFaultKind;

typedef enum {
  LA_CHAT_PARAM_NONE,
  LA_CHAT_PARAM_SPAN,  /* nanoseconds */
  LA_CHAT_PARAM_COUNT, /* a number */
} LaChatParamKind;

typedef struct {
  const char *name;
  const char *summary;
  int64_t fallback; /* the parameter when none is given */
  LaChatParamKind param;
  bool of_server;
} LaChatFaultInfo;

/* The table of all faults, indexed by kind. Static. */
const LaChatFaultInfo *la_chat_fault_info(LaChatFaultKind kind);

/* A fault as it was asked for. */
typedef struct {
  LaChatFaultKind kind;
  int64_t param;
  double probability; /* 0 to 1 */
} LaChatFault;

/* The faults that one connection, or the server, has. */
typedef struct {
  uint32_t set; /* bit n: the fault of kind n */
  int64_t param[LA_CHAT_FAULT_COUNT];
} LaChatPlan;

static inline bool la_chat_plan_has(const LaChatPlan *plan, LaChatFaultKind kind)
{
  return (plan->set >> kind & 1) != 0;
}

/* Reads `NAME[:PARAM][@PROBABILITY]`: `late-close:2s@0.1`, `exit:5`. LA_ERROR_USAGE names what is wrong. */
bool la_chat_fault_parse(const char *text, LaChatFault *ret_fault, GError **error);

typedef enum {
  LA_CHAT_SCOPE_CONNECTION,
  LA_CHAT_SCOPE_SERVER,
} LaChatScope;

/* Throws the dice for those of the `count` faults that belong to `scope`. */
LaChatPlan la_chat_plan_roll(const LaChatFault *faults, size_t count, LaChatScope scope, GRand *dice);

#endif
