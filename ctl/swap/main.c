/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "config.h"
#include "ctl/command-line.h"
#include "ctl/output.h"
#include "ctl/swap-program.h"
#include "shared/log.h"
#include "swap.h"

static const VerbRun runs[] = {
        { "scale", verb_scale },
};

/* What "toolooctl reload" runs beside its own jobs: SWAP_ARGUMENT [--quiet] ID... */
static int run_swap(Ctl *ctl, char **argv) {
        int status;

        (void) setlocale(LC_CTYPE, "");
        log_setup("toolooctl", NULL);
        if (argv[0] && streq(argv[0], "--quiet")) {
                ctl->quiet = true;
                argv++;
        }
        ctl->names = argv;
        status = ctl_finish_stdout(ctl, swap_services(ctl));
        free(ctl->selected);
        registry_free(ctl->registry);
        (void) sd_bus_flush_close_unref(ctl->bus);
        return status;
}

int main(int argc, char **argv) {
        Ctl ctl = {};

        if (argc > 2 && streq(argv[1], SWAP_ARGUMENT))
                return run_swap(&ctl, argv + 2);
        return command_line_run(&ctl, SWAP_PROGRAM, runs, ELEMENTSOF(runs), argc, argv);
}
