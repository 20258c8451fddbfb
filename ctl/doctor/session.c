/* SPDX-License-Identifier: MIT */
#include "doctor.h"
#include "shared/bus-util.h"
#include "shared/strv.h"
#include "user.h"

/* logind and the user's systemd answer in milliseconds. */
#define TIMEOUT_USEC (5 * USEC_PER_SEC)

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"

/* --- manager ------------------------------------------------------------------------------------------------- */

static int find_unreachable(Doctor *d) {
        char *what = NULL, *mend = NULL;

        if (doctor_split_advice(d->bus_problem, &what, &mend) < 0)
                return -ENOMEM;
        return doctor_find(d, LEVEL_ERROR, NULL, what,
                           strdup("it runs the fleet, so nothing of it can be started, stopped or seen"), mend);
}

/* Names of failed units that are not the fleet's, which another check looks at. */
static int ask_failed(sd_bus *bus, char ***ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "ListUnitsFiltered", NULL, &reply, "as",
                               1, "failed");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                                  NULL, NULL)) > 0)
                if (!startswith(name, "tooloo"))
                        r = strv_extend(ret, name);
        return r;
}

static int find_degraded(Doctor *d) {
        _cleanup_(strv_freep) char **failed = NULL;
        _cleanup_(freep) char *names = NULL;
        int r;

        r = ask_failed(d->bus, &failed);
        if (r < 0 || !failed)
                return r;
        names = strv_join(failed, ", ");
        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_NOTE, NULL, str_printf("units of yours outside the fleet have failed: %s", names),
                           strdup("the fleet does not need them, but systemd calls itself degraded because of them"),
                           strdup("systemctl --user --failed"));
}

int check_manager(Doctor *d) {
        _cleanup_(freep) char *state = NULL;
        int r;

        if (!d->bus)
                return find_unreachable(d);
        r = sd_bus_get_property_string(d->bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "SystemState", NULL, &state);
        if (r < 0 || streq(state, "running"))
                return r;
        if (streq(state, "degraded"))
                return find_degraded(d);
        return doctor_find(d, streq(state, "starting") || streq(state, "initializing") ? LEVEL_NOTE : LEVEL_WARNING, NULL,
                           str_printf("the user's systemd is in the state '%s', not 'running'", state),
                           strdup("what is to start may still wait for other jobs, or is not started any more"),
                           strdup("systemctl --user list-jobs"));
}

/* --- linger -------------------------------------------------------------------------------------------------- */

static int open_system_bus(sd_bus **ret) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC);
        if (r >= 0)
                *ret = TAKE_PTR(bus);
        return r;
}

static int ask_linger(sd_bus *system, bool *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r, linger;

        r = sd_bus_call_method(system, LOGIND_NAME, LOGIND_PATH, LOGIND_NAME ".Manager", "GetUser", NULL, &reply, "u",
                               (uint32_t) getuid());
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = sd_bus_get_property_trivial(system, LOGIND_NAME, path, LOGIND_NAME ".User", "Linger", NULL, 'b',
                                                &linger);
        if (r >= 0)
                *ret = linger;
        return r;
}

/* "enabled" when it comes with the user's systemd and so is meant to be there always. */
static bool fleet_is_enabled(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state = NULL;

        if (!bus)
                return false;
        return sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "GetUnitFileState", NULL, &reply, "s",
                                  FLEET_TARGET) >= 0 &&
                sd_bus_message_read(reply, "s", &state) >= 0 && startswith(state, "enabled");
}

int check_linger(Doctor *d) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *system = NULL;
        bool linger = false;
        int r;

        r = open_system_bus(&system);
        if (r >= 0)
                r = ask_linger(system, &linger);
        if (r < 0 || linger)
                return r;
        return doctor_find(d, (fleet_is_enabled(d->bus) ? LEVEL_WARNING : LEVEL_NOTE) | FIXABLE, NULL,
                           strdup("the fleet ends with your last login, and starts with the next"),
                           strdup(FLEET_TARGET " starts with your systemd, which without lingering runs only while you are "
                                  "logged in"),
                           str_printf("loginctl enable-linger %s", user_name()));
}

int fix_linger(Doctor *d, const Finding *finding, char **ret_done) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *system = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = open_system_bus(&system);
        if (r >= 0)
                r = sd_bus_call_method(system, LOGIND_NAME, LOGIND_PATH, LOGIND_NAME ".Manager", "SetUserLinger", &error,
                                       NULL, "ubb", (uint32_t) getuid(), 1, 0);
        *ret_done = r >= 0 ? str_printf("your systemd now lives on without a login (loginctl enable-linger %s)", user_name())
                           : str_printf("logind does not let you linger (%s); ask an administrator for 'loginctl "
                                        "enable-linger %s'", bus_error_text(&error, r), user_name());
        return r;
}
