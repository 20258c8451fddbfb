/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "ctl/command-line.h"
#include "verb-top.h"

static const VerbRun runs[] = {
        { "top", verb_top },
};

int main(int argc, char **argv) {
        Ctl ctl = {};

        return command_line_run(&ctl, TOP_PROGRAM, runs, ELEMENTSOF(runs), argc, argv);
}
