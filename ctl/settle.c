/* SPDX-License-Identifier: MIT */
#include "settle.h"

#include <dirent.h>
#include <poll.h>
#include <sys/inotify.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "shared/log.h"

#define QUIET_MSEC 1000
#define GIVE_UP_USEC (120 * USEC_PER_SEC)

static const char *const directories[] = { TL_PKGLIB_DIR, TL_MODULES_DIR };

bool is_half_installed(const char *name) {
        const char *mark = strrchr(name, ';');

        if (endswith(name, ".dpkg-new"))
                return true;
        /* rpm: the name, then a time in hex */
        return mark && strlen(mark + 1) >= 8 && strspn(mark + 1, "0123456789abcdef") == strlen(mark + 1);
}

static bool has_half_installed(const char *directory) {
        DIR *d = opendir(directory);
        struct dirent *entry;
        bool found = false;

        while (d && !found && (entry = readdir(d)))
                found = is_half_installed(entry->d_name);
        if (d)
                (void) closedir(d); /* was only read */
        return found;
}

void settle_done(Settle *settle) {
        safe_close(settle->fd);
        settle->fd = -EBADF;
}

/* A directory that is not there is nobody's to install into. */
int settle_begin(Settle *ret) {
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                if (inotify_add_watch(fd, directories[i],
                                      IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR) < 0 &&
                    errno != ENOENT) {
                        int saved = errno;

                        safe_close(fd);
                        return -saved;
                }
        *ret = (Settle) { .fd = fd, .disturbed = true };
        return 0;
}

/* 1 when something has changed within that time, 0 when not. */
static int watch(int fd, int msec) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buf[4096];
        int n;

        n = poll(&p, 1, msec);
        if (n < 0)
                return errno == EINTR ? 1 : -errno;
        while (n > 0 && read(fd, buf, sizeof(buf)) > 0)
                ;
        return n > 0;
}

static bool is_quiet(void) {
        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                if (has_half_installed(directories[i]))
                        return false;
        return true;
}

int settle_wait(Settle *settle) {
        uint64_t end = now_usec() + GIVE_UP_USEC;
        int r;

        r = watch(settle->fd, 0);
        if (r < 0)
                return r;
        settle->disturbed = settle->disturbed || r > 0;
        while (settle->disturbed) {
                r = watch(settle->fd, QUIET_MSEC);
                if (r < 0)
                        return r;
                settle->disturbed = r > 0 || !is_quiet();
                if (settle->disturbed && now_usec() > end) {
                        log_warning("something has been half installed in " TL_PKGLIB_DIR " or " TL_MODULES_DIR " for two "
                                    "minutes: going on without waiting for it");
                        settle->disturbed = false;
                }
        }
        return 0;
}
