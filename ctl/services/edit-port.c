/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include "basic/string-util.h"
#include "check.h"
#include "ctl/command-line.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "spec.h"
#include "unit-document.h"

/* Of one address of a socket unit: where it has the old port, it gets the new one. */
static char *move_address(const Edit *e, const char *address) {
        const char *colon = strrchr(address, ':');

        if (service_port_from_address(address) != e->service->port)
                return strdup(address);
        return colon ? str_printf("%.*s:%u", (int) (colon - address), address, e->port) : str_printf("%u", e->port);
}

static int move_own_socket(Edit *e) {
        _cleanup_(strv_freep) char **before = NULL, **after = NULL;
        UnitDocument *d = &e->files.socket.document;

        if (unit_document_get(d, "Socket", "ListenStream", &before) < 0)
                return edit_no_memory();
        STRV_FOREACH(address, before) {
                _cleanup_(freep) char *moved = move_address(e, *address);

                if (!moved || strv_extend(&after, moved) < 0)
                        return edit_no_memory();
        }
        return unit_document_set(d, "Socket", "ListenStream", after, "") < 0 ? edit_no_memory() : CTL_OK;
}

typedef struct Listen {
        Edit *edit;
        char **streams, **netlinks;
        bool more; /* of other kinds */
} Listen;

static void listen_done(Listen *l) {
        strv_free(l->streams);
        strv_free(l->netlinks);
}

static int on_listen(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *type, *address;
        Listen *l = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return -sd_bus_message_get_errno(m);
        r = sd_bus_message_enter_container(m, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &type, &address)) > 0) {
                _cleanup_(freep) char *moved = NULL;

                if (streq(type, "Stream")) {
                        moved = move_address(l->edit, address);
                        r = moved ? strv_extend(&l->streams, moved) : -ENOMEM;
                } else if (streq(type, "Netlink"))
                        r = strv_extend(&l->netlinks, address);
                else
                        l->more = true;
        }
        return r;
}

/* A drop-in can only take off all that a socket listens on, and must say all of it anew then. */
static int move_installed_socket(Edit *e) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(e->ctl->bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(listen_done) Listen l = { .edit = e };
        _cleanup_(freep) char *path = bus_unit_path(e->service->socket);
        UnitDocument *d = &e->files.socket.document;
        int r;

        r = path ? sd_bus_message_new_method_call(e->ctl->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get")
                 : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_SOCKET, "Listen");
        if (r >= 0)
                r = bus_batch_call(&batch, m, 0, on_listen, &l);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0)
                r = own_file_set(&e->files, &e->files.socket, "Socket", "ListenStream", l.streams);
        if (r >= 0)
                r = unit_document_set(d, "Socket", "ListenNetlink", l.netlinks, "");
        if (r < 0) {
                (void) log_errno(r, "cannot find out where %s listens", e->service->socket);
                return CTL_FAILED;
        }
        if (l.more) {
                log_error("%s listens on more than TCP ports: change it with 'systemctl --user edit %s'", e->service->socket,
                          e->service->socket);
                return CTL_FAILED;
        }
        return CTL_OK;
}

int edit_port(Edit *e) {
        const char *given = e->ctl->given[OPTION_PORT];
        unsigned long port;
        int status;

        if (!given)
                return CTL_OK;
        if (parse_uint(given, 1, UINT16_MAX, &port) < 0)
                return verb_usage(e->ctl, "--port takes a number from 1 to 65535, not '%s'", given);
        e->port = (unsigned) port;
        status = check_port(e->ctl, e->port, e->service->socket != NULL || e->becomes_socket, e->service->id);
        if (status != CTL_OK || e->becomes_socket)
                return status;
        if (e->service->socket)
                return e->files.own ? move_own_socket(e) : move_installed_socket(e);
        status = edit_set_one(e, "X-Tooloo", "Port", str_printf("%u", e->port));
        if (status == CTL_OK) {
                _cleanup_(freep) char *variable = str_printf("PORT=%u", e->port);

                status = variable ? edit_set_variable(e, variable) : edit_no_memory();
        }
        return status;
}

/* A socket in place of the port: what was made for the port goes. */
int edit_make_socket(Edit *e) {
        ServiceSpec spec = { .id = (char *) e->service->id, .category = e->service->category, .port = e->port, .socket = true,
                             .directory = (char *) "/", .command = (char *[]) { (char *) "/", NULL } };
        _cleanup_(freep) char *service = NULL, *socket = NULL;
        int status;

        if (!e->becomes_socket)
                return CTL_OK;
        if (!e->files.own) {
                log_error("%s is not your own file: a socket for it can only come with it", strna(e->service->fragment_path));
                return CTL_FAILED;
        }
        if (service_spec_format(&spec, &service, &socket) < 0 ||
            unit_document_parse(socket, &e->files.socket.document) < 0)
                return edit_no_memory();
        status = edit_set_one(e, "Service", "Sockets", strdup(e->files.socket_unit));
        if (status == CTL_OK)
                status = edit_set(e, "X-Tooloo", "Port", NULL);
        return status != CTL_OK ? status : edit_set_variable(e, "PORT");
}
