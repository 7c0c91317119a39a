/* The closed lists of words that fields have, and the types' names. */
#include <assert.h>

#include "select/field.h"
#include "track/measures.h"

#define WORDS(symbol, text, n, function, how)                                                                                  \
  const LaVocabulary symbol = {.what = (text), .count = (n), .word = (function), .order = (how)}

static const char *state_word(unsigned value)
{
  return la_tcp_state_name((LaTcpState)value);
}

static const char *handshake_word(unsigned value)
{
  return la_handshake_result_name((LaHandshakeResult)value);
}

static const char *teardown_word(unsigned value)
{
  return la_teardown_result_name((LaTeardownResult)value);
}

static const char *roles_word(unsigned value)
{
  return la_roles_from_name((LaRolesFrom)value);
}

static const char *ended_by_word(unsigned value)
{
  return la_ended_by_name((LaEndedBy)value);
}

static const char *error_word(unsigned value)
{
  return la_app_error_name((LaAppError)value);
}

static const char *side_word(unsigned value)
{
  return la_side_name((LaSide)value);
}

static const char *first_word(unsigned value)
{
  return la_first_to_close_name((LaFirstToClose)value);
}

static const char *fast_open_word(unsigned value)
{
  return value == 0 ? "request" : "cookie";
}

static const char *code_word(unsigned value)
{
  unsigned count;
  return la_rules(&count)[value]->code;
}

static const char *severity_word(unsigned value)
{
  return la_severity_name((LaSeverity)value);
}

static const char *blame_word(unsigned value)
{
  return la_blame_name((LaBlame)value);
}

static const char *confidence_word(unsigned value)
{
  return la_confidence_name((LaConfidence)value);
}

static const char *subject_word(unsigned value)
{
  static const char *const words[LA_SUBJECT_N] = {"service", "source", "pair"};
  return words[value];
}

WORDS(la_words_state, "state", LA_TCP_STATE_N, state_word, LA_WORDS_PLAIN);
WORDS(la_words_handshake, "result of a handshake", LA_HANDSHAKE_N, handshake_word, LA_WORDS_PLAIN);
WORDS(la_words_teardown, "result of a close", LA_TEARDOWN_N, teardown_word, LA_WORDS_PLAIN);
WORDS(la_words_roles, "source of the roles", LA_ROLES_N, roles_word, LA_WORDS_PLAIN);
WORDS(la_words_ended_by, "end of a connection", LA_ENDED_N, ended_by_word, LA_WORDS_PLAIN);
WORDS(la_words_error, "error", LA_APP_N, error_word, LA_WORDS_PLAIN);
WORDS(la_words_side, "side", LA_SIDE_N, side_word, LA_WORDS_PLAIN);
WORDS(la_words_first, "side", LA_FIRST_N, first_word, LA_WORDS_PLAIN);
WORDS(la_words_fast_open, "kind of fast open", 2, fast_open_word, LA_WORDS_PLAIN);
WORDS(la_words_code, "finding", LA_RULE_COUNT, code_word, LA_WORDS_PLAIN);
WORDS(la_words_severity, "severity", LA_SEVERITY_N, severity_word, LA_WORDS_ORDERED);
WORDS(la_words_blame, "blame", LA_BLAME_N, blame_word, LA_WORDS_PLAIN);
WORDS(la_words_confidence, "confidence", LA_CONFIDENCE_N, confidence_word, LA_WORDS_ORDERED);
WORDS(la_words_subject, "kind of subject", LA_SUBJECT_N, subject_word, LA_WORDS_PLAIN);

const char *la_field_type_name(const LaFieldRow *row)
{
  static const char *const names[] = {"number", "bytes", "span", "time", "ratio", "port", "address", "text", "boolean", NULL};
  static_assert(G_N_ELEMENTS(names) == LA_TYPE_N, "a name for each type");
  if (row->type != LA_TYPE_WORD)
    return names[row->type];
  /* What has a page of its own in the catalogue goes by its name. */
  if (row->words == &la_words_state)
    return "state";
  if (row->words == &la_words_code)
    return "code";
  return row->words == &la_words_severity ? "severity" : "word";
}

const char *la_field_unit(const LaFieldRow *row)
{
  return row->type == LA_TYPE_SPAN ? "s" : row->type == LA_TYPE_BYTES ? "bytes" : "";
}
