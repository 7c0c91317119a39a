/* A table of magic numbers; a file that matches none and looks like text is text.
 *
 * Formats without a magic number at a fixed place (ERF, tcpdump's printed packets ...) cannot be named. The names of foreign
 * formats are those a user of editcap will recognise. */
#include "capture/file_kind.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
  LaFileKind kind;
  uint8_t len; /* of `magic` */
  const char *magic;
  const char *name; /* NULL for what is read */
} Magic;

#define MAGIC(kind_, magic_, name_)                                                                                            \
  {                                                                                                                            \
    .kind = kind_, .len = sizeof magic_ - 1, .magic = magic_, .name = name_                                                    \
  }

static const Magic magics[] = {
    MAGIC(LA_FILE_PCAPNG, "\x0a\x0d\x0d\x0a", NULL),
    MAGIC(LA_FILE_PCAP, "\xd4\xc3\xb2\xa1", NULL), /* microseconds */
    MAGIC(LA_FILE_PCAP, "\xa1\xb2\xc3\xd4", NULL),
    MAGIC(LA_FILE_PCAP, "\x4d\x3c\xb2\xa1", NULL), /* nanoseconds */
    MAGIC(LA_FILE_PCAP, "\xa1\xb2\x3c\x4d", NULL),
    MAGIC(LA_FILE_PCAP, "\x34\xcd\xb2\xa1", NULL), /* Kuznetzov's modified form */
    MAGIC(LA_FILE_PCAP, "\xa1\xb2\xcd\x34", NULL),
    MAGIC(LA_FILE_PCAP, "\xac\x01\x00\x1c", NULL), /* Ixia, hardware and software */
    MAGIC(LA_FILE_PCAP, "\x1c\x00\x01\xac", NULL),
    MAGIC(LA_FILE_PCAP, "\xab\x01\x00\x1c", NULL),
    MAGIC(LA_FILE_PCAP, "\x1c\x00\x01\xab", NULL),
    MAGIC(LA_FILE_GZIP, "\x1f\x8b", NULL),
    MAGIC(LA_FILE_ZSTD, "\x28\xb5\x2f\xfd", NULL),
    MAGIC(LA_FILE_LZ4, "\x04\x22\x4d\x18", NULL),
    MAGIC(LA_FILE_COMPRESSED,
          "\xfd"
          "7zXZ\0",
          "xz"),
    MAGIC(LA_FILE_COMPRESSED, "BZh", "bzip2"),
    MAGIC(LA_FILE_COMPRESSED, "LZIP", "lzip"),
    MAGIC(LA_FILE_COMPRESSED, "\x89LZO\0", "lzop"),
    MAGIC(LA_FILE_COMPRESSED, "\x1f\x9d", "compress (.Z)"),
    MAGIC(LA_FILE_COMPRESSED, "\x1f\xa0", "compress (.Z)"),
    MAGIC(LA_FILE_COMPRESSED, "\x02\x21\x4c\x18", "legacy lz4"),
    MAGIC(LA_FILE_COMPRESSED, "\x5d\x00\x00", "lzma"),
    MAGIC(LA_FILE_COMPRESSED, "PK\x03\x04", "zip"),
    MAGIC(LA_FILE_COMPRESSED, "7z\xbc\xaf\x27\x1c", "7-Zip"),
    MAGIC(LA_FILE_COMPRESSED, "Rar!\x1a\x07", "rar"),
    MAGIC(LA_FILE_FOREIGN, "snoop\0\0\0", "snoop"),
    MAGIC(LA_FILE_FOREIGN, "RTSS", "Microsoft Network Monitor 1"),
    MAGIC(LA_FILE_FOREIGN, "GMBU", "Microsoft Network Monitor 2"),
    MAGIC(LA_FILE_FOREIGN, "TRSNIFF data    \x1a", "NetXray/Sniffer (DOS)"),
    MAGIC(LA_FILE_FOREIGN, "XCP\0", "NetXray/Sniffer (Windows)"),
    MAGIC(LA_FILE_FOREIGN, "ObserverPktBuffe", "Network Instruments Observer"),
    MAGIC(LA_FILE_FOREIGN, "\x7fver", "Savvius EtherPeek"),
    MAGIC(LA_FILE_FOREIGN, "iptrace 1.0", "AIX iptrace"),
    MAGIC(LA_FILE_FOREIGN, "iptrace 2.0", "AIX iptrace"),
    MAGIC(LA_FILE_FOREIGN, "\x54\x52\x00\x64\x00", "HP-UX nettl"),
    MAGIC(LA_FILE_FOREIGN, "\x05VNF", "Visual Networks"),
    MAGIC(LA_FILE_FOREIGN, "\xaa\xaa\xaa\xaa", "Accellent 5Views"),
    MAGIC(LA_FILE_FOREIGN, "\x00\x00\x02\x00\x12\x05\x00\x10", "Tektronix K12"),
    MAGIC(LA_FILE_FOREIGN, "LOGG", "Vector BLF"),
    MAGIC(LA_FILE_FOREIGN, "\x01\x10\x4c\x00", "Novell LANalyzer"),
    MAGIC(LA_FILE_FOREIGN, "btsnoop\0", "btsnoop"),
};

/* zstd and lz4 share the magic numbers of frames to be skipped, 0x184D2A50 to 0x184D2A5F; either library passes over them, and
 * what follows decides. zstd's tools write them far more often. */
static bool is_skippable_frame(const uint8_t *head, size_t len)
{
  return len >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0;
}

/* Behind frames to be skipped, where the head holds them whole, the first real frame. */
static LaFileKind skippable_kind(const uint8_t *head, size_t len)
{
  while (is_skippable_frame(head, len)) {
    if (len < 8)
      return LA_FILE_ZSTD;
    uint64_t size = 8 + ((uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 | (uint64_t)head[7] << 24);
    if (size >= len)
      return LA_FILE_ZSTD;
    head += size;
    len -= (size_t)size;
  }
  return len >= 4 && memcmp(head, "\x04\x22\x4d\x18", 4) == 0 ? LA_FILE_LZ4 : LA_FILE_ZSTD;
}

/* No control characters but those of texts; bytes from 0x80 on may be any charset's. */
static bool looks_like_text(const uint8_t *head, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if ((head[i] < 0x20 && strchr("\t\n\r\f\b\x1b", head[i]) == NULL) || head[i] == 0 || head[i] == 0x7f)
      return false;
  }
  return len > 0;
}

LaFileKind la_file_kind_tell(const uint8_t *head, size_t len, const char **ret_name)
{
  *ret_name = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(magics); i++) {
    if (len >= magics[i].len && memcmp(head, magics[i].magic, magics[i].len) == 0) {
      *ret_name = magics[i].name;
      return magics[i].kind;
    }
  }
  if (is_skippable_frame(head, len))
    return skippable_kind(head, len);
  return looks_like_text(head, MIN(len, LA_FILE_HEAD_MAX)) ? LA_FILE_TEXT : LA_FILE_UNKNOWN;
}
