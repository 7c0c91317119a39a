#include "cli/filter_name.h"

#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/nearest.h"

/* The places to look in, the nearest to this very program first. */
static GPtrArray *folders(void)
{
  GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  if (program != NULL) {
    g_autofree char *folder = g_path_get_dirname(program);
    if (g_str_has_prefix(program, LA_BUILD_DIR "/"))
      g_ptr_array_add(all, g_strdup(LA_SOURCE_DIR "/filters"));
    g_ptr_array_add(all, g_build_filename(folder, "..", "share", "lastack", "filters", NULL));
  }
  g_ptr_array_add(all, g_strdup(LA_DATA_DIR "/filters"));
  return all;
}

static void add_names(const char *folder, GPtrArray *names)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (g_str_has_suffix(name, ".bpf"))
      g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(".bpf")));
  }
}

char *la_filter_name_resolve(const char *word, GError **error)
{
  if (word[0] != '@')
    return g_strdup(word);
  const char *name = word + 1;
  g_autoptr(GPtrArray) places = folders();
  g_autofree char *file = g_strconcat(name, ".bpf", NULL);
  for (unsigned i = 0; i < places->len && strchr(name, '/') == NULL && name[0] != '\0'; i++) {
    g_autofree char *path = g_build_filename(g_ptr_array_index(places, i), file, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer(&path);
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (unsigned i = 0; i < places->len; i++)
    add_names(g_ptr_array_index(places, i), names);
  g_autoptr(GString) shown = g_string_new(NULL);
  la_escape_terminal(shown, word, -1);
  const char *nearest = la_nearest(name, (const char *const *)names->pdata, names->len);
  if (nearest != NULL)
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "no filter '%s', did you mean '@%s'?", shown->str, nearest);
  else
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE, "no filter '%s' comes with lastack (a file's name has no @)", shown->str);
  return NULL;
}
