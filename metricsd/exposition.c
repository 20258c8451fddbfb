/* SPDX-License-Identifier: MIT */
#include "exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_AT_FIRST ((size_t) 16 * 1024)
/* Up to here every integer is a double of its own. */
#define EXACT_MAX 9007199254740992.0

struct Exposition {
        ExpositionFormat format;
        const MetricFamily *family; /* the present one */
        bool begun;                 /* its head has been written */
        bool failed;                /* for want of memory */
        char *text;
        size_t size, space;
};

static const char *const types[] = {
        [FAMILY_GAUGE] = "gauge",
        [FAMILY_COUNTER] = "counter",
        [FAMILY_HISTOGRAM] = "histogram",
        [FAMILY_INFO] = "info",
};

/* What a series has behind the family's name. */
static const char *const suffixes[] = {
        [FAMILY_GAUGE] = "",
        [FAMILY_COUNTER] = "_total",
        [FAMILY_HISTOGRAM] = "",
        [FAMILY_INFO] = "_info",
};

const char *exposition_content_type(ExpositionFormat format) {
        return format == EXPOSITION_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                : "text/plain; version=0.0.4; charset=utf-8";
}

int exposition_new(ExpositionFormat format, Exposition **ret) {
        Exposition *e = calloc(1, sizeof(Exposition));

        if (!e)
                return -ENOMEM;
        e->format = format;
        *ret = e;
        return 0;
}

Exposition *exposition_free(Exposition *e) {
        if (e)
                free(e->text);
        free(e);
        return NULL;
}

/* --- Pieces of text --- */

static bool make_room(Exposition *e, size_t size) {
        size_t space = MAX(MAX(e->space * 2, SPACE_AT_FIRST), e->size + size);
        char *grown;

        if (e->failed || size <= e->space - e->size)
                return !e->failed;
        grown = realloc(e->text, space);
        if (!grown) {
                e->failed = true;
                return false;
        }
        e->text = grown;
        e->space = space;
        return true;
}

static void add_bytes(Exposition *e, const char *bytes, size_t size) {
        if (!make_room(e, size))
                return;
        (void) memcpy(e->text + e->size, bytes, size);
        e->size += size;
}

static void add(Exposition *e, const char *s) {
        add_bytes(e, s, strlen(s));
}

/* A label's value, or the text behind HELP, in which the classic format leaves quotes alone. */
static void add_escaped(Exposition *e, const char *s, const char *special) {
        for (;;) {
                size_t plain = strcspn(s, special);

                add_bytes(e, s, plain);
                s += plain;
                if (!*s)
                        return;
                add(e, *s == '\n' ? "\\n" : *s == '"' ? "\\\"" : "\\\\");
                s++;
        }
}

static void add_number(Exposition *e, double value) {
        char text[32];

        if (isinf(value))
                (void) snprintf(text, sizeof(text), "%s", value > 0 ? "+Inf" : "-Inf");
        else if (fabs(value) <= EXACT_MAX && value == (double) (int64_t) value)
                (void) snprintf(text, sizeof(text), "%" PRIi64, (int64_t) value);
        else
                (void) snprintf(text, sizeof(text), "%.14g", value);
        add(e, text);
}

/* --- Families --- */

static void add_metadata(Exposition *e, const char *keyword) {
        const MetricFamily *f = e->family;

        add(e, "# ");
        add(e, keyword);
        add(e, " ");
        add(e, f->name);
        /* In the classic format a family has the name of its series. */
        if (e->format == EXPOSITION_CLASSIC)
                add(e, suffixes[f->type]);
        add(e, " ");
}

static void begin(Exposition *e) {
        const MetricFamily *f = e->family;
        bool classic = e->format == EXPOSITION_CLASSIC;

        if (e->begun)
                return;
        e->begun = true;
        add_metadata(e, "HELP");
        add_escaped(e, f->help, classic ? "\\\n" : "\\\n\"");
        add(e, "\n");
        add_metadata(e, "TYPE");
        add(e, classic && f->type == FAMILY_INFO ? "gauge" : types[f->type]);
        add(e, "\n");
        if (classic || !f->unit)
                return;
        add_metadata(e, "UNIT");
        add(e, f->unit);
        add(e, "\n");
}

void exposition_family(Exposition *e, const MetricFamily *family) {
        e->family = family;
        e->begun = false;
}

/* --- Series --- */

static void add_label(Exposition *e, bool first, const MetricLabel *label) {
        add(e, first ? "{" : ",");
        add(e, label->name);
        add(e, "=\"");
        add_escaped(e, label->value, "\\\n\"");
        add(e, "\"");
}

/* last is one more label, NULL for none. */
static void add_series(Exposition *e, const char *suffix, const MetricLabel *labels, const MetricLabel *last,
                       double value) {
        bool first = true;

        begin(e);
        add(e, e->family->name);
        add(e, suffix);
        for (; labels->name; labels++, first = false)
                add_label(e, first, labels);
        if (last) {
                add_label(e, first, last);
                first = false;
        }
        add(e, first ? " " : "} ");
        add_number(e, value);
        add(e, "\n");
}

void exposition_series(Exposition *e, const MetricLabel *labels, double value) {
        if (!isnan(value))
                add_series(e, suffixes[e->family->type], labels, NULL, value);
}

void exposition_histogram(Exposition *e, const MetricLabel *labels, const Histogram *histogram) {
        uint64_t count = 0;

        for (size_t i = 0; i <= histogram->n_bounds; i++) {
                bool last = i == histogram->n_bounds;

                count += histogram->counts[i];
                add_series(e, "_bucket", labels, &(MetricLabel) { "le", last ? "+Inf" : histogram->bounds[i].text },
                           (double) count);
        }
        add_series(e, "_sum", labels, NULL, histogram->sum);
        add_series(e, "_count", labels, NULL, (double) count);
}

int exposition_end(Exposition *e, const char **ret_text, size_t *ret_size) {
        if (e->format == EXPOSITION_OPENMETRICS)
                add(e, "# EOF\n");
        if (e->failed)
                return -ENOMEM;
        *ret_text = e->text ? e->text : "";
        *ret_size = e->size;
        return 0;
}
