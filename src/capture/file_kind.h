/* What a file is, told from its first bytes. */
#ifndef LA_CAPTURE_FILE_KIND_H
#define LA_CAPTURE_FILE_KIND_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
  LA_FILE_UNKNOWN, /* none of the others */
  LA_FILE_PCAP,
  LA_FILE_PCAPNG,
  LA_FILE_GZIP,
  LA_FILE_ZSTD,
  LA_FILE_LZ4,
  LA_FILE_COMPRESSED, /* a compression that is not read: it has to be unpacked first */
  LA_FILE_FOREIGN,    /* a capture format that is not read, but that editcap converts */
  LA_FILE_TEXT,
} LaFileKind;

/* As many first bytes as la_file_kind_tell can make use of. */
#define LA_FILE_HEAD_MAX 512

/* Tells the kind of a file from its first `len` bytes. `*ret_name` is the name of a compression or a foreign format ("xz",
 * "snoop"), else NULL; static. */
LaFileKind la_file_kind_tell(const uint8_t *head, size_t len, const char **ret_name);

#endif
