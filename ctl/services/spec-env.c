/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/string-util.h"
#include "program.h"
#include "shared/strv.h"
#include "spec.h"

static bool has_variable(char *const *env, const char *name) {
        for (; env && *env; env++) {
                const char *rest = startswith(*env, name);

                if (rest && *rest == '=')
                        return true;
        }
        return false;
}

/* Behind what was given, which is the more important to read. */
static int add_variable(ServiceSpec *spec, const char *name, const char *value) {
        _cleanup_(freep) char *assignment = str_printf("%s=%s", name, value);

        if (!assignment)
                return -ENOMEM;
        return has_variable(spec->env, name) ? 0 : strv_extend(&spec->env, assignment);
}

int service_spec_complete(ServiceSpec *spec) {
        _cleanup_(freep) char *path = NULL;
        char port[sizeof("65535")];
        int r = 0;

        (void) snprintf(port, sizeof(port), "%u", spec->port);
        if (spec->port > 0 && !spec->socket)
                r = add_variable(spec, "PORT", port);
        if (r >= 0)
                r = program_search_path(&path);
        return r < 0 || !path ? r : add_variable(spec, "PATH", path);
}
