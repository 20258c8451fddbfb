/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json_tokener.h>
#include <locale.h>

#include "../../ctl/text.h"
#include "../../ctl/top/rows.h"
#include "basic/string-util.h"

#define NOW (UINT64_C(1781517600) * USEC_PER_SEC)

/* As rows_take_fleet() would have it of systemd. */
static Row *add(Rows *rows, const char *id, FleetCondition condition, uint64_t age_sec) {
        Row *row = calloc(1, sizeof(Row));

        rows->list = reallocarray(rows->list, rows->n + 1, sizeof(Row *));
        cr_assert(row && rows->list);
        *row = (Row) {
                .id = strdup(id),
                .name = str_printf("The %s", id),
                .state = strdup(condition == FLEET_RUNNING ? "running" : fleet_condition_to_string(condition)),
                .counts = true,
                .place = rows->n,
                .condition = condition,
                .response = -1,
                .cpu = -1,
                .memory = UINT64_MAX,
                .since = NOW - age_sec * USEC_PER_SEC,
        };
        rows->list[rows->n++] = row;
        return row;
}

static void update(Rows *rows, const char *services) {
        _cleanup_(freep) char *text = str_printf("{\"type\": \"metrics-update\", \"data\": {\"services\": %s, "
                                                 "\"alerts\": [{}]}}", services);
        json_object *message = json_tokener_parse(text);

        cr_assert_eq(rows_take_update(rows, message), 0);
        json_object_put(message);
}

static Rows some(void) {
        Rows rows = {};

        (void) add(&rows, "web", FLEET_RUNNING, 50);
        (void) add(&rows, "cup", FLEET_FAILED, 10);
        (void) add(&rows, "meta", FLEET_RUNNING, 90);
        (void) add(&rows, "coach", FLEET_STOPPED, 20);
        (void) add(&rows, "budget", FLEET_RUNNING, 70);
        update(&rows, "[{\"id\": \"web\", \"status\": \"healthy\", \"responseTime\": 1.25, \"memory\": 2048, \"cpu\": 3, "
                      "\"restarts\": 2, \"generation\": 4},"
                      "{\"id\": \"meta\", \"status\": \"degraded\", \"responseTime\": 800, \"memory\": 4096, \"cpu\": 0.5},"
                      "{\"id\": \"cup\", \"status\": \"offline\", \"responseTime\": null, \"memory\": null, \"restarts\": 7},"
                      "{\"id\": \"unheard-of\", \"status\": \"healthy\"}, {}, 7, null]");
        return rows;
}

static void order_is(Rows *rows, const char *filter, SortKey key, bool reverse, const char *wanted) {
        _cleanup_(freep) char *text = strdup("");

        cr_assert_eq(rows_sort(rows, filter, key, reverse, NOW), 0);
        for (size_t i = 0; i < rows->n_shown; i++)
                cr_assert(str_replace_printf(&text, "%s%s%s", text, i ? " " : "", rows->shown[i]->id) >= 0);
        cr_expect_str_eq(text, wanted, "'%s' by %s: %s", filter, sort_key_to_string(key), text);
}

Test(top_rows, order) {
        _cleanup_(rows_done) Rows rows = some();

        order_is(&rows, "", SORT_PORT, false, "web cup meta coach budget");
        order_is(&rows, "", SORT_PORT, true, "budget coach meta cup web");
        order_is(&rows, "", SORT_ID, false, "budget coach cup meta web");
        order_is(&rows, "", SORT_STATE, false, "cup meta budget coach web"); /* failed, degraded, unknown, stopped, healthy */
        order_is(&rows, "", SORT_RESPONSE, false, "meta web cup coach budget");
        order_is(&rows, "", SORT_RESTARTS, false, "cup web meta coach budget");
        order_is(&rows, "", SORT_MEMORY, false, "meta web cup coach budget");
        order_is(&rows, "", SORT_CPU, false, "web meta cup coach budget");
        order_is(&rows, "", SORT_AGE, false, "cup coach web budget meta");
}

Test(top_rows, filter) {
        _cleanup_(rows_done) Rows rows = some();

        order_is(&rows, "e", SORT_ID, false, "budget coach cup meta web"); /* in every name */
        order_is(&rows, "me", SORT_ID, false, "meta");
        order_is(&rows, "tHe WEB", SORT_ID, false, "web");
        order_is(&rows, "stopped", SORT_ID, false, "coach");
        order_is(&rows, "healthy", SORT_ID, false, "web");
        order_is(&rows, "[", SORT_ID, false, ""); /* text, no pattern */
}

