#include "cli/shipped.h"

GPtrArray *la_shipped_folders(const char *kind)
{
  GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  if (program != NULL) {
    g_autofree char *folder = g_path_get_dirname(program);
    if (g_str_has_prefix(program, LA_BUILD_DIR "/"))
      g_ptr_array_add(all, g_build_filename(LA_SOURCE_DIR, kind, NULL));
    g_ptr_array_add(all, g_build_filename(folder, "..", "share", "lastack", kind, NULL));
  }
  g_ptr_array_add(all, g_build_filename(LA_DATA_DIR, kind, NULL));
  return all;
}
