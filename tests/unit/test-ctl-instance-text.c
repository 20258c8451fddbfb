/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "ctl/swap/instance-text.h"

/* A unit file of that text, made for one test. */
static char path[] = "/tmp/tooloo-instance-text-XXXXXX";

static void write_unit(const char *text) {
        int fd;

        (void) snprintf(path, sizeof(path), "/tmp/tooloo-instance-text-XXXXXX");
        fd = mkstemp(path);
        cr_assert_geq(fd, 0);
        cr_assert_eq(write_all(fd, text, strlen(text)), 0);
        safe_close(fd);
}

static char *service_text(InstanceKind kind, const char *text) {
        char *made = NULL;

        write_unit(text);
        cr_assert_eq(instance_service_text(kind, path, &made), 0);
        (void) unlink(path);
        return made;
}

Test(instance_text, keeps_what_the_program_sees) {
        _cleanup_(freep) char *made = service_text(INSTANCE_NEXT,
                                                   "# a comment\n[Unit]\nDescription=Hello\nAfter=a.service\nStartLimitBurst=3\n"
                                                   "[Service]\nExecStart=\nExecStart=/bin/x \\\n  --flag '%p $VAR'\nRestart=always\n"
                                                   "Sockets=%N.socket\nEnvironment=A=1\n"
                                                   "[X-Tooloo]\nRoutes=/x\n[Install]\nWantedBy=tooloo.target\n");

        cr_assert_str_eq(made, "[Unit]\nAfter=a.service\n[Service]\nExecStart=\nExecStart=/bin/x    --flag '%p $VAR'\n"
                               "Restart=always\nEnvironment=A=1\n");
}

Test(instance_text, trial_alarms_nobody) {
        _cleanup_(freep) char *made = service_text(INSTANCE_TRIAL, "[Unit]\nOnFailure=mail.service\nOnSuccess=a.service\n"
                                                                   "[Service]\nRestart=always\nExecStart=/bin/x\n");

        cr_assert_str_eq(made, "[Service]\nExecStart=/bin/x\n");
}

Test(instance_text, empty_file) {
        _cleanup_(freep) char *made = service_text(INSTANCE_REPLICA, "");

        cr_assert_str_empty(made);
}

Test(instance_text, missing_file) {
        char *made = NULL;

        cr_assert_eq(instance_service_text(INSTANCE_NEXT, "/nonexistent/unit", &made), -ENOENT);
        cr_assert_null(made);
}

Test(instance_text, override) {
        _cleanup_(freep) char *trial = NULL, *next = NULL;

        cr_assert_eq(instance_override_text(INSTANCE_TRIAL, "hello", "Hello", false, &trial), 0);
        cr_assert(strstr(trial, "\nSockets=tooloo-hello@trial.socket\n"));
        cr_assert(strstr(trial, "\nRestart=no\n"));
        cr_assert_eq(instance_override_text(INSTANCE_NEXT, "hello", "Hello", true, &next), 0);
        cr_assert(strstr(next, "\nSockets=tooloo-hello.socket\n"));
        cr_assert(strstr(next, "\nStartLimitIntervalSec=0\n"));
        cr_assert(strstr(next, "\nStopPropagatedFrom=tooloo-hello.socket\n"));
        cr_assert_not(strstr(next, "Restart="));
        cr_assert(strstr(next, "\nRuntimeDirectoryPreserve=yes\n"));
        cr_assert_not(strstr(trial, "RuntimeDirectoryPreserve="));
}

static int socket_text(const char *text, TrialPorts *ports, char **ret) {
        int r;

        write_unit(text);
        r = trial_socket_text(path, ports, ret);
        (void) unlink(path);
        return r;
}

Test(trial_socket, has_private_ports) {
        _cleanup_(trial_ports_done) TrialPorts ports = {};
        _cleanup_(freep) char *made = NULL, *expected = NULL;

        cr_assert_eq(socket_text("[Socket]\nListenStream=127.0.0.1:3001\nListenStream=[::1]:3001\nListenStream=3002\n"
                                 "ListenNetlink=inet-diag 0\nAccept=no\nBacklog=7\nService=x.service\n", &ports, &made), 0);
        cr_assert_eq(ports.n, 2);
        cr_assert_neq(trial_port(&ports, 3001), 0);
        cr_assert_neq(trial_port(&ports, 3001), trial_port(&ports, 3002));
        cr_assert_eq(trial_port(&ports, 3003), 0);
        expected = str_printf("[Socket]\nListenStream=127.0.0.1:%u\nListenStream=[::1]:%u\nListenStream=127.0.0.1:%u\n"
                              "ListenNetlink=inet-diag 0\nAccept=no\nBacklog=7\n", trial_port(&ports, 3001),
                              trial_port(&ports, 3001), trial_port(&ports, 3002));
        cr_assert_str_eq(made, expected);
}

Test(trial_socket, refuses_what_has_no_counterpart) {
        static const char *const lines[] = { "ListenStream=/run/x", "ListenStream=@abstract", "ListenDatagram=127.0.0.1:1",
                                             "ListenFIFO=/run/x", "ListenSequentialPacket=/run/x", "Accept=yes" };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(trial_ports_done) TrialPorts ports = {};
                _cleanup_(freep) char *text = str_printf("[Socket]\n%s\n", lines[i]);
                char *made = NULL;

                cr_assert_eq(socket_text(text, &ports, &made), -EOPNOTSUPP, "%s", lines[i]);
                cr_assert_str_eq(ports.problem, lines[i]);
                cr_assert_null(made);
        }
}

/* As many different ports as there is room for, and one more. */
Test(trial_socket, limit) {
        for (unsigned n = TRIAL_PORTS_MAX; n <= TRIAL_PORTS_MAX + 1; n++) {
                _cleanup_(trial_ports_done) TrialPorts ports = {};
                _cleanup_(freep) char *text = strdup("[Socket]\n"), *made = NULL;

                for (unsigned i = 0; i < n; i++) {
                        _cleanup_(freep) char *before = TAKE_PTR(text);

                        text = str_printf("%sListenStream=%u\n", before, 3001 + i);
                }
                cr_assert_eq(socket_text(text, &ports, &made), n == TRIAL_PORTS_MAX ? 0 : -E2BIG);
        }
}
