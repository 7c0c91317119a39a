/* Decoding a packet: the fast path for what most packets are, the walk for all the rest.
 *
 * The walk is a loop over steps (layer.h), each of which takes one header; the table below is the whole grammar's index. A packet with
 * more headers than LA_WALK_DEPTH is forged, and counted as malformed. */
#include "decode/decoder.h"

#include <string.h>

#include "decode/layer.h"

typedef LaStep StepFunction(LaWalk *w);

static StepFunction *const steps[LA_STEP_N] = {
    [LA_STEP_LINK] = la_link_step,
    [LA_STEP_ETHERNET] = la_ethernet_step,
    [LA_STEP_VLAN] = la_vlan_step,
    [LA_STEP_ITAG] = la_itag_step,
    [LA_STEP_ETAG] = la_etag_step,
    [LA_STEP_VNTAG] = la_vntag_step,
    [LA_STEP_FABRICPATH] = la_fabricpath_step,
    [LA_STEP_MPLS] = la_mpls_step,
    [LA_STEP_LLC] = la_llc_step,
    [LA_STEP_PPPOE] = la_pppoe_step,
    [LA_STEP_PPP] = la_ppp_step,
    [LA_STEP_WIFI] = la_wifi_step,
    [LA_STEP_IP] = la_ip_step,
    [LA_STEP_IPV4] = la_ipv4_step,
    [LA_STEP_IPV6] = la_ipv6_step,
    [LA_STEP_OPTIONS] = la_options_step,
    [LA_STEP_EXTENSION] = la_extension_step,
    [LA_STEP_ROUTING] = la_routing_step,
    [LA_STEP_FRAGMENT] = la_fragment_step,
    [LA_STEP_AH] = la_ah_step,
    [LA_STEP_GRE] = la_gre_step,
    [LA_STEP_ERSPAN_2] = la_erspan_2_step,
    [LA_STEP_ERSPAN_3] = la_erspan_3_step,
    [LA_STEP_UDP] = la_udp_step,
    [LA_STEP_VXLAN] = la_vxlan_step,
    [LA_STEP_VXLAN_GPE] = la_vxlan_gpe_step,
    [LA_STEP_GENEVE] = la_geneve_step,
    [LA_STEP_GTPU] = la_gtpu_step,
    [LA_STEP_TEREDO] = la_teredo_step,
    [LA_STEP_AYIYA] = la_ayiya_step,
    [LA_STEP_CAPWAP] = la_capwap_step,
    [LA_STEP_ICMP] = la_icmp_step,
    [LA_STEP_ICMPV6] = la_icmpv6_step,
    [LA_STEP_TCP] = la_tcp_step,
};

void la_walk_begin(LaWalk *w, const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *segment, LaIcmpError *icmp)
{
  uint64_t wire_len = la_packet_wire_len(packet);
  *w = (LaWalk){
      .in = la_cursor_init(packet->data, packet->captured_len < wire_len ? packet->captured_len : (size_t)wire_len),
      .wire_end = wire_len,
      .start = packet->data,
      .packet = packet,
      .options = options,
      .segment = segment,
      .icmp = icmp,
      .link_type = packet->link_type,
  };
  la_segment_begin(segment, packet);
}

LaDecodeResult la_walk_run(LaWalk *w)
{
  LaStep step = LA_STEP_LINK;
  for (int headers = 0; headers < LA_WALK_DEPTH; headers++) {
    step = steps[step](w);
    if (step < LA_STEP_LINK)
      return (LaDecodeResult)step;
  }
  return LA_DECODED_MALFORMED;
}

LaDecodeResult la_walk(const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *ret_segment,
                       LaIcmpError *ret_icmp)
{
  LaWalk walk;
  la_walk_begin(&walk, packet, options, ret_segment, ret_icmp);
  return la_walk_run(&walk);
}

LaDecodeResult la_decode(const LaPacketView *packet, const LaDecodeOptions *options, LaSegment *ret_segment,
                         LaIcmpError *ret_icmp)
{
  if (!options->verify_checksums && la_fast_decode(packet, ret_segment))
    return LA_DECODED_SEGMENT;
  return la_walk(packet, options, ret_segment, ret_icmp);
}

void la_decode_batch(const LaPacketView *packets, unsigned count, const LaDecodeOptions *options, LaDecodedBatch *ret)
{
  unsigned segments = 0;
  unsigned errors = 0;
  for (unsigned i = 0; i < count; i++) {
    if (!options->verify_checksums) {
      unsigned run = la_fast_decode_run(packets + i, count - i, ret->segments + segments);
      memset(ret->results + i, LA_DECODED_SEGMENT, run);
      segments += run;
      i += run;
      if (i == count)
        break;
    }
    LaDecodeResult result = la_walk(&packets[i], options, &ret->segments[segments], &ret->icmp[errors]);
    ret->results[i] = (uint8_t)result;
    segments += result == LA_DECODED_SEGMENT ? 1 : 0;
    errors += result == LA_DECODED_ICMP ? 1 : 0;
  }
  ret->segment_count = segments;
  ret->icmp_count = errors;
}
