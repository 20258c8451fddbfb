/* SPDX-License-Identifier: MIT */
#include "watchd/watch-tree.h"

#include <fts.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/log.h"
#include "watchd/git-dir.h"

/* IN_CLOSE_WRITE and not IN_MODIFY: half a file is not worth a build. */
#define DIRECTORY_MASK                                                                                               \
        (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW |        \
         IN_EXCL_UNLINK)
#define GIT_MASK (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

/* The kernel's queue holds 16,384 events unless it was set otherwise. Reading on for ever would starve the rest of
 * the loop; what is left after this many reads brings us back at once. */
#define READS_MAX 64

typedef struct Directory {
        int wd;
        unsigned round; /* of the scan that saw it last */
        char *path;
} Directory;

struct WatchTree {
        const Filter *filter;
        Content *content;
        int fd;
        Directory *directories; /* sorted by wd */
        size_t n, allocated;
        unsigned round;
        int git_wd;
        bool git_locked, git_ended, overflow;
        char *problem;
};

/* The first directory whose wd is not below the one looked for. */
static size_t position_of(const WatchTree *t, int wd) {
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (t->directories[middle].wd < wd)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static Directory *find_directory(const WatchTree *t, int wd) {
        size_t i = position_of(t, wd);

        return i < t->n && t->directories[i].wd == wd ? t->directories + i : NULL;
}

static void forget_directory(WatchTree *t, size_t i) {
        free(t->directories[i].path);
        t->n--;
        memmove(t->directories + i, t->directories + i + 1, (t->n - i) * sizeof(Directory));
}

static int remember_directory(WatchTree *t, int wd, const char *path) {
        size_t i = position_of(t, wd);
        char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        if (i < t->n && t->directories[i].wd == wd) { /* known, perhaps by the name it had before */
                free(t->directories[i].path);
                t->directories[i].path = copy;
                t->directories[i].round = t->round;
                return 0;
        }
        if (t->n == t->allocated) {
                size_t more = MAX(2 * t->allocated, 64U);
                Directory *grown = reallocarray(t->directories, more, sizeof(Directory));

                if (!grown) {
                        free(copy);
                        return -ENOMEM;
                }
                t->directories = grown;
                t->allocated = more;
        }
        memmove(t->directories + i + 1, t->directories + i, (t->n - i) * sizeof(Directory));
        t->directories[i] = (Directory) { wd, t->round, copy };
        t->n++;
        return 0;
}

/* Says what a person can do about it, and hands the error on. */
static int complain(WatchTree *t, int error, const char *path) {
        if (error == -ENOSPC)
                (void) str_replace_printf(&t->problem,
                                "cannot watch %s: all inotify watches of this user are taken; allow more: "
                                "sudo sysctl fs.inotify.max_user_watches=524288", path);
        else if (error == -E2BIG)
                (void) str_replace_printf(&t->problem,
                                "cannot watch %s: more than %zu files; name fewer with --watch=, leave some out with "
                                "--ignore=, or raise --max-files=", path, content_size(t->content));
        else if (error == -EMFILE)
                (void) str_replace_printf(&t->problem,
                                "cannot watch %s: all inotify instances of this user are taken; allow more: "
                                "sudo sysctl fs.inotify.max_user_instances=512", path);
        else
                (void) str_replace_printf(&t->problem, "cannot watch %s: %s", path, strerror(-error));
        return error;
}

static int watch_directory(WatchTree *t, const char *path) {
        int wd, r;

        wd = inotify_add_watch(t->fd, path, DIRECTORY_MASK);
        if (wd < 0) {
                if (errno == ENOENT || errno == ENOTDIR) /* gone again; its end is in the queue */
                        return 0;
                if (errno == EACCES) {
                        log_warning("cannot read the directory %s, so what changes in it goes unseen; allow it, or "
                                    "add --ignore=%s", path, path);
                        return 0;
                }
                return complain(t, -errno, path);
        }
        r = remember_directory(t, wd, path);
        if (r < 0) {
                (void) inotify_rm_watch(t->fd, wd);
                return complain(t, r, path);
        }
        return 0;
}

/* Takes the file or directory that fts found: each directory is watched before its entries are read, so whatever
 * comes into it is seen by one of the two. */
static int visit(WatchTree *t, FTS *fts, FTSENT *entry) {
        const char *path = startswith(entry->fts_path, "./");
        FilterResult where;
        int r;

        path = path ? path : entry->fts_path;
        if (entry->fts_info != FTS_D && entry->fts_info != FTS_F)
                return 0;
        where = filter_path(t->filter, path);
        if (entry->fts_info == FTS_D) {
                if (where != FILTER_OUTSIDE)
                        return watch_directory(t, path);
                if (fts_set(fts, entry, FTS_SKIP) < 0)
                        return complain(t, -errno, path);
                return 0;
        }
        if (where != FILTER_INSIDE)
                return 0;
        r = content_touch(t->content, path);
        return r < 0 ? complain(t, r, path) : 0;
}

static void close_fts(FTS **fts) {
        if (*fts)
                (void) fts_close(*fts); /* nothing to lose in a walk that is over */
}

static int walk(WatchTree *t, const char *path) {
        char *const paths[] = { (char *) path, NULL };
        _cleanup_(close_fts) FTS *fts = NULL;
        FTSENT *entry;
        int r;

        fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        if (!fts)
                return complain(t, -errno, path);
        while ((errno = 0, entry = fts_read(fts))) {
                r = visit(t, fts, entry);
                if (r < 0)
                        return r;
        }
        return errno == 0 || errno == ENOENT ? 0 : complain(t, -errno, path);
}

/* Stops watching what is no longer below the top by this path. */
static void drop_below(WatchTree *t, const char *path) {
        for (size_t i = t->n; i-- > 0;)
                if (path_is_below(t->directories[i].path, path)) {
                        (void) inotify_rm_watch(t->fd, t->directories[i].wd); /* the kernel may have done it */
                        forget_directory(t, i);
                }
        content_touch_below(t->content, path);
}

static void look_for_git(WatchTree *t) {
        _cleanup_(freep) char *directory = NULL, *lock = NULL;
        bool locked_before = t->git_locked;
        int wd;

        if (git_find_directory(&directory) < 0)
                return;
        wd = inotify_add_watch(t->fd, directory, GIT_MASK);
        if (wd < 0) {
                log_debug("cannot watch %s: %s", directory, strerror(errno)); /* then a switch may take two builds */
                return;
        }
        t->git_wd = wd;
        lock = str_printf("%s/" GIT_LOCK_NAME, directory);
        t->git_locked = lock && access(lock, F_OK) == 0;
        t->git_ended = t->git_ended || (locked_before && !t->git_locked);
}

static void git_event(WatchTree *t, const struct inotify_event *event) {
        if (event->mask & IN_IGNORED) {
                t->git_wd = -1;
                t->git_ended = t->git_ended || t->git_locked;
                t->git_locked = false;
        } else if (event->len > 0 && streq(event->name, GIT_LOCK_NAME)) {
                t->git_locked = event->mask & (IN_CREATE | IN_MOVED_TO);
                t->git_ended = t->git_ended || !t->git_locked;
        }
}

/* A hard link is complete when it appears; any other new file is complete when its writer closes it. */
static bool is_hard_link(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1;
}

static int entry_event(WatchTree *t, const char *path, uint32_t mask) {
        FilterResult where = filter_path(t->filter, path);
        int r;

        if (where == FILTER_OUTSIDE)
                return 0;
        if (mask & IN_ISDIR) {
                if (mask & (IN_MOVED_FROM | IN_DELETE))
                        drop_below(t, path);
                return mask & (IN_CREATE | IN_MOVED_TO) ? walk(t, path) : 0;
        }
        if (where != FILTER_INSIDE || (mask & IN_CREATE && !is_hard_link(path)))
                return 0;
        r = content_touch(t->content, path);
        return r < 0 ? complain(t, r, path) : 0;
}

static int handle_event(WatchTree *t, const struct inotify_event *event) {
        _cleanup_(freep) char *path = NULL;
        Directory *directory;

        if (event->mask & IN_Q_OVERFLOW) {
                t->overflow = true;
                return 0;
        }
        if (event->wd == t->git_wd) {
                git_event(t, event);
                return 0;
        }
        directory = find_directory(t, event->wd);
        if (!directory)
                return 0;
        if (event->mask & IN_IGNORED) {
                bool top = streq(directory->path, ".");

                forget_directory(t, (size_t) (directory - t->directories));
                return top ? complain(t, -ENOENT, "the source directory") : 0;
        }
        if (event->len == 0)
                return 0;
        path = streq(directory->path, ".") ? strdup(event->name) : str_printf("%s/%s", directory->path, event->name);
        return path ? entry_event(t, path, event->mask) : complain(t, -ENOMEM, directory->path);
}

int watch_tree_drain(WatchTree *t) {
        _Alignas(struct inotify_event) char buffer[16 * 1024];

        for (unsigned i = 0; i < READS_MAX; i++) {
                ssize_t n = read(t->fd, buffer, sizeof(buffer));
                int r;

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        if (errno == EAGAIN)
                                break;
                        return complain(t, -errno, "the source directory");
                }
                for (const char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *event = (const struct inotify_event *) (const void *) p;

                        r = handle_event(t, event);
                        if (r < 0)
                                return r;
                        p += sizeof(*event) + event->len;
                }
        }
        if (!t->overflow)
                return 0;
        log_notice("more changes at once than the kernel queues; looking at every file");
        return watch_tree_scan(t);
}

