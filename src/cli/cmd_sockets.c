/* `lastack sockets`: this machine's TCP sockets as the kernel knows them now, without a capture. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/socket_report.h"
#include "cli/terminal.h"
#include "kernel/inet_diag.h"
#include "kernel/netns.h"
#include "kernel/owner_helper.h"

#define OWNERS_TIMEOUT_MS 10000

/* Everything that is read from the machine. */
typedef struct {
  LaSocketList list;
  LaCgroups *groups; /* (owned) */
  LaOwnerScan scan;
  bool owners; /* were looked for */
  LaTime at;
  char host[256];
} Snapshot;

static bool take_words(const LaOptions *options, LaSocketChoice *choice, GError **error)
{
  for (unsigned i = 0; i < options->words->len; i++) {
    const char *word = g_ptr_array_index(options->words, i);
    if (!la_socket_choice_add(choice, word)) {
      la_error_set(error, LA_ERROR_USAGE, "'%s' is no state (CLOSE_WAIT), port (8888) or address (192.0.2.1, 192.0.2.1:80)",
                   word);
      return false;
    }
  }
  return true;
}

/* Only formats that know sockets; -o is the one of all commands. */
static bool check_formats(const LaOptions *options, GError **error)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if (strcmp(choice->format->name, "text") != 0 && strcmp(choice->format->name, "ndjson") != 0) {
      la_error_set(error, LA_ERROR_USAGE, "sockets are told as text or ndjson, not as %s", choice->format->name);
      return false;
    }
  }
  return true;
}

static bool enter(const char *netns, GError **error)
{
  if (netns == NULL)
    return true;
  int fd = la_netns_open_name(netns, error);
  if (fd < 0)
    return false;
  bool ok = la_netns_enter(fd, error);
  close(fd);
  return ok;
}

static void find_owners(LaOwnerHelper *helper, Snapshot *snapshot)
{
  GArray *entries = snapshot->list.entries;
  g_autofree LaOwner *owners = g_new0(LaOwner, entries->len + 1);
  for (guint i = 0; i < entries->len; i++)
    owners[i].inode = g_array_index(entries, LaSocketEntry, i).socket.inode;
  snapshot->owners = la_owner_helper_find(helper, owners, entries->len, OWNERS_TIMEOUT_MS, &snapshot->scan);
  if (!snapshot->owners) {
    fputs("lastack: owners could not be found: their helper gave no answer\n", stderr);
    return;
  }
  unsigned unknown = 0;
  for (guint i = 0; i < entries->len; i++) {
    g_array_index(entries, LaSocketEntry, i).owner = owners[i];
    unknown += owners[i].inode != 0 && owners[i].pid == 0 ? 1 : 0;
  }
  if (unknown > 0 && snapshot->scan.hidden > 0)
    fprintf(stderr, "lastack: the owners of %u sockets are not known: %u processes belong to others (root sees all)\n", unknown,
            snapshot->scan.hidden);
  if (snapshot->scan.cut)
    fputs("lastack: more processes and descriptors than are read: some owners are not known\n", stderr);
}

static bool take_snapshot(const LaOptions *options, const LaSocketChoice *choice, Snapshot *snapshot, GError **error)
{
  /* Before the namespace is entered: it is for this process only. */
  g_autoptr(LaOwnerHelper) helper = NULL;
  if (options->live.owner) {
    helper = la_owner_helper_start(error);
    if (helper == NULL)
      return false;
  }
  if (!enter(options->live.netns, error))
    return false;
  g_autoptr(LaInetDiag) diag = la_inet_diag_open(error);
  g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(LaSocket));
  if (diag == NULL || !la_inet_diag_dump(diag, LA_INET_DIAG_INFO, sockets, error))
    return false;
  snapshot->at = la_clock_wall();
  if (gethostname(snapshot->host, sizeof snapshot->host - 1) != 0)
    g_strlcpy(snapshot->host, "localhost", sizeof snapshot->host);
  la_socket_list_init(&snapshot->list, sockets, choice);
  snapshot->groups = la_cgroups_read();
  if (helper != NULL)
    find_owners(helper, snapshot);
  return true;
}

static bool write_one(const LaOptions *options, const LaOutputChoice *choice, const LaSocketReport *report, GError **error)
{
  g_autoptr(LaOutput) out = la_output_open(choice->path, error);
  if (out == NULL)
    return false;
  if (strcmp(choice->format->name, "ndjson") == 0) {
    la_socket_report_ndjson(report, out);
  } else {
    bool file = choice->path != NULL && strcmp(choice->path, "-") != 0;
    LaReportOptions how = {.style = la_terminal_style(options, file ? -1 : STDOUT_FILENO), .verbosity = options->verbosity};
    la_socket_report_text(report, &how, la_output_buffer(out));
  }
  return la_output_close(out, error);
}

static LaExitCode write_all(const LaOptions *options, const Snapshot *snapshot)
{
  LaSocketReport report = {.list = &snapshot->list,
                           .groups = snapshot->groups,
                           .scan = snapshot->owners ? &snapshot->scan : NULL,
                           .at = snapshot->at,
                           .host = snapshot->host,
                           .each = options->verbosity == LA_VERBOSITY_VERBOSE || options->words->len > 0};
  LaExitCode code = LA_EXIT_OK;
  unsigned count;
  LaOutputChoice standard = {.format = la_formats(&count)[0]};
  for (unsigned i = 0; i < MAX(options->outputs->len, 1); i++) {
    const LaOutputChoice *choice = options->outputs->len > 0 ? g_ptr_array_index(options->outputs, i) : &standard;
    g_autoptr(GError) error = NULL;
    if (!write_one(options, choice, &report, &error))
      code = la_exit_code_worse(code, la_exit_tell(error));
  }
  return code;
}

LaExitCode la_cmd_sockets(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(LaOptions) options = la_options_parse(argc, argv, LA_TAKES_SOCKETS, &error);
  if (options == NULL)
    return la_exit_tell(error);
  if (options->help)
    return la_help_command(la_command_find("sockets"));
  LaSocketChoice choice;
  Snapshot snapshot = {.at = LA_TIME_NONE};
  la_socket_choice_init(&choice);
  LaExitCode code;
  if (take_words(options, &choice, &error) && check_formats(options, &error) &&
      take_snapshot(options, &choice, &snapshot, &error))
    code = write_all(options, &snapshot);
  else
    code = la_exit_tell(error);
  la_socket_list_clear(&snapshot.list);
  la_cgroups_free(snapshot.groups);
  la_socket_choice_clear(&choice);
  return code;
}
