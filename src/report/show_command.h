/* The `lastack show` command that reports print beside a connection, ready to be pasted into a shell. */
#ifndef LA_REPORT_SHOW_COMMAND_H
#define LA_REPORT_SHOW_COMMAND_H

#include <glib.h>
#include <stdint.h>

/* What such commands of one run have in common. */
typedef struct {
  char *
      options; /* what must stand beside the file so that the same connection is told in the same way, quoted; "": nothing (owned) */
  char *files; /* the pieces of a sequence, quoted, which stand for the connection's own capture; NULL: that does (owned) */
} LaShowCommand;

/* Frees what it owns. */
void la_show_command_clear(LaShowCommand *command);

typedef enum {
  LA_SHOW_FILE_IS_WORD,  /* -r goes before a name that would be an option */
  LA_SHOW_FILE_IS_VALUE, /* -r stands there already */
} LaShowFileIs;

/* Appends `path` as `show` reads it: quoted; FILE for standard input, which is gone. */
void la_show_command_say_file(const char *path, LaShowFileIs is, GString *out);

/* Appends the command for connection `id` of the capture `path`. `command` may be NULL: no options, no sequence. */
void la_show_command_say(const LaShowCommand *command, const char *path, uint32_t id, GString *out);

#endif
