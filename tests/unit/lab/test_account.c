/* Reading the kernel's account: files come from anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "base/error.h"
#include "lab/account.h"

static LaLabAccount *read_text(const char *text, GError **error)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("lastack-account-XXXXXX", &path, NULL);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  LaLabAccount *account = la_lab_account_read(path, error);
  g_unlink(path);
  return account;
}

static void states_in_rfc_words(void **state)
{
  (void)state;
  g_autoptr(LaLabAccount) account = read_text(
      "{\"title\":\"x\",\"clock\":{},\"connections\":[{\"client\":[\"10.0.0.1\",5],\"server\":[\"fd00::2\",80],\"states\":["
      "{\"t\":1.5,\"end\":\"client\",\"new\":\"SYN_SENT\"},{\"t\":2,\"end\":\"client\",\"new\":\"CLOSE\",\"bucket\":\"tw:FIN_"
      "WAIT2\"},"
      "{\"t\":2.5,\"end\":\"client\",\"new\":\"tw:FIN_WAIT2\"},{\"t\":3,\"end\":\"server\",\"new\":\"GONE\"}]}]}",
      NULL);
  assert_non_null(account);
  assert_int_equal(account->conns->len, 1);
  const LaLabAccountOf *conn = account->conns->pdata[0];
  assert_int_equal(conn->end[LA_LAB_SERVER].port, 80);
  assert_int_equal(conn->end[LA_LAB_SERVER].family, LA_FAMILY_IPV6);
  assert_int_equal(conn->entered[LA_LAB_CLIENT]->len, 2); /* a repeat is one */
  const LaLabEntered *second = &g_array_index(conn->entered[LA_LAB_CLIENT], LaLabEntered, 1);
  assert_string_equal(second->state, "FIN_WAIT_2");
  assert_string_equal(second->kernel, "tw:FIN_WAIT2");
  assert_true(second->time == 2 * LA_SEC);
}

static void what_is_wrong_is_left_out(void **state)
{
  (void)state;
  static const char *const conns[] = {"7",
                                      "{}",
                                      "null",
                                      "{\"client\":7,\"server\":[]}",
                                      "{\"client\":[\"x\",1],\"server\":[\"10.0.0.1\",1]}",
                                      "{\"client\":[\"10.0.0.1\",-1],\"server\":[\"10.0.0.1\",1]}",
                                      "{\"client\":[\"10.0.0.1\",65536],\"server\":[\"10.0.0.1\",1]}",
                                      "{\"client\":[1,1],\"server\":[\"10.0.0.1\",1]}",
                                      "{\"client\":[\"10.0.0.1\",1,2],\"server\":[\"10.0.0.1\",1]}"};
  for (size_t i = 0; i < G_N_ELEMENTS(conns); i++) {
    g_autofree char *text = g_strdup_printf("{\"connections\":[%s],\"network\":7,\"clock\":[]}", conns[i]);
    g_autoptr(LaLabAccount) account = read_text(text, NULL);
    assert_non_null(account);
    assert_int_equal(account->conns->len, 0);
  }
  static const char *const rows[] = {"7",
                                     "{}",
                                     "{\"t\":\"1\",\"end\":\"client\",\"new\":\"CLOSE\"}",
                                     "{\"t\":1e300,\"end\":\"client\",\"new\":\"CLOSE\"}",
                                     "{\"t\":-1,\"end\":\"client\",\"new\":\"CLOSE\"}",
                                     "{\"t\":1,\"end\":\"router\",\"new\":\"CLOSE\"}",
                                     "{\"t\":1,\"end\":\"client\",\"new\":\"FROB\"}",
                                     "{\"t\":1,\"end\":\"client\",\"new\":[]}"};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *text =
        g_strdup_printf("{\"connections\":[{\"client\":[\"10.0.0.1\",1],\"server\":[\"10.0.0.2\",2],\"states\":[%s]}],"
                        "\"network\":[7,{\"t\":1,\"pkt\":{}},{\"t\":1,\"action\":\"drop\",\"dir\":\"c2s\",\"where\":\"x\","
                        "\"pkt\":{\"sport\":\"y\",\"flags\":9}}]}",
                        rows[i]);
    g_autoptr(LaLabAccount) account = read_text(text, NULL);
    assert_non_null(account);
    const LaLabAccountOf *conn = account->conns->pdata[0];
    assert_int_equal(conn->entered[LA_LAB_CLIENT]->len, 0);
    assert_int_equal(account->deeds->len, 1);
  }
}

static void what_is_no_account(void **state)
{
  (void)state;
  static const char *const texts[] = {"", "[]", "7", "{", "{\"connections\":7}", "{\"connections\":{}}", "nothing"};
  for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    assert_null(read_text(texts[i], &error));
    assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
  }
  g_autoptr(GError) error = NULL;
  assert_null(la_lab_account_read("/no/such/file.json", &error));
  assert_true(g_error_matches(error, LA_ERROR, LA_ERROR_OPEN));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(states_in_rfc_words),
      cmocka_unit_test(what_is_wrong_is_left_out),
      cmocka_unit_test(what_is_no_account),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
