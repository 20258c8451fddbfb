/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "config.h"
#include "ctl/table.h"
#include "disk.h"
#include "doctor.h"

typedef struct Place {
        const char *what;
        const char *why;
        char *path;
} Place;

/* Where StateDirectory= lies: systemd 254 moved it. */
static char *state_path(void) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        _cleanup_(freep) char *path = NULL;

        path = state && *state == '/' ? strdup(state) : str_printf("%s/.local/state", strempty(home));
        if (path && access(path, F_OK) >= 0)
                return TAKE_PTR(path);
        return str_printf("%s/.config", strempty(home));
}

static int check_place(Doctor *d, const Place *place) {
        char size[BYTES_MAX];
        struct statvfs fs;
        DiskFacts facts;
        Level level;
        bool space;

        if (!place->path)
                return -ENOMEM;
        if (statvfs(place->path, &fs) < 0)
                return errno == ENOENT ? 0 : -errno;
        facts = (DiskFacts) {
                .size = (uint64_t) fs.f_blocks * fs.f_frsize,
                .free = (uint64_t) fs.f_bavail * fs.f_frsize,
                .inodes = fs.f_files,
                .free_inodes = fs.f_favail,
        };
        if (fs.f_flag & ST_RDONLY)
                return doctor_find(d, LEVEL_ERROR, place->path, str_printf("%s (%s) cannot be written: it is mounted read-only",
                                                                           place->path, place->what),
                                   strdup(place->why), str_printf("sudo mount -o remount,rw %s", place->path));
        level = disk_judge(&facts);
        if (level == LEVEL_OK)
                return 0;
        space = disk_judge(&(DiskFacts) { facts.size, facts.free, 0, 0 }) != LEVEL_OK;
        return doctor_find(d, level, place->path,
                           space ? str_printf("%s (%s) has %s left", place->path, place->what,
                                              format_bytes(size, facts.free))
                                 : str_printf("%s (%s) has room for %zu more files", place->path, place->what,
                                              (size_t) facts.free_inodes),
                           strdup(place->why),
                           str_printf(space ? "free some space there: du -xh --max-depth=2 %s | sort -h"
                                            : "remove files there: du -x --inodes --max-depth=2 %s | sort -n", place->path));
}

int check_disk(Doctor *d) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        Place places[] = {
                { "state of the services", "services cannot store anything there, and metricsd's history stops", state_path() },
                { "runtime directory", "each reload copies its module there: without room it is rejected",
                  runtime ? strdup(runtime) : str_printf("/run/user/%u", getuid()) },
                { "module directory", "a new module cannot be put there", strdup(TL_MODULES_DIR) },
                { "journal", "journald drops what is old, or what comes",
                  strdup(access("/var/log/journal", F_OK) < 0 ? "/run/log/journal" : "/var/log/journal") },
        };
        dev_t seen[ELEMENTSOF(places)];
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct stat st;
                bool again = false;

                if (r >= 0 && places[i].path && stat(places[i].path, &st) >= 0) {
                        for (size_t k = 0; k < n; k++)
                                again = again || seen[k] == st.st_dev;
                        seen[n++] = st.st_dev;
                }
                if (r >= 0 && !again)
                        r = check_place(d, places + i);
                free(places[i].path);
        }
        return r;
}
