/* lastack lab run, lastack lab random: experiments are run and recorded. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "cli/cmd_lab.h"
#include "cli/interrupt.h"
#include "lab/batch.h"
#include "lab/mirror.h"
#include "lab/mix.h"

enum {
  SIDE_BY_SIDE = 8,
  SIDE_BY_SIDE_MAX = 64,
  CONNECTIONS = 300,
};

/* How jobs are run. */
typedef struct {
  int side_by_side;
  gboolean quiet;
  const char *mirror; /* an interface; NULL: none (borrowed) */
} Manner;

typedef struct {
  const volatile sig_atomic_t *stop;
  GError *error;      /* the first */
  const char *mirror; /* NULL: none */
  GString *line;
  gboolean quiet;
  bool counts; /* shows how far a long batch is */
} Telling;

static void clear_progress(const Telling *telling)
{
  if (telling->counts)
    fputs("\r\033[K", stderr);
}

/* What the mirror did not take is in the recording all the same. */
static void tell_mirror(Telling *telling, const LaLabOutcome *outcome)
{
  const LaLabRunResult *result = outcome->result;
  if (result->unmirrored > 0 && telling->error == NULL)
    la_error_set(&telling->error, LA_ERROR_PERMISSION,
                 "--mirror %s: %" G_GUINT64_FORMAT " packet%s of %s could not be sent there: %s (the recording has them)",
                 telling->mirror, result->unmirrored, result->unmirrored == 1 ? "" : "s", outcome->job->experiment->name,
                 g_strerror(result->mirror_code));
}

static void tell(void *ctx, const LaLabOutcome *outcome)
{
  Telling *telling = ctx;
  clear_progress(telling);
  if (outcome->result != NULL) {
    if (!telling->quiet) {
      const LaLabRunResult *result = outcome->result;
      g_string_assign(telling->line, "");
      la_escape_terminal(telling->line, outcome->job->capture, -1);
      printf("%-30s%6" G_GUINT64_FORMAT " packets%6u connection%s%6.1f s  %s\n", outcome->job->experiment->name,
             result->packets, result->connections, result->connections == 1 ? " " : "s", result->milliseconds / 1000.0,
             telling->line->str);
      fflush(stdout);
    }
    tell_mirror(telling, outcome);
  } else if (telling->error == NULL) {
    telling->error = g_error_copy(outcome->error);
    g_prefix_error(&telling->error, "%s: ", outcome->job->experiment->name);
  } else {
    fprintf(stderr, "lastack: %s: %s\n", outcome->job->experiment->name, outcome->error->message);
  }
  if (telling->counts && outcome->finished < outcome->jobs)
    fprintf(stderr, "%zu of %zu experiments", outcome->finished, outcome->jobs);
}

static LaExitCode run_jobs_with(GArray *jobs, const Manner *manner, int mirror)
{
  g_autoptr(GError) error = NULL;
  const char *no_trace = NULL;
  g_autoptr(GString) line = g_string_new(NULL);
  Telling telling = {.stop = la_interrupt_watch(),
                     .mirror = manner->mirror,
                     .line = line,
                     .quiet = manner->quiet,
                     .counts = jobs->len > 1 && isatty(STDERR_FILENO) == 1};
  if (!la_lab_batch_prepare(&no_trace, &error))
    return la_exit_tell(error);
  if (no_trace != NULL && !manner->quiet)
    fprintf(stderr, "lastack: the kernel's account comes from socket dumps alone: %s\n", no_trace);
  fflush(stdout); /* or each process would print it again */
  LaLabBatch batch = {.jobs = (const LaLabJob *)(const void *)jobs->data,
                      .jobs_n = jobs->len,
                      .side_by_side = MIN((unsigned)manner->side_by_side, jobs->len),
                      .mirror = mirror,
                      .stop = telling.stop,
                      .told = tell,
                      .ctx = &telling};
  bool done = la_lab_batch_run(&batch, no_trace, &error);
  if (*telling.stop != 0) {
    clear_progress(&telling);
    g_clear_error(&telling.error);
    return *telling.stop == SIGTERM ? LA_EXIT_TERMINATED : LA_EXIT_INTERRUPTED;
  }
  LaExitCode code = done ? LA_EXIT_OK : la_exit_tell(error);
  if (telling.error != NULL) {
    code = la_exit_code_worse(code, la_exit_tell(telling.error));
    g_clear_error(&telling.error);
  }
  return code;
}

