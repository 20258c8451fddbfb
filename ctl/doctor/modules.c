/* SPDX-License-Identifier: MIT */
#include "modules.h"

#include <dirent.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "program.h"
#include "shared/strv.h"

/* Together; a host gives one of them 5 s. */
#define TRIALS_USEC (30 * USEC_PER_SEC)

#define DELETED " (deleted)"

char *module_path(const UnitFacts *u) {
        const char *directory = TL_MODULES_DIR;

        STRV_FOREACH(argument, u->arguments) {
                const char *value = startswith(*argument, "--modules=");

                if (value)
                        directory = value;
        }
        return str_printf("%s/%s.so", directory, u->service->id);
}

/* --- modules ------------------------------------------------------------------------------------------------- */

static int find_missing(Doctor *d, const UnitFacts *u, const char *path) {
        bool runs = unit_is_active(u);

        return doctor_find(d, runs ? LEVEL_WARNING : LEVEL_ERROR, u->name, str_printf("%s has no module: there is no %s",
                                                                                      u->service->id, path),
                           runs ? strdup("it runs on with the one it has loaded, but its next start may fail")
                                : strdup("it cannot start"), strdup("build it, or install TooLoo anew"));
}

static int find_unfit(Doctor *d, const UnitFacts *u, const char *path, const char *complaint) {
        bool runs = unit_is_active(u);

        return doctor_find(d, runs ? LEVEL_WARNING : LEVEL_ERROR, u->name,
                           str_printf("the module of %s (%s) is not fit: %s", u->service->id, path, complaint),
                           runs ? strdup("a reload rejects it; the service goes on with the one that it has loaded")
                                : strdup("the service starts with the last good one, or not at all"),
                           strdup("build it anew, or install the TooLoo that belongs to this tooloo-service"));
}

static int start_trial(const UnitFacts *u, const char *path, Program *ret) {
        char *arguments[] = { u->program, (char *) "--check", (char *) path, u->service->id, NULL };

        return program_start(arguments, ret);
}

static int end_trial(Doctor *d, const UnitFacts *u, const char *path, Program *program, uint64_t end) {
        _cleanup_(freep) char *output = NULL, *complaint = NULL;
        int status, error, r;

        r = program_wait(program, end, &status, &output);
        if (r == -ETIMEDOUT)
                return find_unfit(d, u, path, "it hangs while it is loaded");
        if (r < 0)
                return r;
        complaint = module_complaint(output, status, &error);
        return error < 0 || !complaint ? error : find_unfit(d, u, path, complaint);
}

/* All at once, for most of each is the loader's and another processor may be free. */
static int try_modules(Doctor *d, Program *programs, char **paths) {
        uint64_t end = now_usec() + TRIALS_USEC;
        int r = 0;

        for (size_t i = 0; i < d->n_units && r >= 0; i++) {
                const UnitFacts *u = d->units + i;

                if (!unit_is_native(u) || service_is_masked(u->service))
                        continue;
                paths[i] = module_path(u);
                if (!paths[i])
                        return -ENOMEM;
                if (access(paths[i], F_OK) < 0)
                        r = find_missing(d, u, paths[i]);
                else
                        r = start_trial(u, paths[i], programs + i);
                if (r == -ENOENT)
                        r = 0; /* there is no such program, which another check says */
        }
        for (size_t i = 0; i < d->n_units && r >= 0; i++)
                if (programs[i].pid > 0)
                        r = end_trial(d, d->units + i, paths[i], programs + i, end);
        return r;
}

int check_modules(Doctor *d) {
        _cleanup_(freep) Program *programs = calloc(d->n_units + 1, sizeof(Program));
        _cleanup_(freep) char **paths = calloc(d->n_units + 1, sizeof(char *));
        int r = programs && paths ? 0 : -ENOMEM;

        if (r >= 0)
                r = try_modules(d, programs, paths);
        for (size_t i = 0; programs && paths && i < d->n_units; i++) {
                program_done(programs + i);
                free(paths[i]);
        }
        return r;
}

/* --- versions: one installation, and the one that runs ----------------------------------------------------------- */