Test(top_rows, keys) {
        for (int i = 0; i < _SORT_MAX; i++)
                cr_expect_eq(sort_key_from_string(sort_key_to_string((SortKey) i)), i);
        cr_expect_eq(sort_key_from_string("size"), -1);
        cr_expect_eq(sort_key_from_string(""), -1);
}

Test(top_rows, verdict) {
        _cleanup_(rows_done) Rows rows = some();
        _cleanup_(freep) char *mixed = rows_verdict(&rows), *unknown = NULL, *well = NULL;
        Rows one = {};

        cr_expect_str_eq(mixed, "1/5 healthy, 1 failed, 1 degraded, 1 of unknown health, 1 stopped, 1 alert");
        cr_expect(!rows_all_well(&rows));
        rows_forget_health(&rows);
        unknown = rows_verdict(&rows);
        cr_expect_str_eq(unknown, "0/5 healthy, 1 failed, 3 of unknown health, 1 stopped, 1 alert");
        cr_expect_float_eq(rows.list[0]->response, 1.25, 0.001, "figures stay");

        add(&one, "web", FLEET_RUNNING, 5)->health = strdup("healthy");
        add(&one, "metricsd", FLEET_FAILED, 5)->counts = false;
        well = rows_verdict(&one);
        cr_expect_str_eq(well, "1/1 healthy", "the control plane is none of the fleet");
        cr_expect(!rows_all_well(&one), "but all is not well without it");
        rows_done(&one);
}

/* A service can say what it likes. */
Test(top_rows, what_is_said_does_not_steer_the_terminal) {
        _cleanup_(rows_done) Rows rows = {};
        Row *row = add(&rows, "web", FLEET_RUNNING, 5);

        update(&rows, "[{\"id\": \"web\", \"status\": \"offline\", \"error\": \"\\u001b[2J\\u009b1m\\nboom\"}]");
        cr_expect_str_eq(row->problem, " [2J 1m boom");
        update(&rows, "[{\"id\": \"web\", \"status\": \"healthy\"}]");
        cr_expect_null(row->problem);
}

Test(top_rows, figures_beyond_reason) {
        _cleanup_(rows_done) Rows rows = {};
        Row *row = add(&rows, "web", FLEET_RUNNING, 5);

        update(&rows, "[{\"id\": \"web\", \"responseTime\": -1, \"memory\": 1e300, \"cpu\": \"much\", \"restarts\": -3}]");
        cr_expect(row->response < 0 && row->cpu < 0 && row->memory == UINT64_MAX && row->restarts == 0 && !row->health);
}

Test(top_rows, messages_of_another_kind) {
        static const char *const texts[] = { "{}", "[]", "7", "null", "{\"type\": \"metrics-update\"}",
                                             "{\"type\": \"other\", \"data\": {\"services\": []}}",
                                             "{\"type\": \"metrics-update\", \"data\": {\"services\": {}}}" };
        _cleanup_(rows_done) Rows rows = some();

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                json_object *message = json_tokener_parse(texts[i]);

                cr_expect_eq(rows_take_update(&rows, message), -EBADMSG, "%s", texts[i]);
                json_object_put(message);
        }
        cr_expect_str_eq(rows.list[0]->health, "healthy");
        cr_expect_eq(rows.alerts, 1);
}

/* The widest line at a width, and what of the headings is there. */
static void laid_out(Rows *rows, size_t width, const char *there, const char *gone) {
        _cleanup_(freep) char *text = NULL;
        size_t heading;

        cr_assert_eq(rows_sort(rows, "", SORT_PORT, false, NOW), 0);
        cr_assert(table_to_string(top_columns, n_top_columns, (const void *const *) rows->shown, rows->n_shown, width + 1,
                                  &text) >= 0);
        heading = strcspn(text, "\n");
        for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0')) {
                _cleanup_(freep) char *one = strndup(line, strcspn(line, "\n"));

                cr_expect_leq(text_width(one), width + 1, "%zu: '%s'", width, one);
        }
        text[heading] = '\0';
        cr_expect(strstr(text, there), "%zu: %s", width, text);
        cr_expect(!gone || !strstr(text, gone), "%zu: %s", width, text);
}

Test(top_rows, layout) {
        _cleanup_(rows_done) Rows rows = some();

        cr_assert(setlocale(LC_CTYPE, "C.UTF-8"));
        rows.list[1]->problem = str_printf("%0200d", 7);
        laid_out(&rows, 200, "PROBLEM", NULL);
        laid_out(&rows, 80, "SINCE", "PROBLEM");
        laid_out(&rows, 60, "MEMORY", "GEN");
        laid_out(&rows, 40, "HEALTH", "CPU");
        laid_out(&rows, 20, "SERVICE", "HEALTH");
}
