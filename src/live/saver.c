/* Of each four-tuple the first and the last packets are kept, cut to their headers, in slots of one size from a pool of bounded size. When the
 * pool is empty, the connection that has been silent for longest loses its packets. What a connection is worth shows only later: a leak is
 * known a minute after its last packet, so packets stay until their connection has finished. */
#include "live/saver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "capture/pcapng_writer.h"
#include "diagnose/rule.h"

#define NONE UINT32_MAX
#define ENDING ".pcapng"

typedef struct {
  LaTime time;
  uint64_t frame;
  uint32_t captured_len, wire_len;
  uint16_t interface;
  uint16_t link_type;
  uint32_t next; /* free slots */
  uint8_t bytes[LA_SAVER_BYTES];
} Slot;

/* The lower end first, so that both directions are one. */
typedef struct {
  LaHostPort end[2];
} Tuple;

typedef struct {
  Tuple tuple;
  uint32_t slots[LA_SAVER_FIRST + LA_SAVER_LAST];
  uint64_t last_frame; /* of its segments: the tracker's connections do not count ICMP errors */
  uint64_t count;      /* of all packets; those between the first and the last are gone */
  GList link;          /* in `order` */
} Kept;

typedef struct {
  char *name;
  uint64_t size;
} File;

struct LaSaver {
  LaSaverOptions options;
  const LaLive *live;
  char *folder, *application;
  int folder_fd;
  GHashTable *kept; /* Tuple (the head of its Kept) -> Kept */
  GQueue order;     /* of Kept, the longest silent first */
  Slot *slots;
  uint32_t slot_count, used, free;
  GQueue files; /* of File, the oldest first */
  uint64_t size;
};

/* ---- tuples ---- */

static Tuple tuple_of(const LaHostPort *a, const LaHostPort *b)
{
  int order = la_addr_compare(&a->addr, &b->addr);
  bool first = order < 0 || (order == 0 && a->port <= b->port);
  Tuple tuple;
  memset(&tuple, 0, sizeof tuple); /* it is compared as bytes */
  const LaHostPort *ends[] = {first ? a : b, first ? b : a};
  for (unsigned i = 0; i < 2; i++) {
    tuple.end[i].addr = ends[i]->addr;
    tuple.end[i].port = ends[i]->port;
    tuple.end[i].family = ends[i]->family;
  }
  return tuple;
}

