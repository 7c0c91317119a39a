/* A streaming XML writer into a GString: no tree is built, tags close themselves, everything from outside is escaped. */
#ifndef LA_REPORT_XML_H
#define LA_REPORT_XML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LA_XML_DEPTH_MAX 16

typedef struct {
  GString *out; /* borrowed */
  const char *open[LA_XML_DEPTH_MAX];
  unsigned depth;
  bool in_tag;  /* the start tag is not closed yet: attributes may follow */
  bool in_text; /* the element holds text: its end tag follows at once */
} LaXml;

/* A writer that appends to `out`, beginning with the XML declaration. */
void la_xml_init(LaXml *xml, GString *out);

/* Opens an element; `name` is a literal. */
void la_xml_open(LaXml *xml, const char *name);

/* Attributes of the element just opened; names are literals. */
void la_xml_attribute(LaXml *xml, const char *name, const char *value);
void la_xml_attribute_count(LaXml *xml, const char *name, uint64_t value);

/* Text inside the element. */
void la_xml_text(LaXml *xml, const char *text);

/* Closes the innermost element. */
void la_xml_close(LaXml *xml);

#endif
