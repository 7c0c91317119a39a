#include "cli/commands.h"

#include <string.h>

#include "base/nearest.h"

static LaExitCode run_chat(int argc, char **argv)
{
  return (LaExitCode)la_cmd_chat(argc, argv);
}

static const LaCommand commands[] = {
    {"analyze", la_cmd_analyze, "what happened to the connections of a capture, and what is wrong"},
    {"show", la_cmd_show, "one connection, packet by packet"},
    {"check", la_cmd_check, "whether captures, or a command while it runs, keep a policy: the exit code says it"},
    {"diff", la_cmd_diff, "what is worse in one run than in another, for people and for CI"},
    {"explain", la_cmd_explain, "what a finding, state, flag, result or error means and what to do"},
    {"live", la_cmd_live, "the same analysis on live packets: findings while they happen"},
    {"sockets", la_cmd_sockets, "this machine's TCP sockets now, by state and owner"},
    {"interfaces", la_cmd_interfaces, "what can be captured on"},
    {"chat", run_chat, "the reference chat server, its client and its load generator"},
    {"lab", la_cmd_lab, "experiments whose packets and whose kernels are both recorded"},
    {"help", la_cmd_help, "this list, the options of a command, or the fields that -Y can name"},
};

const LaCommand *la_commands(unsigned *ret_count)
{
  *ret_count = G_N_ELEMENTS(commands);
  return commands;
}

const LaCommand *la_command_find(const char *name)
{
  for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  }
  return NULL;
}

const char *la_command_nearest(const char *word)
{
  const char *names[G_N_ELEMENTS(commands)];
  for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
    names[i] = commands[i].name;
  return la_nearest(word, names, G_N_ELEMENTS(commands));
}
