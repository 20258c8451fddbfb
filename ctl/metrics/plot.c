/* SPDX-License-Identifier: MIT */
#include "plot.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "basic/string-util.h"

#define TICK_COLUMNS 12 /* that a time takes below the axis, with room beside it */
#define AXIS_COLUMNS 10 /* left of the axis */
#define DAY 86400
#define LARGE 100000 /* numbers from here on are drawn as "120 k" */

static double point_number(json_object *point, size_t i) {
        double number;

        return json_number(json_object_array_get_idx(point, i), &number) ? number : NAN;
}

static int read_point(json_object *point, PlotPoint *ret) {
        double at;

        if (!json_object_is_type(point, json_type_array) || json_object_array_length(point) < 4)
                return -EBADMSG;
        at = point_number(point, 0);
        if (!(at >= 0 && at < (double) INT64_MAX / (double) USEC_PER_MSEC))
                return -EBADMSG;
        *ret = (PlotPoint) { (uint64_t) at * USEC_PER_MSEC, point_number(point, 1), point_number(point, 2),
                             point_number(point, 3) };
        if (isnan(ret->avg) || isnan(ret->min) || isnan(ret->max))
                ret->avg = ret->min = ret->max = NAN;
        return 0;
}

int plot_read(json_object *answer, PlotPoint **ret, size_t *ret_n) {
        json_object *array = answer_array(answer, "points");
        size_t n = answer_length(array);
        _cleanup_(freep) PlotPoint *points = calloc(n + 1, sizeof(PlotPoint));
        int r;

        if (!points)
                return -ENOMEM;
        if (!array)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                r = read_point(json_object_array_get_idx(array, i), points + i);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(points);
        *ret_n = n;
        return 0;
}

PlotSummary plot_summary(const PlotPoint *points, size_t n) {
        PlotSummary s = {};

        for (const PlotPoint *p = points; p < points + n; p++) {
                if (isnan(p->avg)) {
                        s.n_gaps++;
                        continue;
                }
                if (!s.least || p->min < s.least->min)
                        s.least = p;
                if (!s.most || p->max > s.most->max)
                        s.most = p;
                s.last = p;
        }
        return s;
}

/* Seconds between two marks, so that their times do not run into each other. */
static uint64_t tick_seconds(uint64_t span, size_t width) {
        static const unsigned steps[] = {
                10, 30, 60, 2 * 60, 5 * 60, 10 * 60, 15 * 60, 30 * 60, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600,
                DAY, 2 * DAY, 5 * DAY, 10 * DAY,
        };
        uint64_t ticks = MAX((width - MIN(width, (size_t) AXIS_COLUMNS)) / TICK_COLUMNS, (size_t) 1);

        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                if (span / steps[i] <= ticks)
                        return steps[i];
        return MAX(span / ticks / DAY, UINT64_C(1)) * DAY;
}

static const char *tick_format(uint64_t tick, uint64_t span) {
        if (tick % DAY == 0)
                return "%b %d";
        return span > DAY ? "%a %H:%M" : tick % 60 == 0 ? "%H:%M" : "%H:%M:%S";
}

/* gnuplot knows UTC alone: it is given local time as if it were that. */
static int64_t local_seconds(uint64_t at, long offset) {
        return (int64_t) (at / USEC_PER_SEC) + offset;
}

static void print_axes(FILE *f, const PlotSummary *s, FigureUnit unit) {
        double least = s->least->min, most = s->most->max, room, divisor;

        (void) figure_scale(most, unit, &divisor);
        least /= divisor;
        most /= divisor;
        room = most > least ? (most - least) / 20 : most != 0 ? fabs(most) / 10 : 1;
        (void) fprintf(f, "set yrange [%.17g:%.17g]\n", least >= 0 && least <= most / 3 ? 0 : least - room,
                       most + room);
        if (fabs(most) >= LARGE || fabs(least) >= LARGE)
                (void) fputs("set format y '%.1s %c'\n", f);
}

static void print_points(FILE *f, const PlotPoint *points, size_t n, long offset, double divisor) {
        for (size_t i = 0; i < n; i++) {
                const PlotPoint *p = points + i;
                bool alone = (i == 0 || isnan(p[-1].avg)) && (i + 1 == n || isnan(p[1].avg));

                /* An empty line ends a line that is drawn; one of a single point is a line only when it ends where it
                 * begins. */
                for (int times = 0; times < 1 + alone; times++)
                        if (isnan(p->avg))
                                (void) fputc('\n', f);
                        else
                                (void) fprintf(f, "%" PRId64 " %.17g %.17g %.17g\n", local_seconds(p->at, offset),
                                               p->avg / divisor, p->min / divisor, p->max / divisor);
        }
}

static void print_script(FILE *f, const PlotPoint *points, size_t n, const PlotSummary *s, uint64_t step,
                         FigureUnit unit, size_t width, size_t height) {
        uint64_t from = points[0].at, to = points[n - 1].at + step, span = (to - from) / USEC_PER_SEC;
        uint64_t tick = tick_seconds(span, width);
        time_t end = (time_t) (to / USEC_PER_SEC);
        struct tm tm = {};
        double divisor;

        (void) localtime_r(&end, &tm); /* UTC for a time that no calendar has */
        (void) figure_scale(s->most->max, unit, &divisor);
        (void) fprintf(f, "set terminal dumb size %zu,%zu noenhanced mono\n", width, height);
        (void) fprintf(f, "set xdata time\nset timefmt '%%s'\nset format x '%s'\nset xtics out nomirror %" PRIu64 "\n",
                       tick_format(tick, span), tick);
        (void) fprintf(f, "set xrange ['%" PRId64 "':'%" PRId64 "']\n", local_seconds(from, tm.tm_gmtoff),
                       local_seconds(to, tm.tm_gmtoff));
        print_axes(f, s, unit);
        (void) fputs("unset key\nset tmargin 0\nset border 3 back\nset ytics nomirror\n$points << END\n", f);
        print_points(f, points, n, tm.tm_gmtoff, divisor);
        (void) fputs("END\nplot $points using 1:3:(0):($4-$3) with vectors nohead linetype 2, "
                     "$points using 1:2 with lines linetype 1\n", f);
}

char *plot_script(const PlotPoint *points, size_t n, uint64_t step, FigureUnit unit, size_t width, size_t height) {
        PlotSummary s = plot_summary(points, n);
        char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        assert(s.last);
        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        print_script(f, points, n, &s, step, unit, width, height);
        r = ferror(f) ? -ENOMEM : 0;
        if (fclose(f) == 0 && r >= 0)
                return text;
        free(text);
        return NULL;
}
