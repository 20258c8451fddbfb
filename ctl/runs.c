/* SPDX-License-Identifier: MIT */
#include "runs.h"

#include <stdbool.h>

#include "basic/string-util.h"
#include "shared/metrics-bus.h"
#include "shared/upgrade-hold.h"

static bool is_present(const char *id, const char *invocation) {
        _cleanup_(freep) char *unit = str_printf("tooloo-%s.service", id);
        char present[33] = "";

        if (unit)
                unit_invocation(unit, present);
        return *present && streq(present, invocation);
}

static int add(Runs *runs, const char *id, const Run *run) {
        Run *grown = reallocarray(runs->items, runs->n + 1, sizeof(Run));

        if (!grown)
                return -ENOMEM;
        runs->items = grown;
        grown[runs->n] = *run;
        grown[runs->n].id = strdup(id);
        return grown[runs->n++].id ? 0 : -ENOMEM;
}

static int on_runs(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *id, *invocation;
        Runs *runs = userdata;
        bool counted = true;
        Run run = {};
        uint32_t restarts;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "(ssuut)");
        while (r >= 0 &&
               (r = sd_bus_message_read(m, "(ssuut)", &id, &invocation, &run.pid, &restarts, &run.active_since)) > 0) {
                if (restarts > 0 || run.pid == 0 || !is_present(id, invocation))
                        continue;
                run.memory = UINT64_MAX;
                run.memory_source = unit_memory_read(&run.memory, run.pid, &counted);
                r = add(runs, id, &run);
        }
        return r == -ENOMEM ? r : 0; /* systemd knows what an answer that makes no sense does not say */
}

int runs_ask(Runs *runs, sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        runs->batch.bus = bus;
        r = sd_bus_message_new_method_call(bus, &m, METRICS_BUS_NAME, METRICS_BUS_PATH, METRICS_BUS_INTERFACE, "GetRuns");
        return r < 0 ? r : bus_batch_call(&runs->batch, m, METRICS_TIMEOUT_USEC, on_runs, runs);
}

int runs_wait(Runs *runs) {
        return runs->batch.bus ? bus_batch_wait(&runs->batch) : 0;
}

const Run *runs_find(const Runs *runs, const char *id) {
        for (size_t i = 0; i < runs->n; i++)
                if (streq(runs->items[i].id, id))
                        return runs->items + i;
        return NULL;
}

void runs_done(Runs *runs) {
        bus_batch_done(&runs->batch);
        for (size_t i = 0; i < runs->n; i++)
                free(runs->items[i].id);
        free(runs->items);
        *runs = (Runs) {};
}
