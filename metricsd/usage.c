/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "manager.h"
#include "shared/unit-usage.h"

/* Memory and CPU of each running service: asked for once an interval and when it has started. */

typedef struct Resources {
        Manager *manager;
        Account *account;
} Resources;

typedef struct Usage {
        Resources *resources;
        Watched *watched;
        char *path; /* of the unit's object */
        BusBatch batch;
        UnitUsage sample;    /* the one under way */
        char run[33];        /* the run that it and the figures below are of */
        uint64_t cpu, taken; /* the sample before: nsec of CPU, and the monotonic usec when it was so; taken 0 for none */
        CpuSource cpu_source;
} Usage;

/* Figures from two sources cannot be compared. */
static double cpu_percent(const Usage *u, const UnitUsage *sample, uint64_t now) {
        if (u->taken == 0 || now <= u->taken || sample->cpu_source != u->cpu_source || sample->cpu < u->cpu)
                return -1;
        return (double) (sample->cpu - u->cpu) * 100 / (double) ((now - u->taken) * NSEC_PER_USEC);
}

static void on_sample(BusBatch *batch, int error, void *userdata) {
        Usage *u = userdata;
        Watched *w = u->watched;
        bool first = w->memory == MEMORY_UNKNOWN;
        uint64_t now = now_usec();
        ACCOUNT_CHARGE(u->resources->account);

        if (error < 0)
                account_failed(u->resources->account, "systemd does not say what %s uses: %s", w->unit->service->id,
                               strerror(-error));
        else
                account_ok(u->resources->account);
        if (!w->running || !streq(u->run, w->unit->invocation_id)) /* it is about another run */
                return;
        unit_usage_settle(&u->sample, w->unit->pid);
        w->memory_source = u->sample.memory_source;
        w->memory = w->memory_source == MEMORY_NONE ? MEMORY_UNKNOWN : u->sample.memory;
        if (u->sample.cpu_source != CPU_NONE) {
                w->cpu = cpu_percent(u, &u->sample, now);
                w->cpu_time = u->cpu = u->sample.cpu;
                u->cpu_source = u->sample.cpu_source;
                u->taken = now;
        }
        if (first && w->memory != MEMORY_UNKNOWN)
                manager_watched_changed(u->resources->manager, w, WATCHED_NEWS);
}

static void sample(void *state, Watched *w) {
        Usage *u = w->usage;
        int r;

        if (!u || !w->running)
                return;
        bus_batch_done(&u->batch); /* a systemd that has not answered for an interval is asked anew */
        u->batch = (BusBatch) { .bus = u->resources->manager->bus, .finished = on_sample, .userdata = u };
        u->sample = (UnitUsage) UNIT_USAGE_INIT;
        r = bus_batch_unit_usage(&u->batch, u->path, &u->sample);
        if (r < 0)
                account_failed(u->resources->account, "systemd cannot be asked what %s uses: %s", w->unit->service->id,
                               strerror(-r));
}

static void removed(void *state, Watched *w) {
        Usage *u = TAKE_PTR(w->usage);

        if (!u)
                return;
        bus_batch_done(&u->batch);
        free(u->path);
        free(u);
}

static int usage_new(Resources *resources, Watched *w) {
        Usage *u = calloc(1, sizeof(Usage));

        if (!u)
                return -ENOMEM;
        *u = (Usage) {
                .resources = resources,
                .watched = w,
                .path = bus_unit_path(w->unit->service->unit),
                .batch = BUS_BATCH_INIT(resources->manager->bus),
        };
        w->usage = u;
        if (u->path)
                return 0;
        removed(resources, w);
        return -ENOMEM;
}

static void follow(void *state, Watched *w, unsigned changes) {
        Resources *resources = state;
        int r;

        if (!(changes & WATCHED_NEW_RUN))
                return;
        r = w->usage ? 0 : usage_new(resources, w);
        if (r < 0) {
                account_failed(resources->account, "cannot watch what %s uses: %s", w->unit->service->id, strerror(-r));
                return;
        }
        w->usage->taken = 0;
        (void) memcpy(w->usage->run, w->unit->invocation_id, sizeof(w->usage->run));
        sample(state, w);
}

static int init(Manager *manager, Account *account, void **ret_state) {
        Resources *resources = malloc(sizeof(Resources));

        if (!resources)
                return -ENOMEM;
        *resources = (Resources) { .manager = manager, .account = account };
        *ret_state = resources;
        return 0;
}

const Collector usage_collector = {
        .name = "resources",
        .init = init,
        .fini = free,
        .follow = follow,
        .removed = removed,
        .tick = sample,
};
