/* gzip, zstd and lz4: round trips, several members, padding, damage and cuts. */
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include "unit/capture/captures.h"

typedef GByteArray *(*Compress)(const uint8_t *data, size_t len);

static GByteArray *gzip_member(const uint8_t *data, size_t len)
{
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  GByteArray *out = g_byte_array_new();
  g_byte_array_set_size(out, (guint)deflateBound(&z, len) + 64);
  z.next_in = (Bytef *)(uintptr_t)data;
  z.avail_in = (uInt)len;
  z.next_out = out->data;
  z.avail_out = out->len;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  g_byte_array_set_size(out, (guint)z.total_out);
  deflateEnd(&z);
  return out;
}

static GByteArray *zstd_frame(const uint8_t *data, size_t len)
{
  GByteArray *out = g_byte_array_new();
  g_byte_array_set_size(out, (guint)ZSTD_compressBound(len));
  ZSTD_CCtx *context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  size_t size = ZSTD_compress2(context, out->data, out->len, data, len);
  assert_false(ZSTD_isError(size));
  ZSTD_freeCCtx(context);
  g_byte_array_set_size(out, (guint)size);
  return out;
}

static GByteArray *lz4_frame(const uint8_t *data, size_t len)
{
  LZ4F_preferences_t preferences = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
  GByteArray *out = g_byte_array_new();
  g_byte_array_set_size(out, (guint)LZ4F_compressFrameBound(len, &preferences));
  size_t size = LZ4F_compressFrame(out->data, out->len, data, len, &preferences);
  assert_false(LZ4F_isError(size));
  g_byte_array_set_size(out, (guint)size);
  return out;
}

static const struct {
  const char *name;
  Compress compress;
} codecs[] = {{"gzip", gzip_member}, {"zstd", zstd_frame}, {"lz4", lz4_frame}};

/* More than a block, of packets that compress but not to nothing. */
static Bytes capture(unsigned packets)
{
  Bytes bytes = bytes_new(LITTLE);
  put_pcap_header(&bytes, MAGIC_MICRO, 1);
  unsigned random = 7;
  for (unsigned n = 0; n < packets; n++) {
    put_record_header(&bytes, n, 0, 400, 400);
    for (unsigned i = 0; i < 100; i++) {
      random = random * 1103515245 + 12345;
      put32(&bytes, i < 50 ? random >> 8 : n);
    }
  }
  return bytes;
}

static LaSource *open_array(const GByteArray *array)
{
  GError *error = NULL;
  LaSource *source = open_data(array->data, array->len, &error);
  if (source == NULL)
    fail_msg("%s", error->message);
  return source;
}

static void test_round_trips(void **state)
{
  (void)state;
  Bytes bytes = capture(3000);
  g_autofree char *want = tell(open_bytes(&bytes));
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *packed = codecs[i].compress(bytes.data->data, bytes.data->len);
    assert_true(packed->len < bytes.data->len);
    g_autofree char *single = tell(open_array(packed));
    assert_string_equal(single, want);
    g_autofree char *batches = tell_batches(open_array(packed), 128);
    assert_string_equal(batches, want);
    g_byte_array_free(packed, TRUE);
  }
  bytes_free(&bytes);
}

/* `cat a.gz b.gz`: members one after another, cut at any byte of the plain capture. */
static void test_several_members(void **state)
{
  (void)state;
  Bytes bytes = capture(50);
  g_autofree char *want = tell(open_bytes(&bytes));
  static const guint pieces[] = {1, 3, 23, 24, 25, 1000, 7777};
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    for (size_t k = 0; k < G_N_ELEMENTS(pieces); k++) {
      GByteArray *all = g_byte_array_new();
      for (guint at = 0; at < bytes.data->len; at += pieces[k]) {
        GByteArray *member = codecs[i].compress(bytes.data->data + at, MIN(pieces[k], bytes.data->len - at));
        g_byte_array_append(all, member->data, member->len);
        g_byte_array_free(member, TRUE);
      }
      g_autofree char *told = tell(open_array(all));
      assert_string_equal(told, want);
      g_byte_array_free(all, TRUE);
    }
  }
  bytes_free(&bytes);
}

