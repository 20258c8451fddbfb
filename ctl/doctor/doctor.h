/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctl/ctl.h"
#include "shared/host-status.h"

/* "toolooctl doctor": a table of checks, each of which looks at one thing and adds what it finds. Nothing here starts,
 * connects to or changes anything but the mending, which --fix alone asks for. */

typedef enum Level { LEVEL_OK, LEVEL_NOTE, LEVEL_WARNING, LEVEL_ERROR } Level;

/* "ok", "note", "warning", "error". */
const char *level_to_string(Level level);

typedef struct Doctor Doctor;
typedef struct Finding Finding;

typedef struct Check {
        bool needs_bus;    /* cannot be made without the user manager and the registry that it gives */
        /* Adds findings; none is "ok". Negative errno when it could not be made. */
        int (*run)(Doctor *d);
        /* Mends a finding that is FIXABLE. *ret_done is a sentence: what was done, or with a negative errno, why it was
         * not (may stay NULL then). */
        int (*fix)(Doctor *d, const Finding *finding, char **ret_done);
} Check;

/* A word, as in --help and JSON; and what is so when it finds nothing, a sentence without its full stop. */
const char *check_name(const Check *check);
const char *check_title(const Check *check);

struct Finding {
        const Check *check;
        Level level;
        bool fixable;
        char *subject; /* the unit, file or limit that it is about */
        char *what;    /* a sentence without its full stop */
        char *why;     /* why it matters, the same */
        char *mend;    /* a command, or what else to do; NULL for nothing */
};

/* How a check went. */
typedef struct Verdict {
        const Check *check;
        Level level;   /* the worst of its findings */
        bool made;     /* false: it could not be, and problem says why */
        char *problem;
} Verdict;

/* A unit of the fleet as systemd has it; see facts.c. */
typedef struct UnitFacts {
        const Service *service; /* into the registry; NULL for those that are no service */
        char *name;
        char *load_state;
        char *active_state;
        char *sub_state;
        char *status_text;
        char *result;
        char *fragment_path;
        char **drop_in_paths;
        bool need_reload; /* its files have changed since systemd read them */

        /* Of services. */
        uint32_t pid;
        uint32_t restarts; /* by systemd, since the last start or reset by hand */
        char *program;   /* of ExecStart= */
        char **arguments;
        bool no_new_privileges;
        bool private_users;
        bool private_tmp;
        bool has_system_call_filter;
        char *protect_system;
        char *protect_home;
        char **credentials; /* absolute paths in LoadCredential= */
        char **encrypted_credentials;
        HostStatus host;    /* of one that is active */
} UnitFacts;

struct Doctor {
        const Ctl *ctl;
        sd_bus *bus;          /* NULL when there is none */
        char *bus_problem;    /* why */
        Registry *registry;   /* NULL without a bus */
        char **registry_said; /* what was wrong in unit files as the registry was read, a line each */
        UnitFacts *units;
        size_t n_units;

        const Check *check; /* that runs */
        Finding *findings;
        size_t n_findings;
        Verdict *verdicts; /* one a check */
        size_t n_verdicts;
};

/* The first of the names that no check has, or NULL. */
const char *doctor_unknown_check(char *const *names);

/* Makes the checks that the command line names, or all. Negative errno only for -ENOMEM. The caller frees, also after a failure. */
int doctor_run(Doctor *d);
void doctor_done(Doctor *d);

#define FIXABLE 0x100 /* beside a level: --fix can mend it */

/* Adds a finding of the check that runs. what, why and mend are taken over; subject is copied and may be NULL. -ENOMEM when what
 * or why is NULL for lack of memory. */
int doctor_find(Doctor *d, unsigned level, const char *subject, char *what, char *why, char *mend);

/* Splits "what is wrong: what to do", as our errors are, at the last colon. *ret_mend is NULL where there is none. */
int doctor_split_advice(const char *line, char **ret_what, char **ret_mend);

/* One thing that --fix did or could not do. */
typedef struct Repair {
        const Check *check;
        char *subject;
        char *what; /* a sentence */
        bool done;
} Repair;

typedef struct Repairs {
        Repair *list;
        size_t n;
} Repairs;

/* Mends what is warned of and can be mended. A note is nobody's fault, and so is left as it is. */
int doctor_fix(Doctor *d, Repairs *ret);
void repairs_done(Repairs *repairs);

/* The worst of all findings. */
Level doctor_worst(const Doctor *d);

/* --- report.c --- */

/* repairs: NULL without --fix. all: checks that found nothing, too. */
int doctor_print(const Doctor *d, const Repairs *repairs, bool all);
int doctor_print_json(const Doctor *d, const Repairs *repairs);

/* --- facts.c --- */

/* Asks systemd about all units of the fleet, and active native services about themselves. */
int doctor_gather(Doctor *d);
void doctor_facts_done(Doctor *d);

/* NULL where there is no such unit. */
const UnitFacts *doctor_unit(const Doctor *d, const char *name);

bool unit_is(const UnitFacts *u, const char *active_state);

/* "active", and "reloading", which serves as well. */
bool unit_is_active(const UnitFacts *u);

/* It runs the service host: its code is a module. */
bool unit_is_native(const UnitFacts *u);

#define DOCTOR_FOREACH_UNIT(u, d) for (const UnitFacts *u = (d)->units; u < (d)->units + (d)->n_units; u++)

/* --- The checks, by file ------------------------------------------------------------------------------------ */

int check_manager(Doctor *d);   /* session.c */
int check_linger(Doctor *d);
int fix_linger(Doctor *d, const Finding *finding, char **ret_done);
int check_journal(Doctor *d);   /* journals.c */
int check_clock(Doctor *d);     /* clock.c */
int check_disk(Doctor *d);      /* disk.c */
int check_inotify(Doctor *d);   /* inotify.c */
int check_user_namespaces(Doctor *d); /* sandbox.c */
int check_sandbox(Doctor *d);
int check_registry(Doctor *d);  /* units.c */
int check_loaded(Doctor *d);
int fix_loaded(Doctor *d, const Finding *finding, char **ret_done);
int check_members(Doctor *d);
int check_overridden(Doctor *d);
int check_providers(Doctor *d); /* providers.c */
int check_provider_keys(Doctor *d);
int check_credentials(Doctor *d); /* credentials.c */
int fix_credentials(Doctor *d, const Finding *finding, char **ret_done);
int check_ports(Doctor *d);     /* ports.c */
int check_left_over(Doctor *d); /* generations.c */
int fix_left_over(Doctor *d, const Finding *finding, char **ret_done);
int check_hosts(Doctor *d);
int check_generations(Doctor *d);
int fix_generations(Doctor *d, const Finding *finding, char **ret_done);
int check_versions(Doctor *d);  /* modules.c */
int check_modules(Doctor *d);
int check_failed(Doctor *d);    /* failed.c */
int fix_failed(Doctor *d, const Finding *finding, char **ret_done);
int check_following(Doctor *d);
int fix_following(Doctor *d, const Finding *finding, char **ret_done);
