/* `-o text` while packets come in: a line when something begins, another when it is over, so that a terminal that was left alone can be
 * read from the bottom up. */
#include "report/text.h"

#include <string.h>

#include "base/escape.h"
#include "diagnose/rule.h"

static LaPaint paint_of(const LaEventRecord *event)
{
  static const LaPaint paints[LA_SEVERITY_N] = {LA_PAINT_NOTE, LA_PAINT_WARNING, LA_PAINT_ERROR};
  return event->kind == LA_EVENT_ENDED || event->kind == LA_EVENT_WITHDRAWN ? LA_PAINT_DIM : paints[event->finding.severity];
}

static bool is_shown(const LaTextReport *report, const LaEventRecord *event)
{
  if (event->finding.severity != LA_SEVERITY_NOTE)
    return true;
  return report->base.options->verbosity == LA_VERBOSITY_VERBOSE;
}

static void append_socket(GString *out, const LaEventSocket *socket)
{
  if (socket->pid != 0) {
    g_string_append_printf(out, " Here pid %u (", socket->pid);
    la_escape_terminal(out, socket->command, -1);
    g_string_append_printf(out, ") holds it, in %s", socket->state);
  } else if (socket->inode != 0) {
    g_string_append_printf(out, " Here a process of uid %u holds it, in %s", socket->uid, socket->state);
  } else {
    g_string_append_printf(out, " Here no process holds it any more; the kernel has it in %s", socket->state);
  }
  if (socket->receive_queue > 0)
    g_string_append_printf(out, ", %u unread bytes", socket->receive_queue);
  if (socket->descriptor_limit != 0)
    g_string_append_printf(out, ", %u of %" G_GUINT64_FORMAT " descriptors used", socket->descriptors,
                           socket->descriptor_limit);
  g_string_append_c(out, '.');
}

void la_text_event(LaReport *base, const LaEventRecord *event)
{
  LaTextReport *report = (LaTextReport *)base;
  const LaStyle *style = &base->options->style;
  if (!is_shown(report, event))
    return;
  GString *out = la_output_buffer(base->out);
  gsize from = out->len;
  char clock[LA_TIME_TEXT_MAX];
  la_time_format_clock(event->at, style->zone, clock);
  clock[strcspn(clock, ".")] = '\0';
  la_style_paint(style, out, LA_PAINT_DIM, clock);
  g_string_append_c(out, ' ');
  static const char *const words[LA_EVENT_N] = {NULL, "still", "over", "no more"};
  g_autofree char *word = g_ascii_strup(la_severity_name((LaSeverity)event->finding.severity), -1);
  la_style_paint(style, out, paint_of(event), words[event->kind] != NULL ? words[event->kind] : word);
  g_string_append_printf(out, " %s: ", event->finding.rule->code);
  g_autoptr(GString) text = g_string_new(event->sentence);
  if (event->socket.known != 0)
    append_socket(text, &event->socket);
  if (event->connection != 0)
    g_string_append_printf(text, " (connection %u)", event->connection);
  if (event->held_back != 0)
    g_string_append_printf(text, " [%" G_GUINT64_FORMAT " more like it since the last one told]", event->held_back);
  la_wrap(out, text->str,
          &(LaWrap){.width = style->width, .used = la_style_columns(out->str + from, -1), .indent = LA_TEXT_LABEL});
  g_string_append_c(out, '\n');
  la_style_reduce(style, out, from);
  la_output_flush(base->out);
}

void la_text_so_far(LaReport *base, const LaCounts *counts, const LaStatsRecord *stats)
{
  GString *out = la_output_buffer(base->out);
  const LaStyle *style = &base->options->style;
  gsize from = out->len;
  char clock[LA_TIME_TEXT_MAX];
  la_time_format_clock(stats->at, style->zone, clock);
  clock[strcspn(clock, ".")] = '\0';
  g_string_append_printf(out, "%s so far: %" G_GUINT64_FORMAT " connections have ended, %" G_GUINT64_FORMAT " are open", clock,
                         counts->connections_total, stats->connections);
  const char *before = " (";
  for (unsigned state = 0; state < LA_TCP_STATE_N; state++) {
    if (stats->states[state] == 0)
      continue;
    g_string_append_printf(out, "%s%" G_GUINT64_FORMAT " %s", before, stats->states[state],
                           la_tcp_state_name((LaTcpState)state));
    before = ", ";
  }
  g_string_append(out, *before == ',' ? ")\n" : "\n");
  if (stats->asked_kernel != 0)
    g_string_append_printf(out,
                           "         the kernel of this machine has %" G_GUINT64_FORMAT " sockets; of %" G_GUINT64_FORMAT
                           " with a peer no connection is followed\n",
                           stats->sockets, stats->unseen);
  unsigned count;
  const LaRule *const *rules = la_rules(&count);
  for (unsigned i = 0; i < count && i < LA_RULES_MAX; i++)
    if (counts->by_finding[i] != 0)
      g_string_append_printf(out, "         %" G_GUINT64_FORMAT " %s\n", counts->by_finding[i], rules[i]->code);
  if ((stats->kernel_drops | stats->interface_drops | stats->evicted) != 0)
    g_string_append_printf(out,
                           "         %" G_GUINT64_FORMAT " packets dropped by the kernel, %" G_GUINT64_FORMAT
                           " by the interface; %" G_GUINT64_FORMAT " connections given up for want of room\n",
                           stats->kernel_drops, stats->interface_drops, stats->evicted);
  la_style_reduce(style, out, from);
  la_output_flush(base->out);
}

/* Only what is wrong is worth a line a minute. */
void la_text_stats(LaReport *base, const LaStatsRecord *stats)
{
  if ((stats->kernel_drops | stats->interface_drops | stats->evicted) == 0)
    return;
  GString *out = la_output_buffer(base->out);
  char clock[LA_TIME_TEXT_MAX];
  la_time_format_clock(stats->at, base->options->style.zone, clock);
  clock[strcspn(clock, ".")] = '\0';
  g_string_append_printf(out,
                         "%s dropped: %" G_GUINT64_FORMAT " packets by the kernel, %" G_GUINT64_FORMAT
                         " by the interface; %" G_GUINT64_FORMAT " connections given up for want of room\n",
                         clock, stats->kernel_drops, stats->interface_drops, stats->evicted);
  la_output_flush(base->out);
}
