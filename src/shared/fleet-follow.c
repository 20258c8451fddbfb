/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "shared/fleet-internal.h"
#include "shared/log.h"

/* systemd's encoding of "tooloo-" in an object path. Nine in ten units of a session are not ours. */
#define OUR_PREFIX SYSTEMD_UNIT_PREFIX "/tooloo_2d"

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *path = sd_bus_message_get_path(message);
        Fleet *fleet = userdata;
        bool of_socket;
        Member *m;
        int r;

        m = path && startswith(path, OUR_PREFIX) ? fleet_member_by_path(fleet, path, &of_socket) : NULL;
        if (!m)
                return 0;
        r = member_take_change(m, of_socket, message);
        if (r > 0 && m->announced)
                r = member_must_confirm(m) ? member_confirm(m) : member_show(m);
        if (r < 0)
                (void) log_errno(r, "cannot follow %s", m->unit.service->unit);
        return 0;
}

static int on_unit_files_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        fleet_want_load(userdata);
        return 0;
}

static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        int active;
        int r;

        r = sd_bus_message_read(message, "b", &active);
        if (r < 0)
                return log_errno(r, "cannot read a signal of systemd");
        /* While it reloads it knows units by half. */
        if (!active)
                fleet_want_load(userdata);
        return 0;
}

static int on_subscribed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        /* Somebody on this connection was quicker; or systemd kept the subscription over daemon-reexec. */
        if (sd_bus_message_is_method_error(message, NULL) &&
            !sd_bus_message_is_method_error(message, "org.freedesktop.systemd1.AlreadySubscribed"))
                log_warning("systemd does not send its signals (%s); what changes is not seen, so restart this service",
                            bus_error_text(sd_bus_message_get_error(message), -EIO));
        return 0;
}

static int subscribe(Fleet *fleet) {
        fleet->subscribe = sd_bus_slot_unref(fleet->subscribe);
        return sd_bus_call_method_async(fleet->bus, &fleet->subscribe, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                        "Subscribe", on_subscribed, fleet, NULL);
}

/* daemon-reexec: what happened while nobody had the name was told to nobody. */
static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *owner;
        Fleet *fleet = userdata;
        int r;

        r = sd_bus_message_read(message, "sss", NULL, NULL, &owner);
        if (r >= 0 && !*owner)
                return 0;
        if (r >= 0)
                r = subscribe(fleet);
        if (r < 0)
                return log_errno(r, "cannot follow systemd");
        fleet_want_load(fleet);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        Fleet *fleet = userdata;

        fleet->lost = true;
        fleet_stop(fleet);
        if (fleet->events->lost)
                fleet->events->lost(fleet, fleet->userdata); /* may free the fleet */
        return 0;
}

/* None of these waits: the bus keeps the order in which one connection sends, so what is asked after them is already
 * followed. */
int fleet_follow(Fleet *f) {
        int r;

        r = sd_bus_add_match_async(f->bus, &f->properties_changed,
                                   "type='signal',sender='" SYSTEMD_NAME "',interface='org.freedesktop.DBus.Properties',"
                                   "member='PropertiesChanged',path_namespace='" SYSTEMD_UNIT_PREFIX "'",
                                   on_properties_changed, NULL, f);
        if (r >= 0)
                r = sd_bus_match_signal_async(f->bus, &f->unit_files_changed, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                              "UnitFilesChanged", on_unit_files_changed, NULL, f);
        if (r >= 0)
                r = sd_bus_match_signal_async(f->bus, &f->reloading, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                              "Reloading", on_reloading, NULL, f);
        if (r >= 0)
                r = sd_bus_add_match_async(f->bus, &f->name_owner_changed,
                                           "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                           "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" SYSTEMD_NAME
                                           "'", on_name_owner_changed, NULL, f);
        if (r >= 0)
                r = sd_bus_match_signal_async(f->bus, &f->disconnected, "org.freedesktop.DBus.Local",
                                              "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                              "Disconnected", on_disconnected, NULL, f);
        return r < 0 ? r : subscribe(f);
}

void fleet_unfollow(Fleet *f) {
        (void) sd_bus_slot_unref(f->subscribe);
        (void) sd_bus_slot_unref(f->properties_changed);
        (void) sd_bus_slot_unref(f->unit_files_changed);
        (void) sd_bus_slot_unref(f->reloading);
        (void) sd_bus_slot_unref(f->name_owner_changed);
        (void) sd_bus_slot_unref(f->disconnected);
}
