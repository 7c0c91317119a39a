/* How the bytes arrive makes no difference: pipes, short reads, blocks, batches, standard input, interrupts. */
#include <pthread.h>
#include <sys/stat.h>

#include "capture/source_private.h"
#include "unit/capture/captures.h"

/* A small pcapng with all that can be cut: sections of both orders, options, an unknown block, simple packets. */
static Bytes small_pcapng(void)
{
  Bytes bytes = bytes_new(LITTLE);
  put_section(&bytes);
  guint at = begin_interface(&bytes, 1, 65535);
  put_option(&bytes, 2, "eth0", 4);
  end_block(&bytes, at);
  put_packet(&bytes, 0, 1000, 21);
  at = begin_packet(&bytes, 0, 1001, 22);
  put_option(&bytes, 1, "hello", 5);
  end_block(&bytes, at);
  at = begin_block(&bytes, 0x77777);
  put_payload(&bytes, 30, 0);
  end_block(&bytes, at);
  bytes.endian = BIG;
  put_section(&bytes);
  put_interface(&bytes, 113);
  put_packet(&bytes, 0, 900, 23);
  put_simple_packet(&bytes, 24);
  return bytes;
}

static Bytes small_pcap(uint32_t magic, Endian endian, unsigned extra)
{
  Bytes bytes = bytes_new(endian);
  put_pcap_header(&bytes, magic, 1);
  for (unsigned n = 0; n < 4; n++) {
    put_record_header(&bytes, 1000 + n, 5, 30 + n, 60);
    put_payload(&bytes, extra, 0x80);
    put_payload(&bytes, 30 + n, n);
  }
  return bytes;
}

/* What a writer thread sends: `first` bytes, then the rest in pieces of `piece`. */
typedef struct {
  const Bytes *bytes;
  int fd;
  size_t first;
  size_t piece;
} Sender;

static gpointer send_pieces(gpointer data)
{
  const Sender *sender = data;
  size_t len = sender->bytes->data->len;
  size_t at = 0;
  while (at < len) {
    size_t piece = at == 0 && sender->first != 0 ? sender->first : sender->piece;
    piece = MIN(piece, len - at);
    assert_int_equal(write(sender->fd, sender->bytes->data->data + at, piece), piece);
    at += piece;
  }
  close(sender->fd);
  return NULL;
}

/* All that comes through a pipe whose reads give just the pieces that were written. */
static char *tell_through_pipe(const Bytes *bytes, size_t first, size_t piece)
{
  int ends[2];
  assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0); /* a read gives no more than one write */
  Sender sender = {.bytes = bytes, .fd = ends[1], .first = first, .piece = piece};
  GThread *thread = g_thread_new("sender", send_pieces, &sender);
  GError *error = NULL;
  LaSource *source = la_source_open_fd(ends[0], "pipe", &error);
  if (source == NULL)
    fail_msg("%s", error->message);
  char *told = tell(source);
  g_thread_join(thread);
  return told;
}

static void check_every_split(Bytes bytes)
{
  g_autofree char *want = tell(open_bytes(&bytes));
  assert_true(g_str_has_suffix(want, "end"));
  for (size_t piece = 1; piece <= bytes.data->len; piece++) {
    g_autofree char *told = tell_through_pipe(&bytes, 0, piece);
    assert_string_equal(told, want);
  }
  for (size_t first = 1; first < bytes.data->len; first++) {
    g_autofree char *told = tell_through_pipe(&bytes, first, bytes.data->len);
    assert_string_equal(told, want);
  }
  bytes_free(&bytes);
}

static void test_every_split_of_a_pcap(void **state)
{
  (void)state;
  check_every_split(small_pcap(MAGIC_MICRO, LITTLE, 0));
  check_every_split(small_pcap(MAGIC_NANO, BIG, 0));
}

/* The form of the records is told from the first two, in whatever pieces they come. */
static void test_every_split_of_a_variant(void **state)
{
  (void)state;
  check_every_split(small_pcap(MAGIC_MICRO, LITTLE, 4));
  check_every_split(small_pcap(MAGIC_MODIFIED, LITTLE, 12));
}

