/* SPDX-License-Identifier: MIT */
#include "shared/instances.h"

#include <limits.h>


void instance_states_done(InstanceStates *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].unit);
                free(l->items[i].id);
                free(l->items[i].name);
                free(l->items[i].active_state);
                free(l->items[i].sub_state);
        }
        free(l->items);
        *l = (InstanceStates) {};
}

static int add(InstanceStates *l, const char *unit, const char *active, const char *sub) {
        const char *id = startswith(unit, "tooloo-"), *at = id ? strchr(id, '@') : NULL;
        InstanceState *grown, *i;

        if (!at || !endswith(at, ".service"))
                return 0;
        grown = reallocarray(l->items, l->n + 1, sizeof(InstanceState));
        if (!grown)
                return -ENOMEM;
        l->items = grown;
        i = grown + l->n++;
        *i = (InstanceState) {
                .unit = strdup(unit),
                .id = strndup(id, (size_t) (at - id)),
                .name = strndup(at + 1, strlen(at + 1) - strlen(".service")),
                .active_state = strdup(active),
                .sub_state = strdup(sub),
        };
        return i->unit && i->id && i->name && i->active_state && i->sub_state ? 0 : -ENOMEM;
}

static int by_unit(const void *a, const void *b) {
        const InstanceState *x = a, *y = b;
        unsigned m = instance_number(x), n = instance_number(y);

        return !streq(x->id, y->id) ? strcmp(x->id, y->id) : m != n ? (m < n ? -1 : 1) : strcmp(x->name, y->name);
}

static int on_list(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *unit, *active, *sub;
        InstanceStates *l = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return -sd_bus_message_get_errno(m);
        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ssssssouso)", &unit, NULL, NULL, &active, &sub, NULL, NULL, NULL,
                                                  NULL, NULL)) > 0)
                r = add(l, unit, active, sub);
        if (l->n > 1)
                qsort(l->items, l->n, sizeof(InstanceState), by_unit);
        return r;
}

int instance_states_ask(BusBatch *batch, InstanceStates *l) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(batch->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                           "ListUnitsByPatterns");
        if (r >= 0)
                r = sd_bus_message_append(m, "asas", 0, 1, "tooloo-*@*.service");
        return r < 0 ? r : bus_batch_call(batch, m, 0, on_list, l);
}

int instance_states_query(sd_bus *bus, InstanceStates *ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(instance_states_done) InstanceStates l = {};
        int r;

        r = instance_states_ask(&batch, &l);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                return r;
        *ret = l;
        l = (InstanceStates) {};
        return 0;
}

unsigned instance_count(const InstanceStates *l, const char *id) {
        unsigned n = 0;

        for (const InstanceState *i = l->items; i < l->items + l->n; i++)
                n += streq(i->id, id) && !streq(i->name, INSTANCE_TRIAL_NAME) && streq(i->active_state, "active");
        return n;
}

const InstanceState *instance_find(const InstanceStates *l, const char *id, const char *name) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].id, id) && streq(l->items[i].name, name))
                        return l->items + i;
        return NULL;
}

unsigned instance_number(const InstanceState *i) {
        unsigned long n;

        return parse_uint(i->name, 2, UINT_MAX, &n) < 0 ? 0 : (unsigned) n;
}
