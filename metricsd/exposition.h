/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

/* Writes figures in the text that Prometheus and its like read: OpenMetrics 1.0, or the classic format 0.0.4. Knows nothing
 * of the daemon.
 *
 * A family is begun with exposition_family() and has its series written right after it, so that families cannot mix; one
 * without any series leaves no trace. */

typedef enum ExpositionFormat { EXPOSITION_CLASSIC, EXPOSITION_OPENMETRICS } ExpositionFormat;

/* What a client wants, from its Accept header (NULL for none): OpenMetrics only where that is named, in a version that is
 * 1.0.0 if one is given, and wanted at least as much as the classic text; classic else, also for whoever accepts neither. */
ExpositionFormat exposition_negotiate(const char *accept);
const char *exposition_content_type(ExpositionFormat format);

typedef enum FamilyType { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_HISTOGRAM, FAMILY_INFO } FamilyType;

typedef struct MetricFamily {
        const char *name; /* without the _total of a counter and the _info of an info, which are added */
        FamilyType type;
        const char *unit; /* in which the name ends, "seconds"; NULL for none */
        const char *help; /* one sentence */
} MetricFamily;

typedef struct MetricLabel {
        const char *name;
        const char *value; /* any UTF-8 */
} MetricLabel;

/* The labels of one series. Each combination comes once in a family. */
#define LABELS(...) ((const MetricLabel[]) { __VA_ARGS__, {} })
#define NO_LABELS ((const MetricLabel[]) { {} })

/* A bound as text, too, for "1" and "1.0" would be two series to some readers. */
typedef struct HistogramBound {
        double value;
        const char *text;
} HistogramBound;

typedef struct Histogram {
        const HistogramBound *bounds; /* rising, without the last, +Inf */
        size_t n_bounds;
        const uint64_t *counts; /* n_bounds + 1 of them, each of its own bucket alone */
        double sum;
} Histogram;

typedef struct Exposition Exposition;

/* A failure for want of memory is remembered until the end; so what writes returns nothing. */
int exposition_new(ExpositionFormat format, Exposition **ret);
Exposition *exposition_free(Exposition *e);
TL_DEFINE_CLEANUP(Exposition *, exposition_free)

/* family must last until the next one, or the end. */
void exposition_family(Exposition *e, const MetricFamily *family);
/* Of a gauge, a counter or an info. NAN is "not known": no series. */
void exposition_series(Exposition *e, const MetricLabel *labels, double value);
void exposition_histogram(Exposition *e, const MetricLabel *labels, const Histogram *histogram);

/* Ends the text, once. It is e's. -ENOMEM when some of it is missing. */
int exposition_end(Exposition *e, const char **ret_text, size_t *ret_size);
