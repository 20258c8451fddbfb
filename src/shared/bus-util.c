/* SPDX-License-Identifier: MIT */
#include "shared/bus-util.h"

#include <pwd.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* Answers of systemd and of a sound host take milliseconds; whoever takes this long hangs. */
#define CALL_TIMEOUT_USEC (10 * USEC_PER_SEC)

typedef struct BusCall {
        BusBatch *batch;
        sd_bus_message_handler_t handler;
        void *userdata;
        sd_bus_slot *slot;
        struct BusCall *next;
        const BusProperty *property;
} BusCall;

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

int bus_run_while(sd_bus *bus, const unsigned *pending, uint64_t end) {
        while (*pending > 0) {
                uint64_t now;
                int r;

                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0 || *pending == 0) /* 0 is also what it says after a call that timed out */
                        continue;
                now = end == UINT64_MAX ? 0 : now_usec();
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, end == UINT64_MAX ? UINT64_MAX : end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

char *bus_unit_path(const char *unit) {
        char *path;

        return sd_bus_path_encode(SYSTEMD_UNIT_PREFIX, unit, &path) < 0 ? NULL : path;
}

const char *bus_error_text(const sd_bus_error *error, int r) {
        if (error && (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                      sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)))
                return "nobody answers to that name on the user's D-Bus";
        if (error && (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
                      sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT)))
                return "no answer in time";
        if (error && error->message && *error->message)
                return error->message;
        return strerror(error && sd_bus_error_is_set(error) ? sd_bus_error_get_errno(error) : -r);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        BusCall *call = userdata;
        BusBatch *b = call->batch;
        int r;

        r = call->handler(m, call->property ? call : call->userdata, ret_error);
        if (r < 0 && b->error >= 0)
                b->error = r;
        b->pending--;
        if (b->pending == 0 && b->finished)
                b->finished(b, b->error, b->userdata); /* b and call may be gone after this */
        return 0; /* a negative value would only make sd-bus log at debug level */
}

static int batch_call(BusBatch *b, sd_bus_message *m, uint64_t timeout, const BusCall *template) {
        _cleanup_(freep) BusCall *call = NULL;
        int r;

        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;
        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = *template;
        call->batch = b;
        r = sd_bus_call_async(b->bus, &call->slot, m, on_answer, call, timeout);
        if (r < 0)
                return r;
        call->next = b->calls;
        b->calls = TAKE_PTR(call);
        b->pending++;
        return 0;
}

int bus_batch_call(BusBatch *b, sd_bus_message *m, uint64_t timeout, sd_bus_message_handler_t handler,
                   void *userdata) {
        return batch_call(b, m, timeout, &(BusCall) { .handler = handler, .userdata = userdata });
}

int bus_batch_wait(BusBatch *b) {
        int r = bus_run_while(b->bus, &b->pending, UINT64_MAX);

        return r < 0 ? r : b->error;
}

void bus_batch_done(BusBatch *b) {
        while (b->calls) {
                BusCall *call = b->calls;

                b->calls = call->next;
                (void) sd_bus_slot_unref(call->slot);
                free(call);
        }
        b->pending = 0;
}

static int read_string(sd_bus_message *m, char **field) {
        const char *s;
        char *copy;
        int r;

        r = sd_bus_message_read(m, "s", &s);
        if (r < 0)
                return r;
        copy = strdup(s);
        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int read_id(sd_bus_message *m, sd_id128_t *field) {
        const void *bytes;
        size_t size;
        int r;

        r = sd_bus_message_read_array(m, 'y', &bytes, &size);
        if (r < 0)
                return r;
        if (size != sizeof(*field))
                *field = SD_ID128_NULL;
        else
                memcpy(field, bytes, size);
        return 0;
}

static int read_variant(sd_bus_message *m, const BusProperty *property, void *target) {
        void *field = (char *) target + property->offset;
        int r;

        r = sd_bus_message_enter_container(m, 'v', property->type);
        if (r < 0)
                return r;
        if (streq(property->type, "s"))
                r = read_string(m, field);
        else if (streq(property->type, "as")) {
                char **l = NULL;

                r = sd_bus_message_read_strv(m, &l);
                if (r >= 0) {
                        strv_free(*(char ***) field);
                        *(char ***) field = l;
                }
        } else if (streq(property->type, "b")) {
                int value;

                r = sd_bus_message_read(m, "b", &value);
                if (r >= 0)
                        *(bool *) field = value;
        } else if (streq(property->type, "ay"))
                r = read_id(m, field);
        else if (streq(property->type, "(uo)"))
                r = sd_bus_message_read(m, "(uo)", field, NULL);
        else
                r = sd_bus_message_read_basic(m, property->type[0], field);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

static int ignore_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        return 0; /* without the reference all is slower, and nothing else */
}

int bus_batch_hold_unit(BusBatch *b, const char *unit) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(b->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "RefUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", unit);
        return r < 0 ? r : bus_batch_call(b, m, 0, ignore_answer, NULL);
}

static int on_property(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        BusCall *call = userdata;

        if (sd_bus_message_is_method_error(m, NULL))
                return 0; /* a masked or vanished unit has no such property: the field keeps its default */
        return read_variant(m, call->property, call->userdata);
}

int bus_batch_unit_properties(BusBatch *b, const char *path, const BusProperty *properties, size_t count,
                              void *target) {
        for (size_t i = 0; i < count; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r;

                r = sd_bus_message_new_method_call(b->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
                                                   "Get");
                if (r < 0)
                        return r;
                r = sd_bus_message_append(m, "ss", properties[i].interface, properties[i].name);
                if (r < 0)
                        return r;
                r = batch_call(b, m, 0, &(BusCall) { .handler = on_property, .userdata = target,
                                                     .property = properties + i });
                if (r < 0)
                        return r;
        }
        return 0;
}

int bus_read_properties(sd_bus_message *reply, const BusProperty *properties, size_t count, void *target) {
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                const char *name;
                size_t i = 0;

                r = sd_bus_message_read(reply, "s", &name);
                if (r < 0)
                        return r;
                while (i < count && !streq(properties[i].name, name))
                        i++;
                r = i < count ? read_variant(reply, properties + i, target) : sd_bus_message_skip(reply, "v");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}
