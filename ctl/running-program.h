/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What a unit of the fleet runs, and whether that is what a restart of it would run. */
typedef struct RunningProgram {
        uint32_t pid;          /* 0 when it does not run */
        char *path;            /* the program that its unit file names; NULL where that is none of ours */
        bool replaced;         /* it runs another one than lies on disk, or other shared objects of ours */
        bool need_daemon_reload;
} RunningProgram;

/* Programs that do not lie in our own directory are nobody's to restart here: -EXDEV. Negative errno else when systemd cannot
 * be asked. The caller frees with running_program_done(), also after a failure. */
int running_program_query(sd_bus *bus, const char *unit, RunningProgram *ret);
void running_program_done(RunningProgram *p);

/* Another file than `running`, a link of /proc, stands for, with another content: the same version installed again is no
 * reason to restart anything. False, too, when there is none, or when it cannot be seen. */
bool file_is_replaced(const char *running, const char *path);
