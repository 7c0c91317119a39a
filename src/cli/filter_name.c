#include "cli/filter_name.h"

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cli/shipped.h"

static void add_names(const char *folder, const char *suffix, GPtrArray *names)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (g_str_has_suffix(name, suffix))
      g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(suffix)));
  }
}

/* The path of the file that `@NAME` means; `what` is what it holds. */
static char *find(const char *word, const char *suffix, const char *what, GError **error)
{
  const char *name = word + 1;
  g_autoptr(GPtrArray) places = la_shipped_folders("filters");
  g_autofree char *file = g_strconcat(name, suffix, NULL);
  for (unsigned i = 0; i < places->len && strchr(name, '/') == NULL && name[0] != '\0'; i++) {
    g_autofree char *path = g_build_filename(g_ptr_array_index(places, i), file, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer(&path);
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (unsigned i = 0; i < places->len; i++)
    add_names(g_ptr_array_index(places, i), suffix, names);
  const char *nearest = la_nearest(name, (const char *const *)names->pdata, names->len);
  if (nearest != NULL)
    la_error_set(error, LA_ERROR_USAGE, "no %s '%s', did you mean '@%s'?", what, word, nearest);
  else
    la_error_set(error, LA_ERROR_USAGE, "no %s '%s' comes with lastack", what, word);
  return NULL;
}

char *la_filter_name_resolve(const char *word, GError **error)
{
  if (word[0] != '@')
    return g_strdup(word);
  return find(word, ".bpf", "filter", error);
}

char *la_expression_name_resolve(const char *word, GError **error)
{
  if (word[0] != '@')
    return g_strdup(word);
  g_autofree char *path = find(word, ".where", "expression", error);
  if (path == NULL)
    return NULL;
  g_autoptr(GError) read_error = NULL;
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, &read_error)) {
    la_error_set(error, LA_ERROR_USAGE, "%s", read_error->message);
    return NULL;
  }
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  GString *out = g_string_new(NULL);
  for (unsigned i = 0; lines[i] != NULL; i++) {
    g_strstrip(lines[i]);
    if (lines[i][0] != '\0' && lines[i][0] != '#')
      g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", lines[i]);
  }
  return g_string_free(out, FALSE);
}

char *la_policy_name_resolve(const char *word, GError **error)
{
  if (word[0] != '@') {
    g_autofree char *named = g_strconcat("@", word, NULL);
    g_autofree char *shipped = g_file_test(word, G_FILE_TEST_EXISTS) ? NULL : find(named, ".policy", "policy", NULL);
    if (shipped == NULL)
      return g_strdup(word);
    la_error_set(error, LA_ERROR_USAGE, "no file '%s'; the policy that comes with lastack is '%s'", word, named);
    return NULL;
  }
  return find(word, ".policy", "policy", error);
}