static void test_every_split_of_a_pcapng(void **state)
{
  (void)state;
  check_every_split(small_pcapng());
}

/* A capture of some blocks whose packets have all sorts of lengths, some longer than a block. */
static Bytes large_pcap(Endian endian)
{
  Bytes bytes = bytes_new(endian);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  unsigned random = 1;
  for (uint32_t n = 0; n < 3000; n++) {
    random = random * 1103515245 + 12345;
    uint32_t len = n % 500 == 499 ? 300000 : random >> 16 & 0x3ff;
    put_record(&bytes, n, 0, len);
  }
  return bytes;
}

static Bytes large_pcapng(Endian endian)
{
  Bytes bytes = bytes_new(endian);
  put_section(&bytes);
  put_interface(&bytes, 1);
  unsigned random = 1;
  for (uint32_t n = 0; n < 3000; n++) {
    random = random * 1103515245 + 12345;
    uint32_t len = n % 500 == 499 ? 300000 : random >> 16 & 0x3ff;
    put_packet(&bytes, 0, n, len);
    if (n % 100 == 7) { /* sections and interfaces in the middle of a batch */
      put_section(&bytes);
      put_interface(&bytes, (uint16_t)n);
    }
  }
  return bytes;
}

static void check_batches(Bytes bytes)
{
  static const unsigned sizes[] = {1, 2, 3, 7, 128, 5000};
  g_autofree char *want = tell(open_bytes(&bytes));
  assert_true(g_str_has_suffix(want, "end"));
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *told = tell_batches(open_bytes(&bytes), sizes[i]);
    assert_string_equal(told, want);
  }
  static const size_t pieces[] = {1000, 4096, 65536};
  for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
    g_autofree char *told = tell_through_pipe(&bytes, 0, pieces[i]);
    assert_string_equal(told, want);
  }
  bytes_free(&bytes);
}

static void test_batches_of_pcap(void **state)
{
  (void)state;
  check_batches(large_pcap(LITTLE));
  check_batches(large_pcap(BIG));
}

static void test_batches_of_pcapng(void **state)
{
  (void)state;
  check_batches(large_pcapng(LITTLE));
  check_batches(large_pcapng(BIG));
}

/* A batch does not wait for more once it has a packet. */
static void test_a_batch_does_not_wait(void **state)
{
  (void)state;
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  Bytes bytes = small_pcap(MAGIC_MICRO, LITTLE, 0);
  assert_int_equal(write(ends[1], bytes.data->data, bytes.data->len - 5), bytes.data->len - 5);
  LaSource *source = la_source_open_fd(ends[0], "pipe", NULL);
  LaPacketView packets[16];
  LaReadResult result = LA_READ_END;
  assert_int_equal(la_source_next_batch(source, packets, 16, &result), 3);
  assert_int_equal(write(ends[1], bytes.data->data + bytes.data->len - 5, 5), 5);
  assert_int_equal(la_source_next_batch(source, packets, 16, &result), 1);
  assert_int_equal(packets[0].frame, 4);
  close(ends[1]);
  assert_int_equal(la_source_next_batch(source, packets, 16, &result), 0);
  assert_int_equal(result, LA_READ_END);
  la_source_free(source);
  bytes_free(&bytes);
}

/* Packets before the broken place come first, and the error is told only behind them. */
static void test_a_batch_before_the_broken_place(void **state)
{
  (void)state;
  Bytes bytes = small_pcapng();
  put_packet(&bytes, 9, 1, 20);
  LaSource *source = open_bytes(&bytes);
  LaPacketView packets[16];
  LaReadResult result = LA_READ_END;
  unsigned total = 0;
  unsigned n = 0;
  while ((n = la_source_next_batch(source, packets, 16, &result)) != 0) {
    assert_null(la_source_error(source));
    total += n;
  }
  assert_int_equal(total, 4);
  assert_int_equal(result, LA_READ_BROKEN);
  assert_contains(la_source_error(source), "packet 5: it names interface 9");
  assert_int_equal(la_source_next_batch(source, packets, 16, &result), 0);
  assert_int_equal(result, LA_READ_BROKEN);
  la_source_free(source);
  bytes_free(&bytes);
}