/* The mirror is opened in the caller's namespace, and with the caller's rights. */
static LaExitCode run_jobs(GArray *jobs, const Manner *manner)
{
  g_autoptr(GError) error = NULL;
  int mirror = manner->mirror != NULL ? la_lab_mirror_open(manner->mirror, &error) : -1;
  if (error != NULL)
    return la_exit_tell(error);
  LaExitCode code = run_jobs_with(jobs, manner, mirror);
  if (mirror >= 0)
    close(mirror);
  return code;
}

static void clear_job(void *job)
{
  la_lab_job_clear(job);
}

static GArray *new_jobs(void)
{
  GArray *jobs = g_array_new(FALSE, TRUE, sizeof(LaLabJob));
  g_array_set_clear_func(jobs, clear_job);
  return jobs;
}

/* (takes `capture`) */
static void add_job(GArray *jobs, const LaLabExperiment *experiment, char *capture)
{
  LaLabJob job = {.experiment = experiment, .capture = capture};
  g_array_append_val(jobs, job);
}

static void add_all(GArray *jobs, const char *folder)
{
  for (size_t g = 0; g < la_lab_groups(); g++) {
    const char *name;
    size_t count;
    const LaLabExperiment *group = la_lab_group(g, &name, &count);
    for (size_t i = 0; i < count; i++)
      add_job(jobs, &group[i], g_strdup_printf("%s/%s.pcapng", folder, group[i].name));
  }
}

static bool make_folder(const char *folder, GError **error)
{
  struct stat about;
  if (mkdir(folder, 0777) == 0)
    return true;
  int code = errno;
  if (code == EEXIST && stat(folder, &about) == 0 && S_ISDIR(about.st_mode))
    return true;
  la_error_set(error, LA_ERROR_OUTPUT, "%s: %s", folder, g_strerror(code));
  return false;
}

static bool add_named(GArray *jobs, char **names, int count, const char *file, GError **error)
{
  for (int i = 0; i < count; i++) {
    const LaLabExperiment *experiment = la_lab_experiment_find(names[i]);
    if (experiment == NULL) {
      const char *nearest = la_lab_experiment_nearest(names[i]);
      if (nearest != NULL)
        la_error_set(error, LA_ERROR_USAGE, "no experiment '%s', did you mean '%s'?", names[i], nearest);
      else
        la_error_set(error, LA_ERROR_USAGE, "no experiment '%s': 'lastack lab list' lists them", names[i]);
      return false;
    }
    add_job(jobs, experiment, file != NULL ? g_strdup(file) : g_strdup_printf("%s.pcapng", names[i]));
  }
  return true;
}

static GOptionEntry mirror_option(char **mirror)
{
  return (GOptionEntry){.long_name = "mirror",
                        .arg = G_OPTION_ARG_STRING,
                        .arg_data = mirror,
                        .description = "send what is recorded on this dummy or veth interface, too, for `lastack live`",
                        .arg_description = "IFACE"};
}

static bool check_side_by_side(int value, GError **error)
{
  if (value >= 1 && value <= SIDE_BY_SIDE_MAX)
    return true;
  la_error_set(error, LA_ERROR_USAGE, "-j %d: write a number from 1 to %d", value, SIDE_BY_SIDE_MAX);
  return false;
}

