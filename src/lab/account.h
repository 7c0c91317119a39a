/* A kernel's account, read from the JSON file that the laboratory wrote (truth.h): for each connection, which states its ends went
 * through and when. */
#ifndef LA_LAB_ACCOUNT_H
#define LA_LAB_ACCOUNT_H

#include <glib.h>

#include "base/addr.h"
#include "base/time.h"
#include "lab/experiment.h"

/* A state that an end entered: the kernel's word (`FIN_WAIT2`) and RFC 9293's (`FIN_WAIT_2`). Both static or interned. */
typedef struct {
  LaTime time; /* since the epoch */
  const char *kernel;
  const char *state;
} LaLabEntered;

typedef struct {
  LaHostPort end[LA_LAB_END_N];
  GArray *entered[LA_LAB_END_N]; /* of LaLabEntered, in order, without repeats of `state` (owned) */
} LaLabAccountOf;

/* Something that the path did. */
typedef struct {
  LaTime time;
  LaLabEnd from;
  char *text;    /* one line: "drop of F. behind the point of capture" (owned) */
  uint16_t port; /* the client's */
} LaLabDeed;

typedef struct {
  char *title;
  char *no_trace;   /* why there were no tracepoints, or NULL */
  GPtrArray *conns; /* of LaLabAccountOf (owned) */
  GArray *deeds;    /* of LaLabDeed (owned) */
} LaLabAccount;

/* Reads the file `path`. Anything in it that is not as it should be is left out; LA_ERROR_OPEN when it cannot be read or is no account.
 * (transfer full) */
LaLabAccount *la_lab_account_read(const char *path, GError **error);
void la_lab_account_free(LaLabAccount *account);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaLabAccount, la_lab_account_free)

#endif
