#include "diagnose/finding.h"

#include <assert.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const severity_names[] = {"note", "warning", "error"};
static_assert(COUNT(severity_names) == LA_SEVERITY_N, "a name for each severity");

static const char *const confidence_names[] = {"possible", "likely", "certain"};
static_assert(COUNT(confidence_names) == LA_CONFIDENCE_N, "a name for each confidence");

static const char *const blame_names[] = {
    "client-application", "server-application", "client-host", "server-host", "network", "capture", "none"};
static_assert(COUNT(blame_names) == LA_BLAME_N, "a name for each blame");

const char *la_severity_name(LaSeverity severity)
{
  return severity_names[severity];
}

const char *la_confidence_name(LaConfidence confidence)
{
  return confidence_names[confidence];
}

const char *la_blame_name(LaBlame blame)
{
  return blame_names[blame];
}

void la_finding_rests_on_silence(LaFinding *finding, LaTime from, LaTime until)
{
  if (until < from)
    return;
  finding->silent_from = from;
  finding->silent_until = until;
}

void la_finding_add_packet(LaFinding *finding, uint64_t frame)
{
  if (frame == 0)
    return;
  unsigned at = finding->packet_count;
  while (at > 0 && finding->packets[at - 1] > frame)
    at--;
  if (at > 0 && finding->packets[at - 1] == frame)
    return;
  finding->packets_total++;
  if (at == LA_FINDING_PACKETS_MAX)
    return;
  unsigned last = finding->packet_count < LA_FINDING_PACKETS_MAX ? finding->packet_count++ : LA_FINDING_PACKETS_MAX - 1u;
  for (unsigned i = last; i > at; i--)
    finding->packets[i] = finding->packets[i - 1];
  finding->packets[at] = frame;
}

/* A rule never has more facts than fit: one too many would be a mistake in the rule, and takes the last place. */
static LaFact *new_fact(LaFinding *finding, const char *name, LaFactKind kind)
{
  if (finding->fact_count == LA_FINDING_FACTS_MAX)
    finding->fact_count--;
  LaFact *fact = &finding->facts[finding->fact_count++];
  *fact = (LaFact){.name = name, .kind = kind};
  return fact;
}

void la_finding_add_count(LaFinding *finding, const char *name, int64_t value)
{
  new_fact(finding, name, LA_FACT_COUNT)->value.count = value;
}

void la_finding_add_span(LaFinding *finding, const char *name, LaTime value)
{
  if (value != LA_TIME_NONE)
    new_fact(finding, name, LA_FACT_SPAN)->value.span = value < 0 ? 0 : value;
}

void la_finding_add_ratio(LaFinding *finding, const char *name, double value)
{
  new_fact(finding, name, LA_FACT_RATIO)->value.ratio = value;
}

void la_finding_add_word(LaFinding *finding, const char *name, const char *value)
{
  new_fact(finding, name, LA_FACT_WORD)->value.word = value;
}

void la_finding_add_addr(LaFinding *finding, const char *name, const LaAddr *addr, uint8_t family)
{
  LaFact *fact = new_fact(finding, name, LA_FACT_ADDR);
  fact->extra = family;
  fact->value.addr = *addr;
}

const LaFact *la_finding_fact(const LaFinding *finding, const char *name)
{
  for (unsigned i = 0; i < finding->fact_count; i++)
    if (strcmp(finding->facts[i].name, name) == 0)
      return &finding->facts[i];
  return NULL;
}
