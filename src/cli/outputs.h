/* The reports of a run, each with its output. */
#ifndef LA_CLI_OUTPUTS_H
#define LA_CLI_OUTPUTS_H

#include <glib.h>
#include <stdbool.h>

#include "cli/options.h"

typedef struct {
  GPtrArray *outputs;         /* of LaOutput (owned) */
  GPtrArray *reports;         /* of LaReport (owned) */
  GPtrArray *options;         /* of LaReportOptions (owned) */
  LaShowCommand show_command; /* (owned) */
  GPtrArray *texts;           /* of LaText: the manual's, for reports that quote it (owned) */
  GHashTable *help;           /* code -> text (borrowed from texts) */
} LaOutputs;

typedef enum {
  LA_READ_ONCE,
  LA_READ_AGAIN, /* the caller reads the captures again for the format that asks for it */
} LaRereads;

/* What the reports are for. */
typedef struct {
  LaPurpose purpose;
  LaRereads rereads;
  const LaCheck *check; /* NULL when no policy judges (borrowed for the reports' life) */
} LaOutputsFor;

/* Whether one of the reports that -o asks for tells what a policy's judge came to. */
bool la_outputs_judge(const LaOptions *options);

/* What -o asks for that is written when the captures are read again, or NULL; and its report, which has no output of its own. (borrowed) */
const LaOutputChoice *la_outputs_packets(const LaOptions *options);
LaReport *la_outputs_packet_report(const LaOutputs *outputs);

/* Opens what -o asks for, or text on standard output. `what` may be NULL: an analysis that no policy judges. False and LA_ERROR_OUTPUT when one cannot be opened. */
bool la_outputs_open(LaOutputs *outputs, const LaOptions *options, const LaOutputsFor *what, GError **error);

/* Whether a report writes to a terminal while packets are still read: then nothing else should. */
bool la_outputs_stream_to_terminal(const LaOutputs *outputs, const LaOptions *options);

/* Whether there is an output left that somebody reads. */
bool la_outputs_are_read(const LaOutputs *outputs);

/* Opens all files anew by their names: what was there stays where it was moved to. False and LA_ERROR_OUTPUT for the first that
 * cannot be; such a one goes on as before. */
bool la_outputs_reopen(LaOutputs *outputs, GError **error);

/* Writes what is left and closes all. False and LA_ERROR_OUTPUT when one of them failed. */
bool la_outputs_close(LaOutputs *outputs, GError **error);

void la_outputs_clear(LaOutputs *outputs);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LaOutputs, la_outputs_clear)

#endif
