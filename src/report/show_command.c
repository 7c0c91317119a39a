#include "report/show_command.h"

#include <string.h>

#include "base/escape.h"

void la_show_command_clear(LaShowCommand *command)
{
  g_clear_pointer(&command->options, g_free);
  g_clear_pointer(&command->files, g_free);
}

void la_show_command_say_file(const char *path, LaShowFileIs is, GString *out)
{
  if (strcmp(path, "-") == 0) {
    g_string_append(out, "FILE");
    return;
  }
  if (*path == '-' && is == LA_SHOW_FILE_IS_WORD)
    g_string_append(out, "-r ");
  la_escape_shell(out, path, -1);
}

void la_show_command_say(const LaShowCommand *command, const char *path, uint32_t id, GString *out)
{
  g_string_append(out, "lastack show ");
  if (command != NULL && *command->options != '\0')
    g_string_append_printf(out, "%s ", command->options);
  if (command != NULL && command->files != NULL)
    g_string_append(out, command->files);
  else
    la_show_command_say_file(path, LA_SHOW_FILE_IS_WORD, out);
  g_string_append_printf(out, " --conn %u", id);
}
