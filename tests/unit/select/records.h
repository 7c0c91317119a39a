/* Records for the tests of expressions, read from text as a stored result is. */
#ifndef LA_UNIT_SELECT_RECORDS_H
#define LA_UNIT_SELECT_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "select/stored.h"

/* A reader of `text`. (transfer full) */
static inline LaStoredReader *records_open(const char *text)
{
  int fd = memfd_create("records", MFD_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  LaStoredReader *reader = la_stored_open_fd(fd, "text", NULL);
  assert_non_null(reader);
  return reader;
}

/* A connection of 7 packets that a server leaked, and what is said of it. */
#define RECORD_LEAK                                                                                                            \
  "{\"type\":\"connection\",\"schema\":\"lastack/1\",\"id\":7,\"file\":1,\"client\":{\"ip\":\"10.9.0.1\",\"port\":55308},"     \
  "\"server\":{\"ip\":\"10.9.0.2\",\"port\":8888},\"encapsulation\":[\"vlan:10\",\"gre\"],\"first_packet\":1,"                 \
  "\"start\":\"2026-11-21T02:11:46.050708000Z\",\"duration_s\":1.200708000,"                                                   \
  "\"to_server\":{\"packets\":5,\"payload_bytes\":2048},"                                                                      \
  "\"handshake\":{\"result\":\"complete\",\"syn_sent\":1,\"syn_to_syn_ack_s\":1.6e-05,"                                        \
  "\"client_options\":{\"mss\":1460,\"sack\":true,\"fast_open\":null}},"                                                       \
  "\"teardown\":{\"result\":\"half-closed\",\"first\":\"client\"},\"app_error\":{\"client\":null,\"server\":\"ECONNRESET\"},"  \
  "\"final\":{\"server\":{\"state\":\"CLOSE_WAIT\",\"certain\":true}},"                                                        \
  "\"path\":{\"client\":[{\"state\":\"SYN_SENT\",\"packet\":1,\"at_s\":0.0},{\"state\":\"FIN_WAIT_2\",\"packet\":7}],"         \
  "\"server\":[]},"                                                                                                            \
  "\"findings\":[{\"code\":\"close-wait-leak\",\"severity\":\"error\",\"blame\":\"server-application\","                       \
  "\"blame_also\":[\"network\"],\"confidence\":\"certain\",\"packets\":[6,7],\"at\":\"2026-11-21T02:11:47.25Z\","              \
  "\"summary\":\"It holds the \\u201csocket\\u201d.\",\"facts\":{\"held_s\":300.2}},"                                          \
  "{\"code\":\"still-open\",\"severity\":\"note\",\"blame\":\"none\",\"confidence\":\"certain\",\"packets\":[7],"              \
  "\"facts\":{\"idle_s\":12}}]}\n"

#define RECORD_CLEAN                                                                                                           \
  "{\"type\":\"connection\",\"schema\":\"lastack/1\",\"id\":8,\"server\":{\"ip\":\"2001:db8::7\",\"port\":443},"               \
  "\"duration_s\":0.5,\"handshake\":{\"result\":\"complete\",\"syn_to_syn_ack_s\":0.1},\"teardown\":{\"result\":\"fin\"},"     \
  "\"findings\":[]}\n"

#define RECORD_HOST                                                                                                            \
  "{\"type\":\"host\",\"schema\":\"lastack/1\",\"subject\":{\"kind\":\"pair\",\"client\":{\"ip\":\"10.9.0.1\"},"               \
  "\"server\":{\"ip\":\"10.9.0.2\",\"port\":8888}},\"findings\":[{\"code\":\"time-wait-pileup\",\"severity\":\"warning\","     \
  "\"facts\":{\"peak\":140}},{\"code\":\"connection-churn\",\"severity\":\"note\"}]}\n"

#endif
