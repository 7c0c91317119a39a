#include "cli/terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST 40
#define WIDTH_MOST 120
#define WIDTH_STANDARD 80

static unsigned width_of(int fd)
{
  struct winsize size;
  unsigned width = WIDTH_STANDARD;
  const char *columns = g_getenv("COLUMNS");
  guint64 told;
  if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    width = size.ws_col;
  else if (columns != NULL && g_ascii_string_to_unsigned(columns, 10, 1, 10000, &told, NULL))
    width = (unsigned)told;
  return CLAMP(width, WIDTH_LEAST, WIDTH_MOST);
}

static LaColour colour_of(const LaOptions *options, int fd)
{
  if (options->colour != LA_COLOUR_AUTO)
    return options->colour == LA_COLOUR_ALWAYS ? LA_COLOUR_ON : LA_COLOUR_OFF;
  const char *no_color = g_getenv("NO_COLOR"); /* https://no-color.org: any text but none */
  if (no_color != NULL && *no_color != '\0')
    return LA_COLOUR_OFF;
  if (g_strcmp0(g_getenv("TERM"), "dumb") == 0)
    return LA_COLOUR_OFF;
  return isatty(fd) ? LA_COLOUR_ON : LA_COLOUR_OFF;
}

LaStyle la_terminal_style(const LaOptions *options, int fd)
{
  return (LaStyle){
      .colour = colour_of(options, fd),
      .charset = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? LA_CHARSET_UTF8 : LA_CHARSET_ASCII,
      .zone = options->zone,
      .width = width_of(fd),
  };
}
