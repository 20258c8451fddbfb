/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include "await.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "check.h"
#include "manager.h"
#include "own-files.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

static void edit_done(Edit *e) {
        own_files_done(&e->files);
}

static bool runs(const Service *s) {
        return !streq(strna(s->active_state), "inactive") || (s->socket_state && !streq(s->socket_state, "inactive"));
}

/* A socket that runs cannot be given another address. */
static int restart(Edit *e, bool socket_changed) {
        const char *const units[] = { e->becomes_socket || e->service->socket ? e->files.socket_unit : NULL, e->service->unit };
        int status;

        status = ctl_reset(e->ctl, true);
        if (status != CTL_OK)
                return status;
        if (!socket_changed)
                return manager_run(e->ctl, UNIT_RESTART, units + 1, 1);
        status = ctl_stop_selected(e->ctl);
        return status != CTL_OK ? status : manager_run(e->ctl, UNIT_START, units, ELEMENTSOF(units));
}

static int not_healthy(Edit *e, const Await *what, const char *problem) {
        log_error("%s was changed and %s: %s. Mend it, or change it back with 'toolooctl edit %s'", what->id,
                  e->files.own ? "is not healthy" : "is not healthy with it", problem, what->id);
        await_print_journal(e->ctl, what);
        return CTL_FAILED;
}

static int wait_until_healthy(Edit *e, uint64_t since, uint64_t timeout) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        _cleanup_(freep) char *problem = NULL;
        const char *health = NULL;
        AwaitResult result;
        const Service *s;
        Await what;

        if (registry_load(e->ctl->bus, &registry) < 0)
                return CTL_FAILED;
        s = registry_find(registry, e->service->id);
        if (!s) {
                log_error("%s is no service of the fleet any more; see %s", e->service->id, e->files.unit.path);
                return CTL_FAILED;
        }
        what = (Await) { .id = s->id, .unit = s->unit, .port = s->port, .since = since, .timeout = timeout,
                         .health = s->settings.health_path ? s->settings.health_path : "/health" };
        if (await_healthy(e->ctl, &what, &result, &health, &problem) < 0)
                return CTL_FAILED;
        if (result != AWAIT_HEALTHY)
                return not_healthy(e, &what, problem);
        ctl_say(e->ctl, "%s is healthy at http://127.0.0.1:%u/", s->id, s->port);
        return CTL_OK;
}

static int apply(Edit *e, uint64_t timeout) {
        int unit_changed = own_file_changed(&e->files.unit), socket_changed = own_file_changed(&e->files.socket);
        char *units[] = { e->files.socket_unit, NULL };
        uint64_t since = now_realtime_usec();
        int status;

        if (unit_changed < 0 || socket_changed < 0)
                return edit_no_memory();
        if (!unit_changed && !socket_changed) {
                ctl_say(e->ctl, "%s is that way already.", e->service->id);
                return CTL_OK;
        }
        status = own_files_write(&e->files);
        if (status == CTL_OK && e->becomes_socket && manager_enable(e->ctl->bus, units) < 0)
                status = CTL_FAILED;
        if (status == CTL_OK && bus_reload_unit_files(e->ctl->bus) < 0)
                status = CTL_FAILED;
        if (status != CTL_OK)
                return status;
        if (!runs(e->service)) {
                ctl_say(e->ctl, "%s is changed and stays stopped; 'toolooctl start %s' starts it.", e->service->id,
                        e->service->id);
                return CTL_OK;
        }
        status = e->restarts || socket_changed ? restart(e, socket_changed) : CTL_OK;
        return status != CTL_OK ? status : wait_until_healthy(e, since, timeout);
}

static bool has_setting(const Ctl *ctl) {
        for (size_t i = 0; i < ctl->n_options; i++) {
                int id = ctl->options[i].id;

                if (id != OPTION_DRY_RUN && id != OPTION_TIMEOUT && id != OPTION_QUIET)
                        return true;
        }
        return false;
}

int services_edit(Ctl *ctl) {
        _cleanup_(edit_done) Edit e = { .ctl = ctl, .command = ctl->names[1] ? ctl->names + 1 : NULL };
        char *name[] = { ctl->names[0], NULL };
        uint64_t timeout;
        int status;

        if (!e.command && !has_setting(ctl))
                return verb_usage(ctl, "nothing to change was named");
        status = services_timeout(ctl, &timeout);
        if (status != CTL_OK)
                return status;
        ctl->names = name;
        status = ctl_select(ctl, CTL_UNKNOWN);
        ctl->names = NULL;
        if (status != CTL_OK)
                return status;
        e.service = ctl->selected[0];
        e.port = e.service->port;
        e.becomes_socket = ctl->given[OPTION_SOCKET] && !e.service->socket;
        status = own_files_open(ctl, e.service, &e.files);
        if (status == CTL_OK)
                status = edit_settings(&e);
        if (status == CTL_OK)
                status = ctl->given[OPTION_DRY_RUN] ? own_files_print(&e.files) : apply(&e, timeout);
        return status;
}
