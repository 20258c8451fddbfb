/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "answer.h"
#include "ask.h"
#include "basic/time-util.h"
#include "ctl/output.h"
#include "ctl/terminal.h"
#include "ctl/text.h"
#include "figure.h"
#include "plot.h"
#include "rows.h"
#include "shared/log.h"

#define HISTORY_PATH "/api/v1/metrics/history"

#define SPAN_DEFAULT (UINT64_C(3600) * USEC_PER_SEC)
/* Twice the time between two samples: with less, each step that one just misses would look like a gap. */
#define STEP_LEAST_SEC 10
#define TABLE_ROWS 60
#define PLOT_MARGIN 12 /* columns beside the lines */

#define PLOT_WIDTH_LEAST 30
#define PLOT_HEIGHT_LEAST 6
#define PLOT_HEIGHT_MOST 24
#define LINES_BESIDE 10 /* what stands above and below the plot, and the prompt */

typedef struct History {
        const char *service;
        char *metric;
        char *unit; /* as metricsd names it */
        FigureUnit kind;
        uint64_t from, to, step; /* usec */
        PlotPoint *points;
        size_t n;
} History;

static void history_done(History *h) {
        free(h->metric);
        free(h->unit);
        free(h->points);
}

static bool wants_plot(const Metrics *m) {
        return !m->ctl.json && !m->ctl.given[OPTION_TABLE] && terminal_width() >= PLOT_WIDTH_LEAST &&
               terminal_height() >= PLOT_HEIGHT_LEAST + LINES_BESIDE;
}

/* --- The question ------------------------------------------------------------------------------------------------ */

static uint64_t steps_wanted(const Metrics *m) {
        return wants_plot(m) ? terminal_width() - PLOT_MARGIN : TABLE_ROWS;
}

/* As many steps as there are columns, or rows. NULL without memory. */
static char *make_step(const Metrics *m, const History *h) {
        uint64_t seconds = (h->to - h->from) / USEC_PER_SEC, n = steps_wanted(m);

        return str_printf("%" PRIu64 "s", MAX((seconds + n - 1) / n, (uint64_t) STEP_LEAST_SEC));
}

static int ask(Metrics *m, const History *h, Answer *ret) {
        _cleanup_(freep) char *step = NULL, *path = NULL;
        char from[ISO8601_MAX], to[ISO8601_MAX];

        if (m->ctl.given[OPTION_STEP])
                step = strdup(m->ctl.given[OPTION_STEP]);
        else if (!m->ctl.json) /* for a program metricsd's own choice is the better one */
                step = make_step(m, h);
        path = metrics_path(HISTORY_PATH, "service", h->service, "metric", h->metric, "from",
                            format_iso8601(from, h->from), "to", format_iso8601(to, h->to), "step", step, NULL);
        return metrics_ask(m, "GET", path, NULL, ret);
}

static int read_history(const Answer *answer, History *h) {
        const char *unit = answer_string(answer->json, "unit");
        double step;

        if (!answer_number(answer->json, "step", &step) || !(step > 0 && step < (double) UINT32_MAX * 1000))
                return -EBADMSG;
        h->step = (uint64_t) (step * (double) USEC_PER_MSEC);
        h->unit = text_clean(unit ? unit : "", unit ? strlen(unit) : 0);
        if (!h->unit)
                return -ENOMEM;
        h->kind = figure_unit_from_string(h->unit);
        return plot_read(answer->json, &h->points, &h->n);
}

/* --- The plot ---------------------------------------------------------------------------------------------------- */

static int print_heading(const History *h, double most) {
        char from[LOCAL_TIME_MAX], to[LOCAL_TIME_MAX], step[TIMESPAN_MAX];
        _cleanup_(freep) char *text = NULL, *cut = NULL;
        double divisor;
        const char *unit = figure_scale(most, h->kind, &divisor);

        if (!*unit)
                unit = h->unit;
        text = str_printf("%s %s%s%s", h->service, h->metric, *unit ? " in " : "", unit);
        cut = text ? text_ellipsize(text, terminal_width()) : NULL;
        if (!cut)
                return -ENOMEM;
        (void) printf("%s\n%s to %s\n* average  | least to most of %s\n\n", cut, format_local_time(from, h->from),
                      format_local_time(to, h->to), format_timespan(step, h->step));
        return 0;
}

static void print_extreme(const char *name, double value, FigureUnit unit, uint64_t at) {
        char figure[FIGURE_TEXT_MAX], when[LOCAL_TIME_MAX];

        (void) printf("%-5s %s at %s\n", name, figure_format(figure, value, unit), format_local_time(when, at));
}

