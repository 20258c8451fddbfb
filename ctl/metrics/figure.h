/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* The figures that metricsd keeps and compares, as people write and read them. */

typedef enum FigureUnit {
        FIGURE_PLAIN,
        FIGURE_MSEC,
        FIGURE_BYTES,
        FIGURE_PERCENT,
        FIGURE_RATIO, /* 0..1 */
        _FIGURE_MAX,
} FigureUnit;

/* "service.memory" of "memory", for most are about a service: a newly allocated string, NULL without memory. What
 * has a dot in it is taken as it is. Whether there is such a metric is metricsd's to say. */
char *figure_metric_name(const char *name);

/* "memory" of "service.memory", for tables. Points into name. */
const char *figure_short_name(const char *metric);

FigureUnit figure_unit_of_metric(const char *metric);
/* Of the field "unit" of metricsd's answers: "ms", "bytes", "%"; anything else is plain. */
FigureUnit figure_unit_from_string(const char *unit);

/* "200M", "1.5s", "80%", "0.05": a number, with one of the unit's own suffixes or none. -EINVAL for anything else. */
int figure_parse(const char *text, FigureUnit unit, double *ret);

/* The suffixes of a unit in words for a message: "B, K, M, G or T"; NULL where there are none. */
const char *figure_suffixes(FigureUnit unit);

/* "251.3M", "1.5s", "12.5ms", "80%", "0.05"; returns buf. */
#define FIGURE_TEXT_MAX 48
char *figure_format(char buf[static FIGURE_TEXT_MAX], double value, FigureUnit unit);

/* By what to divide the figures of a plot of which greatest is the greatest, and what then is their unit: "MiB",
 * "s", "%", or "". A constant. */
const char *figure_scale(double greatest, FigureUnit unit, double *ret_divisor);

/* "memory > 200M": METRIC OPERATOR VALUE, with blanks between them or not. *ret_metric is its full name and
 * *ret_operator what stands there, whichever it is; the caller frees both. -EINVAL with the part that is wrong in
 * *ret_problem, a constant. */
int figure_parse_condition(const char *text, char **ret_metric, char **ret_operator, double *ret_value,
                           const char **ret_problem);
