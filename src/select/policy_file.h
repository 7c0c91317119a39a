/* The lines of a policy file, before anything is known of their meaning. Shared by the policy's own files. */
#ifndef LA_SELECT_POLICY_FILE_H
#define LA_SELECT_POLICY_FILE_H

#include <glib.h>

/* One `key = value`. All borrowed from the file's own copy of the text. */
typedef struct {
  const char *group;
  const char *key;
  const char *value; /* as it stands, without the spaces around it: nothing is an escape */
  unsigned group_line;
  unsigned line;
} LaPolicyEntry;

typedef struct {
  char *text;      /* (owned) */
  GArray *entries; /* of LaPolicyEntry, in order; a group without keys is an entry without key and value */
} LaPolicyFile;

/* Splits `len` bytes at `text` by the rules of key files (GKeyFile): [group], key = value, # comment. What key files swallow is an
 * error here: a key twice, a group twice. NULL and LA_ERROR_USAGE, the message beginning with NAME:LINE. (transfer full) */
LaPolicyFile *la_policy_file_split(const char *text, gsize len, const char *name, GError **error);

void la_policy_file_free(LaPolicyFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaPolicyFile, la_policy_file_free)

/* Sets LA_ERROR_USAGE with "NAME:LINE: " before the message, which is made safe for a terminal. */
void la_policy_error(GError **error, const char *name, unsigned line, const char *format, ...) G_GNUC_PRINTF(4, 5);

#endif
