/* The list of encapsulations of a segment, their words, and the hash by which connections of different tunnels are told apart.
 *
 * The hash takes only ids that both directions of a connection share; the others (an MPLS label, a PPPoE session's, a GTP tunnel
 * endpoint) are chosen by each receiver for itself. Outer addresses are no part of it. */
#include <assert.h>
#include <stdio.h>

#include "decode/layer.h"

typedef struct {
  const char *word;    /* CONTRACT's */
  bool writes_id;      /* the id follows the word where there is one */
  bool same_both_ways; /* the id is the same in both directions */
} EncapKind;

static const EncapKind kinds[] = {
    [LA_ENCAP_VLAN] = {.word = "vlan", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_MPLS] = {.word = "mpls", .writes_id = true},
    [LA_ENCAP_PPPOE] = {.word = "pppoe"},
    [LA_ENCAP_IPIP] = {.word = "ipip"},
    [LA_ENCAP_6IN4] = {.word = "6in4"},
    [LA_ENCAP_4IN6] = {.word = "4in6"},
    [LA_ENCAP_6IN6] = {.word = "ipip"},
    [LA_ENCAP_GRE] = {.word = "gre", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_ERSPAN] = {.word = "erspan", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_NVGRE] = {.word = "nvgre", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_VXLAN] = {.word = "vxlan", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_GENEVE] = {.word = "geneve", .writes_id = true, .same_both_ways = true},
    [LA_ENCAP_GTPU] = {.word = "gtpu", .writes_id = true},
    [LA_ENCAP_TEREDO] = {.word = "teredo"},
    [LA_ENCAP_AYIYA] = {.word = "ayiya"},
    [LA_ENCAP_CAPWAP] = {.word = "capwap"},
    [LA_ENCAP_AH] = {.word = "ah"},
};
static_assert(sizeof kinds / sizeof kinds[0] == LA_ENCAP_N, "one row a kind");

char *la_encap_format(const LaEncap *encap, char *ret_text)
{
  const EncapKind *kind = encap->kind < LA_ENCAP_N ? &kinds[encap->kind] : NULL;
  if (kind == NULL)
    snprintf(ret_text, LA_ENCAP_TEXT_MAX, "?");
  else if (kind->writes_id && encap->has_id)
    snprintf(ret_text, LA_ENCAP_TEXT_MAX, "%s:%u", kind->word, (unsigned)encap->id);
  else
    snprintf(ret_text, LA_ENCAP_TEXT_MAX, "%s", kind->word);
  return ret_text;
}

uint32_t la_encap_mix(uint32_t hash, LaEncapKind kind, uint32_t id)
{
  uint32_t x = hash ^ (id + (uint32_t)kind * 0x9e3779b9u);
  x = (x ^ x >> 16) * 0x85ebca6bu;
  x = (x ^ x >> 13) * 0xc2b2ae35u;
  x ^= x >> 16;
  return x != 0 ? x : 1;
}

static void push(LaWalk *w, LaEncap encap)
{
  LaSegment *segment = w->segment;
  if (segment->encap_count < LA_ENCAP_MAX)
    segment->encap[segment->encap_count++] = encap;
}

void la_walk_push(LaWalk *w, LaEncapKind kind, uint32_t id)
{
  push(w, (LaEncap){.id = id, .kind = (uint8_t)kind, .has_id = 1});
  /* VLAN 0 is only a priority, and may be there in one direction alone. */
  if (kinds[kind].same_both_ways && !(kind == LA_ENCAP_VLAN && id == 0))
    w->segment->tunnel_hash = la_encap_mix(w->segment->tunnel_hash, kind, id);
}

void la_walk_push_plain(LaWalk *w, LaEncapKind kind)
{
  push(w, (LaEncap){.kind = (uint8_t)kind});
}
