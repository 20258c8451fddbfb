/* SPDX-License-Identifier: MIT */
#include <ftw.h>
#include <sys/inotify.h>

#include "doctor.h"
#include "shared/strv.h"

/* What the fleet opens beside what runs now: the path unit's, the watcher's, a reload's, and one for an editor. */
#define INSTANCES_NEEDED 4

/* 0, or the error with which the kernel refuses. Tried, for only the kernel counts what this user's processes everywhere
 * have taken. */
static int try_instances(void) {
        int fds[INSTANCES_NEEDED], n = 0, r = 0;

        while (n < INSTANCES_NEEDED && r == 0) {
                fds[n] = inotify_init1(IN_CLOEXEC);
                if (fds[n] < 0)
                        r = -errno;
                else
                        n++;
        }
        while (n > 0)
                safe_close(fds[--n]);
        return r;
}

/* nftw() has no pointer for its callback. */
static struct {
        int fd;
        size_t n;
        int error;
} walk;

static int watch_directory(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        if (type != FTW_D)
                return 0;
        if (inotify_add_watch(walk.fd, path, IN_CLOSE_WRITE | IN_ONLYDIR) >= 0) {
                walk.n++;
                return 0;
        }
        if (errno != ENOSPC)
                return 0; /* one that cannot be read, or has just gone: the watcher passes over it, too */
        walk.error = -ENOSPC;
        return 1;
}

/* Watches every directory of the trees, for a moment. 0, or -ENOSPC with how far it got. */
static int try_watches(char *const *trees, size_t *ret_watched) {
        _cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC);

        if (fd < 0)
                return -errno;
        walk.fd = fd;
        walk.n = 0;
        walk.error = 0;
        STRV_FOREACH(tree, trees)
                if (walk.error == 0)
                        (void) nftw(*tree, watch_directory, 32, FTW_PHYS | FTW_MOUNT);
        *ret_watched = walk.n;
        return walk.error;
}

/* Absolute ones, of foreign services: those of the fleet's own lie in the source tree, which the watcher says itself. */
static int list_trees(const Doctor *d, char ***ret) {
        int r = 0;

        for (size_t i = 0; d->registry && i < d->registry->n_services; i++)
                STRV_FOREACH(path, d->registry->services[i].settings.watch)
                        if (r >= 0 && **path == '/' && !strv_contains(*ret, *path))
                                r = strv_extend(ret, *path);
        return r;
}

static int find_watches(Doctor *d) {
        _cleanup_(strv_freep) char **trees = NULL;
        size_t watched = 0;
        int r;

        /* The watcher that runs has its watches; to ask for as many again would say that there are too few. */
        if (unit_is_active(doctor_unit(d, WATCHD_UNIT)))
                return 0;
        r = list_trees(d, &trees);
        if (r < 0 || !trees)
                return r;
        r = try_watches(trees, &watched);
        if (r != -ENOSPC)
                return r;
        return doctor_find(d, LEVEL_WARNING, "fs.inotify.max_user_watches",
                           str_printf("the kernel lets you watch only %zu more directories, and Watch= names more", watched),
                           strdup("the source watcher does not see what is saved in the others"),
                           strdup("sudo sysctl fs.inotify.max_user_watches=524288, and the same line in /etc/sysctl.d/"));
}

int check_inotify(Doctor *d) {
        int r;

        r = try_instances();
        if (r == -EMFILE)
                return doctor_find(d, LEVEL_WARNING, "fs.inotify.max_user_instances",
                                   strdup("your programs have taken nearly all inotify instances that the kernel gives a user"),
                                   strdup("systemd's path units and the source watcher need one each: a saved file or a new "
                                          "module is not seen"),
                                   strdup("sudo sysctl fs.inotify.max_user_instances=1024, and the same line in /etc/sysctl.d/"));
        return r < 0 ? r : find_watches(d);
}
