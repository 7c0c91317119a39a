/* The fields that expressions name: THE TABLE is in field_table.c, how each is read from a connection in field_read.c. Internal to
 * expressions. */
#ifndef LA_SELECT_FIELD_H
#define LA_SELECT_FIELD_H

#include "select/expression.h"
#include "select/value.h"

typedef struct LaFieldRow LaFieldRow;

/* The value number `at` of the field: a scalar has one at 0, or none. False past the last. */
typedef bool (*LaFieldRead)(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);

#define LA_FIELD_CONNECTION (1u << LA_EXPRESSION_CONNECTION)
#define LA_FIELD_HOST (1u << LA_EXPRESSION_HOST)
#define LA_FIELD_CAPTURE (1u << LA_EXPRESSION_CAPTURE)
#define LA_FIELD_FINDING (LA_FIELD_CONNECTION | LA_FIELD_HOST | LA_FIELD_CAPTURE)

typedef enum {
  LA_FIELD_SCALAR,
  LA_FIELD_LIST,
} LaFieldShape;

struct LaFieldRow {
  const char *name;
  LaType type;
  LaFieldShape shape;
  unsigned kinds;            /* LA_FIELD_* */
  const LaVocabulary *words; /* LA_TYPE_WORD */
  LaFieldRead read;          /* NULL: it stands for other rows */
  const char *part[2];       /* the rows it stands for */

  /* what `read` needs to know */
  uint8_t side;       /* LaSide */
  uint8_t zero;       /* 1: 0 means not known */
  uint16_t size;      /* of the member */
  uint32_t offset;    /* of the member in LaConnection */
  uint32_t end_flags; /* all LA_END_* that the side must have */
  uint32_t conn_flags;
  LaTime (*span)(const LaConnection *conn, LaSide side); /* LA_TIME_NONE: not known */
  int (*pick)(const LaConnection *conn, LaSide side);    /* a word, a number; -1: not known */
  const char *fact;                                      /* a fact's name */

  const char *example; /* what stands behind the name in an example: `== 8888` */
  const char *meaning;
};

/* Row `n`; NULL past the last. Static. */
const LaFieldRow *la_field_row(unsigned n);

/* A row's number. */
unsigned la_field_number(const LaFieldRow *row);

/* The row of `name`, `len` bytes (facts also without `findings.`), or NULL. */
const LaFieldRow *la_field_find(const char *name, size_t len);

/* The rows a row stands for, itself when for none: 1 or 2. */
unsigned la_field_parts(const LaFieldRow *row, const LaFieldRow *ret_parts[2]);

/* Reads from what the candidate is, also from a stored record. `part` stands for itself. */
bool la_field_value(const LaCandidate *candidate, const LaFieldRow *part, unsigned at, LaValue *ret);

/* Whether a part is not among the figures that a connection in brief has (LA_CONN_BRIEF). */
bool la_field_needs_whole(const LaFieldRow *part);

/* "number", "address" ..., and the unit of a bare number. */
const char *la_field_type_name(const LaFieldRow *row);
const char *la_field_unit(const LaFieldRow *row);

/* ---- vocabularies ---- */

extern const LaVocabulary la_words_state, la_words_handshake, la_words_teardown, la_words_roles, la_words_ended_by,
    la_words_error, la_words_side, la_words_first, la_words_fast_open, la_words_code, la_words_severity, la_words_blame,
    la_words_confidence, la_words_subject;

/* ---- readers ---- */

bool la_read_member(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_span(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_pick(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_file(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_address(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_port(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_community_id(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_encapsulation(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_subject_kind(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_state(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_packet(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_at(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_proved(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_kernel(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_path_gap(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_code(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_severity(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_blame(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_blame_also(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_confidence(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_packets(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_packets_total(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_file(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_at(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_finding_summary(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);
bool la_read_fact(const LaCandidate *candidate, const LaFieldRow *row, unsigned at, LaValue *ret);

#endif