static void test_empty_members(void **state)
{
  (void)state;
  Bytes bytes = capture(3);
  g_autofree char *want = tell(open_bytes(&bytes));
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *empty = codecs[i].compress((const uint8_t *)"", 0);
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    GByteArray *all = g_byte_array_new();
    for (unsigned n = 0; n < 3; n++)
      g_byte_array_append(all, empty->data, empty->len);
    g_byte_array_append(all, member->data, member->len);
    g_byte_array_append(all, empty->data, empty->len);
    g_autofree char *told = tell(open_array(all));
    assert_string_equal(told, want);
    g_autofree char *message = open_failure(empty->data, empty->len);
    assert_string_equal(message, "test.pcap: empty (0 bytes when decompressed), not a capture");
    g_byte_array_free(all, TRUE);
    g_byte_array_free(member, TRUE);
    g_byte_array_free(empty, TRUE);
  }
  bytes_free(&bytes);
}

/* zstd and lz4 files may begin with frames to be skipped. */
static void test_skippable_frames(void **state)
{
  (void)state;
  static const uint8_t skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
  Bytes bytes = capture(3);
  g_autofree char *want = tell(open_bytes(&bytes));
  for (size_t i = 1; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    g_byte_array_prepend(member, skippable, sizeof skippable);
    g_byte_array_prepend(member, skippable, sizeof skippable);
    g_autofree char *told = tell(open_array(member));
    assert_string_equal(told, want);
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

static void test_zeros_behind_gzip_are_padding(void **state)
{
  (void)state;
  Bytes bytes = capture(3);
  g_autofree char *want = tell(open_bytes(&bytes));
  GByteArray *member = gzip_member(bytes.data->data, bytes.data->len);
  guint len = member->len;
  g_byte_array_set_size(member, len + 100000);
  memset(member->data + len, 0, 100000);
  g_autofree char *told = tell(open_array(member));
  assert_string_equal(told, want);
  g_byte_array_free(member, TRUE);
  bytes_free(&bytes);
}

static void test_garbage_behind_the_data_is_told(void **state)
{
  (void)state;
  Bytes bytes = capture(3);
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    g_byte_array_append(member, (const guint8 *)"garbage that is no member", 25);
    LaSource *source = open_array(member);
    for (unsigned n = 0; n < 3; n++)
      next_packet(source);
    assert_broken(source, "data are damaged (");
    la_source_free(source);
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

/* Cut anywhere: the packets that came out are the first ones, and the cut is told, never taken for the end. */
static void test_cut_at_every_byte(void **state)
{
  (void)state;
  Bytes bytes = capture(5);
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    g_autofree char *damage = g_strdup_printf("the %s data are cut off", codecs[i].name);
    for (guint len = 4; len < member->len; len++) {
      GError *error = NULL;
      LaSource *source = open_data(member->data, len, &error);
      if (source == NULL) {
        assert_contains(error->message, damage);
        g_error_free(error);
        continue;
      }
      LaPacketView packet;
      uint64_t frame = 0;
      LaReadResult result;
      while ((result = la_source_next(source, &packet)) == LA_READ_PACKET)
        assert_int_equal(packet.frame, ++frame);
      assert_int_equal(result, LA_READ_BROKEN);
      assert_contains(la_source_error(source), damage);
      assert_true(frame <= 5);
      la_source_free(source);
    }
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

static void test_all_packets_before_a_cut_are_read(void **state)
{
  (void)state;
  Bytes bytes = capture(3000);
  GByteArray *member = gzip_member(bytes.data->data, bytes.data->len);
  LaSource *source = open_data(member->data, member->len - 4, NULL); /* within the trailer: every packet is there */
  for (unsigned n = 1; n <= 3000; n++)
    assert_int_equal(next_packet(source).frame, n);
  assert_broken(source, "the gzip data are cut off");
  la_source_free(source);
  g_byte_array_free(member, TRUE);
  bytes_free(&bytes);
}

/* Each flipped bit: a source that ends in some way and never crashes; checksums find what the format itself does not. */
static void test_flipped_bits(void **state)
{
  (void)state;
  Bytes bytes = capture(5);
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    for (guint bit = 64; bit < member->len * 8; bit += 5) {
      member->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
      GError *error = NULL;
      LaSource *source = open_data(member->data, member->len, &error);
      if (source != NULL)
        g_free(tell(source));
      g_clear_error(&error);
      member->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

static void test_wrong_checksums(void **state)
{
  (void)state;
  Bytes bytes = capture(5);
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    member->data[member->len - (i == 0 ? 8 : 4)] ^= 1; /* gzip: a checksum, then a length */
    LaSource *source = open_array(member);
    for (unsigned n = 0; n < 5; n++)
      next_packet(source); /* they came before */
    assert_broken(source, "data are damaged (");
    la_source_free(source);
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

static void test_text_inside(void **state)
{
  (void)state;
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress((const uint8_t *)"hello, world\n", 13);
    g_autofree char *message = open_failure(member->data, member->len);
    assert_string_equal(message, "test.pcap: text, not a capture (pcap or pcapng)");
    g_byte_array_free(member, TRUE);
  }
}

static void test_compressed_twice(void **state)
{
  (void)state;
  Bytes bytes = capture(5);
  GByteArray *once = zstd_frame(bytes.data->data, bytes.data->len);
  GByteArray *twice = gzip_member(once->data, once->len);
  g_autofree char *message = open_failure(twice->data, twice->len);
  assert_string_equal(message, "test.pcap: compressed twice; unpack it once first");
  g_byte_array_free(once, TRUE);
  g_byte_array_free(twice, TRUE);
  bytes_free(&bytes);
}

/* A frame header that asks for a window of gigabytes is refused. */
static void test_a_huge_zstd_window(void **state)
{
  (void)state;
  static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00, 0, 0, 0}; /* window: 2^31 bytes */
  g_autofree char *message = open_failure(frame, sizeof frame);
  assert_contains(message, "the zstd data are damaged (");
  assert_contains(message, "memory");
}

static void test_progress_counts_compressed_bytes(void **state)
{
  (void)state;
  Bytes bytes = capture(3000);
  GByteArray *member = gzip_member(bytes.data->data, bytes.data->len);
  LaSource *source = open_array(member);
  LaPacketView packet;
  while (la_source_next(source, &packet) == LA_READ_PACKET)
    continue;
  uint64_t done = 0;
  uint64_t total = 0;
  la_source_progress(source, &done, &total);
  assert_int_equal(done, member->len);
  assert_int_equal(total, member->len);
  la_source_free(source);
  g_byte_array_free(member, TRUE);
  bytes_free(&bytes);
}

/* Compressed bytes through a pipe, one by one. */
static gpointer send_bytes(gpointer data)
{
  const GByteArray *array = ((gpointer *)data)[0];
  int fd = GPOINTER_TO_INT(((gpointer *)data)[1]);
  for (guint i = 0; i < array->len; i++)
    assert_int_equal(write(fd, array->data + i, 1), 1);
  close(fd);
  return NULL;
}

static void test_through_a_pipe(void **state)
{
  (void)state;
  Bytes bytes = capture(20);
  g_autofree char *want = tell(open_bytes(&bytes));
  for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
    GByteArray *member = codecs[i].compress(bytes.data->data, bytes.data->len);
    int ends[2];
    assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
    gpointer data[2] = {member, GINT_TO_POINTER(ends[1])};
    GThread *thread = g_thread_new("sender", send_bytes, data);
    LaSource *source = la_source_open_fd(ends[0], "pipe", NULL);
    assert_non_null(source);
    g_autofree char *told = tell(source);
    assert_string_equal(told, want);
    g_thread_join(thread);
    g_byte_array_free(member, TRUE);
  }
  bytes_free(&bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trips),
      cmocka_unit_test(test_several_members),
      cmocka_unit_test(test_empty_members),
      cmocka_unit_test(test_skippable_frames),
      cmocka_unit_test(test_zeros_behind_gzip_are_padding),
      cmocka_unit_test(test_garbage_behind_the_data_is_told),
      cmocka_unit_test(test_cut_at_every_byte),
      cmocka_unit_test(test_all_packets_before_a_cut_are_read),
      cmocka_unit_test(test_flipped_bits),
      cmocka_unit_test(test_wrong_checksums),
      cmocka_unit_test(test_text_inside),
      cmocka_unit_test(test_compressed_twice),
      cmocka_unit_test(test_a_huge_zstd_window),
      cmocka_unit_test(test_progress_counts_compressed_bytes),
      cmocka_unit_test(test_through_a_pipe),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
