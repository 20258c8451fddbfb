/* SPDX-License-Identifier: MIT */
#include <locale.h>

#include "shared/log.h"
#include "watchd/manager.h"
#include "watchd/options.h"

/* systemd.exec(5) gives these two their meaning; the unit lists both in RestartPreventExitStatus=, for another try
 * would end as the first did. */
#define EXIT_INVALID_ARGUMENT 2
#define EXIT_CONFIG 78

static int exit_status(int r) {
        switch (r) {
        case -EUCLEAN: /* what to put right was said */
        case -ENOSPC:
        case -EMFILE:
        case -E2BIG:
                return EXIT_CONFIG;
        default:
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
}

int main(int argc, char *argv[]) {
        _cleanup_(options_done) Options options = { 0 };
        _cleanup_(manager_freep) Manager *manager = NULL;
        int r;

        log_setup("tooloo-watchd", "watchd");
        (void) setlocale(LC_CTYPE, "C.UTF-8"); /* without it, what a build says in UTF-8 shows as question marks */
        r = options_parse(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? EXIT_INVALID_ARGUMENT : EXIT_SUCCESS;
        r = manager_new(&options, &manager);
        if (r >= 0)
                r = manager_run(manager);
        return exit_status(r);
}
