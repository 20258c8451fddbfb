/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "basic/time-util.h"
#include "config.h"
#include "services.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

#define TIMEOUT_DEFAULT_USEC (60 * USEC_PER_SEC)
#define TIMEOUT_MAX_USEC (3600 * USEC_PER_SEC)
/* Of one option: as many as a list in [X-Tooloo] may have. */
#define VALUES_MAX 256

static const VerbRun runs[] = {
        { "add", services_add },
        { "edit", services_edit },
        { "remove", services_remove },
        { "import", services_import },
};

int services_values(const Ctl *ctl, int option, char ***ret) {
        _cleanup_(strv_freep) char **values = NULL;

        for (size_t i = 0; i < ctl->n_options; i++) {
                if (ctl->options[i].id != option)
                        continue;
                if (strv_length(values) == VALUES_MAX)
                        return verb_usage(ctl, "--%s may be given %d times at most", option_find(option)->name, VALUES_MAX);
                if (strv_extend(&values, ctl->options[i].value) < 0) {
                        (void) log_errno(-ENOMEM, "cannot read the arguments");
                        return CTL_FAILED;
                }
        }
        *ret = TAKE_PTR(values);
        return CTL_OK;
}

int services_timeout(const Ctl *ctl, uint64_t *ret) {
        const char *given = ctl->given[OPTION_TIMEOUT];
        uint64_t timeout = TIMEOUT_DEFAULT_USEC;

        if (given && (parse_timespan(given, &timeout) < 0 || timeout == 0 || timeout > TIMEOUT_MAX_USEC))
                return verb_usage(ctl, "--timeout takes a time up to an hour, such as '90s' or '5min', not '%s'", given);
        *ret = timeout;
        return CTL_OK;
}

int services_connect(Ctl *ctl) {
        if (bus_open_user(&ctl->bus) < 0 || registry_load(ctl->bus, &ctl->registry) < 0)
                return CTL_FAILED;
        return CTL_OK;
}

int main(int argc, char **argv) {
        Ctl ctl = {};

        (void) signal(SIGPIPE, SIG_IGN); /* a server that has gone is no crash */
        return command_line_run(&ctl, SERVICES_PROGRAM, runs, ELEMENTSOF(runs), argc, argv);
}
