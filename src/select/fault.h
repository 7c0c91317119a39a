/* What is wrong with an expression, shown with its place. Internal to expressions. */
#ifndef LA_SELECT_FAULT_H
#define LA_SELECT_FAULT_H

#include <glib.h>

/* Sets LA_ERROR_USAGE: `what` (raw) with its column, the line of `text` that it is in, and a caret under byte `at`. */
void la_fault_set(GError **error, const char *text, size_t at, const char *what);

#endif