/* The largest packet there may be is read whole; one byte more is corrupt (another test). */
static void test_the_largest_packet(void **state)
{
  (void)state;
  for (unsigned ng = 0; ng < 2; ng++) {
    Bytes bytes = bytes_new(LITTLE);
    if (ng != 0) {
      put_section(&bytes);
      put_interface(&bytes, 1);
    } else {
      put_pcap_header(&bytes, MAGIC_MICRO, 1);
    }
    guint from = bytes.data->len;
    g_byte_array_set_size(bytes.data, from + LA_PACKET_MAX + (ng != 0 ? 32 : 16));
    memset(bytes.data->data + from, 0x5a, bytes.data->len - from);
    Bytes head = bytes_new(LITTLE);
    if (ng != 0) {
      put32(&head, 6);
      put32(&head, LA_PACKET_MAX + 32);
      put32(&head, 0);
      put64(&head, 0);
      set32(&bytes, bytes.data->len - 4, LA_PACKET_MAX + 32);
    } else {
      put64(&head, 0);
    }
    put32(&head, LA_PACKET_MAX);
    put32(&head, LA_PACKET_MAX);
    memcpy(bytes.data->data + from, head.data->data, head.data->len);
    bytes_free(&head);
    LaSource *source = open_bytes(&bytes);
    LaPacketView packet = next_packet(source);
    assert_int_equal(packet.captured_len, LA_PACKET_MAX);
    assert_int_equal(packet.data[0], 0x5a);
    assert_int_equal(packet.data[LA_PACKET_MAX - 1], 0x5a);
    assert_true(source->window.capacity <= 64u << 20);
    assert_end(source);
    la_source_free(source);
    bytes_free(&bytes);
  }
}

static void test_standard_input(void **state)
{
  (void)state;
  Bytes bytes = small_pcapng();
  g_autofree char *want = tell(open_bytes(&bytes));
  int saved = dup(STDIN_FILENO);
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  assert_int_equal(write(ends[1], bytes.data->data, bytes.data->len), bytes.data->len);
  close(ends[1]);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  GError *error = NULL;
  LaSource *source = la_source_open("-", &error);
  assert_non_null(source);
  g_autofree char *told = tell(source);
  assert_string_equal(told, want);
  assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it stays open */
  source = la_source_open("-", &error);           /* now at its end */
  assert_null(source);
  assert_string_equal(error->message, "standard input: empty (0 bytes), not a capture");
  g_error_free(error);
  dup2(saved, STDIN_FILENO);
  close(saved);
  bytes_free(&bytes);
}

/* A file is read from where its descriptor is. */
static void test_from_the_current_offset(void **state)
{
  (void)state;
  Bytes bytes = small_pcapng();
  g_autofree char *want = tell(open_bytes(&bytes));
  GByteArray *all = g_byte_array_new();
  g_byte_array_append(all, (const guint8 *)"junk in front", 13);
  g_byte_array_append(all, bytes.data->data, bytes.data->len);
  int fd = file_of(all->data, all->len);
  assert_int_equal(lseek(fd, 13, SEEK_SET), 13);
  LaSource *source = la_source_open_fd(fd, "file", NULL);
  uint64_t done = 0;
  uint64_t total = 0;
  la_source_progress(source, &done, &total);
  assert_int_equal(total, bytes.data->len);
  g_autofree char *told = tell(source);
  assert_string_equal(told, want);
  g_byte_array_free(all, TRUE);
  bytes_free(&bytes);
}

static void test_progress(void **state)
{
  (void)state;
  Bytes bytes = large_pcap(LITTLE);
  LaSource *source = open_bytes(&bytes);
  uint64_t last = 0;
  uint64_t done = 0;
  uint64_t total = 0;
  LaPacketView packet;
  while (la_source_next(source, &packet) == LA_READ_PACKET) {
    la_source_progress(source, &done, &total);
    assert_true(done >= last && done <= total);
    last = done;
  }
  assert_int_equal(total, bytes.data->len);
  assert_int_equal(done, total);
  la_source_free(source);
  bytes_free(&bytes);
}

