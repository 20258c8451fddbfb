/* SPDX-License-Identifier: MIT */
#include "watchd/watch-tree.h"

#include <fts.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "watchd/git-dir.h"

/* IN_CLOSE_WRITE and not IN_MODIFY: half a file is not worth a build. */
#define DIRECTORY_MASK                                                                                               \
        (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW |        \
         IN_EXCL_UNLINK)
/* Where only the coming and going of one name matters: git's lock, the next directory on the way to a root. */
#define NAMES_MASK (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

/* Working trees in which the roots of one tree may lie. */
#define GITS_MAX 8

typedef struct Directory {
        int wd;
        unsigned round; /* of the scan that saw it last */
        char *path;
} Directory;

typedef struct Git {
        int wd;
        bool locked;
} Git;

struct WatchTree {
        WatchSet *set;
        const Filter *filter;
        Content *content;
        bool absolute; /* the roots are */
        Directory *directories; /* sorted by wd */
        size_t n, allocated;
        unsigned round;
        Git gits[GITS_MAX];
        size_t n_gits;
        bool git_ended, overflow;
        int error; /* of the events since the last look */
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
        else if (error == -E2BIG && t->absolute)
                (void) str_replace_printf(&t->problem,
                                "cannot watch %s: more than %zu files; name fewer in Watch=, or leave some out with Ignore=",
                                path, content_size(t->content));
        else if (error == -E2BIG)
                (void) str_replace_printf(&t->problem,
                                "cannot watch %s: more than %zu files; name fewer with --watch=, leave some out with "
                                "--ignore=, or raise --max-files=", path, content_size(t->content));
        else
                (void) str_replace_printf(&t->problem, "cannot watch %s: %s", path, strerror(-error));
        return error;
}

static bool is_root(const WatchTree *t, const char *path) {
        return strv_contains(t->filter->roots, path);
}

static int watch_with(WatchTree *t, const char *path, uint32_t mask) {
        int r, wd;

        wd = watch_set_add(t->set, path, mask);
        if (wd == -ENOENT || wd == -ENOTDIR) /* gone again; its end is in the queue */
                return 0;
        if (wd == -EACCES)
                return wd;
        if (wd < 0)
                return complain(t, wd, path);
        r = remember_directory(t, wd, path);
        if (r < 0) {
                watch_set_drop(t->set, wd);
                return complain(t, r, path);
        }
        return 0;
}

static int watch_directory(WatchTree *t, const char *path) {
        int r;

        r = watch_with(t, path, t->absolute && is_root(t, path) ? DIRECTORY_MASK & ~(uint32_t) IN_DONT_FOLLOW :
                                                                  DIRECTORY_MASK);
        if (r == -EACCES) {
                log_warning("cannot read the directory %s, so what changes in it goes unseen; allow it, or add %s%s", path,
                            t->absolute ? "Ignore=" : "--ignore=", path);
                return 0;
        }
        return r;
}

/* Watches each directory above an absolute path, for the next one on the way alone. In this order: each is watched before the
 * next is looked for. One that may be entered but not read is nothing to complain about. */
static int watch_way(WatchTree *t, const char *path) {
        for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
                _cleanup_(freep) char *directory = slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
                int r;

                if (!directory)
                        return complain(t, -ENOMEM, path);
                r = watch_with(t, directory, NAMES_MASK);
                if (r < 0 && r != -EACCES)
                        return r;
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

        fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | (t->absolute && is_root(t, path) ? FTS_COMFOLLOW : 0), NULL);
        if (!fts)
                return complain(t, -errno, path);
        while ((errno = 0, entry = fts_read(fts))) {
                r = visit(t, fts, entry);
                if (r < 0)
                        return r;
        }
        return errno == 0 || errno == ENOENT ? 0 : complain(t, -errno, path);
}

static void drop_directory(WatchTree *t, size_t i) {
        int wd = t->directories[i].wd;

        forget_directory(t, i);
        watch_set_drop(t->set, wd);
}

/* Stops watching what is no longer below the top by this path. */
static void drop_below(WatchTree *t, const char *path) {
        for (size_t i = t->n; i-- > 0;)
                if (path_is_below(t->directories[i].path, path))
                        drop_directory(t, i);
        content_touch_below(t->content, path);
}

/* Walks all roots, or those that path leads to. */
static int walk_roots(WatchTree *t, const char *path) {
        int r = 0;

        if (!t->absolute)
                return walk(t, path);
        for (char *const *root = t->filter->roots; *root; root++) {
                int k;

                if (!path_is_below(*root, path))
                        continue;
                k = watch_way(t, *root);
                if (k >= 0)
                        k = walk(t, *root);
                r = k < 0 && r >= 0 ? k : r;
        }
        return r;
}

static void look_for_git(WatchTree *t, const char *from) {
        _cleanup_(freep) char *directory = NULL, *lock = NULL;
        int wd;

        if (t->n_gits == GITS_MAX || git_find_directory(from, &directory) < 0)
                return;
        wd = watch_set_add(t->set, directory, NAMES_MASK);
        if (wd < 0) {
                log_debug("cannot watch %s: %s", directory, strerror(-wd)); /* then a switch may take two builds */
                return;
        }
        for (size_t i = 0; i < t->n_gits; i++)
                if (t->gits[i].wd == wd)
                        return;
        lock = str_printf("%s/" GIT_LOCK_NAME, directory);
        t->gits[t->n_gits++] = (Git) { wd, lock && access(lock, F_OK) == 0 };
}

static bool git_locked(const WatchTree *t) {
        for (size_t i = 0; i < t->n_gits; i++)
                if (t->gits[i].locked)
                        return true;
        return false;
}