LaExitCode la_cmd_lab_run(int argc, char **argv)
{
  g_autofree char *file = NULL, *folder = NULL, *mirror = NULL;
  Manner manner = {.side_by_side = SIDE_BY_SIDE};
  const GOptionEntry entries[] = {
      {"write", 'w', 0, G_OPTION_ARG_FILENAME, &file, "the capture; the kernel's account goes beside it [NAME.pcapng]", "FILE"},
      {"all", 0, 0, G_OPTION_ARG_FILENAME, &folder, "all experiments, into this folder", "DIR"},
      {"side-by-side", 'j', 0, G_OPTION_ARG_INT, &manner.side_by_side, "so many experiments at a time [8]", "N"},
      mirror_option(&mirror),
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &manner.quiet, "only errors", NULL},
      {.long_name = NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new("NAME... - run experiments in network namespaces");
  g_option_context_add_main_entries(context, entries, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) jobs = new_jobs();
  LaLabWords words = {0, G_MAXINT - 1, ""};
  if (!la_lab_options_parse(context, &argc, &argv, &words, &error) || !check_side_by_side(manner.side_by_side, &error))
    return la_exit_tell(error);
  if (folder != NULL && (argc > 1 || file != NULL))
    la_error_set(&error, LA_ERROR_USAGE, "--all runs every experiment: no names and no -w beside it");
  else if (folder == NULL && argc < 2)
    la_error_set(&error, LA_ERROR_USAGE, "which experiment? 'lastack lab list' lists them");
  else if (file != NULL && argc != 2)
    la_error_set(&error, LA_ERROR_USAGE, "-w names one capture: write one experiment beside it");
  if (error != NULL)
    return la_exit_tell(error);
  if (folder != NULL ? !make_folder(folder, &error) : !add_named(jobs, argv + 1, argc - 1, file, &error))
    return la_exit_tell(error);
  if (folder != NULL)
    add_all(jobs, folder);
  manner.mirror = mirror;
  return run_jobs(jobs, &manner);
}

LaExitCode la_cmd_lab_random(int argc, char **argv)
{
  g_autofree char *file = NULL, *mirror = NULL;
  int connections = CONNECTIONS;
  gint64 seed = 1;
  Manner manner = {.side_by_side = 1};
  const GOptionEntry entries[] = {
      {"write", 'w', 0, G_OPTION_ARG_FILENAME, &file, "the capture; the kernel's account goes beside it [random-N-S.pcapng]",
       "FILE"},
      {"connections", 0, 0, G_OPTION_ARG_INT, &connections, "how many [300]", "N"},
      {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "what decides all that is drawn [1]", "S"},
      mirror_option(&mirror),
      {"quiet", 'q', 0, G_OPTION_ARG_NONE, &manner.quiet, "only errors", NULL},
      {.long_name = NULL},
  };
  g_autoptr(GOptionContext) context = g_option_context_new("- many connections with random behaviour and losses");
  g_option_context_add_main_entries(context, entries, NULL);
  g_autoptr(GError) error = NULL;
  if (!la_lab_options_parse(context, &argc, &argv, &(LaLabWords){0, 0, ""}, &error))
    return la_exit_tell(error);
  if (connections < 1 || connections > LA_LAB_MIX_MAX) {
    la_error_set(&error, LA_ERROR_USAGE, "--connections %d: write a number from 1 to %d", connections, LA_LAB_MIX_MAX);
    return la_exit_tell(error);
  }
  if (seed < 0) {
    la_error_set(&error, LA_ERROR_USAGE, "--seed %" G_GINT64_FORMAT ": write a number from 0 up", seed);
    return la_exit_tell(error);
  }
  LaLabExperiment *mix = la_lab_mix_new((unsigned)connections, (uint64_t)seed);
  g_autoptr(GArray) jobs = new_jobs();
  add_job(jobs, mix, file != NULL ? g_strdup(file) : g_strdup_printf("%s.pcapng", mix->name));
  manner.mirror = mirror;
  LaExitCode code = run_jobs(jobs, &manner);
  la_lab_mix_free(mix);
  return code;
}
