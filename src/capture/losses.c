/* The list is short and ordered: a stretch is put in its place and swallows the neighbours that it touches. When there are too many, the
 * smallest gap is closed: this errs to the side of caution, for a moment in between counts as touched from then on.
 *
 * Foreseeing: a pcapng block repeats its length behind itself, so a file can be read backwards as long as its last blocks are
 * statistics. That costs a few small reads; only a file that speaks of drops there is read whole, once more than its packets need. */
#include "capture/losses.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "capture/pcapng_options.h"
#include "capture/source.h"
#include "capture/source_private.h"

#define TAIL_BLOCKS 1024u    /* looked at from the end */
#define TAIL_BLOCK_MAX 4096u /* a statistics block is much smaller */
#define STATISTICS_FIXED 20u /* before its options */
#define BLOCK_NAMES 4u
#define BLOCK_STATISTICS 5u
#define BLOCK_LEAST 12u

static uint64_t sum(uint64_t a, uint64_t b)
{
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Takes items [first, first + n) into the one at `first`. */
static void unite(LaLosses *losses, unsigned first, unsigned n)
{
  LaLoss *items = losses->items;
  for (unsigned i = first + 1; i < first + n; i++) {
    items[first].until = MAX(items[first].until, items[i].until);
    items[first].packets = sum(items[first].packets, items[i].packets);
  }
  memmove(&items[first + 1], &items[first + n], (losses->count - first - n) * sizeof *items);
  losses->count -= n - 1;
}

/* Makes room for one more: the two neighbours that are the least apart become one. */
static void make_room(LaLosses *losses)
{
  unsigned best = 0;
  uint64_t least = UINT64_MAX;
  for (unsigned i = 0; i + 1 < losses->count; i++) {
    uint64_t apart = (uint64_t)losses->items[i + 1].from - (uint64_t)losses->items[i].until;
    if (apart < least) {
      least = apart;
      best = i;
    }
  }
  unite(losses, best, 2);
}

void la_losses_add(LaLosses *losses, LaLoss loss)
{
  if (loss.packets == 0)
    return;
  if (loss.from > loss.until)
    loss = (LaLoss){.from = loss.until, .until = loss.from, .packets = loss.packets};
  if (losses->count == LA_LOSSES_MAX)
    make_room(losses);
  unsigned at = losses->count;
  while (at > 0 && losses->items[at - 1].from > loss.from)
    at--;
  memmove(&losses->items[at + 1], &losses->items[at], (losses->count - at) * sizeof loss);
  losses->items[at] = loss;
  losses->count++;
  if (at > 0 && losses->items[at - 1].until >= loss.from)
    at--;
  unsigned n = 1;
  LaTime until = losses->items[at].until;
  for (; at + n < losses->count && losses->items[at + n].from <= until; n++)
    until = MAX(until, losses->items[at + n].until);
  if (n > 1)
    unite(losses, at, n);
}

void la_losses_add_all(LaLosses *losses, const LaLosses *from)
{
  for (unsigned i = 0; i < from->count; i++)
    la_losses_add(losses, from->items[i]);
}

uint64_t la_losses_within(const LaLosses *losses, LaTime from, LaTime until)
{
  uint64_t packets = 0;
  for (unsigned i = 0; i < losses->count && losses->items[i].from <= until; i++)
    if (losses->items[i].until >= from)
      packets = sum(packets, losses->items[i].packets);
  return packets;
}

/* ---- foreseeing ---- */

/* Whether a statistics block, whole at `block`, counts drops. */
static bool counts_drops(const uint8_t *block, size_t block_len, LaByteOrder order)
{
  if (block_len < STATISTICS_FIXED + 4)
    return false;
  const uint8_t *options = block + STATISTICS_FIXED;
  size_t len = block_len - STATISTICS_FIXED - 4;
  LaOption option;
  while (la_option_next(&options, &len, order, &option)) {
    bool drops = option.code == LA_OPTION_ISB_IFDROP || option.code == LA_OPTION_ISB_OSDROP;
    if (drops && option.len == 8 && la_load_u64(option.value, order) != 0)
      return true;
  }
  return false;
}

/* Reads the block that ends at `end`, when it is one that may stand behind the packets. Returns its length; 0: it is another. */
static uint32_t block_before(int fd, off_t end, uint8_t *block, LaByteOrder *ret_order)
{
  static const LaByteOrder orders[] = {LA_ORDER_NATIVE, LA_ORDER_SWAPPED};
  uint8_t trailer[4];
  if (end < (off_t)BLOCK_LEAST || pread(fd, trailer, sizeof trailer, end - 4) != (ssize_t)sizeof trailer)
    return 0;
  for (unsigned i = 0; i < G_N_ELEMENTS(orders); i++) {
    uint32_t len = la_load_u32(trailer, orders[i]);
    if (len < BLOCK_LEAST || len > TAIL_BLOCK_MAX || len % 4 != 0 || (off_t)len > end ||
        pread(fd, block, len, end - (off_t)len) != (ssize_t)len)
      continue;
    uint32_t type = la_load_u32(block, orders[i]);
    if (la_load_u32(block + 4, orders[i]) != len || (type != BLOCK_STATISTICS && type != BLOCK_NAMES))
      continue;
    *ret_order = orders[i];
    return len;
  }
  return 0;
}

static bool ends_with_drops(int fd)
{
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return false;
  uint8_t block[TAIL_BLOCK_MAX];
  off_t end = status.st_size;
  for (unsigned i = 0; i < TAIL_BLOCKS; i++) {
    LaByteOrder order = LA_ORDER_NATIVE;
    uint32_t len = block_before(fd, end, block, &order);
    if (len == 0)
      return false;
    if (la_load_u32(block, order) == BLOCK_STATISTICS && counts_drops(block, len, order))
      return true;
    end -= (off_t)len;
  }
  return false;
}

bool la_losses_foresee(int fd, const volatile sig_atomic_t *interrupt, LaLosses *ret)
{
  off_t begin = lseek(fd, 0, SEEK_CUR);
  if (begin < 0 || !ends_with_drops(fd))
    return false;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  g_autoptr(LaSource) source = own >= 0 ? la_source_open_fd(own, "", NULL) : NULL;
  if (source == NULL) {
    (void)lseek(fd, begin, SEEK_SET); /* what it begins with was looked at */
    return false;
  }
  la_source_set_interrupt(source, interrupt);
  LaPacketView packets[128];
  LaReadResult result = LA_READ_PACKET;
  while (result == LA_READ_PACKET)
    (void)la_source_next_batch(source, packets, G_N_ELEMENTS(packets), &result);
  if (lseek(fd, begin, SEEK_SET) != begin)
    return false;
  la_source_take_losses(source, ret);
  return true;
}
