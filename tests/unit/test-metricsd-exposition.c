/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../../metricsd/exposition.h"

static const MetricFamily up = { "x_up", FAMILY_GAUGE, NULL, "Whether it is up." };
static const MetricFamily time_spent = { "x_time_seconds", FAMILY_COUNTER, "seconds", "Time spent." };
static const MetricFamily delay = { "x_delay_seconds", FAMILY_HISTOGRAM, "seconds", "How long it took." };
static const MetricFamily build = { "x_build", FAMILY_INFO, NULL, "What it was built as." };

static const HistogramBound bounds[] = { { 0.5, "0.5" }, { 1, "1.0" } };

static void write_all_kinds(Exposition *e) {
        exposition_family(e, &up);
        exposition_series(e, LABELS({ "name", "a" }), 1);
        exposition_series(e, LABELS({ "name", "b" }), NAN);
        exposition_series(e, LABELS({ "name", "c" }), 0);
        exposition_family(e, &(MetricFamily) { "x_nothing", FAMILY_GAUGE, NULL, "Nothing." });
        exposition_family(e, &time_spent);
        exposition_series(e, NO_LABELS, 12.25);
        exposition_family(e, &delay);
        exposition_histogram(e, LABELS({ "name", "a" }, { "more", "b" }),
                             &(Histogram) { bounds, 2, (const uint64_t[]) { 3, 0, 2 }, 7.5 });
        exposition_family(e, &build);
        exposition_series(e, LABELS({ "version", "1" }), 1);
}

/* What is written in that format; good until the next call. */
static const char *text_of(ExpositionFormat format, void (*write)(Exposition *e)) {
        static char *kept;
        Exposition *e;
        const char *text;
        size_t size;

        cr_assert_eq(exposition_new(format, &e), 0);
        write(e);
        cr_assert_eq(exposition_end(e, &text, &size), 0);
        free(kept);
        kept = strndup(text, size);
        exposition_free(e);
        cr_assert_not_null(kept);
        return kept;
}

Test(exposition, openmetrics) {
        cr_expect_str_eq(text_of(EXPOSITION_OPENMETRICS, write_all_kinds),
                         "# HELP x_up Whether it is up.\n"
                         "# TYPE x_up gauge\n"
                         "x_up{name=\"a\"} 1\n"
                         "x_up{name=\"c\"} 0\n"
                         "# HELP x_time_seconds Time spent.\n"
                         "# TYPE x_time_seconds counter\n"
                         "# UNIT x_time_seconds seconds\n"
                         "x_time_seconds_total 12.25\n"
                         "# HELP x_delay_seconds How long it took.\n"
                         "# TYPE x_delay_seconds histogram\n"
                         "# UNIT x_delay_seconds seconds\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"0.5\"} 3\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"1.0\"} 3\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"+Inf\"} 5\n"
                         "x_delay_seconds_sum{name=\"a\",more=\"b\"} 7.5\n"
                         "x_delay_seconds_count{name=\"a\",more=\"b\"} 5\n"
                         "# HELP x_build What it was built as.\n"
                         "# TYPE x_build info\n"
                         "x_build_info{version=\"1\"} 1\n"
                         "# EOF\n");
}

Test(exposition, classic) {
        cr_expect_str_eq(text_of(EXPOSITION_CLASSIC, write_all_kinds),
                         "# HELP x_up Whether it is up.\n"
                         "# TYPE x_up gauge\n"
                         "x_up{name=\"a\"} 1\n"
                         "x_up{name=\"c\"} 0\n"
                         "# HELP x_time_seconds_total Time spent.\n"
                         "# TYPE x_time_seconds_total counter\n"
                         "x_time_seconds_total 12.25\n"
                         "# HELP x_delay_seconds How long it took.\n"
                         "# TYPE x_delay_seconds histogram\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"0.5\"} 3\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"1.0\"} 3\n"
                         "x_delay_seconds_bucket{name=\"a\",more=\"b\",le=\"+Inf\"} 5\n"
                         "x_delay_seconds_sum{name=\"a\",more=\"b\"} 7.5\n"
                         "x_delay_seconds_count{name=\"a\",more=\"b\"} 5\n"
                         "# HELP x_build_info What it was built as.\n"
                         "# TYPE x_build_info gauge\n"
                         "x_build_info{version=\"1\"} 1\n");
}

static void write_nothing(Exposition *e) {
}

Test(exposition, nothing_at_all) {
        cr_expect_str_eq(text_of(EXPOSITION_CLASSIC, write_nothing), "");
        cr_expect_str_eq(text_of(EXPOSITION_OPENMETRICS, write_nothing), "# EOF\n");
}

static void write_odd_text(Exposition *e) {
        exposition_family(e, &(MetricFamily) { "x", FAMILY_GAUGE, NULL, "A \"word\", a \\ and a\nline." });
        exposition_series(e, LABELS({ "a", "\"\\\n\\n" }, { "b", "" }, { "c", "\xc3\xa4 {},= " }), 1);
}

Test(exposition, escapes) {
        const char *series = "x{a=\"\\\"\\\\\\n\\\\n\",b=\"\",c=\"\xc3\xa4 {},= \"} 1\n";
        const char *text = text_of(EXPOSITION_OPENMETRICS, write_odd_text);

        cr_expect_not_null(strstr(text, "# HELP x A \\\"word\\\", a \\\\ and a\\nline.\n"));
        cr_expect_not_null(strstr(text, series));
        text = text_of(EXPOSITION_CLASSIC, write_odd_text);
        cr_expect_not_null(strstr(text, "# HELP x A \"word\", a \\\\ and a\\nline.\n"));
        cr_expect_not_null(strstr(text, series));
}

