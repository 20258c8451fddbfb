/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/string-util.h"
#include "check.h"
#include "install.h"
#include "shared/log.h"
#include "shared/strv.h"

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot make the service");
        return CTL_FAILED;
}

static int copy(const char *s, char **ret) {
        if (s && str_replace(ret, s) < 0)
                return no_memory();
        return CTL_OK;
}

static int take_directories(const Ctl *ctl, int option, const char *name, bool file, char ***ret) {
        _cleanup_(strv_freep) char **given = NULL;
        int status;

        status = services_values(ctl, option, &given);
        if (status != CTL_OK)
                return status;
        STRV_FOREACH(directory, given) {
                _cleanup_(freep) char *path = NULL;

                status = check_directory(ctl, name, file, *directory, &path);
                if (status != CTL_OK)
                        return status;
                if (!strv_contains(*ret, path) && strv_extend(ret, path) < 0)
                        return no_memory();
        }
        return CTL_OK;
}

static int take_on_change(const Ctl *ctl, ServiceSpec *spec) {
        const char *change = ctl->given[OPTION_ON_CHANGE];

        if (change) {
                spec->on_change = on_change_from_string(change);
                if (spec->on_change == ON_CHANGE_INVALID || spec->on_change == ON_CHANGE_UNSET)
                        return verb_usage(ctl, "--on-change is restart, swap, reload or none, not '%s'", change);
        }
        /* Two generations can only share what neither of them opens. */
        spec->socket = ctl->given[OPTION_SOCKET] || spec->on_change == ON_CHANGE_SWAP;
        return CTL_OK;
}

static int take_port(const Ctl *ctl, ServiceSpec *spec) {
        const char *given = ctl->given[OPTION_PORT];
        unsigned long port;

        if (!given) {
                spec->port = find_port(ctl, FIRST_OWN_PORT);
                return spec->port > 0 ? CTL_OK : CTL_FAILED;
        }
        if (parse_uint(given, 1, UINT16_MAX, &port) < 0)
                return verb_usage(ctl, "--port takes a number from 1 to 65535, not '%s'", given);
        spec->port = (unsigned) port;
        return check_port(ctl, spec->port, spec->socket, NULL);
}

static int take_env(const Ctl *ctl, ServiceSpec *spec) {
        int status;

        status = services_values(ctl, OPTION_ENV, &spec->env);
        if (status == CTL_OK)
                status = check_env(ctl, spec->env);
        if (status != CTL_OK)
                return status;
        return service_spec_complete(spec) < 0 ? no_memory() : CTL_OK;
}

/* In the order in which a person would look for what is wrong. */
static int take_settings(const Ctl *ctl, ServiceSpec *spec) {
        int status;

        status = take_on_change(ctl, spec);
        if (status == CTL_OK)
                status = take_port(ctl, spec);
        if (status == CTL_OK)
                status = check_health(ctl, ctl->given[OPTION_HEALTH]);
        if (status == CTL_OK)
                status = copy(ctl->given[OPTION_HEALTH], &spec->health);
        if (status == CTL_OK)
                status = services_values(ctl, OPTION_ROUTE, &spec->routes);
        if (status == CTL_OK)
                status = check_routes(ctl, spec->routes, NULL);
        if (status == CTL_OK)
                status = services_values(ctl, OPTION_AFTER, &spec->after);
        if (status == CTL_OK)
                status = check_after(ctl, spec->after);
        if (status == CTL_OK)
                status = check_category(ctl, ctl->given[OPTION_CATEGORY]);
        if (status == CTL_OK)
                status = copy(ctl->given[OPTION_CATEGORY], &spec->category);
        if (status == CTL_OK)
                status = check_description(ctl, ctl->given[OPTION_DESCRIPTION]);
        return status != CTL_OK ? status : copy(ctl->given[OPTION_DESCRIPTION], &spec->description);
}

static int take_spec(const Ctl *ctl, ServiceSpec *spec) {
        int status;

        status = check_id(ctl, ctl->names[0]);
        if (status == CTL_OK)
                status = copy(ctl->names[0], &spec->id);
        if (status == CTL_OK)
                status = take_settings(ctl, spec);
        if (status == CTL_OK)
                status = check_directory(ctl, "the working directory ", false, ".", &spec->directory);
        if (status == CTL_OK)
                status = take_directories(ctl, OPTION_WATCH, "--watch=", true, &spec->watch);
        if (status == CTL_OK)
                status = take_directories(ctl, OPTION_WRITE, "--write=", false, &spec->write);
        if (status == CTL_OK)
                status = check_command_line(ctl, ctl->names + 1, &spec->command);
        return status != CTL_OK ? status : take_env(ctl, spec);
}

static int dry_run(const ServiceSpec *spec) {
        _cleanup_(freep) char *service = NULL, *socket = NULL;

        if (service_spec_format(spec, &service, &socket) < 0)
                return no_memory();
        /* The flush at the end finds what is wrong with stdout. */
        (void) printf("# tooloo-%s.service\n%s", spec->id, service);
        if (socket)
                (void) printf("\n# tooloo-%s.socket\n%s", spec->id, socket);
        return CTL_OK;
}

int services_add(Ctl *ctl) {
        _cleanup_(service_spec_done) ServiceSpec spec = {};
        _cleanup_(installed_done) Installed installed = {};
        uint64_t timeout;
        int status;

        if (!ctl->names[1])
                return verb_usage(ctl, "no command given: it stands behind '--', as in 'toolooctl add %s -- node server.js'",
                                      ctl->names[0]);
        status = services_timeout(ctl, &timeout);
        if (status == CTL_OK)
                status = services_connect(ctl);
        if (status == CTL_OK)
                status = take_spec(ctl, &spec);
        if (status != CTL_OK || ctl->given[OPTION_DRY_RUN])
                return status != CTL_OK ? status : dry_run(&spec);
        status = install_units(ctl, &spec, &installed);
        if (status == CTL_OK)
                status = install_start(ctl, &spec, &installed, timeout);
        if (status == CTL_OK)
                install_say(ctl, &spec, &installed);
        return status;
}
