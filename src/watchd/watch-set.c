/* SPDX-License-Identifier: MIT */
#include "watchd/watch-set.h"

#include <sys/inotify.h>

#include "watchd/watch-tree.h"

/* The kernel's queue holds 16,384 events unless it was set otherwise. Reading on for ever would starve the rest of
 * the loop; what is left after this many reads brings us back at once. */
#define READS_MAX 64

struct WatchSet {
        int fd;
        WatchTree **trees;
        size_t n;
};

int watch_set_new(WatchSet **ret) {
        _cleanup_(watch_set_freep) WatchSet *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (s->fd < 0)
                return -errno;
        *ret = TAKE_PTR(s);
        return 0;
}

void watch_set_free(WatchSet *s) {
        safe_close(s->fd);
        free(s->trees);
        free(s);
}

int watch_set_fd(const WatchSet *s) {
        return s->fd;
}

int watch_set_join(WatchSet *s, WatchTree *tree) {
        WatchTree **grown = reallocarray(s->trees, s->n + 1, sizeof(WatchTree *));

        if (!grown)
                return -ENOMEM;
        s->trees = grown;
        s->trees[s->n++] = tree;
        return 0;
}

void watch_set_leave(WatchSet *s, WatchTree *tree) {
        for (size_t i = 0; i < s->n; i++)
                if (s->trees[i] == tree) {
                        s->trees[i] = s->trees[--s->n];
                        return;
                }
}

int watch_set_add(WatchSet *s, const char *path, uint32_t mask) {
        int wd = inotify_add_watch(s->fd, path, mask | IN_MASK_ADD);

        return wd < 0 ? -errno : wd;
}

void watch_set_drop(WatchSet *s, int wd) {
        for (size_t i = 0; i < s->n; i++)
                if (watch_tree_knows(s->trees[i], wd))
                        return;
        (void) inotify_rm_watch(s->fd, wd); /* the kernel may have done it */
}

int watch_set_drain(WatchSet *s) {
        _Alignas(struct inotify_event) char buffer[16 * 1024];

        for (unsigned i = 0; i < READS_MAX; i++) {
                ssize_t n = read(s->fd, buffer, sizeof(buffer));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                for (const char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *event = (const struct inotify_event *) (const void *) p;

                        for (size_t k = 0; k < s->n; k++)
                                watch_tree_take(s->trees[k], event);
                        p += sizeof(*event) + event->len;
                }
        }
        return 0;
}
