/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json_tokener.h>
#include <math.h>
#include <time.h>

#include "../../ctl/metrics/answer.h"
#include "../../ctl/metrics/plot.h"
#include "basic/string-util.h"

#define BEGIN UINT64_C(1700000000) /* 2023-11-14 22:13:20 UTC */
#define MINUTE (60 * USEC_PER_SEC)

static void in_utc(void) {
        cr_assert_eq(setenv("TZ", "UTC", 1), 0);
        tzset();
}

static PlotPoint *make_points(size_t n, double value) {
        PlotPoint *points = calloc(n, sizeof(PlotPoint));

        cr_assert(points);
        for (size_t i = 0; i < n; i++)
                points[i] = (PlotPoint) { BEGIN * USEC_PER_SEC + i * MINUTE, value, value, value };
        return points;
}

static void make_gap(PlotPoint *points, size_t from, size_t to) {
        for (size_t i = from; i < to; i++)
                points[i].avg = points[i].min = points[i].max = NAN;
}

/* What gnuplot draws of them; NULL where it is not installed, for it is not needed to run. */
static char *draw(const PlotPoint *points, size_t n, FigureUnit unit, size_t width, size_t height) {
        _cleanup_(freep) char *script = plot_script(points, n, MINUTE, unit, width, height);
        char *drawing = NULL;
        int r;

        cr_assert(script);
        r = plot_draw(script, &drawing);
        if (r == -ENOENT)
                cr_skip("gnuplot is not installed");
        cr_assert_eq(r, 0);
        return drawing;
}