static void print_summary(const History *h, const PlotSummary *s) {
        print_extreme("least", s->least->min, h->kind, s->least->at);
        print_extreme("most", s->most->max, h->kind, s->most->at);
        print_extreme("last", s->last->avg, h->kind, s->last->at);
        if (s->n_gaps > 0)
                (void) printf("no data in %zu of %zu steps\n", s->n_gaps, h->n);
}

/* -ENOENT and -EIO when there is no plot, and nothing has been printed. */
static int print_plot(const History *h, const PlotSummary *s) {
        _cleanup_(freep) char *script = NULL, *drawing = NULL;
        size_t width = terminal_width(), height = MIN(terminal_height() - LINES_BESIDE, (size_t) PLOT_HEIGHT_MOST);
        int r;

        script = plot_script(h->points, h->n, h->step, h->kind, width, height);
        if (!script)
                return -ENOMEM;
        r = plot_draw(script, &drawing);
        if (r >= 0)
                r = print_heading(h, s->most->max);
        if (r < 0)
                return r;
        (void) puts(drawing);
        print_summary(h, s);
        return 0;
}

/* --- The table --------------------------------------------------------------------------------------------------- */

static int set_figure(Row *row, size_t cell, double value, FigureUnit unit) {
        char text[FIGURE_TEXT_MAX];

        return isnan(value) ? 0 : row_set(row, cell, figure_format(text, value, unit));
}

static int print_table(const History *h) {
        static const Column columns[] = {
                { "TIME", NULL, row_cell_0 },
                { "AVERAGE", NULL, row_cell_1, COLUMN_RIGHT },
                { "LEAST", NULL, row_cell_2, COLUMN_RIGHT },
                { "MOST", NULL, row_cell_3, COLUMN_RIGHT },
        };
        _cleanup_(rows_done) Rows rows = {};
        char when[LOCAL_TIME_MAX];

        for (const PlotPoint *p = h->points; p < h->points + h->n; p++) {
                Row *row = rows_add(&rows);

                if (!row || row_set(row, 0, format_local_time(when, p->at)) < 0 ||
                    set_figure(row, 1, p->avg, h->kind) < 0 || set_figure(row, 2, p->min, h->kind) < 0 ||
                    row_set(row, 3, "-") < 0 || set_figure(row, 3, p->max, h->kind) < 0)
                        return -ENOMEM;
        }
        return rows_print(&rows, columns, ELEMENTSOF(columns), 0, NULL);
}

static int show(const Metrics *m, const History *h) {
        PlotSummary s = plot_summary(h->points, h->n);
        int r = -ENOENT;

        if (!s.last) {
                char from[LOCAL_TIME_MAX], to[LOCAL_TIME_MAX];

                (void) printf("Nothing was recorded of %s of %s from %s to %s.\n", h->metric, h->service,
                              format_local_time(from, h->from), format_local_time(to, h->to));
                return 0;
        }
        if (!wants_plot(m))
                return print_table(h);
        r = print_plot(h, &s);
        if (r == -ENOENT)
                log_warning("no plot without gnuplot; install the package gnuplot-nox. The figures:");
        else if (r == -EIO)
                log_warning("gnuplot has failed. The figures:");
        else
                return r;
        return print_table(h);
}

static int set_times(Metrics *m, History *h) {
        h->to = m->ctl.until > 0 ? m->ctl.until : now_realtime_usec();
        h->from = m->ctl.since > 0 ? m->ctl.since : h->to - MIN(h->to, SPAN_DEFAULT);
        if (h->from + USEC_PER_SEC > h->to) /* finer than any step */
                return verb_usage(&m->ctl, "--since must be before --until%s", m->ctl.until > 0 ? "" : ", which is now");
        return CTL_OK;
}

int metrics_history(Metrics *m) {
        _cleanup_(answer_done) Answer answer = {};
        _cleanup_(history_done) History h = {};
        char *names[] = { m->operands[0], NULL };
        int status, r;

        status = set_times(m, &h);
        if (status == CTL_OK)
                status = metrics_connect(m, names);
        if (status != CTL_OK)
                return status;
        h.service = m->ctl.selected[0]->id;
        h.metric = figure_metric_name(m->operands[1]);
        if (h.metric)
                status = ask(m, &h, &answer);
        if (status != CTL_OK)
                return status;
        if (m->ctl.json) {
                answer_print(&answer);
                return CTL_OK;
        }
        r = h.metric ? read_history(&answer, &h) : -ENOMEM;
        if (r >= 0 && !m->ctl.quiet)
                r = show(m, &h);
        if (r < 0) {
                (void) log_errno(r, "cannot show the history");
                return CTL_FAILED;
        }
        return CTL_OK;
}
