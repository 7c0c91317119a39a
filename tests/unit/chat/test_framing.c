/* Frames cut out of a stream of bytes, however the bytes are split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/framing.h"

/* Three frames: 1 byte, 5 bytes, 300 bytes. */
static GByteArray *three_frames(void)
{
  GByteArray *stream = g_byte_array_new();
  const size_t lens[] = {1, 5, 300};
  for (size_t i = 0; i < 3; i++) {
    g_autofree char *body = g_strnfill(lens[i], (char)('a' + i));
    g_autoptr(GBytes) frame = la_chat_frame_wrap(body, lens[i]);
    gsize size;
    const uint8_t *data = g_bytes_get_data(frame, &size);
    g_byte_array_append(stream, data, (guint)size);
  }
  return stream;
}

/* Takes all that is whole, appending to `seen` each length and first byte. */
static void take_all(LaChatFramer *framer, GString *seen)
{
  const uint8_t *data;
  size_t len;
  while (la_chat_framer_next(framer, &data, &len) == LA_CHAT_FRAME_READY) {
    for (size_t i = 1; i < len; i++)
      assert_int_equal(data[i], data[0]);
    g_string_append_printf(seen, "%c%zu ", data[0], len);
  }
}

static void every_split_gives_the_same_frames(void **state)
{
  (void)state;
  g_autoptr(GByteArray) stream = three_frames();
  for (guint a = 0; a <= stream->len; a++) {
    for (guint b = a; b <= stream->len; b += 7) {
      LaChatFramer framer;
      la_chat_framer_init(&framer, LA_CHAT_FRAME_MAX);
      g_autoptr(GString) seen = g_string_new(NULL);
      const guint cuts[] = {0, a, b, stream->len};
      for (int i = 0; i < 3; i++) {
        la_chat_framer_push(&framer, stream->data + cuts[i], cuts[i + 1] - cuts[i]);
        take_all(&framer, seen);
      }
      assert_string_equal(seen->str, "a1 b5 c300 ");
      assert_int_equal(la_chat_framer_pending(&framer), 0);
      la_chat_framer_clear(&framer);
    }
  }
}

static void byte_by_byte(void **state)
{
  (void)state;
  g_autoptr(GByteArray) stream = three_frames();
  LaChatFramer framer;
  la_chat_framer_init(&framer, LA_CHAT_FRAME_MAX);
  g_autoptr(GString) seen = g_string_new(NULL);
  for (guint i = 0; i < stream->len; i++) {
    la_chat_framer_push(&framer, stream->data + i, 1);
    take_all(&framer, seen);
  }
  assert_string_equal(seen->str, "a1 b5 c300 ");
  la_chat_framer_clear(&framer);
}

static void frames_may_be_taken_one_at_a_time(void **state)
{
  (void)state;
  g_autoptr(GByteArray) stream = three_frames();
  LaChatFramer framer;
  la_chat_framer_init(&framer, LA_CHAT_FRAME_MAX);
  la_chat_framer_push(&framer, stream->data, stream->len);
  const uint8_t *data;
  size_t len;
  assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_READY);
  /* More bytes come while two whole frames wait. */
  la_chat_framer_push(&framer, stream->data, stream->len);
  g_autoptr(GString) seen = g_string_new(NULL);
  take_all(&framer, seen);
  assert_string_equal(seen->str, "b5 c300 a1 b5 c300 ");
  la_chat_framer_clear(&framer);
}

static void wrong_lengths_are_told_for_ever(void **state)
{
  (void)state;
  const uint8_t wrong[][4] = {{0, 0, 0, 0}, {0, 0x10, 0, 1}, {0xff, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}, {'G', 'E', 'T', ' '}};
  for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
    LaChatFramer framer;
    la_chat_framer_init(&framer, LA_CHAT_FRAME_MAX);
    const uint8_t *data = NULL;
    size_t len = 77;
    la_chat_framer_push(&framer, wrong[i], 3);
    assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_NONE);
    la_chat_framer_push(&framer, wrong[i] + 3, 1);
    assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_BAD_LENGTH);
    la_chat_framer_push(&framer, (const uint8_t *)"\0\0\0\1x", 5);
    assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_BAD_LENGTH);
    assert_null(data);
    assert_int_equal(len, 77);
    la_chat_framer_clear(&framer);
  }
}

static void the_longest_frame_passes_and_memory_follows_what_came(void **state)
{
  (void)state;
  LaChatFramer framer;
  la_chat_framer_init(&framer, LA_CHAT_FRAME_MAX);
  const uint8_t head[] = {0, 0x10, 0, 0};
  la_chat_framer_push(&framer, head, sizeof head);
  const uint8_t *data;
  size_t len;
  assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_NONE);
  assert_true(framer.capacity < 4096);
  g_autofree uint8_t *body = g_malloc(LA_CHAT_FRAME_MAX);
  memset(body, 'x', LA_CHAT_FRAME_MAX);
  la_chat_framer_push(&framer, body, LA_CHAT_FRAME_MAX - 1);
  assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_NONE);
  la_chat_framer_push(&framer, body, 1);
  assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_READY);
  assert_int_equal(len, LA_CHAT_FRAME_MAX);
  /* A large buffer is given back once it is empty. */
  assert_int_equal(la_chat_framer_next(&framer, &data, &len), LA_CHAT_FRAME_NONE);
  assert_int_equal(framer.capacity, 0);
  la_chat_framer_clear(&framer);
}

static void frames_that_cannot_be_are_not_made(void **state)
{
  (void)state;
  assert_null(la_chat_frame_wrap("", 0));
  g_autofree char *body = g_strnfill(LA_CHAT_FRAME_MAX + 1, 'x');
  assert_null(la_chat_frame_wrap(body, LA_CHAT_FRAME_MAX + 1));
  g_autoptr(GBytes) frame = la_chat_frame_wrap(body, LA_CHAT_FRAME_MAX);
  assert_non_null(frame);
  gsize size;
  const uint8_t *data = g_bytes_get_data(frame, &size);
  assert_int_equal(size, LA_CHAT_FRAME_MAX + 4);
  assert_memory_equal(data, "\x00\x10\x00\x00x", 5);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_split_gives_the_same_frames),
      cmocka_unit_test(byte_by_byte),
      cmocka_unit_test(frames_may_be_taken_one_at_a_time),
      cmocka_unit_test(wrong_lengths_are_told_for_ever),
      cmocka_unit_test(the_longest_frame_passes_and_memory_follows_what_came),
      cmocka_unit_test(frames_that_cannot_be_are_not_made),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
