#include <string.h>

#include "diagnose/rule.h"
#include "diagnose/rule_index.h"

#define LA_RULE(name) extern const LaRule la_rule_##name;
#include "diagnose/rules.def"
#undef LA_RULE

#define LA_RULE(name) &la_rule_##name,
static const LaRule *const catalogue[] = {
#include "diagnose/rules.def"
};
#undef LA_RULE

_Static_assert(LA_RULE_COUNT <= LA_RULES_MAX, "LA_RULES_MAX bounds the catalogue");

const LaRule *const *la_rules(unsigned *ret_count)
{
  *ret_count = LA_RULE_COUNT;
  return catalogue;
}

const LaRule *la_rule_find(const char *code)
{
  for (unsigned i = 0; i < LA_RULE_COUNT; i++)
    if (strcmp(catalogue[i]->code, code) == 0)
      return catalogue[i];
  return NULL;
}

unsigned la_rule_index(const LaRule *rule)
{
  for (unsigned i = 0; i < LA_RULE_COUNT; i++)
    if (catalogue[i] == rule)
      return i;
  return 0;
}
