/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "shared/fleet-internal.h"
#include "shared/log.h"

/* systemd's list of units has state and job of service and socket in one answer. Asked for one by one, a service that is
 * being restarted can look stopped: its state from before the start, its job from after it. */

typedef int (*row_t)(void *userdata, const char *name, const char *load, const char *active, const char *sub,
                     uint32_t job);

static int read_list(sd_bus_message *message, row_t row, void *userdata) {
        const char *name, *load, *active, *sub;
        uint32_t job;
        int r;

        if (sd_bus_message_is_method_error(message, NULL))
                return -sd_bus_message_get_errno(message);
        r = sd_bus_message_enter_container(message, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(message, "(ssssssouso)", &name, NULL, &load, &active, &sub, NULL, NULL,
                                                  &job, NULL, NULL)) > 0)
                r = row(userdata, name, load, active, sub, job);
        return r;
}

static int take_row(Member *m, const Service *s, const char *name, const char *load, const char *active, const char *sub,
                    uint32_t job) {
        if (streq(s->unit, name)) {
                m->listed = true;
                return member_take_service(m, load, active, sub, job);
        }
        return s->socket && streq(s->socket, name) ? member_take_socket(m, active) : 0;
}

/* --- All of them ------------------------------------------------------------------------------------------------ */

static int take_row_of_any(void *userdata, const char *name, const char *load, const char *active, const char *sub,
                           uint32_t job) {
        Fleet *f = userdata;
        int r = 0;

        for (size_t i = 0; i < f->next_registry->n_services && r >= 0; i++)
                r = take_row(f->next_members[i], f->next_registry->services + i, name, load, active, sub, job);
        return r;
}

static int on_list(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Fleet *f = userdata;
        int r;

        for (size_t i = 0; i < f->next_registry->n_services; i++)
                f->next_members[i]->listed = false;
        r = read_list(message, take_row_of_any, f);
        for (size_t i = 0; i < f->next_registry->n_services && r >= 0; i++)
                if (!f->next_members[i]->listed) /* nothing needs it loaded, so it does not run */
                        r = member_take_service(f->next_members[i], f->next_registry->services[i].load_state, "inactive",
                                                "dead", 0);
        return r;
}

int fleet_ask_list(Fleet *f) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(f->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "ListUnitsByPatterns");
        if (r >= 0)
                r = sd_bus_message_append(m, "asas", 0, 2, "tooloo-*.service", "tooloo-*.socket");
        return r < 0 ? r : bus_batch_call(&f->batch, m, 0, on_list, f);
}

/* --- One of them ------------------------------------------------------------------------------------------------ */

static int take_row_of_one(void *userdata, const char *name, const char *load, const char *active, const char *sub,
                           uint32_t job) {
        Member *m = userdata;

        return take_row(m, m->unit.service, name, load, active, sub, job);
}

static int on_confirmed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Member *m = userdata;
        int r;

        m->confirming = sd_bus_slot_unref(m->confirming);
        r = read_list(message, take_row_of_one, m);
        if (r >= 0)
                r = member_show(m);
        if (r < 0) {
                (void) log_errno(r, "cannot ask systemd how %s is", m->unit.service->unit);
                fleet_want_load(m->fleet); /* else it would be shown as it was until its next signal */
        }
        return 0;
}

/* systemd reads what it has to say after it was asked, so an answer is newer than every signal that comes before it: one
 * question is enough however many signals come meanwhile. */
int member_confirm(Member *m) {
        const Service *s = m->unit.service;

        if (m->confirming)
                return 0;
        return sd_bus_call_method_async(m->fleet->bus, &m->confirming, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                        "ListUnitsByNames", on_confirmed, m, "as", s->socket ? 2 : 1, s->unit, s->socket);
}
