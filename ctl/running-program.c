/* SPDX-License-Identifier: MIT */
#include "running-program.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "config.h"
#include "shared/bus-util.h"

#define OUR_DIRECTORY TL_PKGLIB_DIR "/"
#define DELETED " (deleted)"

static const BusProperty properties[] = {
        { SYSTEMD_SERVICE, "MainPID", "u", offsetof(RunningProgram, pid) },
        { SYSTEMD_UNIT, "NeedDaemonReload", "b", offsetof(RunningProgram, need_daemon_reload) },
};

void running_program_done(RunningProgram *p) {
        free(p->path);
        *p = (RunningProgram) {};
}

bool file_is_replaced(const char *running, const char *path) {
        struct stat a, b;

        if (stat(running, &a) < 0 || stat(path, &b) < 0 || (a.st_dev == b.st_dev && a.st_ino == b.st_ino))
                return false;
        return files_equal(running, path) == 0;
}

/* The shared objects that a process has loaded later, see foundation/object.h. */
static int look_at_objects(RunningProgram *p) {
        _cleanup_(freep) char *directory = str_printf("/proc/%u/fd", p->pid);
        DIR *d = directory ? opendir(directory) : NULL;
        struct dirent *entry;

        if (!directory)
                return -ENOMEM;
        while (d && !p->replaced && (entry = readdir(d))) {
                _cleanup_(freep) char *link = str_printf("%s/%s", directory, entry->d_name);
                char target[PATH_MAX];
                ssize_t n;

                n = link ? readlink(link, target, sizeof(target) - 1) : -1;
                if (n < 0)
                        continue;
                target[n] = '\0';
                if (endswith(target, DELETED))
                        target[n - (ssize_t) strlen(DELETED)] = '\0';
                if (startswith(target, OUR_DIRECTORY) && endswith(target, ".so"))
                        p->replaced = file_is_replaced(link, target);
        }
        if (d)
                (void) closedir(d); /* was only read */
        return 0;
}

static int look_at_process(RunningProgram *p) {
        _cleanup_(freep) char *link = str_printf("/proc/%u/exe", p->pid);

        if (!link)
                return -ENOMEM;
        p->replaced = file_is_replaced(link, p->path);
        return p->replaced ? 0 : look_at_objects(p);
}

/* ExecStart= is a list of commands with how each went. */
static int ask_program(sd_bus *bus, const char *unit_path, RunningProgram *p) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *path = NULL;
        int r;

        r = sd_bus_get_property(bus, SYSTEMD_NAME, unit_path, SYSTEMD_SERVICE, "ExecStart", NULL, &m, "a(sasbttttuii)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'r', "sasbttttuii");
        if (r > 0)
                r = sd_bus_message_read(m, "s", &path);
        if (r < 0)
                return r;
        if (!path || !startswith(path, OUR_DIRECTORY))
                return -EXDEV;
        p->path = strdup(path);
        return p->path ? 0 : -ENOMEM;
}

int running_program_query(sd_bus *bus, const char *unit, RunningProgram *ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(freep) char *unit_path = bus_unit_path(unit);
        int r;

        if (!unit_path)
                return -ENOMEM;
        r = ask_program(bus, unit_path, ret);
        if (r >= 0)
                r = bus_batch_unit_properties(&batch, unit_path, properties, ELEMENTSOF(properties), ret);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        return r < 0 || ret->pid == 0 ? r : look_at_process(ret);
}
