/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <stdio.h>

#include "shared/log.h"

/* On a terminal a person says yes; a script says --yes. */
static int ask(const Ctl *ctl, const ProviderPaths *paths) {
        bool key = access(paths->credential, F_OK) >= 0;
        char answer[16] = "";

        if (ctl->given[OPTION_YES])
                return CTL_OK;
        if (!isatty(STDIN_FILENO))
                return verb_usage(ctl, "nobody is here to be asked: give --yes, if that is what you want");
        (void) printf("Delete %s%s%s? [y/N] ", paths->file, key ? " and its key, " : "", key ? paths->credential : "");
        (void) fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
                log_error("nothing was removed");
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* The file first: from then on nobody looks for the key. */
int gateway_provider_remove(Ctl *ctl) {
        const char *name = ctl->names[0];
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        int status;

        status = provider_paths_of(name, &paths);
        if (status != CTL_OK)
                return status;
        if (!service_id_valid(name) || access(paths.file, F_OK) < 0)
                return gateway_unknown_provider(name);
        status = ask(ctl, &paths);
        if (status != CTL_OK)
                return status;
        if (unlink(paths.file) < 0) {
                (void) log_errno(-errno, "cannot delete %s", paths.file);
                return CTL_FAILED;
        }
        if (unlink(paths.credential) < 0 && errno != ENOENT) {
                (void) log_errno(-errno, "%s is removed, but its key %s cannot be deleted", name, paths.credential);
                return CTL_FAILED;
        }
        ctl_say(ctl, "%s is removed (it was %s)", name, paths.file);
        return CTL_OK;
}
