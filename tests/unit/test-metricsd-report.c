/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json.h>

#include "../../metricsd/report.h"
#include "../../metricsd/summary.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01T00:00:00.000Z */

enum { WEB, TRAINING, CUP, METRICSD, N };

static Service services[N] = {
        [WEB] = { .id = (char *) "web", .name = (char *) "Web Server", .category = (char *) "infrastructure", .port = 3000 },
        [TRAINING] = { .id = (char *) "training", .name = (char *) "<b>\"Training\"</b>", .category = (char *) "core" },
        [CUP] = { .id = (char *) "cup", .name = (char *) "Cup Server", .category = (char *) "extended", .port = 3005 },
        [METRICSD] = { .id = (char *) "metricsd", .name = (char *) "Metrics", .category = (char *) "control", .port = 3010 },
};
static FleetUnit units[N];
static Watched watched[N];
static const Watched *list[N];

static void set_up(void) {
        for (unsigned i = 0; i < N; i++) {
                units[i] = (FleetUnit) {
                        .service = services + i, .condition = FLEET_RUNNING, .load_state = (char *) "loaded",
                        .active_state = (char *) "active", .sub_state = (char *) "running",
                        .socket_state = (char *) "active", .result = (char *) "success", .failure = (char *) "",
                        .pid = 100 + i, .restarts = i,
                };
                watched[i] = (Watched) {
                        .unit = units + i, .self = i == METRICSD, .health = HEALTH_HEALTHY,
                        .response_ms = i == METRICSD ? -1.0 : 1.0 + i, .answered = i != METRICSD, .checked_at = NOW,
                        .generation = 2, .memory = 1 << 20, .memory_source = MEMORY_CGROUP, .cpu = 0.25,
                };
                list[i] = watched + i;
        }
}

TestSuite(report, .init = set_up);

/* The value at a path such as "stats.serviceHealth.total"; the test fails where there is none. A null is NULL. */
static json_object *at(json_object *json, const char *path) {
        _cleanup_(freep) char *copy = strdup(path);

        for (char *rest = copy, *key; (key = strsep(&rest, "."));)
                if (json_object_is_type(json, json_type_array)) {
                        json = json_object_array_get_idx(json, (size_t) atoi(key));
                        cr_assert_not_null(json, "%s", path);
                } else
                        cr_assert(json_object_object_get_ex(json, key, &json), "%s: no %s", path, key);
        return json;
}

