/* Requests as they are read, and frames as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chat/framing.h"
#include "chat/protocol.h"

static LaChatErrorCode parse(const char *text, LaChatRequest *request)
{
  const char *detail;
  return la_chat_request_parse((const uint8_t *)text, strlen(text), request, &detail);
}

/* The body of a frame, as text. */
static char *body_of(GBytes *frame)
{
  gsize size;
  const char *data = g_bytes_get_data(frame, &size);
  char *text = g_strndup(data + LA_CHAT_FRAME_HEADER, size - LA_CHAT_FRAME_HEADER);
  g_bytes_unref(frame);
  return text;
}

static void requests(void **state)
{
  (void)state;
  LaChatRequest request;
  assert_int_equal(parse("{\"type\":\"login\",\"name\":\"anna\",\"id\":7}", &request), LA_CHAT_ERROR_NONE);
  assert_int_equal(request.type, LA_CHAT_REQUEST_LOGIN);
  assert_string_equal(request.name, "anna");
  assert_int_equal(request.id, 7);
  la_chat_request_clear(&request);

  assert_int_equal(parse("{\"text\":\"hi \\u20ac\",\"room\":\"r\",\"type\":\"say\",\"more\":[1]}", &request),
                   LA_CHAT_ERROR_NONE);
  assert_int_equal(request.type, LA_CHAT_REQUEST_SAY);
  assert_string_equal(request.text, "hi \xe2\x82\xac");
  assert_int_equal(request.id, LA_CHAT_NO_ID);
  la_chat_request_clear(&request);

  assert_int_equal(parse("{\"type\":\"ping\",\"seq\":9007199254740993,\"time\":5}", &request), LA_CHAT_ERROR_NONE);
  assert_true(request.seq == INT64_C(9007199254740993));
  assert_int_equal(request.time, 5);
  la_chat_request_clear(&request);

  assert_int_equal(parse("{\"type\":\"who\"}", &request), LA_CHAT_ERROR_NONE);
  assert_null(request.room);
  la_chat_request_clear(&request);
}

static void requests_that_are_none(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    LaChatErrorCode code;
    int64_t id;
  } cases[] = {
      {"{}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":5,\"id\":3}", LA_CHAT_ERROR_BAD_MESSAGE, 3},
      {"{\"type\":\"fly\",\"id\":4}", LA_CHAT_ERROR_UNKNOWN_TYPE, 4},
      {"{\"type\":\"LOGIN\",\"name\":\"a\"}", LA_CHAT_ERROR_UNKNOWN_TYPE, -1},
      {"{\"type\":\"login\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"login\",\"name\":null}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"login\",\"name\":[\"a\"]}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"say\",\"room\":\"r\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"say\",\"text\":\"t\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"tell\",\"text\":\"t\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"who\",\"room\":1}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"ping\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"ping\",\"seq\":\"1\"}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"{\"type\":\"ping\",\"seq\":1.5}", LA_CHAT_ERROR_BAD_MESSAGE, -1},
      {"[]", LA_CHAT_ERROR_BAD_JSON, -1},
      {"nonsense", LA_CHAT_ERROR_BAD_JSON, -1},
      {"{\"a\":\"\xff\"}", LA_CHAT_ERROR_BAD_UTF8, -1},
      {"{\"a\":[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]}", LA_CHAT_ERROR_TOO_DEEP, -1},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaChatRequest request;
    assert_int_equal(parse(cases[i].text, &request), cases[i].code);
    assert_int_equal(request.id, cases[i].id);
  }
}

/* A number past 64 bits is JSON; it is no integer here, and nothing breaks. */
static void numbers_past_the_range(void **state)
{
  (void)state;
  LaChatRequest request;
  const char *texts[] = {"{\"type\":\"ping\",\"seq\":99999999999999999999999999}", "{\"type\":\"ping\",\"seq\":1e999}",
                         "{\"type\":\"ping\",\"seq\":-99999999999999999999999999}"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    if (parse(texts[i], &request) == LA_CHAT_ERROR_NONE)
      la_chat_request_clear(&request);
  }
}

static void frames(void **state)
{
  (void)state;
  g_autofree char *login = body_of(la_chat_frame_login("a\"b", 1));
  assert_string_equal(login, "{\"type\":\"login\",\"id\":1,\"name\":\"a\\\"b\",\"version\":1}");
  g_autofree char *ok = body_of(la_chat_frame_ok(-1, LA_CHAT_NO_ID));
  assert_string_equal(ok, "{\"type\":\"ok\"}");
  g_autofree char *message = body_of(la_chat_frame_message("r", "a", "t", 12));
  assert_string_equal(message, "{\"type\":\"message\",\"room\":\"r\",\"from\":\"a\",\"text\":\"t\",\"time\":12}");
  g_autofree char *error = body_of(la_chat_frame_error(LA_CHAT_ERROR_BAD_LENGTH, NULL, LA_CHAT_NO_ID));
  assert_non_null(strstr(error, "\"code\":\"bad-length\""));
  assert_non_null(strstr(error, "\"fatal\":true"));
  g_autofree char *bye = body_of(la_chat_frame_bye(LA_CHAT_BYE_SHUTDOWN, 5 * LA_SEC));
  assert_string_equal(bye, "{\"type\":\"bye\",\"reason\":\"shutdown\",\"grace_s\":5}");
}

static void lists_are_bounded(void **state)
{
  (void)state;
  LaChatList *list = la_chat_list_new_who(NULL, 3);
  for (int i = 0; i < LA_CHAT_LIST_MAX + 10; i++)
    la_chat_list_add_name(list, "n");
  g_autofree char *text = body_of(la_chat_list_end(list));
  JsonObject *object;
  assert_int_equal(la_chat_body_parse((const uint8_t *)text, strlen(text), &object), LA_CHAT_ERROR_NONE);
  assert_int_equal(json_array_get_length(json_object_get_array_member(object, "names")), LA_CHAT_LIST_MAX);
  assert_int_equal(la_chat_object_int(object, "total", 0), LA_CHAT_LIST_MAX + 10);
  json_object_unref(object);
}

static void what_does_not_fit_is_not_made(void **state)
{
  (void)state;
  g_autofree char *text = g_strnfill(LA_CHAT_FRAME_MAX, 'x');
  assert_null(la_chat_frame_say("room", text, 1));
  text[LA_CHAT_FRAME_MAX - 100] = '\0';
  g_autoptr(GBytes) frame = la_chat_frame_say("room", text, 1);
  assert_non_null(frame);
}

static void every_error_has_a_word(void **state)
{
  (void)state;
  for (int i = 0; i < LA_CHAT_ERROR_COUNT; i++) {
    assert_true(la_chat_error_name((LaChatErrorCode)i)[0] != '\0');
    assert_true(la_chat_error_text((LaChatErrorCode)i)[0] != '\0');
  }
  assert_true(la_chat_error_is_fatal(LA_CHAT_ERROR_TOO_MANY_CONNECTIONS));
  assert_false(la_chat_error_is_fatal(LA_CHAT_ERROR_UNKNOWN_TYPE));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests),
      cmocka_unit_test(requests_that_are_none),
      cmocka_unit_test(numbers_past_the_range),
      cmocka_unit_test(frames),
      cmocka_unit_test(lists_are_bounded),
      cmocka_unit_test(what_does_not_fit_is_not_made),
      cmocka_unit_test(every_error_has_a_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
