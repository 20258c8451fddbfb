/* SPDX-License-Identifier: MIT */
#include "shared/bus-util.h"

#include <stdbool.h>
#include <systemd/sd-id128.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* Reading all unit files again takes seconds on a machine that has many and is busy. */
#define RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

typedef struct BusCall {
        BusBatch *batch;
        sd_bus_message_handler_t handler;
        void *userdata;
        sd_bus_slot *slot;
        struct BusCall *next;
        const BusProperty *property;
} BusCall;

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
        int r;

        r = sd_bus_message_read(m, "s", &s);
        return r < 0 ? r : str_replace(field, s);
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

int bus_reload_unit_files(sd_bus *bus) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Reload");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_call(bus, m, RELOAD_TIMEOUT_USEC, &error, NULL);
        if (r < 0)
                log_error("systemd did not read the unit files: %s", bus_error_text(&error, r));
        return MIN(r, 0);
}
