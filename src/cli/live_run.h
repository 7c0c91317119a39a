/* `lastack live`: the stages of pipeline.h over packets as they pass. */
#ifndef LA_CLI_LIVE_RUN_H
#define LA_CLI_LIVE_RUN_H

#include "cli/exit_code.h"
#include "cli/options.h"
#include "select/policy.h"

/* Captures, analyses and reports until it is told to end. `filter` is a BPF expression or NULL. What `policy` calls known noise is not
 * told. */
LaExitCode la_live_run(const LaOptions *options, const char *filter, const LaPolicy *policy);

#endif
