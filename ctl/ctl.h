/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/string-util.h"
#include "shared/instances.h"
#include "shared/registry.h"
#include "shared/unit-failure.h"
#include "shared/unit-jobs.h"
#include "verbs.h"

/* Exit statuses, as systemctl(1) and the LSB have them. */
enum {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_ACTIVE = 3,     /* status, why, diff */
        CTL_STATUS_UNKNOWN = 4, /* status, why: no such service */
        CTL_UNKNOWN = 5,        /* the other verbs: no such service, or TooLoo is not installed */
};

/* Longer than any start or stop time-out among the fleet's own units, so that systemd's verdict comes first. */
#define CTL_JOBS_TIMEOUT_USEC (120 * USEC_PER_SEC)

#define FLEET_TARGET "tooloo.target"
#define DEV_TARGET "tooloo-dev.target"
#define WATCHD_UNIT "tooloo-watchd.service"

/* Of Ctl.lines. */
#define LINES_ALL UINT64_MAX
#define LINES_DEFAULT (UINT64_MAX - 1)
#define LINES_MAX 1000000

/* An option as it was given; value NULL where it takes none. */
typedef struct GivenOption {
        int id;
        const char *value;
} GivenOption;

/* What the command line asked for, and what the verbs share. */
typedef struct Ctl {
        const Verb *verb;
        const char *help;               /* the command that says more: "toolooctl logs --help" */
        char **names;                   /* operands after the verb; NULL for none: the whole fleet */
        const char *given[_OPTION_MAX]; /* the value of each option given (the last), "" where it takes none; NULL else */
        const GivenOption *options;     /* all of them in order, for those that may come more than once */
        size_t n_options;
        bool json;
        bool quiet;
        bool follow;
        uint64_t lines; /* -n, LINES_ALL, or LINES_DEFAULT when it was not given */
        uint64_t since; /* --since=, realtime usec; 0 for none */
        uint64_t until; /* --until=; 0 for none */

        bool brief; /* the registry's needs are not shown: it is read the quick way */

        sd_bus *bus;
        Registry *registry;
        const Service **selected; /* into registry, each once, in the order given */
        size_t n_selected;
        int output_error; /* of stdout, found before the end; after -EPIPE nothing is written or said any more */
} Ctl;

/* A verb returns one of the exit statuses above; what went wrong it has said, one line each. */
int verb_start(Ctl *ctl);
int verb_stop(Ctl *ctl);
int verb_restart(Ctl *ctl);
int verb_reload(Ctl *ctl);
int verb_status(Ctl *ctl);
int verb_list(Ctl *ctl);
int verb_logs(Ctl *ctl);
int verb_dev(Ctl *ctl);
int verb_doctor(Ctl *ctl);
int verb_wait(Ctl *ctl);
int verb_why(Ctl *ctl);
int verb_events(Ctl *ctl);
int verb_diff(Ctl *ctl);

/* Connects, reads the registry and finds the services named; all of them when none is. CTL_OK, CTL_FAILED, or unknown
 * when a name is none of them: each such name has its line then, and the known ones are in selected all the same. */
int ctl_select(Ctl *ctl, int unknown);

/* Reads the registry again, to see what an action has led to. Selected services are looked up anew. */
int ctl_refresh(Ctl *ctl);

/* A line on stdout, unless --quiet. */
void ctl_say(const Ctl *ctl, const char *format, ...) _printf_(2, 3);

/* --- actions.c: what the verbs that act have in common ------------------------------------------------------- */

/* CTL_FAILED with a line for each selected service that is masked, else CTL_OK. verb is for the line: "start". */
int ctl_refuse_masked(const Ctl *ctl, const char *verb);

/* Takes failed state and start limit off services (and their sockets) that are not active; of running ones too when
 * running is set, because a restart counts against their limit. Masked ones are left alone. */
int ctl_reset(Ctl *ctl, bool running);

/* Restarts these services and their replicas, of which new connections wait; what an unfinished swap has left of them is
 * stopped. */
int ctl_restart(Ctl *ctl, const Service *const *services, size_t n);

/* Asks for a job for each instance of a service that runs: its replicas, or what belongs to a swap. Negative errno. */
int ctl_add_instances(UnitJobs *jobs, UnitVerb verb, const InstanceStates *instances, const Service *s, bool replicas);

/* Waits for the jobs, and shows what for (progress.h) where it takes long. As unit_jobs_wait(). */
int ctl_wait_jobs(const Ctl *ctl, UnitJobs *jobs);

/* The same, and gives a failed one its line. A service whose socket failed is not named a second time. */
int ctl_finish_jobs(Ctl *ctl, UnitJobs *jobs);

/* Starts the selected services with their sockets, and first this unit; NULL for none. Failed state and start limits are taken
 * off before. */
int ctl_start_selected(Ctl *ctl, const char *first);

/* Starts the fleet, for dev with the watcher, and names each service that then is not well. */
int ctl_start_fleet(Ctl *ctl, bool dev);

/* --- stop.c ------------------------------------------------------------------------------------------------------ */

/* Stops the fleet with its targets, and waits for every part of it. */
int ctl_stop_fleet(Ctl *ctl);

/* Stops the selected services for good: sockets, services, what else runs of them (replicas, the other side of a swap). */
int ctl_stop_selected(Ctl *ctl);