static void look_for_gits(WatchTree *t) {
        bool locked_before = git_locked(t);
        Git before[GITS_MAX];
        size_t n = t->n_gits;

        memcpy(before, t->gits, sizeof(before));
        t->n_gits = 0;
        if (!t->absolute)
                look_for_git(t, ".");
        for (char *const *root = t->filter->roots; t->absolute && *root; root++)
                look_for_git(t, *root);
        for (size_t i = 0; i < n; i++)
                if (!watch_tree_knows(t, before[i].wd))
                        watch_set_drop(t->set, before[i].wd);
        t->git_ended = t->git_ended || (locked_before && !git_locked(t));
}

/* True when the event is of a git directory. */
static bool git_event(WatchTree *t, const struct inotify_event *event) {
        for (size_t i = 0; i < t->n_gits; i++) {
                Git *git = t->gits + i;

                if (git->wd != event->wd)
                        continue;
                if (event->mask & IN_IGNORED) {
                        t->git_ended = t->git_ended || git->locked;
                        *git = t->gits[--t->n_gits];
                } else if (event->len > 0 && streq(event->name, GIT_LOCK_NAME)) {
                        git->locked = event->mask & (IN_CREATE | IN_MOVED_TO);
                        t->git_ended = t->git_ended || !git->locked;
                }
                return true;
        }
        return false;
}

/* A hard link is complete when it appears; any other new file is complete when its writer closes it. */
static bool is_hard_link(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1;
}

/* A symbolic link on the way to a root, or the root itself: what lies behind it is another tree now, or none. */
static bool is_way_link(const WatchTree *t, const char *path, FilterResult where, uint32_t mask) {
        struct stat st;

        if (!t->absolute || (where != FILTER_TOWARDS && !is_root(t, path)))
                return false;
        return mask & (IN_DELETE | IN_MOVED_FROM) || (lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
}

static int entry_event(WatchTree *t, const char *path, uint32_t mask) {
        FilterResult where = filter_path(t->filter, path);
        bool is_link;
        int r;

        if (where == FILTER_OUTSIDE)
                return 0;
        is_link = !(mask & IN_ISDIR) && is_way_link(t, path, where, mask);
        if (mask & IN_ISDIR || is_link) {
                if (is_link || mask & (IN_MOVED_FROM | IN_DELETE))
                        drop_below(t, path);
                if (!(mask & (IN_CREATE | IN_MOVED_TO)))
                        return 0;
                return where == FILTER_INSIDE && !is_link ? walk(t, path) : walk_roots(t, path);
        }
        if (where != FILTER_INSIDE || (mask & IN_CREATE && !is_hard_link(path)))
                return 0;
        r = content_touch(t->content, path);
        return r < 0 ? complain(t, r, path) : 0;
}

static int directory_event(WatchTree *t, const struct inotify_event *event) {
        Directory *directory = find_directory(t, event->wd);
        _cleanup_(freep) char *path = NULL;

        if (!directory)
                return 0;
        if (event->mask & IN_IGNORED) {
                bool top = streq(directory->path, ".");

                forget_directory(t, (size_t) (directory - t->directories));
                return top ? complain(t, -ENOENT, "the source directory") : 0;
        }
        if (event->len == 0)
                return 0;
        if (streq(directory->path, "."))
                path = strdup(event->name);
        else
                path = str_printf("%s/%s", streq(directory->path, "/") ? "" : directory->path, event->name);
        return path ? entry_event(t, path, event->mask) : complain(t, -ENOMEM, directory->path);
}

void watch_tree_take(WatchTree *t, const struct inotify_event *event) {
        int r;

        if (event->mask & IN_Q_OVERFLOW) {
                t->overflow = true;
                return;
        }
        /* One directory can be both: of an own service's in which somebody named a git directory. */
        (void) git_event(t, event);
        r = directory_event(t, event);
        if (r < 0 && t->error == 0)
                t->error = r;
}

bool watch_tree_knows(const WatchTree *t, int wd) {
        for (size_t i = 0; i < t->n_gits; i++)
                if (t->gits[i].wd == wd)
                        return true;
        return find_directory(t, wd);
}

int watch_tree_settle(WatchTree *t) {
        int r = t->error;

        t->error = 0;
        if (r < 0 || !t->overflow)
                return r;
        log_notice("more changes at once than the kernel queues; looking at every file");
        return watch_tree_scan(t);
}

int watch_tree_scan(WatchTree *t) {
        int r;

        t->overflow = false;
        t->error = 0;
        t->round++;
        content_touch_below(t->content, t->absolute ? "/" : ".");
        r = walk_roots(t, t->absolute ? "/" : ".");
        if (r < 0 && !t->absolute)
                return r;
        /* One that was moved away would else report its files by a path that is no longer theirs. */
        for (size_t i = t->n; i-- > 0;)
                if (t->directories[i].round != t->round)
                        drop_directory(t, i);
        look_for_gits(t);
        return r;
}

int watch_tree_new(WatchSet *set, const Filter *filter, Content *content, WatchTree **ret) {
        _cleanup_(freep) WatchTree *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        *t = (WatchTree) { .set = set, .filter = filter, .content = content, .absolute = filter->roots[0][0] == '/' };
        r = watch_set_join(set, t);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

void watch_tree_free(WatchTree *t) {
        watch_set_leave(t->set, t);
        for (size_t i = 0; i < t->n_gits; i++)
                watch_set_drop(t->set, t->gits[i].wd);
        for (size_t i = 0; i < t->n; i++) {
                watch_set_drop(t->set, t->directories[i].wd);
                free(t->directories[i].path);
        }
        free(t->directories);
        free(t->problem);
        free(t);
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
        return git_locked(t);
}
