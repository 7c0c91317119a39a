/* The tables of experiments, one for each group. */
#ifndef LA_LAB_EXPERIMENTS_H
#define LA_LAB_EXPERIMENTS_H

#include "lab/experiment.h"

extern const LaLabExperiment la_lab_experiments_opening[];
extern const size_t la_lab_experiments_opening_n;
extern const LaLabExperiment la_lab_experiments_closing[];
extern const size_t la_lab_experiments_closing_n;
extern const LaLabExperiment la_lab_experiments_loss[];
extern const size_t la_lab_experiments_loss_n;
extern const LaLabExperiment la_lab_experiments_resets[];
extern const size_t la_lab_experiments_resets_n;
extern const LaLabExperiment la_lab_experiments_captures[];
extern const size_t la_lab_experiments_captures_n;

#endif
