/* What the terminal at the other end can show. */
#ifndef LA_CLI_TERMINAL_H
#define LA_CLI_TERMINAL_H

#include "cli/options.h"
#include "report/style.h"

/* The style for text written to `fd`: colours by --color, NO_COLOR and whether it is a terminal; the terminal's width, at most
 * 120 and at least 40, and 80 when it is none; the locale's character set. */
LaStyle la_terminal_style(const LaOptions *options, int fd);

#endif
