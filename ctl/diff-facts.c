/* SPDX-License-Identifier: MIT */
#include "diff-facts.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "shared/bus-util.h"
#include "shared/strv.h"
#include "watchd/filter.h"

static const BusProperty properties[] = {
        { SYSTEMD_UNIT, "NeedDaemonReload", "b", offsetof(Diff, need_daemon_reload) },
        { SYSTEMD_SERVICE, "ExecMainStartTimestamp", "t", offsetof(Diff, started) },
        { SYSTEMD_SERVICE, "MainPID", "u", offsetof(Diff, pid) },
};

const char *difference_to_string(DifferenceKind kind) {
        static const char *const names[] = {
                [DIFFERENCE_MODULE] = "module",
                [DIFFERENCE_PROGRAM] = "program",
                [DIFFERENCE_DAEMON_RELOAD] = "daemon-reload",
                [DIFFERENCE_UNIT_FILE] = "unit-file",
                [DIFFERENCE_WATCHED] = "watched",
        };

        return names[kind];
}

void diff_done(Diff *diff) {
        host_status_done(&diff->host);
        for (size_t i = 0; i < diff->n; i++)
                free(diff->differences[i].file);
        free(diff->differences);
        free(diff->trouble);
}

static int add(Diff *diff, DifferenceKind kind, const char *file, uint64_t changed) {
        Difference *grown = reallocarray(diff->differences, diff->n + 1, sizeof(Difference));
        char *copy = file ? strdup(file) : NULL;

        if (grown)
                diff->differences = grown;
        if (!grown || (file && !copy)) {
                free(copy);
                return -ENOMEM;
        }
        diff->differences[diff->n++] = (Difference) { kind, copy, changed };
        return 0;
}

static uint64_t usec_of(const struct timespec *t) {
        return (uint64_t) t->tv_sec * USEC_PER_SEC + (uint64_t) t->tv_nsec / NSEC_PER_USEC;
}

static FileFacts look_at(const char *path) {
        struct stat st;

        if (!path || !*path || stat(path, &st) < 0)
                return (FileFacts) {};
        return (FileFacts) { true, (uint64_t) st.st_size, usec_of(&st.st_mtim) };
}

/* --- The module ------------------------------------------------------------------------------------------------ */

/* As the host itself compares them before it reloads. */
static int compare_module(Diff *diff) {
        const HostStatus *h = &diff->host;
        int r;

        if (!h->known || !h->module_file || !h->loaded_file || !*h->loaded_file)
                return 0;
        diff->module = look_at(h->module_file);
        diff->loaded = look_at(h->loaded_file);
        if (!diff->module.known)
                return add(diff, DIFFERENCE_MODULE, h->module_file, 0);
        r = files_equal(h->module_file, h->loaded_file);
        if (r < 0)
                return str_replace_printf(&diff->trouble, "its module cannot be compared: %s", strerror(-r));
        return r > 0 ? 0 : add(diff, DIFFERENCE_MODULE, h->module_file, diff->module.changed);
}

/* --- The program and the unit's files -------------------------------------------------------------------------- */

/* Of a process in a user namespace of its own only root may see that. */
static int compare_program(Diff *diff) {
        _cleanup_(freep) char *link = str_printf("/proc/%u/exe", diff->pid);
        char target[PATH_MAX];
        ssize_t n;

        if (!link)
                return -ENOMEM;
        n = diff->pid > 0 ? readlink(link, target, sizeof(target) - 1) : -1;
        if (n < 0)
                return 0;
        target[n] = '\0';
        if (!endswith(target, " (deleted)"))
                return 0;
        target[n - (ssize_t) strlen(" (deleted)")] = '\0';
        return add(diff, DIFFERENCE_PROGRAM, target, look_at(target).changed);
}

static int compare_unit_file(Diff *diff, const char *path) {
        FileFacts file = look_at(path);

        return file.known && file.changed > diff->started ? add(diff, DIFFERENCE_UNIT_FILE, path, file.changed) : 0;
}

static int compare_unit(Diff *diff) {
        const Service *s = diff->service;
        int r = 0;

        if (diff->need_daemon_reload)
                r = add(diff, DIFFERENCE_DAEMON_RELOAD, NULL, 0);
        if (r >= 0)
                r = compare_unit_file(diff, s->fragment_path);
        STRV_FOREACH(path, s->drop_in_paths)
                if (r >= 0)
                        r = compare_unit_file(diff, *path);
        return r;
}

/* --- What is watched ------------------------------------------------------------------------------------------- */

typedef struct Walk {
        Diff *diff;
        Filter filter;
        size_t seen;
} Walk;

static int walk(Walk *w, const char *path);

static int walk_directory(Walk *w, const char *path) {
        DIR *directory = opendir(path);
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return errno == ENOMEM ? -ENOMEM : 0;
        while (r >= 0 && (entry = readdir(directory))) {
                _cleanup_(freep) char *below = NULL;

                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                below = str_printf("%s/%s", path, entry->d_name);
                r = below ? walk(w, below) : -ENOMEM;
        }
        (void) closedir(directory); /* was only read */
        return r;
}

static int take_file(Walk *w, const char *path, const struct stat *st) {
        uint64_t changed = usec_of(&st->st_mtim);

        /* Of a module's sources what was saved before it was loaded is in it. */
        if (changed <= MAX(w->diff->started, w->diff->loaded.changed))
                return 0;
        return w->diff->n_watched++ < DIFFERENCES_MAX ? add(w->diff, DIFFERENCE_WATCHED, path, changed) : 0;
}

/* Links are not followed, as the watcher does not. */
static int walk(Walk *w, const char *path) {
        struct stat st;

        if (filter_path(&w->filter, path + 1) == FILTER_OUTSIDE || lstat(path, &st) < 0)
                return 0;
        if (w->seen++ >= WATCHED_FILES_MAX) {
                w->diff->cut = true;
                return 0;
        }
        if (S_ISDIR(st.st_mode))
                return walk_directory(w, path);
        return S_ISREG(st.st_mode) ? take_file(w, path, &st) : 0;
}

/* A path that is not absolute is one of the fleet's own source tree: the module, which is built from it, is compared. */
static int compare_watched(Diff *diff) {
        const ServiceSettings *settings = &diff->service->settings;
        Walk w = { .diff = diff, .filter = { .ignore = settings->ignore } };
        int r = 0;

        STRV_FOREACH(path, settings->watch) {
                char *const roots[] = { **path == '/' ? *path + 1 : NULL, NULL };

                if (r < 0 || **path != '/')
                        continue;
                w.filter.roots = roots;
                r = walk(&w, *path);
        }
        return r;
}

int diff_gather(sd_bus *bus, const Service *service, Diff *ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(freep) char *path = bus_unit_path(service->unit);
        int r;

        ret->service = service;
        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, properties, ELEMENTSOF(properties), ret);
        if (r >= 0)
                r = host_status_ask(&batch, service->id, &ret->host);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0)
                r = compare_module(ret);
        if (r >= 0)
                r = compare_program(ret);
        if (r >= 0)
                r = compare_unit(ret);
        return r < 0 ? r : compare_watched(ret);
}
