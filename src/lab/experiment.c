#include "lab/experiment.h"

#include <glib.h>
#include <string.h>

#include "base/nearest.h"
#include "lab/experiments.h"

static const struct {
  const char *family;
  const LaLabExperiment *table;
  const size_t *count;
} groups[] = {
    {"opening", la_lab_experiments_opening, &la_lab_experiments_opening_n},
    {"closing", la_lab_experiments_closing, &la_lab_experiments_closing_n},
    {"loss", la_lab_experiments_loss, &la_lab_experiments_loss_n},
    {"resets", la_lab_experiments_resets, &la_lab_experiments_resets_n},
    {"captures", la_lab_experiments_captures, &la_lab_experiments_captures_n},
};

size_t la_lab_groups(void)
{
  return G_N_ELEMENTS(groups);
}

const LaLabExperiment *la_lab_group(size_t number, const char **ret_name, size_t *ret_count)
{
  *ret_name = groups[number].family;
  *ret_count = *groups[number].count;
  return groups[number].table;
}

const LaLabExperiment *la_lab_experiment_find(const char *name)
{
  for (size_t g = 0; g < G_N_ELEMENTS(groups); g++) {
    for (size_t i = 0; i < *groups[g].count; i++) {
      if (strcmp(groups[g].table[i].name, name) == 0)
        return &groups[g].table[i];
    }
  }
  return NULL;
}

const char *la_lab_group_of(const LaLabExperiment *experiment)
{
  for (size_t g = 0; g < G_N_ELEMENTS(groups); g++) {
    for (size_t i = 0; i < *groups[g].count; i++) {
      if (&groups[g].table[i] == experiment)
        return groups[g].family;
    }
  }
  return "random";
}

const char *la_lab_experiment_nearest(const char *word)
{
  const char *names[256];
  size_t count = 0;
  for (size_t g = 0; g < G_N_ELEMENTS(groups); g++) {
    for (size_t i = 0; i < *groups[g].count && count < G_N_ELEMENTS(names); i++)
      names[count++] = groups[g].table[i].name;
  }
  return la_nearest(word, names, count);
}