static const char *text(json_object *json, const char *path) {
        return json_object_to_json_string_ext(at(json, path), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

#define expect(json, path, expected) cr_expect_str_eq(text(json, path), expected)

static json_object *dashboard(size_t n) {
        return report_dashboard(list, n, NOW, json_object_new_array());
}

Test(report, all_is_well) {
        _cleanup_(json_object_putp) json_object *json = dashboard(N);

        expect(json, "stats.timestamp", "\"2026-01-01T00:00:00.000Z\"");
        expect(json, "stats.serviceHealth", "{\"healthy\":3,\"degraded\":0,\"offline\":0,\"total\":3,\"healthPercentage\":100}");
        expect(json, "stats.performance", "{\"avgResponseTime\":2.000,\"minResponseTime\":1.000,\"maxResponseTime\":3.000}");
        expect(json, "stats.categories.core.total", "1");
        expect(json, "stats.categories.integration", "{\"healthy\":0,\"degraded\":0,\"offline\":0,\"total\":0,\"healthPercentage\":null}");
        expect(json, "status", "\"operational\"");
        expect(json, "alerts", "[]");
        cr_expect_eq(json_object_array_length(at(json, "services")), 3);
        cr_expect_eq(json_object_array_length(at(json, "control")), 1);
        expect(json, "control.0.id", "\"metricsd\"");
}

Test(report, a_service) {
        static const char *const fields[] = {
                "id", "name", "port", "status", "responseTime", "category", "lastChecked", "healthy", "unitState",
                "generation", "restarts", "memory", "cpu",
        };
        _cleanup_(json_object_putp) json_object *json = report_watched(watched + CUP);

        for (unsigned i = 0; i < ELEMENTSOF(fields); i++)
                cr_expect_not_null(at(json, fields[i]), "%s", fields[i]);
        expect(json, "id", "\"cup\"");
        expect(json, "port", "3005");
        expect(json, "status", "\"healthy\"");
        expect(json, "responseTime", "3.000");
        expect(json, "lastChecked", "\"2026-01-01T00:00:00.000Z\"");
        expect(json, "healthy", "true");
        expect(json, "unitState", "\"active\"");
        expect(json, "restarts", "2");
        expect(json, "memory", "1048576");
        expect(json, "memorySource", "\"cgroup\"");
        cr_expect_not(json_object_object_get_ex(json, "error", NULL));
}

Test(report, what_is_not_known_is_null) {
        _cleanup_(json_object_putp) json_object *json = NULL;

        watched[TRAINING] = (Watched) { .unit = units + TRAINING, .health = HEALTH_OFFLINE, .response_ms = -1,
                                        .memory = MEMORY_UNKNOWN, .cpu = -1, .problem = (char *) "failed (exit-code)" };
        units[TRAINING].pid = 0;
        json = report_watched(watched + TRAINING);
        expect(json, "name", "\"<b>\\\"Training\\\"</b>\"");
        expect(json, "port", "null");
        expect(json, "responseTime", "null");
        expect(json, "lastChecked", "null");
        expect(json, "generation", "null");
        expect(json, "memory", "null");
        expect(json, "memorySource", "null");
        expect(json, "cpu", "null");
        expect(json, "pid", "null");
        expect(json, "healthy", "false");
        expect(json, "error", "\"failed (exit-code)\"");
}

Test(report, not_all_is_well) {
        _cleanup_(json_object_putp) json_object *json = NULL;

        watched[WEB].health = HEALTH_DEGRADED;
        watched[WEB].answered = false; /* its 1 ms is how long it took to fail */
        watched[CUP].health = HEALTH_UNKNOWN;
        json = dashboard(N);
        expect(json, "stats.serviceHealth", "{\"healthy\":1,\"degraded\":1,\"offline\":1,\"total\":3,\"healthPercentage\":33.3}");
        expect(json, "stats.performance.minResponseTime", "2.000");
        expect(json, "status", "\"degraded\"");
        expect(json, "services.2.status", "\"offline\"");
        expect(json, "services.2.error", "\"started, has not answered yet\"");
}

Test(report, no_services) {
        _cleanup_(json_object_putp) json_object *json = dashboard(0);

        expect(json, "stats.serviceHealth", "{\"healthy\":0,\"degraded\":0,\"offline\":0,\"total\":0,\"healthPercentage\":null}");
        expect(json, "stats.performance", "{\"avgResponseTime\":null,\"minResponseTime\":null,\"maxResponseTime\":null}");
        expect(json, "services", "[]");
        expect(json, "status", "\"degraded\"");
}

Test(report, an_update) {
        _cleanup_(json_object_putp) json_object *json = report_update(NOW, 5 * USEC_PER_SEC, dashboard(N));

        expect(json, "type", "\"metrics-update\"");
        expect(json, "timestamp", "\"2026-01-01T00:00:00.000Z\"");
        expect(json, "data.stats.serviceHealth.total", "3");
        cr_expect_eq(json_object_array_length(at(json, "data.services")), 3);
}

Test(report, the_control_plane_is_not_counted) {
        _cleanup_(json_object_putp) json_object *json = NULL;

        watched[METRICSD].health = HEALTH_OFFLINE;
        json = dashboard(N);
        expect(json, "stats.serviceHealth.healthPercentage", "100");
        expect(json, "status", "\"operational\"");
}

Test(summary, percentages_round_down) {
        cr_expect_lt(tally_permille(&(Tally) {}), 0);
        cr_expect_eq(tally_permille(&(Tally) { .healthy = 13, .total = 13 }), 1000);
        cr_expect_eq(tally_permille(&(Tally) { .healthy = 12, .total = 13 }), 923);
        cr_expect_eq(tally_permille(&(Tally) { .healthy = 1, .total = 3 }), 333);
        cr_expect_eq(tally_permille(&(Tally) { .healthy = 2, .total = 3 }), 666);
        cr_expect_eq(tally_permille(&(Tally) { .healthy = 9999, .total = 10000 }), 999, "not all is not 100 %%");
        cr_expect_eq(tally_permille(&(Tally) { .total = 3 }), 0);
}

Test(summary, no_times) {
        cr_expect_lt(summary_average(&(Summary) {}), 0);
}