int watch_tree_scan(WatchTree *t) {
        int r;

        if (t->fd < 0) {
                t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
                if (t->fd < 0)
                        return complain(t, -errno, "the source directory");
        }
        t->overflow = false;
        t->round++;
        content_touch_below(t->content, ".");
        r = walk(t, ".");
        if (r < 0)
                return r;
        /* One that was moved away would else report its files by a path that is no longer theirs. */
        for (size_t i = t->n; i-- > 0;)
                if (t->directories[i].round != t->round) {
                        (void) inotify_rm_watch(t->fd, t->directories[i].wd);
                        forget_directory(t, i);
                }
        look_for_git(t);
        return 0;
}

int watch_tree_new(const Filter *filter, Content *content, WatchTree **ret) {
        _cleanup_(watch_tree_freep) WatchTree *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        *t = (WatchTree) { .filter = filter, .content = content, .fd = -EBADF, .git_wd = -1 };
        *ret = TAKE_PTR(t);
        return 0;
}

void watch_tree_free(WatchTree *t) {
        safe_close(t->fd);
        for (size_t i = 0; i < t->n; i++)
                free(t->directories[i].path);
        free(t->directories);
        free(t->problem);
        free(t);
}

int watch_tree_fd(const WatchTree *t) {
        return t->fd;
}

size_t watch_tree_size(const WatchTree *t) {
        return t->n;
}

const char *watch_tree_problem(const WatchTree *t) {
        return t->problem ? t->problem : "cannot watch for changes: out of memory";
}

bool watch_tree_git_locked(WatchTree *t, bool *ret_ended) {
        *ret_ended = t->git_ended;
        t->git_ended = false;
        return t->git_locked;
}
