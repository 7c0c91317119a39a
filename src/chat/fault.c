/* The faults are one table; the dice are seeded by the caller, so that a run with the same seed and the same order of
 * connections misbehaves in the same places. A fault that is certain draws no number. */
#include "chat/fault.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

static const LaChatFaultInfo infos[] = {
    [LA_CHAT_FAULT_NO_CLOSE] = {"no-close", "never close after the peer's FIN (CLOSE_WAIT leak)", 0, LA_CHAT_PARAM_NONE, false},
    [LA_CHAT_FAULT_LATE_CLOSE] = {"late-close", "close a time after the peer's FIN", 5 * LA_SEC, LA_CHAT_PARAM_SPAN, false},
    [LA_CHAT_FAULT_LINGER0] = {"linger0", "close with SO_LINGER 0: a RST in place of the FIN", 0, LA_CHAT_PARAM_NONE, false},
    [LA_CHAT_FAULT_UNREAD_CLOSE] = {"unread-close", "close with data unread, a time after it came", 200 * LA_MSEC,
                                    LA_CHAT_PARAM_SPAN, false},
    [LA_CHAT_FAULT_HALF_CLOSE] = {"half-close", "go on sending for a time after the peer's FIN", 2 * LA_SEC, LA_CHAT_PARAM_SPAN,
                                  false},
    [LA_CHAT_FAULT_STOP_READING] = {"stop-reading", "read nothing after the first frame (zero window)", 0, LA_CHAT_PARAM_NONE,
                                    false},
    [LA_CHAT_FAULT_NO_PONG] = {"no-pong", "do not answer pings", 0, LA_CHAT_PARAM_NONE, false},
    [LA_CHAT_FAULT_DELAY_REPLIES] = {"delay-replies", "send everything a time late", LA_SEC, LA_CHAT_PARAM_SPAN, false},
    [LA_CHAT_FAULT_NO_ACCEPT] = {"no-accept", "listen, but never accept", 0, LA_CHAT_PARAM_NONE, true},
    [LA_CHAT_FAULT_LATE_ACCEPT] = {"late-accept", "accept a time after a connection began to wait", 2 * LA_SEC,
                                   LA_CHAT_PARAM_SPAN, true},
    [LA_CHAT_FAULT_CLOSE_LISTENER] = {"close-listener", "close the listener a time after a connection began to wait",
                                      500 * LA_MSEC, LA_CHAT_PARAM_SPAN, true},
    [LA_CHAT_FAULT_EXIT] = {"exit", "end the process when so many clients are logged in", 1, LA_CHAT_PARAM_COUNT, true},
};
static_assert(G_N_ELEMENTS(infos) == LA_CHAT_FAULT_COUNT, "a line for each fault");

const LaChatFaultInfo *la_chat_fault_info(LaChatFaultKind kind)
{
  return &infos[kind];
}

/* The kind whose name is the first `len` bytes of `text`; LA_CHAT_FAULT_COUNT when there is none. */
static LaChatFaultKind find_kind(const char *text, size_t len)
{
  int kind = 0;
  while (kind < LA_CHAT_FAULT_COUNT && (strlen(infos[kind].name) != len || memcmp(infos[kind].name, text, len) != 0))
    kind++;
  return (LaChatFaultKind)kind;
}

static void set_error(GError **error, const char *text, const char *what)
{
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "fault '%s': %s", text, what);
}

static void set_unknown(GError **error, const char *text)
{
  g_autoptr(GString) names = g_string_new(NULL);
  for (int i = 0; i < LA_CHAT_FAULT_COUNT; i++)
    g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", infos[i].name);
  g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "fault '%s': no such fault; there are %s", text, names->str);
}

bool la_chat_fault_parse(const char *text, LaChatFault *ret_fault, GError **error)
{
  g_autofree char *head = g_strdup(text);
  LaChatFault fault = {.probability = 1};
  char *at = strrchr(head, '@');
  if (at != NULL) {
    *at++ = '\0';
    char *end;
    fault.probability = g_ascii_strtod(at, &end);
    if (end == at || *end != '\0' || !(fault.probability >= 0 && fault.probability <= 1)) {
      set_error(error, text, "the probability after '@' must be 0 to 1");
      return false;
    }
  }
  char *param = strchr(head, ':');
  if (param != NULL)
    *param++ = '\0';
  fault.kind = find_kind(head, strlen(head));
  if (fault.kind == LA_CHAT_FAULT_COUNT) {
    set_unknown(error, text);
    return false;
  }
  const LaChatFaultInfo *info = &infos[fault.kind];
  fault.param = info->fallback;
  if (param == NULL) {
    *ret_fault = fault;
    return true;
  }
  uint64_t number = 0;
  if (info->param == LA_CHAT_PARAM_NONE) {
    set_error(error, text, "this fault takes no parameter");
    return false;
  }
  if (info->param == LA_CHAT_PARAM_SPAN && !la_span_parse(param, &fault.param)) {
    set_error(error, text, "the parameter must be a time such as 500ms or 2s");
    return false;
  }
  if (info->param == LA_CHAT_PARAM_COUNT) {
    if (!g_ascii_string_to_unsigned(param, 10, 1, 1000000, &number, NULL)) {
      set_error(error, text, "the parameter must be a number from 1");
      return false;
    }
    fault.param = (int64_t)number;
  }
  *ret_fault = fault;
  return true;
}

LaChatPlan la_chat_plan_roll(const LaChatFault *faults, size_t count, LaChatScope scope, GRand *dice)
{
  LaChatPlan plan = {0};
  for (size_t i = 0; i < count; i++) {
    const LaChatFault *fault = &faults[i];
    if (infos[fault->kind].of_server != (scope == LA_CHAT_SCOPE_SERVER))
      continue;
    if (fault->probability < 1 && g_rand_double(dice) >= fault->probability)
      continue;
    plan.set |= UINT32_C(1) << fault->kind;
    plan.param[fault->kind] = fault->param;
  }
  return plan;
}