static void write_numbers(Exposition *e) {
        static const double values[] = { 0, -1, 0.1, 9007199254740992.0, 1e300, INFINITY, -INFINITY, 1234567.891, 1e-7 };
        char label[2] = "a";

        exposition_family(e, &up);
        for (size_t i = 0; i < ELEMENTSOF(values); i++, label[0]++)
                exposition_series(e, LABELS({ "n", label }), values[i]);
}

Test(exposition, numbers) {
        const char *text = strstr(text_of(EXPOSITION_CLASSIC, write_numbers), "x_up{");

        cr_expect_str_eq(text, "x_up{n=\"a\"} 0\nx_up{n=\"b\"} -1\nx_up{n=\"c\"} 0.1\nx_up{n=\"d\"} 9007199254740992\n"
                               "x_up{n=\"e\"} 1e+300\nx_up{n=\"f\"} +Inf\nx_up{n=\"g\"} -Inf\n"
                               "x_up{n=\"h\"} 1234567.891\nx_up{n=\"i\"} 1e-07\n");
}

static void write_much(Exposition *e) {
        exposition_family(e, &up);
        for (unsigned i = 0; i < 10000; i++)
                exposition_series(e, LABELS({ "name", "some text that is longer than nothing" }), i);
}

Test(exposition, grows) {
        const char *text = text_of(EXPOSITION_CLASSIC, write_much);
        size_t n = 0;

        for (const char *p = text; (p = strchr(p, '\n')); p++)
                n++;
        cr_expect_eq(n, 10002);
        cr_expect_not_null(strstr(text, "} 9999\n"));
}

#define OPEN "application/openmetrics-text"

Test(exposition, negotiation) {
        static const struct {
                const char *accept;
                ExpositionFormat format;
        } cases[] = {
                { NULL, EXPOSITION_CLASSIC },
                { "", EXPOSITION_CLASSIC },
                { "*/*", EXPOSITION_CLASSIC }, /* curl */
                { "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", EXPOSITION_CLASSIC },
                /* Prometheus 2.42 and 3, and one that would rather have protobuf. */
                { OPEN ";version=1.0.0," OPEN ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                  EXPOSITION_OPENMETRICS },
                { OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPEN ";version=0.0.1;q=0.5,"
                  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                  EXPOSITION_OPENMETRICS },
                { "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9,"
                  "text/plain;version=0.0.4;q=0.5", EXPOSITION_CLASSIC },
                { OPEN, EXPOSITION_OPENMETRICS },
                { OPEN "; charset=utf-8", EXPOSITION_OPENMETRICS },
                { "APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\"", EXPOSITION_OPENMETRICS },
                { OPEN ";version=0.0.1", EXPOSITION_CLASSIC },
                { OPEN ";version=2.0.0, text/plain;q=0.1", EXPOSITION_CLASSIC },
                { OPEN ";q=0", EXPOSITION_CLASSIC },
                { OPEN ";q=0.000, */*;q=0", EXPOSITION_CLASSIC },
                { OPEN ";q=0.5, text/plain;q=0.501", EXPOSITION_CLASSIC },
                { OPEN ";q=0.5, text/plain;q=0.5", EXPOSITION_OPENMETRICS },
                { OPEN ";q=0.5, text/plain;q=0.4, */*;q=0.9", EXPOSITION_OPENMETRICS }, /* text/plain is closer */
                { OPEN ";q=0.5, text/*;q=0.6, */*;q=0.1", EXPOSITION_CLASSIC },
                { OPEN ";q=0.5, text/plain;version=0.0.3;q=1, text/plain;q=0.2", EXPOSITION_OPENMETRICS },
                { OPEN ";q=0.2, " OPEN ";version=1.0.0;q=0.9, text/plain;q=0.5", EXPOSITION_OPENMETRICS },
                { "application/*", EXPOSITION_CLASSIC },
                { "application/json", EXPOSITION_CLASSIC },
                /* What is none is passed over. */
                { ",,; ;," OPEN, EXPOSITION_OPENMETRICS },
                { OPEN ";q=2", EXPOSITION_CLASSIC },
                { OPEN ";q=", EXPOSITION_CLASSIC },
                { OPEN ";q=0.x", EXPOSITION_CLASSIC },
                { OPEN ";q", EXPOSITION_CLASSIC },
                { OPEN " text/plain", EXPOSITION_CLASSIC },
                { "application/, " OPEN ";q=0.1", EXPOSITION_OPENMETRICS },
                { "a/b;c=\"d, " OPEN "\"", EXPOSITION_CLASSIC },
                { "a/b;c=\"d\\\", \", " OPEN, EXPOSITION_OPENMETRICS },
                { "a/b;c=\"", EXPOSITION_CLASSIC },
                { "a/b;c=\"\\", EXPOSITION_CLASSIC },
                { OPEN ";q=1.00000000000000000001", EXPOSITION_OPENMETRICS },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                cr_expect_eq(exposition_negotiate(cases[i].accept), cases[i].format, "%s", cases[i].accept);
}
