/* SPDX-License-Identifier: MIT */
#include "command-line.h"

static const VerbRun runs[] = {
        { "start", verb_start },   { "stop", verb_stop },     { "restart", verb_restart }, { "reload", verb_reload },
        { "dev", verb_dev },       { "status", verb_status }, { "list", verb_list },       { "logs", verb_logs },
        { "doctor", verb_doctor },
        { "wait", verb_wait },     { "why", verb_why },     { "events", verb_events }, { "diff", verb_diff },
};

int main(int argc, char **argv) {
        Ctl ctl = {};

        return command_line_run(&ctl, NULL, runs, ELEMENTSOF(runs), argc, argv);
}