static int program_version(const char *path, char **ret) {
        char *arguments[] = { (char *) path, (char *) "--version", NULL };
        Program program = {};
        int status, r;

        r = program_start(arguments, &program);
        return r < 0 ? r : program_wait(&program, now_usec() + TRIALS_USEC, &status, ret);
}

static int check_program(Doctor *d, const UnitFacts *u) {
        _cleanup_(freep) char *version = NULL;
        int r;

        r = program_version(u->program, &version);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return doctor_find(d, LEVEL_ERROR, u->program, str_printf("%s of %s cannot be run (%s)", u->program, u->name,
                                                                          strerror(-r)),
                                   strdup("what is started by it cannot start"), strdup("install TooLoo anew"));
        version[strcspn(version, "\n")] = '\0';
        if (streq(version, "tooloo " TL_VERSION))
                return 0;
        return doctor_find(d, LEVEL_WARNING, u->program,
                           str_printf("%s is '%s', and toolooctl is 'tooloo " TL_VERSION "'", u->program, version),
                           strdup("they come from two installations and may not understand each other"),
                           strdup("install TooLoo anew, and remove the other installation"));
}

/* " (deleted)" stands behind the name of a program whose file was replaced. By the same one again, as most upgrades of a
 * package do with most files, is nothing to restart for. */
static bool runs_replaced_program(const UnitFacts *u) {
        _cleanup_(freep) char *link = str_printf("/proc/%u/exe", u->pid), *path = NULL;
        char target[4096];
        ssize_t n;

        n = link ? readlink(link, target, sizeof(target) - 1) : -1;
        if (n < 0)
                return false;
        target[n] = '\0';
        if (!endswith(target, DELETED))
                return false;
        path = strndup(target, (size_t) n - strlen(DELETED));
        return !path || files_equal(link, path) <= 0;
}

static int find_replaced(Doctor *d) {
        _cleanup_(strv_freep) char **replaced = NULL;
        _cleanup_(freep) char *names = NULL;
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0 && u->pid > 0 && runs_replaced_program(u))
                        r = strv_extend(&replaced, u->service ? u->service->id : u->name);
        if (r < 0 || !replaced)
                return r;
        names = strv_join(replaced, " ");
        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_WARNING, NULL, str_printf("the program on disk is another than the one that runs: %s", names),
                           strdup("a reload loads modules only; the program itself is the one before until a restart"),
                           str_printf("toolooctl restart %s", names));
}

/* The first toolooctl that a shell finds, for *ret; NULL for none. */
static int search_path(char **ret) {
        _cleanup_(freep) char *copy = strdup(strempty(getenv("PATH")));
        char *save = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *p = strtok_r(copy, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
                _cleanup_(freep) char *candidate = str_printf("%s/toolooctl", p);

                if (!candidate)
                        return -ENOMEM;
                if (access(candidate, X_OK) < 0)
                        continue;
                *ret = TAKE_PTR(candidate);
                return 0;
        }
        return 0;
}

static int find_other_toolooctl(Doctor *d) {
        _cleanup_(freep) char *found = NULL, *real = NULL, *self = realpath("/proc/self/exe", NULL);
        int r;

        r = search_path(&found);
        if (r < 0 || !found || !self)
                return r;
        real = realpath(found, NULL);
        if (real && streq(real, self))
                return 0;
        return doctor_find(d, LEVEL_NOTE, found, str_printf("the toolooctl in PATH is %s, not %s", found, self),
                           strdup("what you type then may be another version than what the fleet was installed with"),
                           str_printf("put the directory of %s first in PATH", self));
}

int check_versions(Doctor *d) {
        _cleanup_(strv_freep) char **seen = NULL;
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d) {
                if (r < 0)
                        return r;
                if (!unit_is_native(u) || strv_contains(seen, u->program))
                        continue;
                r = strv_extend(&seen, u->program);
                if (r >= 0)
                        r = check_program(d, u);
        }
        if (r >= 0)
                r = find_replaced(d);
        return r < 0 ? r : find_other_toolooctl(d);
}
