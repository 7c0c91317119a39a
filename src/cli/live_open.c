/* From options to a run that only has to be run, and without rights. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/live_run_private.h"
#include "live/rights.h"

#define APPLICATION "lastack " LASTACK_VERSION
#define IDLE_TIMEOUT (2 * 3600 * LA_SEC)
#define SAVER_MEMORY ((uint64_t)64 << 20)
#define HOSTS_SPAN (600 * LA_SEC)

/* The members that tell this run's records from those of others. */
static char *identity_of(const LaLiveRun *run)
{
  g_autoptr(GString) out = g_string_new(NULL);
  LaJson json;
  la_json_init(&json, out);
  la_json_begin_object(&json);
  la_json_key(&json, "host");
  la_json_string(&json, g_get_host_name());
  la_json_key(&json, "run_id");
  g_autofree char *id = g_uuid_string_random();
  la_json_string(&json, id);
  if (run->dump != NULL) {
    la_json_key(&json, "written");
    la_json_string(&json, la_dump_path(run->dump));
  }
  la_json_end_object(&json);
  return g_strndup(out->str + 1, out->len - 2);
}

static char *name_of_capture(const LaLiveRun *run)
{
  if (run->dump != NULL)
    return g_strdup(la_dump_path(run->dump));
  g_autoptr(GString) name = g_string_new(NULL);
  unsigned count;
  const LaInterface *interfaces = la_live_interfaces(run->live, &count);
  for (unsigned i = 0; i < count; i++)
    g_string_append_printf(name, "%s%s", i > 0 ? "," : "", interfaces[i].name);
  return g_strdup(name->str);
}

/* A policy suppresses, and formats for CI tell at the end what it says. */
static void begin_judging(LaLiveRun *run)
{
  if (run->options->policy == NULL && !la_outputs_judge(run->options))
    return;
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(paths, name_of_capture(run));
  LaJudgeOptions how = {
      .policy = run->policy, .now = la_clock_wall(), .ephemeral_low = run->options->track.ephemeral_low, .paths = paths};
  run->judge = la_judge_new(&how);
}

static bool open_all(LaLiveRun *run, GError **error)
{
  const LaLiveChoices *live = &run->options->live;
  LaLiveOptions how = {
      .interfaces = (const char *const *)live->interfaces->pdata,
      .interface_count = live->interfaces->len,
      .netns = live->netns,
      .filter = run->filter,
      .snaplen = live->snaplen,
      .buffer = live->buffer,
      .hears = live->hears,
  };
  run->live = la_live_open(&how, error);
  if (run->live == NULL)
    return false;
  run->carried = la_live_carried(run->live);
  la_notify_open(&run->notify);
  if (!la_live_metrics_open(&run->metrics, live->metrics, run->policy, error))
    return false;
  LaSaverOptions save = {.folder = live->save, .limit = live->save_limit, .memory = SAVER_MEMORY, .application = APPLICATION};
  if (live->save != NULL && (run->saver = la_saver_new(&save, run->live, error)) == NULL)
    return false;
  /* Without --owner the kernel's view is a help, and no reason to fail. */
  run->sockets =
      la_socket_watch_new(live->netns, live->owner ? LA_OWNERS_ASKED : LA_OWNERS_UNASKED, live->owner ? error : NULL);
  if (run->sockets == NULL && live->owner)
    return false;
  run->adopter = run->sockets != NULL ? la_adopter_new(&how, NULL) : NULL;
  if (live->write != NULL) {
    LaDumpOptions dump = {.path = live->write,
                          .application = APPLICATION,
                          .ring_files = live->ring_files,
                          .ring_size = live->ring_size,
                          .ring_duration = live->ring_duration};
    run->dump = la_dump_open(&dump, run->live, la_clock_wall(), error);
    if (run->dump == NULL)
      return false;
  }
  begin_judging(run);
  LaOutputsFor what = {.check = run->judge != NULL ? la_judge_check(run->judge) : NULL};
  if (!la_outputs_open(&run->outputs, run->options, &what, error))
    return false;
  for (unsigned i = 0; i < run->outputs.outputs->len; i++)
    la_output_by_record(g_ptr_array_index(run->outputs.outputs, i));
  run->identity = identity_of(run);
  for (unsigned i = 0; i < run->outputs.options->len; i++) {
    LaReportOptions *told_how = g_ptr_array_index(run->outputs.options, i);
    told_how->run = run->identity;
    if (run->dump == NULL || live->ring_files != 0)
      told_how->show_command = NULL;
  }
  return true;
}

static void add_folder(GPtrArray *folders, const char *file)
{
  if (file != NULL && strcmp(file, "-") != 0)
    g_ptr_array_add(folders, g_path_get_dirname(file));
}