/* The column of the first and of the last '*' on and right of the vertical axis; false for none. */
static bool find_line(const char *drawing, size_t *ret_first, size_t *ret_last) {
        const char *mark = strstr(drawing, "-+ "); /* beside the axis */
        size_t axis;

        cr_assert(mark, "%s", drawing);
        for (axis = 0; mark - 1 - axis > drawing && mark[-2 - (ssize_t) axis] != '\n';)
                axis++;
        *ret_first = SIZE_MAX;
        *ret_last = 0;
        for (const char *line = drawing; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
                for (size_t i = axis; i < strcspn(line, "\n"); i++)
                        if (line[i] == '*') {
                                *ret_first = MIN(*ret_first, i - axis);
                                *ret_last = MAX(*ret_last, i - axis);
                        }
        return *ret_first != SIZE_MAX;
}

Test(ctl_plot, read) {
        _cleanup_(json_object_putp) json_object *answer = json_tokener_parse(
                "{\"points\":[[1000,1,0.5,2],[2000,null,null,null],[3000,4.5,4,5,9],[4000,1,null,2]]}");
        _cleanup_(freep) PlotPoint *points = NULL;
        PlotSummary s;
        size_t n;

        cr_assert_eq(plot_read(answer, &points, &n), 0);
        cr_assert_eq(n, 4);
        cr_expect_eq(points[0].at, USEC_PER_SEC);
        cr_expect(points[0].avg == 1 && points[0].min == 0.5 && points[0].max == 2);
        cr_expect(isnan(points[1].avg) && isnan(points[3].avg) && isnan(points[3].max));
        s = plot_summary(points, n);
        cr_expect(s.least == points && s.most == points + 2 && s.last == points + 2);
        cr_expect_eq(s.n_gaps, 2);
}

Test(ctl_plot, read_nonsense) {
        static const char *const cases[] = {
                "{}", "{\"points\":3}", "{\"points\":[3]}", "{\"points\":[[1000,1,2]]}", "{\"points\":[[null,1,2,3]]}",
                "{\"points\":[[-5,1,2,3]]}", "{\"points\":[[1e300,1,2,3]]}", "{\"points\":[[\"now\",1,2,3]]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *answer = json_tokener_parse(cases[i]);
                PlotPoint *points = NULL;
                size_t n = 77;

                cr_expect_eq(plot_read(answer, &points, &n), -EBADMSG, "%s", cases[i]);
                cr_expect(!points && n == 77);
        }
}

Test(ctl_plot, nothing_recorded) {
        _cleanup_(freep) PlotPoint *points = make_points(3, NAN);
        PlotSummary s = plot_summary(points, 3);

        cr_expect(!s.least && !s.most && !s.last && s.n_gaps == 3);
}

/* The script is numbers and what stands in this program, whatever the answer was. */
Test(ctl_plot, script, .init = in_utc) {
        _cleanup_(freep) PlotPoint *points = make_points(4, 3 * 1024.0 * 1024);
        _cleanup_(freep) char *script = NULL;

        points[2].max = 4 * 1024.0 * 1024;
        make_gap(points, 1, 2);
        script = plot_script(points, 4, MINUTE, FIGURE_BYTES, 80, 15);
        cr_assert(script);
        cr_expect(strstr(script, "set terminal dumb size 80,15 noenhanced mono\n"));
        cr_expect(strstr(script, "set xrange ['1700000000':'1700000240']\n"));
        /* The first is alone, so it is drawn twice; a blank line is the gap. */
        cr_expect(strstr(script, "<< END\n1700000000 3 3 3\n1700000000 3 3 3\n\n1700000120 3 3 4\n1700000180 3 3 3\nEND\n"),
                  "%s", script);
}

Test(ctl_plot, time_is_local) {
        _cleanup_(freep) PlotPoint *points = make_points(2, 1);
        _cleanup_(freep) char *script = NULL;

        cr_assert_eq(setenv("TZ", "XXX-2", 1), 0); /* two hours east */
        tzset();
        script = plot_script(points, 2, MINUTE, FIGURE_PLAIN, 80, 15);
        cr_expect(strstr(script, "<< END\n1700007200 1 1 1\n1700007260 1 1 1\nEND\n"), "%s", script);
}

Test(ctl_plot, drawing, .init = in_utc) {
        _cleanup_(freep) PlotPoint *points = make_points(60, 20);
        _cleanup_(freep) char *drawing = NULL;
        size_t first, last, lines = 0;

        points[30].avg = 30; /* half-way: a peak whose greatest is more */
        points[30].max = 90;
        drawing = draw(points, 60, FIGURE_MSEC, 80, 20);
        for (const char *s = drawing; *s; s++)
                lines += *s == '\n';
        cr_expect_eq(lines, 20);
        cr_expect(strstr(drawing, " 90 |-+ ") && strstr(drawing, " 0 +---"), "%s", drawing);
        cr_expect(strstr(drawing, "22:15 ") && strstr(drawing, " 23:00 ") && !strstr(drawing, "\f"), "%s", drawing);
        cr_expect(find_line(drawing, &first, &last) && first == 0 && last > 65, "%zu %zu\n%s", first, last, drawing);
}

Test(ctl_plot, gap_stays_a_gap, .init = in_utc) {
        _cleanup_(freep) PlotPoint *points = make_points(60, 20);
        _cleanup_(freep) char *drawing = NULL;
        const char *line, *gap;

        points[0].max = 40;
        make_gap(points, 20, 40);
        drawing = draw(points, 60, FIGURE_PLAIN, 80, 20);
        line = strstr(drawing, "*****");
        cr_assert(line, "%s", drawing);
        gap = line + strspn(line, "*");
        cr_expect(strspn(gap, " ") > 15 && strspn(gap, " ") < 35, "%s", drawing);
        cr_expect(startswith(gap + strspn(gap, " "), "*****"), "%s", drawing);
}

Test(ctl_plot, a_single_point_can_be_seen, .init = in_utc) {
        _cleanup_(freep) PlotPoint *points = make_points(60, 20);
        _cleanup_(freep) char *drawing = NULL;
        size_t first, last;

        make_gap(points, 0, 30);
        make_gap(points, 31, 60);
        drawing = draw(points, 60, FIGURE_PLAIN, 80, 20);
        cr_expect(find_line(drawing, &first, &last) && first == last && first > 30 && first < 40, "%zu %zu\n%s",
                  first, last, drawing);
}

/* What does not change has no range of its own, and a terminal may be any size. */
Test(ctl_plot, odd_figures, .init = in_utc) {
        static const double values[] = { 0, -5, 1, 1e-9, 123456, 1e12, -1e300 };
        static const size_t widths[] = { 30, 40, 200 };

        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                for (size_t j = 0; j < ELEMENTSOF(widths); j++) {
                        _cleanup_(freep) PlotPoint *points = make_points(60, values[i]);
                        _cleanup_(freep) char *drawing = draw(points, 60, FIGURE_PLAIN, widths[j], 10);
                        size_t first, last;

                        cr_expect(find_line(drawing, &first, &last) && first == 0 && last > widths[j] / 3, "%g\n%s",
                                  values[i], drawing);
                        for (const char *s = drawing; *s; s += strcspn(s, "\n") + 1)
                                cr_expect(strcspn(s, "\n") <= widths[j]);
                }
}

Test(ctl_plot, marks_do_not_run_into_each_other, .init = in_utc) {
        static const struct {
                size_t n; /* minutes */
                const char *mark;
        } cases[] = {
                { 3, "22:15" },              { 60, "22:30" },           { 24 * 60, "12:00" }, { 2 * 24 * 60, "Wed 12:00" },
                { 5 * 24 * 60, "Nov 17" },   { 9 * 24 * 60, "Nov 21" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) PlotPoint *points = make_points(cases[i].n, 20);
                _cleanup_(freep) char *drawing = draw(points, cases[i].n, FIGURE_PLAIN, 80, 12);

                cr_expect(strstr(drawing, cases[i].mark), "%zu\n%s", i, drawing);
        }
}

Test(ctl_plot, script_that_fails) {
        char *drawing = NULL;
        int r = plot_draw("exit status 3\n", &drawing);

        if (r == -ENOENT)
                cr_skip("gnuplot is not installed");
        cr_expect_eq(r, -EIO);
        cr_expect(!drawing);
}
