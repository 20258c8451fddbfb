/* SPDX-License-Identifier: MIT */
#include "instance-text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "basic/string-util.h"
#include "shared/registry.h"
#include "shared/unit-file.h"

typedef struct Text {
        InstanceKind kind;
        TrialPorts *ports; /* of a socket unit's */
        FILE *file;
        char section[64];
} Text;

static void close_file(FILE *f) {
        (void) fclose(f); /* memory */
}
TL_DEFINE_CLEANUP(FILE *, close_file)

static int add(Text *t, const char *section, const char *key, const char *value) {
        if (!streq(t->section, section)) {
                (void) snprintf(t->section, sizeof(t->section), "%s", section);
                if (fprintf(t->file, "[%s]\n", section) < 0)
                        return -ENOMEM;
        }
        return fprintf(t->file, "%s=%s\n", key, value) < 0 ? -ENOMEM : 0;
}

static bool is_one_of(const char *key, const char *const *keys) {
        for (; *keys; keys++)
                if (streq(key, *keys))
                        return true;
        return false;
}

static bool section_is_ours(const char *section) {
        return !streq(section, "Install") && !startswith(section, "X-");
}

/* --- The service ------------------------------------------------------------------------------------------------- */

static int assign_service(const char *section, const char *key, const char *value, const char *path, unsigned line,
                          void *userdata) {
        static const char *const left_out[] = { "Description", "Sockets", "StartLimitIntervalSec", "StartLimitInterval",
                                                "StartLimitBurst", "StartLimitAction", "CollectMode", NULL };
        /* A trial that fails is nobody's alarm. */
        static const char *const not_of_trial[] = { "Restart", "OnFailure", "OnSuccess", "FailureAction", "SuccessAction",
                                                    NULL };
        Text *t = userdata;

        if (!section_is_ours(section) || is_one_of(key, left_out) ||
            (t->kind == INSTANCE_TRIAL && is_one_of(key, not_of_trial)))
                return 0;
        return add(t, section, key, value);
}

static int make_text(Text *t, const char *path, unit_file_assign_t assign, char **ret) {
        _cleanup_(close_filep) FILE *f = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        t->file = f;
        r = unit_file_read(path, assign, t);
        if (r >= 0 && fflush(f) != 0)
                r = -ENOMEM;
        close_file(TAKE_PTR(f));
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

int instance_service_text(InstanceKind kind, const char *path, char **ret) {
        Text t = { .kind = kind };

        return make_text(&t, path, assign_service, ret);
}

int instance_override_text(InstanceKind kind, const char *id, const char *name, bool keep_directories, char **ret) {
        static const char *const what[] = {
                [INSTANCE_TRIAL] = "trial of new code",
                [INSTANCE_NEXT] = "new code, until the service itself has it",
                [INSTANCE_REPLICA] = "replica",
        };

        /* Instances have no start limit of their own: systemd fails the socket of a unit that runs into one, and a replica
         * that crashes must not take the others' with it. */
        *ret = str_printf("# Written by toolooctl; see SWAP in toolooctl(1).\n"
                          "[Unit]\n"
                          "Description=%s (%s)\n"
                          "StopPropagatedFrom=tooloo-%s.socket\n"
                          "StartLimitIntervalSec=0\n"
                          "CollectMode=inactive-or-failed\n"
                          "[Service]\n"
                          "Sockets=tooloo-%s%s.socket\n"
                          "%s%s",
                          name, what[kind], id, id, kind == INSTANCE_TRIAL ? "@trial" : "",
                          kind == INSTANCE_TRIAL ? "Restart=no\n" : "",
                          keep_directories ? "RuntimeDirectoryPreserve=yes\n" : "");
        return *ret ? 0 : -ENOMEM;
}

/* --- The trial's socket ------------------------------------------------------------------------------------------ */

void trial_ports_done(TrialPorts *ports) {
        for (size_t i = 0; i < ports->n; i++)
                if (ports->ports[i].fd >= 0)
                        (void) close(ports->ports[i].fd);
        free(ports->problem);
        *ports = (TrialPorts) {};
}

unsigned trial_port(const TrialPorts *ports, unsigned port) {
        for (size_t i = 0; i < ports->n; i++)
                if (ports->ports[i].port == port)
                        return ports->ports[i].private_port;
        return 0;
}

/* One that nobody has, and that nobody who asks for any gets before systemd does. */
static int find_private_port(TrialPorts *ports, unsigned port) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        _cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(address);
        int on = 1;

        if (ports->n == TRIAL_PORTS_MAX)
                return -E2BIG;
        /* systemd sets it too, so that it may bind the same address beside this one, which does not listen. */
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        ports->ports[ports->n].port = port;
        ports->ports[ports->n].private_port = ntohs(address.sin_port);
        ports->ports[ports->n++].fd = TAKE_FD(fd);
        return 0;
}

/* "[::1]:3001" stays IPv6; all else becomes the loopback of IPv4. */
static int add_stream(Text *t, const char *section, const char *key, const char *value) {
        unsigned port = service_port_from_address(value);
        char address[64];
        int r;

        if (port == 0)
                return -EOPNOTSUPP;
        if (trial_port(t->ports, port) == 0) {
                r = find_private_port(t->ports, port);
                if (r < 0)
                        return r;
        }
        (void) snprintf(address, sizeof(address), "%s:%u", startswith(value, "[::1]:") ? "[::1]" : "127.0.0.1",
                        trial_port(t->ports, port));
        return add(t, section, key, address);
}

static int assign_socket(const char *section, const char *key, const char *value, const char *path, unsigned line,
                         void *userdata) {
        static const char *const left_out[] = { "Description", "Service", "Symlinks", NULL };
        Text *t = userdata;
        int r;

        if (!section_is_ours(section) || is_one_of(key, left_out))
                return 0;
        if (!startswith(key, "Listen") || !*value || streq(key, "ListenNetlink"))
                r = streq(key, "Accept") && !streq(value, "no") ? -EOPNOTSUPP : add(t, section, key, value);
        else
                r = streq(key, "ListenStream") ? add_stream(t, section, key, value) : -EOPNOTSUPP;
        if (r == -EOPNOTSUPP && str_replace_printf(&t->ports->problem, "%s=%s", key, value) < 0)
                r = -ENOMEM;
        return r;
}

int trial_socket_text(const char *path, TrialPorts *ports, char **ret) {
        Text t = { .kind = INSTANCE_TRIAL, .ports = ports };

        return make_text(&t, path, assign_socket, ret);
}