/* From here on nothing but what is open can be done. */
static bool give_up_rights(LaLiveRun *run, GError **error)
{
  LaUser user;
  if (!la_user_find(run->options->live.user, &user, error))
    return false;
  if (run->dump != NULL && user.changes)
    la_dump_give(run->dump, user.uid, user.gid);
  g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
  add_folder(folders, run->options->live.write);
  if (run->options->live.save != NULL)
    g_ptr_array_add(folders, g_strdup(run->options->live.save));
  for (unsigned i = 0; i < run->options->outputs->len; i++)
    add_folder(folders, ((const LaOutputChoice *)g_ptr_array_index(run->options->outputs, i))->path);
  LaRightsKept kept = {.folders = (const char *const *)folders->pdata,
                       .folder_count = folders->len,
                       .names = run->options->names == LA_NAMES_RESOLVE};
  tzset(); /* reads a file */
  bool ok = la_rights_drop(&user, &kept, error) && (run->dump == NULL || la_dump_check_folder(run->dump, error)) &&
            (run->saver == NULL || la_saver_check(run->saver, error));
  la_user_clear(&user);
  return ok;
}

static void prepare(LaLiveRun *run)
{
  run->track = run->options->track;
  run->track.max_connections = run->options->live.max_connections;
  run->track.max_bytes = run->options->live.max_memory;
  if (run->track.idle_timeout == 0)
    run->track.idle_timeout = IDLE_TIMEOUT;
  run->batch = g_new(LaBatch, 1);
  run->findings = g_new0(LaFindings, 1);
  uint32_t ports = run->options->port_range_end + 1u - MIN(run->options->track.ephemeral_low, run->options->port_range_end);
  LaAggregateOptions aggregate = la_aggregate_options(&run->options->thresholds, run->track.time_wait, ports);
  run->aggregate = la_aggregate_new(&aggregate);
  g_autofree char *name = name_of_capture(run);
  run->capture = la_capture_record_new(name, 1);
  run->tracker = la_tracker_new(&run->track);
  la_tracker_begin_file(run->tracker, 1);
  run->context = (LaContext){
      .thresholds = &run->options->thresholds, .services = la_tracker_services(run->tracker), .losses = &run->losses};
  run->decider = la_decider_new(run->tracker, &run->context);
  if (run->judge != NULL)
    la_decider_set_policy(run->decider, run->policy, la_judge_check(run->judge)->now);
  la_decider_set_where(run->decider, run->options->where);
  run->hosts = la_host_watch_new(run->tracker, &run->context, &aggregate, HOSTS_SPAN);
  run->alarms = la_alarms_new(run->options->live.realarm);
  run->clock = run->last_packet = LA_TIME_NONE;
  run->left = run->options->count != 0 ? run->options->count : UINT64_MAX;
}

/* The connections that were there before. */
static void adopt(LaLiveRun *run)
{
  if (run->adopter == NULL || !la_socket_watch_refresh(run->sockets))
    return;
  run->adopted = la_adopter_adopt(run->adopter, run->sockets, run->tracker, la_clock_wall());
  g_clear_pointer(&run->adopter, la_adopter_free);
  if (run->adopted.full == 0)
    return;
  g_autofree char *line = g_strdup_printf("%u sockets that were there before found no room: see --max-connections and "
                                          "--max-memory",
                                          run->adopted.full);
  la_live_run_say(run, line);
}

/* First of all, while little is open: a child of it stays. */
static bool open_screen(LaLiveRun *run, GError **error)
{
  if (!run->options->live.watch)
    return true;
  run->screen = la_watch_screen_new(error);
  run->top = la_top_new();
  return run->screen != NULL;
}

bool la_live_run_open(LaLiveRun *run, GError **error)
{
  if (!open_screen(run, error))
    return false;
  if (!open_all(run, error) || !give_up_rights(run, error))
    return false;
  prepare(run);
  adopt(run);
  return true;
}

void la_live_run_close(LaLiveRun *run)
{
  la_decider_free(run->decider);
  la_host_watch_free(run->hosts);
  la_alarms_free(run->alarms);
  la_tracker_free(run->tracker);
  la_capture_record_free(run->capture);
  la_aggregate_free(run->aggregate);
  g_free(run->findings);
  g_free(run->batch);
  la_outputs_clear(&run->outputs);
  la_judge_free(run->judge);
  la_live_metrics_clear(&run->metrics);
  la_notify_clear(&run->notify);
  g_free(run->identity);
  la_adopter_free(run->adopter);
  la_socket_watch_free(run->sockets);
  la_saver_free(run->saver);
  la_dump_free(run->dump);
  la_live_free(run->live);
  la_watch_screen_free(run->screen);
  la_top_free(run->top);
}
