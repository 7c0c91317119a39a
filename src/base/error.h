/* Errors that a user can mend. The domain's codes say which exit code of the program they end in (the manual's table). */
#ifndef LA_BASE_ERROR_H
#define LA_BASE_ERROR_H

#include <glib.h>

typedef enum {
  LA_ERROR_USAGE,      /* exit 2: option, expression, filter, policy */
  LA_ERROR_OPEN,       /* exit 3: a capture could not be opened, or is no capture */
  LA_ERROR_BROKEN,     /* exit 4: a capture broke off in the middle */
  LA_ERROR_PERMISSION, /* exit 5: no permission, no such interface */
  LA_ERROR_OUTPUT,     /* exit 6: output could not be written */
  LA_ERROR_INTERNAL,   /* exit 70 */
} LaErrorCode;

#define LA_ERROR (la_error_quark())
GQuark la_error_quark(void);

/* Sets an error whose text may hold words from outside (paths, expressions, names): it becomes one line that is harmless on a
 * terminal. Hand the words in raw. */
void la_error_set(GError **error, LaErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

#endif
