#include "cli/outputs.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/terminal.h"
#include "cli/texts.h"

static void free_report(gpointer report)
{
  la_report_free(report);
}

static void free_output(gpointer output)
{
  la_output_free(output);
}

static bool is_file(const LaOutputChoice *choice)
{
  return choice->path != NULL && strcmp(choice->path, "-") != 0;
}

bool la_outputs_judge(const LaOptions *options)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    if (((const LaOutputChoice *)g_ptr_array_index(options->outputs, i))->format->judges)
      return true;
  }
  return false;
}

const LaOutputChoice *la_outputs_packets(const LaOptions *options)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if (choice->format->rereads)
      return choice;
  }
  return NULL;
}

LaReport *la_outputs_packet_report(const LaOutputs *outputs)
{
  for (unsigned i = 0; i < outputs->reports->len; i++) {
    LaReport *report = g_ptr_array_index(outputs->reports, i);
    if (report->format->rereads)
      return report;
  }
  return NULL;
}

static bool wants_help(const LaOptions *options)
{
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaFormat *format = ((const LaOutputChoice *)g_ptr_array_index(options->outputs, i))->format;
    if (format->judges || format->explains)
      return true;
  }
  return false;
}

static void load_help(LaOutputs *outputs)
{
  outputs->texts = la_texts_load();
  outputs->help = g_hash_table_new(g_str_hash, g_str_equal);
  for (unsigned i = 0; i < outputs->texts->len; i++) {
    const LaText *text = g_ptr_array_index(outputs->texts, i);
    if (strcmp(text->folder, "findings") == 0)
      g_hash_table_insert(outputs->help, text->name, text->body);
  }
}

static bool open_one(LaOutputs *outputs, const LaOptions *options, const LaOutputsFor *what, const LaOutputChoice *choice,
                     GError **error)
{
  LaOutput *out = NULL;
  if (!choice->format->rereads) {
    out = la_output_open(choice->path, error);
    if (out == NULL)
      return false;
    g_ptr_array_add(outputs->outputs, out);
  }
  LaReportOptions *how = g_new0(LaReportOptions, 1);
  g_ptr_array_add(outputs->options, how);
  /* A file is never a terminal: -1 asks for what is right without one. */
  how->style = la_terminal_style(options, is_file(choice) ? -1 : STDOUT_FILENO);
  how->verbosity = options->verbosity;
  how->names = options->names;
  how->show_command = &outputs->show_command;
  how->purpose = what->purpose;
  how->check = what->check;
  how->help = outputs->help;
  how->version = LASTACK_VERSION;
  how->interval = options->interval;
  how->window = &options->window;
  g_ptr_array_add(outputs->reports, choice->format->begin(how, out));
  return true;
}

bool la_outputs_open(LaOutputs *outputs, const LaOptions *options, const LaOutputsFor *what, GError **error)
{
  outputs->outputs = g_ptr_array_new_with_free_func(free_output);
  outputs->reports = g_ptr_array_new_with_free_func(free_report);
  outputs->options = g_ptr_array_new_with_free_func(g_free);
  la_options_for_show(options, &outputs->show_command);
  static const LaOutputsFor nothing = {.purpose = LA_PURPOSE_ANALYSIS};
  if (what == NULL)
    what = &nothing;
  if (la_outputs_judge(options) && what->check == NULL) {
    g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE,
                        "junit, sarif, tap, github and markdown tell what became of a policy: they are for check and analyze");
    return false;
  }
  if (wants_help(options))
    load_help(outputs);
  if (la_outputs_packets(options) != NULL && what->rereads == LA_READ_ONCE) {
    g_set_error_literal(error, LA_ERROR, LA_ERROR_USAGE,
                        "pcapng are the packets of captures, read again: it is for analyze (lastack -o pcapng:OUT FILE)");
    return false;
  }
  for (unsigned i = 0; i < options->outputs->len; i++) {
    if (!open_one(outputs, options, what, g_ptr_array_index(options->outputs, i), error))
      return false;
  }
  if (options->outputs->len > 0)
    return true;
  unsigned count;
  LaOutputChoice standard = {.format = la_formats(&count)[0], .path = NULL};
  return open_one(outputs, options, what, &standard, error);
}

bool la_outputs_stream_to_terminal(const LaOutputs *outputs, const LaOptions *options)
{
  if (!isatty(STDOUT_FILENO))
    return false;
  if (options->verbosity == LA_VERBOSITY_VERBOSE)
    return true;
  for (unsigned i = 0; i < options->outputs->len; i++) {
    const LaOutputChoice *choice = g_ptr_array_index(options->outputs, i);
    if (!is_file(choice) && strcmp(choice->format->name, "text") != 0)
      return true;
  }
  return outputs->reports->len == 0;
}

bool la_outputs_are_read(const LaOutputs *outputs)
{
  for (unsigned i = 0; i < outputs->outputs->len; i++) {
    if (!la_output_is_unread(g_ptr_array_index(outputs->outputs, i)))
      return true;
  }
  return false;
}

bool la_outputs_reopen(LaOutputs *outputs, GError **error)
{
  bool ok = true;
  for (unsigned i = 0; i < outputs->outputs->len; i++) {
    if (!la_output_reopen(g_ptr_array_index(outputs->outputs, i), ok ? error : NULL))
      ok = false;
  }
  return ok;
}

bool la_outputs_close(LaOutputs *outputs, GError **error)
{
  bool ok = true;
  for (unsigned i = 0; i < outputs->outputs->len; i++) {
    /* The first failure is told; the others are closed all the same. */
    if (!la_output_close(g_ptr_array_index(outputs->outputs, i), ok ? error : NULL))
      ok = false;
  }
  return ok;
}

void la_outputs_clear(LaOutputs *outputs)
{
  g_clear_pointer(&outputs->reports, g_ptr_array_unref);
  g_clear_pointer(&outputs->outputs, g_ptr_array_unref);
  g_clear_pointer(&outputs->options, g_ptr_array_unref);
  la_show_command_clear(&outputs->show_command);
  g_clear_pointer(&outputs->help, g_hash_table_unref);
  g_clear_pointer(&outputs->texts, g_ptr_array_unref);
}
