#include "base/error.h"

#include "base/escape.h"

/* The formatter takes the quark's name for a subtraction. */
/* clang-format off */
G_DEFINE_QUARK(la-error-quark, la_error)
/* clang-format on */

void la_error_set(GError **error, LaErrorCode code, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  char *text = g_strdup_vprintf(format, args);
  va_end(args);
  GString *message = g_string_new(NULL);
  la_escape_terminal(message, text, -1);
  g_set_error_literal(error, LA_ERROR, (int)code, message->str);
  g_string_free(message, TRUE);
  g_free(text);
}
