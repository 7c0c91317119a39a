/* What the client and the load generator are made of: commands, addresses, options, percentiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "chat/address.h"
#include "chat/client_command.h"
#include "chat/histogram.h"
#include "chat/load.h"
#include "chat/tuning.h"

static void commands(void **state)
{
  (void)state;
  static const struct {
    const char *line;
    LaChatCommandKind kind;
    const char *word, *rest;
  } cases[] = {
      {"", LA_CHAT_COMMAND_NONE, NULL, NULL},
      {"   ", LA_CHAT_COMMAND_NONE, NULL, NULL},
      {"# a comment", LA_CHAT_COMMAND_NONE, NULL, NULL},
      {"hello there", LA_CHAT_COMMAND_TEXT, NULL, "hello there"},
      {"//slash", LA_CHAT_COMMAND_TEXT, NULL, "/slash"},
      {"/join r", LA_CHAT_COMMAND_JOIN, "r", NULL},
      {"/say r  two words ", LA_CHAT_COMMAND_SAY, "r", "two words "},
      {"/tell bert hi", LA_CHAT_COMMAND_TELL, "bert", "hi"},
      {"/who", LA_CHAT_COMMAND_WHO, NULL, NULL},
      {"/who r", LA_CHAT_COMMAND_WHO, "r", NULL},
      {"/wait eof 2s", LA_CHAT_COMMAND_WAIT, "eof", NULL},
      {"/quit", LA_CHAT_COMMAND_CLOSE, NULL, NULL},
      {"/half-close", LA_CHAT_COMMAND_HALF_CLOSE, NULL, NULL},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaChatCommand command;
    assert_true(la_chat_command_parse(cases[i].line, &command, NULL));
    assert_int_equal(command.kind, cases[i].kind);
    assert_true(g_strcmp0(command.word, cases[i].word) == 0);
    assert_true(g_strcmp0(command.rest, cases[i].rest) == 0);
    la_chat_command_clear(&command);
  }
  LaChatCommand command;
  assert_true(la_chat_command_parse("/sleep 250ms", &command, NULL));
  assert_true(command.span == 250 * LA_MSEC);
  la_chat_command_clear(&command);
}

static void commands_that_are_none(void **state)
{
  (void)state;
  const char *bad[] = {"/fly",   "/",           "/join", "/join a b",  "/say r",         "/tell x",
                       "/sleep", "/sleep soon", "/wait", "/rooms now", "/wait eof soon", "/bytes"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    LaChatCommand command;
    g_autoptr(GError) error = NULL;
    if (la_chat_command_parse(bad[i], &command, &error))
      fail_msg("taken for a command: %s", bad[i]);
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_USAGE));
  }
}

static void addresses(void **state)
{
  (void)state;
  static const struct {
    const char *text, *host;
    uint16_t port;
  } cases[] = {
      {"127.0.0.1:80", "127.0.0.1", 80},
      {"8000", "127.0.0.1", 8000},
      {":9", "127.0.0.1", 9},
      {"[::1]:7", "::1", 7},
      {"[::1]", "::1", 8888},
      {"::1", "::1", 8888},
      {"host", "host", 8888},
      {"host:1", "host", 1},
      {"10.0.0.1", "10.0.0.1", 8888},
      {"[fe80::1%lo]:5", "fe80::1%lo", 5},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *host = NULL;
    uint16_t port;
    assert_true(la_chat_host_split(cases[i].text, &host, &port, NULL));
    assert_string_equal(host, cases[i].host);
    assert_int_equal(port, cases[i].port);
  }
  const char *bad[] = {"", "[::1", "[]:5", "[::1]x", "[::1]:x", "host:", "host:x", "host:65536", "a:b:c", "::1:x"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    char *host = NULL;
    uint16_t port;
    if (la_chat_host_split(bad[i], &host, &port, NULL))
      fail_msg("taken for an address: %s", bad[i]);
  }
}

static void loopback(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool is;
  } cases[] = {{"127.0.0.1:1", true}, {"127.255.1.2:1", true},       {"[::1]:1", true}, {"[::ffff:127.0.0.1]:1", true},
               {"0.0.0.0:1", false},  {"128.0.0.1:1", false},        {"[::]:1", false}, {"[::2]:1", false},
               {"10.0.0.1:1", false}, {"[::ffff:10.0.0.1]:1", false}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    LaChatAddress address;
    assert_true(la_chat_address_parse(cases[i].text, &address, NULL));
    assert_int_equal(la_chat_address_is_loopback(&address), cases[i].is);
  }
  LaChatAddress address;
  assert_false(la_chat_address_parse("localhost:1", &address, NULL));
}

static void keep_alive(void **state)
{
  (void)state;
  LaChatTuning tuning = LA_CHAT_TUNING_DEFAULT;
  assert_int_equal(tuning.keep_idle_s, 60);
  assert_true(la_chat_keep_alive_parse("5:2:4", &tuning, NULL));
  assert_int_equal(tuning.keep_idle_s, 5);
  assert_int_equal(tuning.keep_interval_s, 2);
  assert_int_equal(tuning.keep_count, 4);
  assert_true(la_chat_keep_alive_parse("off", &tuning, NULL));
  assert_int_equal(tuning.keep_alive, LA_CHAT_OFF);
  const char *bad[] = {"", "5", "5:2", "5:2:4:1", "0:1:1", "5:2:128", "a:b:c"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
    assert_false(la_chat_keep_alive_parse(bad[i], &tuning, NULL));
}

static void limits_that_cannot_be_met(void **state)
{
  (void)state;
  g_autoptr(GError) error = NULL;
  assert_true(la_chat_limit_raise(10, "ten", NULL));
  assert_false(la_chat_limit_raise(2000000000UL, "many", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_PERMISSION));
  assert_true(la_chat_descriptors().used >= 3);
}

static void load_modes(void **state)
{
  (void)state;
  const char *good[] = {"short", "long", "shared", "pool:7"};
  for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
    LaChatLoadMode mode;
    assert_true(la_chat_load_mode_parse(good[i], &mode, NULL));
    g_autofree char *text = la_chat_load_mode_format(mode);
    assert_string_equal(text, good[i]);
  }
  const char *bad[] = {"", "pool", "pool:", "pool:0", "pool:-1", "pool:x", "longer"};
  for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
    LaChatLoadMode mode;
    assert_false(la_chat_load_mode_parse(bad[i], &mode, NULL));
  }
}

static void percentiles(void **state)
{
  (void)state;
  g_autofree LaChatHistogram *histogram = g_new0(LaChatHistogram, 1);
  assert_true(la_chat_histogram_percentile(histogram, 0.5) == LA_TIME_NONE);
  for (LaTime i = 1; i <= 100000; i++)
    la_chat_histogram_add(histogram, i * 1000);
  const double shares[] = {0.01, 0.5, 0.9, 0.99, 0.999};
  for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
    double exact = shares[i] * 1e8;
    double told = (double)la_chat_histogram_percentile(histogram, shares[i]);
    assert_true(told >= exact * 0.9999);
    assert_true(told <= exact * 1.01);
  }
  assert_true(la_chat_histogram_percentile(histogram, 1) == 100000000);
}

static void percentiles_at_the_ends(void **state)
{
  (void)state;
  g_autofree LaChatHistogram *histogram = g_new0(LaChatHistogram, 1);
  la_chat_histogram_add(histogram, -5);
  assert_true(la_chat_histogram_percentile(histogram, 0.5) == 0);
  la_chat_histogram_add(histogram, INT64_MAX);
  assert_true(la_chat_histogram_percentile(histogram, 1) == INT64_MAX);
  for (LaTime value = 1; value > 0 && value < INT64_MAX / 3; value = value * 2 + 1) {
    g_autofree LaChatHistogram *one = g_new0(LaChatHistogram, 1);
    la_chat_histogram_add(one, value);
    assert_true(la_chat_histogram_percentile(one, 0.5) == value);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commands),
      cmocka_unit_test(commands_that_are_none),
      cmocka_unit_test(addresses),
      cmocka_unit_test(loopback),
      cmocka_unit_test(keep_alive),
      cmocka_unit_test(limits_that_cannot_be_met),
      cmocka_unit_test(load_modes),
      cmocka_unit_test(percentiles),
      cmocka_unit_test(percentiles_at_the_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
