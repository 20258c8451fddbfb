/* SPDX-License-Identifier: MIT */
#include "columns.h"
#include "ctl.h"
#include "pager.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* One call for all of them: what a unit file itself says of "enabled" takes systemd longer than all the rest. */
static int ask_members(sd_bus *bus, char ***ret) {
        static const BusProperty wants = { SYSTEMD_UNIT, "Wants", "as", 0 };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(freep) char *path = bus_unit_path(FLEET_TARGET);
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, &wants, 1, ret);
        return r < 0 ? r : bus_batch_wait(&batch);
}

static int print(const Ctl *ctl, char *const *members) {
        _cleanup_(freep) ListedService *list = calloc(ctl->n_selected + 1, sizeof(ListedService));
        _cleanup_(freep) const void **rows = calloc(ctl->n_selected + 1, sizeof(void *));
        _cleanup_(json_putp) json_object *root = NULL, *services = NULL;
        int r;

        if (!list || !rows)
                return -ENOMEM;
        for (size_t i = 0; i < ctl->n_selected; i++) {
                const Service *s = ctl->selected[i];

                list[i].service = s;
                list[i].enabled = !service_is_masked(s) && strv_contains(members, s->unit);
                rows[i] = list + i;
        }
        if (!ctl->json)
                return ctl->quiet ? 0 : table_print(list_columns, n_list_columns, rows, ctl->n_selected, 0, NULL);
        root = json_object_new_object();
        r = root ? table_to_json(list_columns, n_list_columns, rows, ctl->n_selected, &services) : -ENOMEM;
        if (r >= 0)
                r = json_set(root, "services", TAKE_PTR(services));
        return r < 0 ? r : json_print(root);
}

int verb_list(Ctl *ctl) {
        _cleanup_(strv_freep) char **members = NULL;
        int status, r;

        ctl->brief = !ctl->json;
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_FAILED || (ctl->n_selected == 0 && !ctl->json))
                return status;
        r = ask_members(ctl->bus, &members);
        if (r >= 0) {
                pager_open(ctl);
                r = print(ctl, members);
        }
        if (r < 0) {
                (void) log_errno(r, "cannot list the services");
                return CTL_FAILED;
        }
        return status;
}
