/* SPDX-License-Identifier: MIT */
#include <pwd.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"

/* Answers of systemd and of a sound host take milliseconds; whoever takes this long hangs. */
#define CALL_TIMEOUT_USEC (10 * USEC_PER_SEC)

static const char *user_name(void) {
        const struct passwd *pw = getpwuid(getuid());

        return pw ? pw->pw_name : "USER";
}

static int no_manager(const char *runtime) {
        log_error("no systemd user manager for UID %u (nothing at %s/systemd): log in through a real session, or run "
                  "'loginctl enable-linger %s'", getuid(), runtime, user_name());
        return -ENOMEDIUM;
}

/* A shell of su or sudo often has no XDG_RUNTIME_DIR=, or worse, somebody else's; both look to sd-bus like a bus that
 * is not there. */
static int check_runtime_directory(void) {
        const char *given = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *usual = NULL, *manager = NULL;
        struct stat st;

        if (getenv("DBUS_SESSION_BUS_ADDRESS") && !given)
                return 0;
        usual = str_printf("/run/user/%u", getuid());
        if (!usual)
                return log_errno(-ENOMEM, "cannot connect");
        if (!given && stat(usual, &st) < 0)
                return no_manager(usual);
        if (!given && setenv("XDG_RUNTIME_DIR", usual, 1) < 0)
                return log_errno(-errno, "cannot set XDG_RUNTIME_DIR");
        if (given && stat(given, &st) < 0) {
                log_error("XDG_RUNTIME_DIR is %s, which cannot be read (%s): log in through a real session, or set "
                          "it to %s", given, strerror(errno), usual);
                return -ENOMEDIUM;
        }
        if (given && st.st_uid != getuid()) {
                log_error("XDG_RUNTIME_DIR is %s, which belongs to UID %u, but this runs as UID %u: run it as that "
                          "user, or set XDG_RUNTIME_DIR to %s", given, st.st_uid, getuid(), usual);
                return -EPERM;
        }
        manager = str_printf("%s/systemd", given ? given : usual);
        if (!manager)
                return log_errno(-ENOMEM, "cannot connect");
        if (!getenv("DBUS_SESSION_BUS_ADDRESS") && stat(manager, &st) < 0)
                return no_manager(given ? given : usual);
        return 0;
}

/* sd-bus itself gives a bus that accepts and then says nothing a minute and a half. */
static int wait_until_ready(sd_bus *bus) {
        uint64_t end = now_usec() + CALL_TIMEOUT_USEC;
        int r;

        while ((r = sd_bus_is_ready(bus)) == 0) {
                uint64_t now;

                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                now = now_usec();
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return r;
}

static int note_owner(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        bool *changed = userdata;

        *changed = true;
        return 0;
}

static bool manager_runs(void) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *socket = runtime ? str_printf("%s/systemd/private", runtime) : NULL;

        return socket && access(socket, F_OK) == 0;
}

/* Whoever is the first to use the user's bus starts it, and the manager connects to it only then: for some milliseconds
 * the bus is there and the manager is not on it. systemctl does not see that, for it has a socket of its own. */
static int wait_for_manager(sd_bus *bus) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        uint64_t end = now_usec() + CALL_TIMEOUT_USEC;
        bool changed = true;
        int r;

        if (sd_bus_get_name_creds(bus, SYSTEMD_NAME, 0, NULL) >= 0 || !manager_runs())
                return 0;
        r = sd_bus_add_match(bus, &slot, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                         "arg0='" SYSTEMD_NAME "'", note_owner, &changed);
        while (r >= 0) {
                uint64_t now = now_usec();

                if (changed && sd_bus_get_name_creds(bus, SYSTEMD_NAME, 0, NULL) >= 0)
                        return 0;
                changed = false;
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, end - now);
                if (r == -EINTR)
                        r = 0;
        }
        return r;
}

int bus_open_user(sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL; /* to flush would wait for a bus that does not answer */
        int r;

        r = check_runtime_directory();
        if (r < 0)
                return r;
        r = sd_bus_open_user(&bus);
        if (r >= 0)
                r = wait_until_ready(bus);
        if (r < 0) {
                const char *address = getenv("DBUS_SESSION_BUS_ADDRESS"), *runtime = getenv("XDG_RUNTIME_DIR");

                log_error("the user's D-Bus cannot be reached at %s%s (%s): start it with 'systemctl --user start "
                          "dbus.socket' (package dbus-user-session)", address ? address : strna(runtime),
                          address ? "" : "/bus", strerror(-r));
                return r;
        }
        r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        if (r < 0)
                return log_errno(r, "cannot set up the bus connection");
        r = wait_for_manager(bus);
        if (r < 0)
                return log_errno(r, "the systemd user manager does not come to the user's D-Bus; try again, or "
                                    "'systemctl --user daemon-reexec'");
        *ret = TAKE_PTR(bus);
        return 0;
}
