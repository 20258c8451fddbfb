/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include "basic/file-util.h"
#include "doctor.h"
#include "modules.h"
#include "repair.h"
#include "shared/bus-util.h"
#include "shared/instances.h"
#include "shared/unit-file.h"

#define MAPS_MAX (4 * 1024 * 1024)

/* --- hosts: they answer ------------------------------------------------------------------------------------------ */

int check_hosts(Doctor *d) {
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d) {
                if (r < 0)
                        return r;
                if (!unit_is_native(u) || !unit_is(u, "active") || u->host.known)
                        continue;
                r = doctor_find(d, LEVEL_ERROR, u->name, str_printf(u->host.hangs ? "%s runs, but does not answer on D-Bus"
                                                                    : "%s runs, but is not on the user's D-Bus", u->service->id),
                                strdup(u->host.hangs ? "its event loop stands still, so it answers nobody"
                                                     : "it cannot be asked to reload, nor how it is"),
                                str_printf("toolooctl restart %s", u->service->id));
        }
        return r;
}

/* --- generations: what runs is what lies on disk ----------------------------------------------------------------- */

static int find_rejected(Doctor *d, const UnitFacts *u) {
        bool back = streq(u->host.last_result, "rolled-back");

        return doctor_find(d, LEVEL_WARNING, u->name,
                           str_printf("%s runs the module before: the one on disk was %s (%s)", u->service->id,
                                      back ? "rolled back" : "rejected", strempty(u->host.last_problem)),
                           strdup("what was changed is not what answers"),
                           str_printf("mend and build it, then toolooctl reload %s", u->service->id));
}

/* 1 when the loaded module has another content than the file, 0 when not or when that cannot be seen. */
static int is_stale(const UnitFacts *u) {
        _cleanup_(freep) char *path = module_path(u), *maps = NULL, *copy = NULL, *name = NULL;
        int r;

        name = str_printf("/proc/%u/maps", u->pid);
        if (!path || !name)
                return -ENOMEM;
        if (read_file(name, MAPS_MAX, &maps, NULL) < 0)
                return 0;
        copy = module_copy_in_maps(maps, u->service->id, u->pid);
        if (!copy)
                return 0;
        r = files_equal(copy, path);
        return r == 0;
}

static int find_stale(Doctor *d, const UnitFacts *u) {
        int r = is_stale(u);

        if (r <= 0)
                return r;
        return doctor_find(d, LEVEL_WARNING | FIXABLE, u->name,
                           str_printf("%s runs generation %zu, which is not the module on disk", u->service->id,
                                      (size_t) u->host.generation),
                           strdup("what was built or installed last is not what answers"),
                           str_printf("toolooctl reload %s", u->service->id));
}

static int find_pinned(Doctor *d, const UnitFacts *u) {
        if (u->host.retiring == 0)
                return 0;
        return doctor_find(d, LEVEL_NOTE, u->name,
                           str_printf("%s still keeps %u older generation%s for what %s began to answer", u->service->id,
                                      u->host.retiring, u->host.retiring == 1 ? "" : "s", u->host.retiring == 1 ? "it" : "they"),
                           strdup("a stream that never ends keeps old code, and its memory, for as long"),
                           str_printf("toolooctl restart %s ends them, and the streams", u->service->id));
}

int check_generations(Doctor *d) {
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d) {
                if (r < 0)
                        return r;
                if (!unit_is_native(u) || !unit_is_active(u) || !u->host.known)
                        continue;
                if (*strempty(u->host.last_problem) && !streq(strempty(u->host.last_result), "reloaded"))
                        r = find_rejected(d, u);
                else
                        r = find_stale(d, u);
                if (r >= 0)
                        r = find_pinned(d, u);
        }
        return r;
}

int fix_generations(Doctor *d, const Finding *finding, char **ret_done) {
        int r;

        r = repair_job(d, UNIT_RELOAD, finding->subject, ret_done);
        if (r >= 0)
                *ret_done = str_printf("%s has loaded the module on disk (systemctl --user reload)", finding->subject);
        return r;
}

/* --- left-over: what a swap that did not come to its end has left -------------------------------------------------- */

/* Longer than any swap waits for its jobs. */
#define LEFT_OVER_SECONDS 600

static char *runtime_units(void) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        return runtime ? str_printf("%s/systemd/user", runtime) : str_printf("/run/user/%u/systemd/user", getuid());
}

/* The next generation of a service, or one on trial. Replicas (a number in place of the word) are there to stay. */
static bool is_transitional(const char *name) {
        return startswith(name, "tooloo-") &&
                (endswith(name, "@" INSTANCE_NEXT_NAME ".service") || endswith(name, "@" INSTANCE_TRIAL_NAME ".service") ||
                 endswith(name, "@" INSTANCE_TRIAL_NAME ".socket"));
}

static bool runs(Doctor *d, const char *unit) {
        _cleanup_(freep) char *path = bus_unit_path(unit), *state = NULL;

        return path && sd_bus_get_property_string(d->bus, SYSTEMD_NAME, path, SYSTEMD_UNIT, "ActiveState", NULL, &state) >= 0 &&
                !streq(state, "inactive") && !streq(state, "failed");
}

static int look_at(Doctor *d, const char *directory, const char *name) {
        _cleanup_(freep) char *path = str_printf("%s/%s", directory, name);
        struct stat st;

        if (!path)
                return -ENOMEM;
        if (lstat(path, &st) < 0 || time(NULL) - st.st_mtim.tv_sec < LEFT_OVER_SECONDS || runs(d, name))
                return 0;
        return doctor_find(d, LEVEL_WARNING | FIXABLE, path, str_printf("%s is left over from a swap that did not end", path),
                           strdup("the next swap of this service finds it in its way"),
                           str_printf("rm -rf %s %s.d && systemctl --user daemon-reload", path, path));
}

int check_left_over(Doctor *d) {
        _cleanup_(freep) char *path = runtime_units();
        struct dirent *entry;
        DIR *directory;
        int r = 0;

        if (!path)
                return -ENOMEM;
        directory = opendir(path);
        if (!directory)
                return errno == ENOENT ? 0 : -errno;
        while (r >= 0 && (entry = readdir(directory)))
                if (is_transitional(entry->d_name))
                        r = look_at(d, path, entry->d_name);
        (void) closedir(directory);
        return r;
}

int fix_left_over(Doctor *d, const Finding *finding, char **ret_done) {
        int r;

        r = unit_file_remove(finding->subject);
        if (r < 0)
                return r;
        r = repair_daemon_reload(d, ret_done);
        if (r >= 0)
                *ret_done = str_printf("%s is removed, and systemd has read the unit files again", finding->subject);
        return r;
}
