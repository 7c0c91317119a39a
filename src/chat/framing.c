/* The bytes lie in one buffer that grows by doubling as they come in and moves its rest to the front when a part was given
 * out. A peer that announces a mebibyte and sends nothing costs nothing. A buffer that once had to be large is given back
 * when it runs empty. */
#include "chat/framing.h"

#include <string.h>

#define FIRST_CAPACITY 1024
#define KEPT_CAPACITY 65536

void la_chat_framer_init(LaChatFramer *framer, size_t max)
{
  *framer = (LaChatFramer){.max = max};
}

void la_chat_framer_clear(LaChatFramer *framer)
{
  g_free(framer->data);
  *framer = (LaChatFramer){.max = framer->max};
}

void la_chat_framer_push(LaChatFramer *framer, const uint8_t *data, size_t len)
{
  if (framer->bad || len == 0)
    return;
  if (framer->at > 0) {
    memmove(framer->data, framer->data + framer->at, framer->end - framer->at);
    framer->end -= framer->at;
    framer->at = 0;
  }
  if (framer->capacity - framer->end < len) {
    size_t capacity = framer->capacity != 0 ? framer->capacity : FIRST_CAPACITY;
    while (capacity - framer->end < len)
      capacity *= 2;
    framer->data = g_realloc(framer->data, capacity);
    framer->capacity = capacity;
  }
  memcpy(framer->data + framer->end, data, len);
  framer->end += len;
}

/* Gives memory back when nothing waits in a buffer that had grown large. */
static void shrink(LaChatFramer *framer)
{
  if (framer->at < framer->end)
    return;
  framer->at = framer->end = 0;
  if (framer->capacity > KEPT_CAPACITY) {
    g_free(framer->data);
    framer->data = NULL;
    framer->capacity = 0;
  }
}

LaChatFrameResult la_chat_framer_next(LaChatFramer *framer, const uint8_t **ret_data, size_t *ret_len)
{
  if (framer->bad)
    return LA_CHAT_FRAME_BAD_LENGTH;
  size_t have = framer->end - framer->at;
  if (have < LA_CHAT_FRAME_HEADER) {
    shrink(framer);
    return LA_CHAT_FRAME_NONE;
  }
  const uint8_t *p = framer->data + framer->at;
  size_t len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
  if (len == 0 || len > framer->max) {
    framer->bad = true;
    return LA_CHAT_FRAME_BAD_LENGTH;
  }
  if (have - LA_CHAT_FRAME_HEADER < len)
    return LA_CHAT_FRAME_NONE;
  framer->at += LA_CHAT_FRAME_HEADER + len;
  *ret_data = p + LA_CHAT_FRAME_HEADER;
  *ret_len = len;
  return LA_CHAT_FRAME_READY;
}

size_t la_chat_framer_pending(const LaChatFramer *framer)
{
  return framer->end - framer->at;
}

GString *la_chat_frame_begin(void)
{
  GString *text = g_string_sized_new(256);
  g_string_append_len(text, "\0\0\0\0", LA_CHAT_FRAME_HEADER);
  return text;
}

GBytes *la_chat_frame_end(GString *text)
{
  size_t len = text->len - LA_CHAT_FRAME_HEADER;
  if (len == 0 || len > LA_CHAT_FRAME_MAX) {
    g_string_free(text, TRUE);
    return NULL;
  }
  text->str[0] = (char)(len >> 24);
  text->str[1] = (char)(len >> 16);
  text->str[2] = (char)(len >> 8);
  text->str[3] = (char)len;
  return g_string_free_to_bytes(text);
}

GBytes *la_chat_frame_wrap(const char *body, size_t len)
{
  GString *text = la_chat_frame_begin();
  g_string_append_len(text, body, (gssize)len);
  return la_chat_frame_end(text);
}
