/* `lastack interfaces`: what `lastack live -i` can be given. */
#include <stdio.h>

#include "base/escape.h"
#include "capture/live.h"
#include "cli/commands.h"
#include "cli/options.h"

static const char *state_of(const LaLiveDevice *device)
{
  if (!device->up)
    return "down";
  return device->running ? "up" : "no carrier";
}

static void describe(const LaLiveDevice *device, GString *out)
{
  g_autoptr(GString) name = g_string_new(NULL);
  la_escape_terminal(name, device->name, -1);
  g_string_append_printf(out, "%-16s %-10s", name->str, state_of(device));
  gsize before = out->len;
  for (unsigned i = 0; i < device->addresses->len; i++)
    g_string_append_printf(out, " %s", (const char *)g_ptr_array_index(device->addresses, i));
  if (out->len == before && device->description != NULL) {
    g_string_append_c(out, ' ');
    la_escape_terminal(out, device->description, -1);
  }
  if (device->loopback)
    g_string_append(out, " (loopback)");
  if (device->wireless)
    g_string_append(out, " (wireless)");
  g_string_append_c(out, '\n');
}

LaExitCode la_cmd_interfaces(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_INTERFACES, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("interfaces"));
  if (options->words->len > 0) {
    fputs("lastack: interfaces takes no words, only --netns\n", stderr);
    return LA_EXIT_USAGE;
  }
  g_autoptr(GPtrArray) devices = la_live_devices(options->live.netns, &error);
  if (devices == NULL)
    return la_exit_tell(error);
  g_autoptr(GString) out = g_string_new(NULL);
  for (unsigned i = 0; i < devices->len; i++)
    describe(g_ptr_array_index(devices, i), out);
  fputs(out->str, stdout);
  return LA_EXIT_OK;
}
