/* A rule's place in the catalogue as a constant: LA_RULE_INDEX_close_wait_leak. */
#ifndef LA_DIAGNOSE_RULE_INDEX_H
#define LA_DIAGNOSE_RULE_INDEX_H

#define LA_RULE(name) LA_RULE_INDEX_##name,
enum {
#include "diagnose/rules.def"
  LA_RULE_COUNT,
};
#undef LA_RULE

#endif
