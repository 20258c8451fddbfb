/* SPDX-License-Identifier: MIT */
#include "columns.h"
#include "status-output.h"

static int make_services(const StatusReport *report, json_object **ret) {
        _cleanup_(freep) const void **rows = calloc(report->n + 1, sizeof(void *));

        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < report->n; i++)
                rows[i] = report->services + i;
        return table_to_json(status_columns, n_status_columns, rows, report->n, ret);
}

static int add_fleet(json_object *root, const StatusReport *report) {
        _cleanup_(json_putp) json_object *fleet = json_object_new_object();
        size_t active, total = status_count(report, &active);
        int r;

        if (!fleet)
                return -ENOMEM;
        r = json_set(fleet, "total", json_object_new_uint64(total));
        if (r >= 0)
                r = json_set(fleet, "active", json_object_new_uint64(active));
        return r < 0 ? r : json_set(root, "fleet", TAKE_PTR(fleet));
}

static int add_build(json_object *root, const BuildStatus *build) {
        _cleanup_(json_putp) json_object *b = json_object_new_object();
        int r;

        if (!b)
                return -ENOMEM;
        r = build->status ? json_set(b, "status", json_object_new_string(build->status)) :
            json_object_object_add(b, "status", NULL) < 0 ? -ENOMEM : 0;
        if (r >= 0)
                r = json_set(b, "failed", json_object_new_boolean(build_has_failed(build)));
        return r < 0 ? r : json_set(root, "build", TAKE_PTR(b));
}

int status_print_json(const StatusReport *report, const Registry *registry) {
        _cleanup_(json_putp) json_object *root = json_object_new_object(), *services = NULL;
        _cleanup_(freep) const char **troubles = status_troubles(report, registry);
        int r;

        if (!root || !troubles)
                return -ENOMEM;
        r = make_services(report, &services);
        if (r >= 0)
                r = json_set(root, "services", TAKE_PTR(services));
        if (r >= 0)
                r = add_fleet(root, report);
        if (r >= 0)
                r = json_set(root, "problems", json_strv((char *const *) troubles));
        if (r >= 0)
                r = add_build(root, &report->build);
        return r < 0 ? r : json_print(root);
}
