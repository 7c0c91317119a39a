/* lastack-chat-dev: `lastack chat` as a program of its own, so that its tests need nothing else of the command line. */
#include "cli/commands.h"

int main(int argc, char **argv)
{
  return la_cmd_chat(argc, argv);
}
