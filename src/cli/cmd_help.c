#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "select/expression.h"

static const struct {
  const char *name;
  LaTakes takes;
  const char *usage; /* what follows "lastack " */
  const char *text;
} pages[] = {
    {"analyze", LA_TAKES_ANALYZE, "[analyze] [OPTIONS] FILE...",
     "Reads captures (pcap, pcapng, also compressed; - is standard input) and tells how every TCP connection opened and\n"
     "closed, what went wrong, who is to blame, and which packets show it.\n"},
    {"show", LA_TAKES_SHOW, "show [OPTIONS] FILE --conn N",
     "Prints one connection as a ladder: a line a packet, with the states of both ends beside it and what the packet was.\n"
     "Without --conn: the only connection of the capture (or the only one for which -Y holds), or the list of them.\n"},
    {"check", LA_TAKES_CHECK, "check [OPTIONS] FILE...  |  lastack check --run [OPTIONS] -- COMMAND...",
     "Holds the connections of captures, or of a command while it runs, against a policy (.lastack, or --policy; without one:\n"
     "errors fail, and connections that are not closed at the end). Exit code: 0 it holds, 1 it is broken; with --run a "
     "command's\n"
     "own failure comes first.\n"},
    {"diff", LA_TAKES_DIFF, "diff [OPTIONS] BEFORE AFTER",
     "Compares two captures or stored results (-o ndjson), service by service: which findings are new, gone, more or less\n"
     "frequent, and how long opening and closing took. Ends with 1 when something is worse.\n"},
    {"explain", LA_TAKES_EXPLAIN, "explain [WORD]",
     "Tells what a word of the report means: a finding (close-wait-leak), a state (TIME_WAIT), a flag (RST), a result "
     "(fin-rst),\n"
     "or an error as applications tell it (ECONNRESET, \"socket hang up\"). Without a word: the list.\n"},
    {"live", LA_TAKES_LIVE, "live [OPTIONS] -i IFACE [BPF words]",
     "Analyses packets as they pass, tells findings as soon as they can be known, and ends with the full report: on SIGINT or\n"
     "SIGTERM (a second one ends at once), with -a or -c. SIGUSR1 prints the summary so far, SIGHUP opens output files "
     "anew.\n"},
    {"sockets", LA_TAKES_SOCKETS, "sockets [OPTIONS] [STATE | PORT | ADDRESS[:PORT]]...",
     "Tells this machine's TCP sockets as the kernel has them now, without a capture: how many in which state, what piles up,\n"
     "the services. Words select sockets, which are then told one by one; states, ports and addresses may be combined.\n"},
    {"interfaces", LA_TAKES_INTERFACES, "interfaces [--netns PATH|pid:N]", "Lists what lastack live can capture on.\n"},
    {"help", 0, "help [COMMAND|fields]",
     "Lists the commands, or tells the options of one; fields: what expressions (-Y) can name.\n"},
};

void la_usage_append(GString *out)
{
  g_string_append(out, "usage: lastack [OPTIONS] FILE...      what happened to the TCP connections of a capture\n"
                       "       lastack COMMAND [OPTIONS] ...\n\n");
  unsigned count;
  const LaCommand *commands = la_commands(&count);
  for (unsigned i = 0; i < count; i++)
    g_string_append_printf(out, "  %-12s%s\n", commands[i].name, commands[i].meaning);
  g_string_append(out, "\nlastack help COMMAND tells its options, lastack help fields what -Y can name.\n");
}

LaExitCode la_help_command(const LaCommand *command)
{
  g_autoptr(GString) out = g_string_new(NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
    if (strcmp(pages[i].name, command->name) != 0)
      continue;
    g_string_append_printf(out, "usage: lastack %s\n\n%s", pages[i].usage, pages[i].text);
    if (pages[i].takes != 0) {
      g_string_append_c(out, '\n');
      la_options_describe(pages[i].takes, out);
    }
  }
  fputs(out->str, stdout);
  return LA_EXIT_OK;
}

/* One field as two lines would be twice as long: the example tells the type's form. Facts have their meaning in the catalogue. */
static void append_field(GString *out, const LaField *field)
{
  g_autoptr(GString) type = g_string_new(field->type);
  if (field->unit[0] != '\0' && strcmp(field->unit, field->type) != 0)
    g_string_append_printf(type, " (%s)", field->unit);
  g_string_append_printf(out, "%-37s %-9s", field->name, type->str);
  if (field->example[0] != '\0')
    g_string_append_printf(out, " %-24s %s", field->example, field->meaning);
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate(out, out->len - 1);
  g_string_append_c(out, '\n');
}

static LaExitCode help_fields(void)
{
  g_autoptr(GString) out = g_string_new("What expressions (-Y) can name: lastack-expressions(7) explains them.\n\n");
  g_string_append_printf(out, "%-37s %-9s %-24s %s\n", "field", "type", "example", "meaning");
  LaField field;
  bool facts = false;
  for (unsigned n = 0; la_field(n, &field); n++) {
    if (!facts && field.meaning[0] == '\0') {
      g_string_append(out, "\nFacts of findings: lastack explain FINDING tells what they mean.\n\n");
      facts = true;
    }
    append_field(out, &field);
  }
  fputs(out->str, stdout);
  return LA_EXIT_OK;
}

LaExitCode la_cmd_help(int argc, char **argv)
{
  g_autoptr(GString) out = g_string_new(NULL);
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    la_usage_append(out);
    fputs(out->str, stdout);
    return LA_EXIT_OK;
  }
  if (strcmp(argv[1], "fields") == 0)
    return help_fields();
  const LaCommand *command = la_command_find(argv[1]);
  if (command != NULL && (strcmp(command->name, "chat") == 0 || strcmp(command->name, "lab") == 0)) {
    char *words[] = {argv[1], (char[]){"--help"}, NULL}; /* they have subcommands, and tell of them themselves */
    return command->run(2, words);
  }
  if (command != NULL)
    return la_help_command(command);
  la_escape_terminal(out, argv[1], -1);
  const char *nearest = la_command_nearest(argv[1]);
  if (nearest != NULL)
    fprintf(stderr, "lastack: no command '%s', did you mean '%s'?\n", out->str, nearest);
  else
    fprintf(stderr, "lastack: no command '%s'\n", out->str);
  return LA_EXIT_USAGE;
}
