/* What the rules of RSTs say alike. */
#ifndef LA_DIAGNOSE_RESET_WORDS_H
#define LA_DIAGNOSE_RESET_WORDS_H

#include <glib.h>

#include "diagnose/diagnose.h"

/* What had been closed before the RST, by its sender's view: "established", "after-own-fin", "after-peer-fin", "after-both-fins". */
const char *la_reset_stage(const LaConnection *conn, const LaResetVerdict *verdict);

/* Fills what all RST findings share: moment, side, packets (the trigger and the RST). */
void la_reset_fill(const LaConnection *conn, const LaResetVerdict *verdict, LaFinding *ret);

/* "10.9.0.2:8888 reset the connection with 10.9.0.1:55308 in packet 12". */
void la_say_reset(GString *out, const LaFinding *finding, const LaConnection *conn);

#endif
