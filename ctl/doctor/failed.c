/* SPDX-License-Identifier: MIT */
#include "doctor.h"
#include "repair.h"
#include "shared/port-owner.h"
#include "shared/strv.h"

/* --- failed: what systemd has given up, or is about to ---------------------------------------------------------- */

static const char *name_of(const UnitFacts *u) {
        return u->service && streq(u->name, u->service->unit) ? u->service->id : u->name;
}

/* Result= keeps the word for the last crash when a start limit ends a row of them. */
static char *what_it_means(const UnitFacts *u) {
        if (endswith(u->name, ".socket"))
                return strdup("connections to it are refused");
        if (u->restarts > 0)
                return str_printf("systemd restarted it %u times in a row and gave up: it does not start again by itself",
                                  u->restarts);
        return strdup("systemd does not start it again by itself");
}

static int find_failed(Doctor *d, const UnitFacts *u) {
        _cleanup_(freep) char *reason = NULL, *port = NULL;
        int r;

        r = unit_failure_reason(d->bus, u->name, &reason, NULL);
        if (r < 0)
                return r;
        /* A socket says only that it could not be made. */
        port = u->service && endswith(u->name, ".socket") ? port_owner_describe(u->service->port) : NULL;
        return doctor_find(d, LEVEL_ERROR | FIXABLE, u->name,
                           str_printf("%s has failed: %s", name_of(u), port ? port : reason),
                           what_it_means(u),
                           u->service ? str_printf("toolooctl start %s; 'toolooctl why %s' says more", u->service->id,
                                                   u->service->id)
                                      : str_printf("systemctl --user restart %s; its journal says more", u->name));
}

static int find_crashing(Doctor *d, const UnitFacts *u) {
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = unit_failure_reason(d->bus, u->name, &reason, NULL);
        if (r < 0)
                return r;
        return doctor_find(d, LEVEL_WARNING, u->name, str_printf("%s crashes again and again: %s", name_of(u), reason),
                           strdup("systemd gives up after five crashes in 30 seconds"),
                           u->service ? str_printf("toolooctl why %s", u->service->id)
                                      : str_printf("systemctl --user status %s", u->name));
}

/* Without a socket unit that listens, a service that runs gets no new connections after its next restart, and direct
 * clients are refused when it ends. */
static int find_socketless(Doctor *d, const UnitFacts *u) {
        const UnitFacts *socket = u->service && u->service->socket ? doctor_unit(d, u->service->socket) : NULL;

        if (!socket || !streq(u->name, u->service->unit) || !unit_is_active(u) || !unit_is(socket, "inactive") ||
            streq(strna(socket->load_state), "masked"))
                return 0;
        return doctor_find(d, LEVEL_WARNING, socket->name, str_printf("%s runs, but its socket unit does not", u->service->id),
                           strdup("when it ends or restarts, connections are refused in place of waiting"),
                           /* A restart alone may come to the socket before the service has let go of it. */
                           str_printf("toolooctl stop %s && toolooctl start %s", u->service->id, u->service->id));
}

int check_failed(Doctor *d) {
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d) {
                if (r < 0)
                        return r;
                /* Its failures are rejected modules, which another check shows, and the watcher has one of its own. */
                if (streq(u->name, "tooloo-reload.service") || streq(u->name, WATCHD_UNIT))
                        continue;
                if (unit_is(u, "failed"))
                        r = find_failed(d, u);
                else if (streq(strna(u->sub_state), "auto-restart"))
                        r = find_crashing(d, u);
                else
                        r = find_socketless(d, u);
        }
        return r;
}

/* The service's own socket is started first, as for 'toolooctl start'. */
static int start_again(Doctor *d, const UnitFacts *u, char **ret_why) {
        const char *units[] = { u->name, u->service ? u->service->unit : NULL, u->service ? u->service->socket : NULL, NULL };
        int r;

        r = unit_reset_failed(d->bus, (char **) units);
        if (r >= 0 && u->service && u->service->socket)
                r = repair_job(d, UNIT_START, u->service->socket, ret_why);
        if (r >= 0)
                r = repair_job(d, UNIT_START, u->service ? u->service->unit : u->name, ret_why);
        return r;
}

int fix_failed(Doctor *d, const Finding *finding, char **ret_done) {
        const UnitFacts *u = doctor_unit(d, finding->subject);
        int r;

        if (!u)
                return -ENOENT;
        r = start_again(d, u, ret_done);
        if (r >= 0)
                *ret_done = str_printf("%s runs again (systemctl --user reset-failed and start)", name_of(u));
        return r;
}

/* --- following: what brings new code to the services ------------------------------------------------------------ */

static int find_idle_path(Doctor *d) {
        const UnitFacts *path = doctor_unit(d, "tooloo-reload.path");

        if (!unit_is(doctor_unit(d, FLEET_TARGET), "active") || !unit_is(path, "inactive") ||
            !streq(strna(path->load_state), "loaded"))
                return 0;
        return doctor_find(d, LEVEL_WARNING | FIXABLE, path->name, strdup("nothing watches the module directory"),
                           strdup("a module that is built or upgraded is not loaded by itself"),
                           strdup("systemctl --user start tooloo-reload.path"));
}

static int find_idle_watcher(Doctor *d, const UnitFacts *watchd) {
        bool failed = unit_is(watchd, "failed");
        _cleanup_(freep) char *reason = NULL;
        int r = 0;

        if (failed)
                r = unit_failure_reason(d->bus, watchd->name, &reason, NULL);
        if (r < 0)
                return r;
        return doctor_find(d, LEVEL_ERROR | FIXABLE, watchd->name,
                           failed ? str_printf("the source watcher has given up: %s", reason)
                                  : strdup("the source watcher does not run"),
                           strdup(failed ? "no saved file is built or loaded" : DEV_TARGET " runs, but no saved file is built"),
                           strdup("systemctl --user restart " WATCHD_UNIT "; 'toolooctl logs watchd' says more"));
}

int check_following(Doctor *d) {
        const UnitFacts *watchd = doctor_unit(d, WATCHD_UNIT);
        int r;

        r = find_idle_path(d);
        if (r < 0 || !watchd)
                return r;
        if (unit_is(watchd, "failed") || (unit_is(doctor_unit(d, DEV_TARGET), "active") && unit_is(watchd, "inactive")))
                return find_idle_watcher(d, watchd);
        if (unit_is_active(watchd) && (startswith(strempty(watchd->status_text), "Build failed") ||
                                       startswith(strempty(watchd->status_text), "Publishing failed")))
                return doctor_find(d, LEVEL_WARNING, watchd->name, strdup(watchd->status_text),
                                   strdup("the services go on with the last code that could be built"),
                                   strdup("toolooctl logs watchd"));
        return 0;
}

int fix_following(Doctor *d, const Finding *finding, char **ret_done) {
        const char *units[] = { finding->subject, NULL };
        int r;

        r = unit_reset_failed(d->bus, (char **) units);
        if (r >= 0)
                r = repair_job(d, UNIT_START, finding->subject, ret_done);
        if (r >= 0)
                *ret_done = str_printf("%s runs (systemctl --user start)", finding->subject);
        return r;
}
