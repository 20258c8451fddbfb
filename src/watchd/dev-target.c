/* SPDX-License-Identifier: MIT */
#include "watchd/dev-target.h"

#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"

#define UNIT "tooloo-dev.target"
#define FIELD(f) offsetof(DevTarget, f)

struct DevTarget {
        sd_bus_slot *match;
        BusBatch batch;
        char *path;
        char *state;
        uint32_t job; /* its id, 0 for none */
        bool asking, again, known, active;
        dev_target_changed_t changed;
        void *userdata;
};

static const BusProperty properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", FIELD(state) },
        { SYSTEMD_UNIT, "Job", "(uo)", FIELD(job) },
};

static int ask(DevTarget *d);

/* While what it wants starts, this program for one, the target itself only has a job. */
static bool is_active(const DevTarget *d) {
        const char *state = strna(d->state);

        return streq(state, "active") || streq(state, "activating") || (streq(state, "inactive") && d->job > 0);
}

static void on_answers(BusBatch *batch, int error, void *userdata) {
        DevTarget *d = userdata;
        bool active = error >= 0 && is_active(d), news = !d->known || active != d->active;

        bus_batch_done(batch);
        d->asking = false;
        if (d->again) {
                if (ask(d) < 0)
                        log_warning("cannot ask for the state of " UNIT);
                return;
        }
        d->known = true;
        d->active = active;
        if (news)
                d->changed(active, d->userdata);
}

static int ask(DevTarget *d) {
        int r;

        d->again = d->asking;
        if (d->asking)
                return 0;
        d->batch.error = 0;
        d->batch.finished = on_answers;
        d->batch.userdata = d;
        r = bus_batch_unit_properties(&d->batch, d->path, properties, ELEMENTSOF(properties), d);
        if (r < 0)
                bus_batch_done(&d->batch);
        d->asking = r >= 0;
        return r;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        int r = ask(userdata);

        return r < 0 ? log_errno(r, "cannot ask for the state of " UNIT) : 0;
}

int dev_target_new(sd_bus *bus, dev_target_changed_t changed, void *userdata, DevTarget **ret) {
        _cleanup_(dev_target_freep) DevTarget *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->batch = (BusBatch) BUS_BATCH_INIT(bus);
        d->changed = changed;
        d->userdata = userdata;
        d->path = bus_unit_path(UNIT);
        if (!d->path)
                return -ENOMEM;
        r = sd_bus_match_signal_async(bus, &d->match, SYSTEMD_NAME, d->path, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged", on_signal, NULL, d);
        if (r >= 0)
                r = ask(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

void dev_target_free(DevTarget *d) {
        sd_bus_slot_unref(d->match);
        bus_batch_done(&d->batch);
        free(d->path);
        free(d->state);
        free(d);
}