static void test_a_pipe_has_no_size(void **state)
{
  (void)state;
  int ends[2];
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  Bytes bytes = small_pcapng();
  assert_int_equal(write(ends[1], bytes.data->data, bytes.data->len), bytes.data->len);
  close(ends[1]);
  LaSource *source = la_source_open_fd(ends[0], "pipe", NULL);
  uint64_t done = 0;
  uint64_t total = 1;
  la_source_progress(source, &done, &total);
  assert_int_equal(total, 0);
  assert_int_equal(done, bytes.data->len);
  la_source_free(source);
  bytes_free(&bytes);
}

/* A descriptor that somebody set to non-blocking is waited for. */
static void test_a_non_blocking_pipe(void **state)
{
  (void)state;
  Bytes bytes = small_pcapng();
  g_autofree char *want = tell(open_bytes(&bytes));
  int ends[2];
  assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
  assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  Sender sender = {.bytes = &bytes, .fd = ends[1], .piece = 10};
  GThread *thread = g_thread_new("sender", send_pieces, &sender);
  LaSource *source = la_source_open_fd(ends[0], "pipe", NULL);
  assert_non_null(source);
  g_autofree char *told = tell(source);
  assert_string_equal(told, want);
  g_thread_join(thread);
  bytes_free(&bytes);
}

static volatile sig_atomic_t interrupt;

static void on_signal(int number)
{
  (void)number;
  interrupt = 1;
}

static void test_interrupted_between_blocks(void **state)
{
  (void)state;
  Bytes bytes = large_pcap(LITTLE);
  LaSource *source = open_bytes(&bytes);
  interrupt = 0;
  la_source_set_interrupt(source, &interrupt);
  next_packet(source);
  interrupt = 1;
  LaPacketView packet;
  unsigned more = 0;
  LaReadResult result;
  while ((result = la_source_next(source, &packet)) == LA_READ_PACKET)
    more++;
  assert_int_equal(result, LA_READ_END); /* not broken: nobody looked at the rest */
  assert_null(la_source_error(source));
  assert_true(more > 0 && more < 1000);
  la_source_free(source);
  bytes_free(&bytes);
}

static gpointer signal_thread(gpointer data)
{
  for (unsigned i = 0; i < 1000 && interrupt == 0; i++) {
    pthread_kill(*(pthread_t *)data, SIGUSR1);
    g_usleep(2000);
  }
  return NULL;
}

/* A signal ends a read that waits on a pipe, also while the file header is awaited. */
static void test_interrupted_while_waiting(void **state)
{
  (void)state;
  struct sigaction action = {.sa_handler = on_signal};
  struct sigaction before;
  sigaction(SIGUSR1, &action, &before);
  interrupt = 0;
  g_autofree char *folder = g_dir_make_tmp("lastack-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "fifo", NULL);
  assert_int_equal(mkfifo(path, 0600), 0);
  int writer = open(path, O_RDWR | O_CLOEXEC);
  pthread_t self = pthread_self();
  GThread *thread = g_thread_new("signal", signal_thread, &self);
  GError *error = NULL;
  assert_null(la_source_open_interruptible(path, &interrupt, &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  assert_contains(error->message, "interrupted");
  g_error_free(error);
  g_thread_join(thread);
  close(writer);
  unlink(path);
  rmdir(folder);
  sigaction(SIGUSR1, &before, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_split_of_a_pcap),
      cmocka_unit_test(test_every_split_of_a_variant),
      cmocka_unit_test(test_every_split_of_a_pcapng),
      cmocka_unit_test(test_batches_of_pcap),
      cmocka_unit_test(test_batches_of_pcapng),
      cmocka_unit_test(test_a_batch_does_not_wait),
      cmocka_unit_test(test_a_batch_before_the_broken_place),
      cmocka_unit_test(test_the_largest_packet),
      cmocka_unit_test(test_standard_input),
      cmocka_unit_test(test_from_the_current_offset),
      cmocka_unit_test(test_progress),
      cmocka_unit_test(test_a_pipe_has_no_size),
      cmocka_unit_test(test_a_non_blocking_pipe),
      cmocka_unit_test(test_interrupted_between_blocks),
      cmocka_unit_test(test_interrupted_while_waiting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
