#include "report/xml.h"

#include "base/escape.h"

void la_xml_init(LaXml *xml, GString *out)
{
  *xml = (LaXml){.out = out};
  g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

static void indent(LaXml *xml)
{
  for (unsigned i = 0; i < xml->depth; i++)
    g_string_append(xml->out, "  ");
}

void la_xml_open(LaXml *xml, const char *name)
{
  g_assert(xml->depth < LA_XML_DEPTH_MAX);
  if (xml->in_tag)
    g_string_append(xml->out, ">\n");
  indent(xml);
  g_string_append_printf(xml->out, "<%s", name);
  xml->open[xml->depth++] = name;
  xml->in_tag = true;
  xml->in_text = false;
}

void la_xml_attribute(LaXml *xml, const char *name, const char *value)
{
  g_assert(xml->in_tag);
  g_string_append_printf(xml->out, " %s=\"", name);
  la_escape_xml(xml->out, value, -1, LA_XML_ATTRIBUTE);
  g_string_append_c(xml->out, '"');
}

void la_xml_attribute_count(LaXml *xml, const char *name, uint64_t value)
{
  g_assert(xml->in_tag);
  g_string_append_printf(xml->out, " %s=\"%" G_GUINT64_FORMAT "\"", name, value);
}

void la_xml_text(LaXml *xml, const char *text)
{
  if (xml->in_tag)
    g_string_append_c(xml->out, '>');
  xml->in_tag = false;
  xml->in_text = true;
  la_escape_xml(xml->out, text, -1, LA_XML_TEXT);
}

void la_xml_close(LaXml *xml)
{
  g_assert(xml->depth > 0);
  const char *name = xml->open[--xml->depth];
  if (xml->in_tag) {
    g_string_append(xml->out, "/>\n");
  } else {
    if (!xml->in_text)
      indent(xml);
    g_string_append_printf(xml->out, "</%s>\n", name);
  }
  xml->in_tag = xml->in_text = false;
}
