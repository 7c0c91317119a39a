/* The program's own texts (the manual's Markdown) set for a terminal. */
#ifndef LA_REPORT_PAGE_H
#define LA_REPORT_PAGE_H

#include <glib.h>

#include "report/style.h"

/* Appends `text`: headings (#, ##) in bold, paragraphs and list items (-) wrapped, lines that begin with four spaces as they are,
 * `key: value` lines with the key dimmed. Lines whose key is `skip_key` (NULL: none) are left out with what continues them. */
void la_page_append(const LaStyle *style, GString *out, const char *text, const char *skip_key);

#endif
