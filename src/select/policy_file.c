/* Key files are read line by line here and not by GKeyFile, which forgets the numbers of lines and keeps the last of two equal
 * keys: in a gate, the first of them would be lost without a word. A test holds both readers together on what both accept. */
#include "select/policy_file.h"

#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "select/policy.h"

void la_policy_error(GError **error, const char *name, unsigned line, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *what = g_strdup_vprintf(format, args);
  va_end(args);
  if (line == 0)
    la_error_set(error, LA_ERROR_USAGE, "%s", what);
  else
    la_error_set(error, LA_ERROR_USAGE, "%s:%u: %s", name, line, what);
}

void la_policy_file_free(LaPolicyFile *file)
{
  if (file == NULL)
    return;
  g_free(file->text);
  g_array_unref(file->entries);
  g_free(file);
}

typedef struct {
  LaPolicyFile *file;
  const char *name;
  const char *group;
  unsigned group_line;
  GHashTable *groups; /* name -> line */
  GHashTable *keys;   /* of the group: key -> line */
} Splitter;

static bool take_group(Splitter *splitter, char *line, unsigned number, GError **error)
{
  size_t len = strlen(line);
  if (line[len - 1] != ']') {
    la_policy_error(error, splitter->name, number, "the section's name has no closing bracket: %s", line);
    return false;
  }
  line[len - 1] = '\0';
  const char *group = g_strstrip(line + 1);
  if (*group == '\0' || strpbrk(group, "[]") != NULL) {
    la_policy_error(error, splitter->name, number, "[%s] is no section", group);
    return false;
  }
  unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(splitter->groups, group));
  if (before != 0) {
    la_policy_error(error, splitter->name, number, "section [%s] is there already, in line %u", group, before);
    return false;
  }
  g_hash_table_insert(splitter->groups, (gpointer)(guintptr)group, GUINT_TO_POINTER(number));
  g_hash_table_remove_all(splitter->keys);
  splitter->group = group;
  splitter->group_line = number;
  LaPolicyEntry entry = {.group = group, .group_line = number, .line = number};
  g_array_append_val(splitter->file->entries, entry);
  return true;
}

static bool take_key(Splitter *splitter, char *line, unsigned number, GError **error)
{
  char *equals = strchr(line, '=');
  if (equals == NULL) {
    la_policy_error(error, splitter->name, number, "neither a section, a comment, nor KEY = VALUE: %s", line);
    return false;
  }
  *equals = '\0';
  const char *key = g_strstrip(line);
  const char *value = g_strstrip(equals + 1);
  if (*key == '\0') {
    la_policy_error(error, splitter->name, number, "there is no key before the =");
    return false;
  }
  if (splitter->group == NULL) {
    la_policy_error(error, splitter->name, number, "'%s' stands in no section: begin the file with [policy]", key);
    return false;
  }
  unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(splitter->keys, key));
  if (before != 0) {
    la_policy_error(error, splitter->name, number, "'%s' is there already, in line %u", key, before);
    return false;
  }
  g_hash_table_insert(splitter->keys, (gpointer)(guintptr)key, GUINT_TO_POINTER(number));
  LaPolicyEntry entry = {
      .group = splitter->group, .key = key, .value = value, .group_line = splitter->group_line, .line = number};
  g_array_append_val(splitter->file->entries, entry);
  return true;
}

LaPolicyFile *la_policy_file_split(const char *text, gsize len, const char *name, GError **error)
{
  if (len > LA_POLICY_BYTES_MAX) {
    la_error_set(error, LA_ERROR_USAGE, "%s: a policy of more than %u bytes", name, LA_POLICY_BYTES_MAX);
    return NULL;
  }
  if (memchr(text, '\0', len) != NULL || !g_utf8_validate(text, (gssize)len, NULL)) {
    la_error_set(error, LA_ERROR_USAGE, "%s is no policy: it is not UTF-8 text", name);
    return NULL;
  }
  g_autoptr(LaPolicyFile) file = g_new0(LaPolicyFile, 1);
  file->text = g_strndup(text, len);
  file->entries = g_array_new(FALSE, TRUE, sizeof(LaPolicyEntry));
  g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);
  Splitter splitter = {.file = file, .name = name, .groups = groups, .keys = keys};
  char *line = file->text;
  /* A byte order mark is no part of the first line. */
  if (g_str_has_prefix(line, "\xef\xbb\xbf"))
    line += 3;
  for (unsigned number = 1; line != NULL; number++) {
    char *end = strchr(line, '\n');
    char *next = end != NULL ? end + 1 : NULL;
    if (end != NULL)
      *end = '\0';
    line = g_strstrip(line);
    bool ok = true;
    if (*line == '[')
      ok = take_group(&splitter, line, number, error);
    else if (*line != '\0' && *line != '#')
      ok = take_key(&splitter, line, number, error);
    if (!ok)
      return NULL;
    line = next;
  }
  return g_steal_pointer(&file);
}
