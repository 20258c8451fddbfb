/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>

#include "figure.h"

/* One step of a figure's history; NAN where nothing was collected. */
typedef struct PlotPoint {
        uint64_t at; /* realtime usec, the begin of the step */
        double avg, min, max;
} PlotPoint;

/* The field "points" of metricsd's answer. -EBADMSG when it is not what it should be. The caller frees *ret. */
int plot_read(json_object *answer, PlotPoint **ret, size_t *ret_n);

typedef struct PlotSummary {
        const PlotPoint *least, *most, *last; /* into the points; NULL when all of them are gaps */
        size_t n_gaps;
} PlotSummary;

PlotSummary plot_summary(const PlotPoint *points, size_t n);

/* What gnuplot is to draw on a terminal of that size: the averages as a line, from least to most as bars; where
 * nothing was collected nothing is drawn. At least one point must have a value. The script holds numbers alone, no
 * text from anywhere. step is usec. NULL without memory; the caller frees. */
char *plot_script(const PlotPoint *points, size_t n, uint64_t step, FigureUnit unit, size_t width, size_t height);

/* Runs gnuplot. What it drew, for the caller to free. -ENOENT when it is not installed, -EIO when it failed. */
int plot_draw(const char *script, char **ret);
