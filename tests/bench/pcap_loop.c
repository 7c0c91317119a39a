/* The least that any program does with a capture: libpcap's own loop over the file, counting packets and bytes. The benchmark
 * measures lastack against it. */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
  uint64_t packets;
  uint64_t bytes;
} Count;

static void count_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
  Count *count = (Count *)(void *)user;
  (void)bytes;
  count->packets++;
  count->bytes += header->len;
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: pcap_loop FILE\n");
    return 2;
  }
  char error[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = pcap_open_offline(argv[1], error);
  if (pcap == NULL) {
    fprintf(stderr, "pcap_loop: %s\n", error);
    return 3;
  }
  Count count = {0};
  int status = pcap_loop(pcap, -1, count_packet, (u_char *)&count);
  if (status != 0)
    fprintf(stderr, "pcap_loop: %s\n", pcap_geterr(pcap));
  pcap_close(pcap);
  printf("%" PRIu64 " packets, %" PRIu64 " bytes\n", count.packets, count.bytes);
  return status == 0 ? 0 : 4;
}