static guint hash_tuple(gconstpointer key)
{
  const uint8_t *bytes = key;
  guint hash = 2166136261u;
  for (size_t i = 0; i < sizeof(Tuple); i++)
    hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

static gboolean equal_tuples(gconstpointer a, gconstpointer b)
{
  return memcmp(a, b, sizeof(Tuple)) == 0;
}

/* ---- packets ---- */

static unsigned slots_of(const Kept *kept)
{
  return (unsigned)MIN(kept->count, LA_SAVER_FIRST + LA_SAVER_LAST);
}

static void drop(LaSaver *saver, Kept *kept)
{
  for (unsigned i = 0; i < slots_of(kept); i++) {
    saver->slots[kept->slots[i]].next = saver->free;
    saver->free = kept->slots[i];
  }
  g_queue_unlink(&saver->order, &kept->link);
  g_hash_table_remove(saver->kept, &kept->tuple);
}

/* A slot for one more packet of `kept`; NONE when all are its own. */
static uint32_t take_slot(LaSaver *saver, const Kept *kept)
{
  if (saver->free == NONE && saver->used < saver->slot_count)
    return saver->used++;
  while (saver->free == NONE) {
    Kept *oldest = g_queue_peek_head(&saver->order);
    if (oldest == NULL || oldest == kept)
      return NONE;
    drop(saver, oldest);
  }
  uint32_t slot = saver->free;
  saver->free = saver->slots[slot].next;
  return slot;
}

static Kept *kept_of(LaSaver *saver, const Tuple *tuple)
{
  Kept *kept = g_hash_table_lookup(saver->kept, tuple);
  if (kept == NULL) {
    kept = g_new0(Kept, 1);
    kept->tuple = *tuple;
    kept->link.data = kept;
    g_hash_table_insert(saver->kept, &kept->tuple, kept);
  } else {
    g_queue_unlink(&saver->order, &kept->link);
  }
  g_queue_push_tail_link(&saver->order, &kept->link);
  return kept;
}

static void keep_packet(LaSaver *saver, Kept *kept, const LaPacketView *packet)
{
  unsigned all = LA_SAVER_FIRST + LA_SAVER_LAST;
  unsigned at = kept->count < all ? (unsigned)kept->count : LA_SAVER_FIRST + (unsigned)((kept->count - all) % LA_SAVER_LAST);
  if (kept->count < all) {
    uint32_t slot = take_slot(saver, kept);
    if (slot == NONE)
      return;
    kept->slots[at] = slot;
  }
  kept->count++;
  Slot *slot = &saver->slots[kept->slots[at]];
  slot->time = packet->time;
  slot->frame = packet->frame;
  slot->captured_len = MIN(packet->captured_len, LA_SAVER_BYTES);
  slot->wire_len = packet->wire_len;
  slot->interface = (uint16_t)packet->interface;
  slot->link_type = packet->link_type;
  memcpy(slot->bytes, packet->data, slot->captured_len); /* lint-allow cursor: kept as they are, nobody looks into them */
}

void la_saver_packet(LaSaver *saver, const LaPacketView *packet, const LaSegment *segment)
{
  LaHostPort src = {.addr = segment->src, .port = segment->src_port, .family = segment->family};
  LaHostPort dst = {.addr = segment->dst, .port = segment->dst_port, .family = segment->family};
  Tuple tuple = tuple_of(&src, &dst);
  Kept *kept = kept_of(saver, &tuple);
  kept->last_frame = packet->frame;
  keep_packet(saver, kept, packet);
}

/* Anybody can send errors with any quote: they take room of connections that there are, and make none. */
void la_saver_icmp(LaSaver *saver, const LaPacketView *packet, const LaIcmpError *icmp)
{
  LaHostPort src = {.addr = icmp->quoted_src, .port = icmp->quoted_src_port, .family = icmp->family};
  LaHostPort dst = {.addr = icmp->quoted_dst, .port = icmp->quoted_dst_port, .family = icmp->family};
  Tuple tuple = tuple_of(&src, &dst);
  Kept *kept = g_hash_table_lookup(saver->kept, &tuple);
  if (kept != NULL)
    keep_packet(saver, kept, packet);
}

void la_saver_forget(LaSaver *saver, const LaConnection *conn)
{
  LaHostPort ends[] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  Tuple tuple = tuple_of(&ends[0], &ends[1]);
  Kept *kept = g_hash_table_lookup(saver->kept, &tuple);
  if (kept == NULL || kept->count == 0)
    return;
  /* A newer connection may have the four-tuple by now: then the last packet is its own. */
  if (kept->last_frame <= conn->last_frame)
    drop(saver, kept);
}

/* ---- files ---- */

static void free_file(gpointer data)
{
  File *file = data;
  g_free(file->name);
  g_free(file);
}

static void add_file(LaSaver *saver, const char *name, uint64_t size)
{
  File *file = g_new(File, 1);
  file->name = g_strdup(name);
  file->size = size;
  saver->size += size;
  g_queue_push_tail(&saver->files, file);
}

static gint by_name(gconstpointer a, gconstpointer b, gpointer data)
{
  (void)data;
  return strcmp(((const File *)a)->name, ((const File *)b)->name);
}

/* Those of earlier runs: their names begin with a time. */
static void find_files(LaSaver *saver)
{
  int fd = openat(saver->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
  if (folder == NULL) {
    if (fd >= 0)
      close(fd);
    return;
  }
  const struct dirent *entry;
  while ((entry = readdir(folder)) != NULL) {
    struct stat status;
    if (g_ascii_isdigit(entry->d_name[0]) && strlen(entry->d_name) > 20 && entry->d_name[8] == 'T' &&
        g_str_has_suffix(entry->d_name, ENDING) &&
        fstatat(saver->folder_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
      add_file(saver, entry->d_name, (uint64_t)status.st_size);
  }
  closedir(folder);
  g_queue_sort(&saver->files, by_name, NULL);
}

LaSaver *la_saver_new(const LaSaverOptions *options, const LaLive *live, GError **error)
{
  int fd = open(options->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OUTPUT, "--save-on-finding: %s: %s", options->folder, g_strerror(errno));
    return NULL;
  }
  LaSaver *saver = g_new0(LaSaver, 1);
  saver->options = *options;
  saver->live = live;
  saver->folder = g_strdup(options->folder);
  saver->application = g_strdup(options->application);
  saver->folder_fd = fd;
  saver->kept = g_hash_table_new_full(hash_tuple, equal_tuples, NULL, g_free);
  saver->slot_count = (uint32_t)MIN(options->memory / sizeof(Slot), UINT32_MAX - 1);
  saver->slots = g_new(Slot, saver->slot_count); /* only what is used is real memory */
  saver->free = NONE;
  g_queue_init(&saver->order);
  g_queue_init(&saver->files);
  find_files(saver);
  return saver;
}

void la_saver_free(LaSaver *saver)
{
  if (saver == NULL)
    return;
  g_hash_table_unref(saver->kept);
  g_queue_clear_full(&saver->files, free_file);
  g_free(saver->slots);
  g_free(saver->folder);
  g_free(saver->application);
  close(saver->folder_fd);
  g_free(saver);
}

bool la_saver_check(const LaSaver *saver, GError **error)
{
  if (faccessat(saver->folder_fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
    return true;
  la_error_set(error, LA_ERROR_OUTPUT,
               "--save-on-finding: %s: no file could be made there after rights are given up: name a user who may (-Z USER) or "
               "another folder",
               saver->folder);
  return false;
}

static void append_end(GString *name, const LaHostPort *end)
{
  char text[LA_ADDR_TEXT_MAX];
  la_addr_format(&end->addr, (LaFamily)end->family, text);
  g_strdelimit(text, ":", '_'); /* no colon in a file's name */
  g_string_append_printf(name, "-%s.%u", text, end->port);
}

static char *name_of(const LaEventRecord *event)
{
  GString *name = g_string_new(NULL);
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(event->at / LA_SEC);
  g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y%m%dT%H%M%S") : g_strdup("00000000T000000");
  g_string_append_printf(name, "%s.%03dZ-%s", text, (int)(event->at % LA_SEC / LA_MSEC), event->finding.rule->code);
  append_end(name, &event->client);
  append_end(name, &event->server);
  g_string_append(name, ENDING);
  return g_string_free(name, FALSE);
}

static bool is_evidence(const LaFinding *finding, uint64_t frame)
{
  for (unsigned i = 0; i < finding->packet_count; i++)
    if (finding->packets[i] == frame)
      return true;
  return false;
}

/* Slot number `i` in capture order. */
static const Slot *slot_at(const LaSaver *saver, const Kept *kept, unsigned i)
{
  unsigned all = LA_SAVER_FIRST + LA_SAVER_LAST;
  if (kept->count > all && i >= LA_SAVER_FIRST)
    i = LA_SAVER_FIRST + (unsigned)((i - LA_SAVER_FIRST + kept->count - all) % LA_SAVER_LAST);
  return &saver->slots[kept->slots[i]];
}

static bool write_file(LaSaver *saver, LaPcapngWriter *writer, const Kept *kept, const LaEventRecord *event, GError **error)
{
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(saver->live, &count);
  for (unsigned i = 0; i < count; i++) {
    uint32_t number;
    LaPcapngInterface interface = {
        .link_type = interfaces[i].link_type, .snaplen = LA_SAVER_BYTES, .fcs_len = -1, .name = interfaces[i].name};
    if (!la_pcapng_writer_add_interface(writer, &interface, &number, error))
      return false;
  }
  g_autofree char *comment = g_strdup_printf("%s: %s", event->finding.rule->code, event->sentence);
  for (unsigned i = 0; i < slots_of(kept); i++) {
    const Slot *slot = slot_at(saver, kept, i);
    LaPacketView packet = {.data = slot->bytes,
                           .captured_len = slot->captured_len,
                           .wire_len = slot->wire_len,
                           .frame = slot->frame,
                           .time = slot->time,
                           .interface = slot->interface,
                           .link_type = slot->link_type,
                           .fcs_len = -1};
    const char *said = is_evidence(&event->finding, slot->frame) ? comment : NULL;
    if (slot->interface < count && !la_pcapng_writer_packet(writer, slot->interface, &packet, said, error))
      return false;
  }
  for (unsigned i = 0; i < count; i++) {
    LaPcapngStatistics statistics = {.end_time = event->at, .received = -1, .kernel_drops = -1, .interface_drops = -1};
    if (!la_pcapng_writer_statistics(writer, i, &statistics, error))
      return false;
  }
  return la_pcapng_writer_flush(writer, error);
}

static void keep_limit(LaSaver *saver)
{
  while (saver->size > saver->options.limit && g_queue_get_length(&saver->files) > 1) {
    File *oldest = g_queue_pop_head(&saver->files);
    (void)unlinkat(saver->folder_fd, oldest->name, 0); /* somebody else may have taken it */
    saver->size -= oldest->size;
    free_file(oldest);
  }
}

bool la_saver_save(LaSaver *saver, const LaEventRecord *event, GError **error)
{
  Tuple tuple = tuple_of(&event->client, &event->server);
  const Kept *kept = g_hash_table_lookup(saver->kept, &tuple);
  if (event->connection == 0 || kept == NULL || kept->count == 0)
    return true;
  g_autofree char *name = name_of(event);
  int fd = openat(saver->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OUTPUT, "--save-on-finding: %s/%s: %s", saver->folder, name, g_strerror(errno));
    return false;
  }
  LaPcapngWriter *writer = la_pcapng_writer_open_fd(fd, name, saver->application, error);
  bool ok = writer != NULL && write_file(saver, writer, kept, event, error);
  if (writer != NULL) {
    add_file(saver, name, la_pcapng_writer_size(writer));
    ok = la_pcapng_writer_close(writer, ok ? error : NULL) && ok;
    la_pcapng_writer_free(writer);
  }
  keep_limit(saver);
  return ok;
}
