/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "../../ctl/metrics/figure.h"
#include "basic/string-util.h"

#define MIB (1024.0 * 1024)

Test(ctl_figure, names) {
        static const struct {
                const char *given, *metric, *shown;
        } cases[] = {
                { "memory", "service.memory", "memory" },
                { "service.memory", "service.memory", "memory" },
                { "journal.errors", "journal.errors", "journal.errors" },
                { "", "service.", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *metric = figure_metric_name(cases[i].given);

                cr_expect_str_eq(metric, cases[i].metric);
                cr_expect_str_eq(figure_short_name(metric), cases[i].shown);
        }
}

Test(ctl_figure, parse) {
        static const struct {
                const char *text;
                const char *metric;
                double value; /* NAN: none */
        } cases[] = {
                { "200M", "service.memory", 200 * MIB },    { "1.5K", "service.memory", 1536 },
                { "10B", "service.memory", 10 },            { "10", "service.memory", 10 },
                { "2T", "service.memory", 2 * MIB * MIB },  { "2s", "service.memory", NAN },
                { "5s", "service.responseTime", 5000 },     { "1.5s", "service.responseTime", 1500 },
                { "250ms", "provider.latency", 250 },       { "2min", "service.responseTime", 120000 },
                { "1h", "service.responseTime", 3600000 },  { "5000", "service.responseTime", 5000 },
                { "80%", "service.cpu", 80 },               { "80", "budget.percent", 80 },
                { "5%", "service.errorRate", 0.05 },        { "0.05", "provider.successRate", 0.05 },
                { "-1", "service.health", -1 },             { "+3", "service.restarts", 3 },
                { "3%", "service.restarts", NAN },          { ".5", "service.health", 0.5 },
                { "1e3", "service.restarts", 1000 },        { "1e400", "service.restarts", NAN },
                { "nan", "service.restarts", NAN },         { "inf", "service.restarts", NAN },
                { "0x10", "service.restarts", NAN },        { "", "service.restarts", NAN },
                { "-", "service.restarts", NAN },           { ".", "service.restarts", NAN },
                { "5 s", "service.responseTime", NAN },     { " 5", "service.restarts", NAN },
                { "200MM", "service.memory", NAN },         { "1e300T", "service.memory", NAN },
                { "70%", "provider.successRate", 0.7 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                double value = -77;
                int r = figure_parse(cases[i].text, figure_unit_of_metric(cases[i].metric), &value);

                if (isnan(cases[i].value)) {
                        cr_expect_eq(r, -EINVAL, "%s", cases[i].text);
                        cr_expect_eq(value, -77, "%s", cases[i].text);
                } else
                        cr_expect(r == 0 && fabs(value - cases[i].value) < 1e-9, "%s: %g", cases[i].text, value);
        }
}

Test(ctl_figure, format) {
        static const struct {
                double value;
                FigureUnit unit;
                const char *text;
        } cases[] = {
                { 200 * MIB, FIGURE_BYTES, "200.0M" }, { 0, FIGURE_BYTES, "0B" },       { 0, FIGURE_PLAIN, "0" },
                { 12.5, FIGURE_MSEC, "12.5ms" },       { 5000, FIGURE_MSEC, "5s" },     { 6250, FIGURE_MSEC, "6.25s" },
                { 90000, FIGURE_MSEC, "1min 30s" },    { 0.25, FIGURE_MSEC, "0.25ms" }, { 80, FIGURE_PERCENT, "80%" },
                { 33.33333, FIGURE_PERCENT, "33.33%" }, { 0.7, FIGURE_RATIO, "0.7" },   { 1234567, FIGURE_PLAIN, "1234567" },
                { 0.0001234, FIGURE_RATIO, "0.00012" }, { -5, FIGURE_PLAIN, "-5" },     { 1e300, FIGURE_PLAIN, "1e+300" },
                { -5, FIGURE_BYTES, "-5" },            { 1e300, FIGURE_MSEC, "1e+297s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buf[FIGURE_TEXT_MAX];

                cr_expect_str_eq(figure_format(buf, cases[i].value, cases[i].unit), cases[i].text, "%zu: %s", i, buf);
        }
}

Test(ctl_figure, scale) {
        double divisor;

        cr_expect_str_eq(figure_scale(3 * MIB, FIGURE_BYTES, &divisor), "MiB");
        cr_expect_eq(divisor, MIB);
        cr_expect_str_eq(figure_scale(1023, FIGURE_BYTES, &divisor), "bytes");
        cr_expect_eq(divisor, 1);
        cr_expect_str_eq(figure_scale(1e30, FIGURE_BYTES, &divisor), "TiB");
        cr_expect_str_eq(figure_scale(9999, FIGURE_MSEC, &divisor), "ms");
        cr_expect_str_eq(figure_scale(10000, FIGURE_MSEC, &divisor), "s");
        cr_expect_eq(divisor, 1000);
        cr_expect_str_eq(figure_scale(50, FIGURE_PERCENT, &divisor), "%");
        cr_expect_str_eq(figure_scale(50, FIGURE_PLAIN, &divisor), "");
}

Test(ctl_figure, condition) {
        static const struct {
                const char *text, *metric, *operator;
                double value;
        } cases[] = {
                { "memory > 200M", "service.memory", ">", 200 * MIB },
                { "memory>200M", "service.memory", ">", 200 * MIB },
                { "  service.responseTime  >=  5s  ", "service.responseTime", ">=", 5000 },
                { "journal.errors == 0", "journal.errors", "==", 0 },
                { "service.health<1", "service.health", "<", 1 },
                { "budget.percent != 80%", "budget.percent", "!=", 80 },
                { "memory => 1", "service.memory", "=>", 1 }, /* metricsd's to refuse */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *metric = NULL, *operator = NULL;
                const char *problem;
                double value;

                cr_assert_eq(figure_parse_condition(cases[i].text, &metric, &operator, &value, &problem), 0, "%s",
                             cases[i].text);
                cr_expect_str_eq(metric, cases[i].metric);
                cr_expect_str_eq(operator, cases[i].operator);
                cr_expect_eq(value, cases[i].value);
        }
}

Test(ctl_figure, no_condition) {
        static const struct {
                const char *text, *problem;
        } cases[] = {
                { "", "one of > < >= <= == !=" },         { "> 5", "a metric such as memory" },
                { "my memory > 5", "a metric such as memory" }, { "memory", "one of > < >= <= == !=" },
                { "memory >", "a number" },               { "memory > lots", "a number" },
                { "memory > 5 6", "a number" },           { "memory > 5s", "a number" },
                { "memory > 5 > 6", "a number" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *metric = NULL, *operator = NULL;
                const char *problem = NULL;
                double value = -77;

                cr_expect_eq(figure_parse_condition(cases[i].text, &metric, &operator, &value, &problem), -EINVAL, "%s",
                             cases[i].text);
                cr_expect_str_eq(problem, cases[i].problem, "%s: %s", cases[i].text, problem);
                cr_expect(!metric && !operator);
        }
}
