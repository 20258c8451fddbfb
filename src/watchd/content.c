/* SPDX-License-Identifier: MIT */
#include "watchd/content.h"

#include <fcntl.h>
#include <search.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "watchd/filter.h"

#define READ_CHUNK (64 * 1024)

typedef enum StateKind { STATE_MISSING, STATE_EMPTY, STATE_HASH, STATE_STAMP } StateKind;

typedef struct FileState {
        StateKind kind;
        uint64_t a, b; /* the hash's halves, or size and time */
} FileState;

typedef struct Entry {
        const char *path; /* points to storage, or to a caller's string in a key for lookup */
        FileState built, seen;
        bool touched;
        bool unsettled; /* was other than built while that build ran */
        bool waiting;
        TAILQ_ENTRY(Entry) touched_list, waiting_list;
        char storage[];
} Entry;

struct Content {
        void *tree; /* of Entry, by path; tsearch(3) */
        size_t n, max;
        TAILQ_HEAD(, Entry) touched, waiting; /* in the order in which it was noticed */
        Changes changes;
        bool settling; /* the build that runs was only for files that changed back */
        XXH3_state_t *hash;
        char *buffer;
};

static int entry_compare(const void *a, const void *b) {
        return strcmp(((const Entry *) a)->path, ((const Entry *) b)->path);
}

static bool state_equal(FileState x, FileState y) {
        return x.kind == y.kind && x.a == y.a && x.b == y.b;
}

int content_new(size_t max_files, Content **ret) {
        _cleanup_(content_freep) Content *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->max = max_files;
        TAILQ_INIT(&c->touched);
        TAILQ_INIT(&c->waiting);
        c->hash = XXH3_createState();
        c->buffer = malloc(READ_CHUNK);
        if (!c->hash || !c->buffer)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

void content_free(Content *c) {
        tdestroy(c->tree, free);
        (void) XXH3_freeState(c->hash); /* can only say that it is done */
        free(c->buffer);
        free(c);
}

size_t content_size(const Content *c) {
        return c->n;
}

const char *content_waiting(const Content *c, unsigned *ret_n) {
        const Entry *first = TAILQ_FIRST(&c->waiting);

        *ret_n = c->changes.waiting;
        return first ? first->path : NULL;
}

static char *directory_of(const char *path) {
        const char *slash = strrchr(path, '/');

        if (!slash)
                return strdup(".");
        return slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
}

int content_waiting_directories(const Content *c, char ***l, size_t max) {
        const Entry *entry;

        TAILQ_FOREACH(entry, &c->waiting, waiting_list) {
                _cleanup_(freep) char *directory = directory_of(entry->path);
                int r;

                if (!directory)
                        return -ENOMEM;
                if (strv_length(*l) >= max)
                        break;
                r = strv_contains(*l, directory) ? 0 : strv_extend(l, directory);
                if (r < 0)
                        return r;
        }
        return 0;
}

int content_waiting_paths(const Content *c, char ***l, size_t max) {
        const Entry *entry;

        TAILQ_FOREACH(entry, &c->waiting, waiting_list) {
                int r;

                if (strv_length(*l) >= max)
                        break;
                r = strv_extend(l, entry->path);
                if (r < 0)
                        return r;
        }
        return 0;
}

bool content_waits_for_any(const Content *c, char *const *paths) {
        const Entry *entry;

        TAILQ_FOREACH(entry, &c->waiting, waiting_list)
                if (strv_contains(paths, entry->path))
                        return true;
        return false;
}

bool content_waits_only_in(const Content *c, char *const *directories) {
        const Entry *entry;

        TAILQ_FOREACH(entry, &c->waiting, waiting_list) {
                _cleanup_(freep) char *directory = directory_of(entry->path);

                if (!directory || !strv_contains(directories, directory))
                        return false;
        }
        return true;
}

static uint64_t timespec_usec(const struct timespec *t) {
        return (uint64_t) t->tv_sec * USEC_PER_SEC + (uint64_t) t->tv_nsec / NSEC_PER_USEC;
}

static FileState state_stamp(const struct stat *st) {
        uint64_t seconds = (uint64_t) st->st_mtim.tv_sec, ns = (uint64_t) st->st_mtim.tv_nsec;

        return (FileState) { STATE_STAMP, (uint64_t) st->st_size, seconds * USEC_PER_SEC * NSEC_PER_USEC + ns };
}

static int hash_file(Content *c, int fd, FileState *ret) {
        XXH128_hash_t digest;
        uint64_t size = 0;

        if (XXH3_128bits_reset(c->hash) == XXH_ERROR)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, c->buffer, READ_CHUNK);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                size += (uint64_t) n;
                if (size > CONTENT_HASH_MAX) /* it grows while we read: no need to follow it to its end */
                        return -EFBIG;
                if (XXH3_128bits_update(c->hash, c->buffer, (size_t) n) == XXH_ERROR)
                        return -EIO;
        }
        digest = XXH3_128bits_digest(c->hash);
        if (size == 0)
                *ret = (FileState) { STATE_EMPTY, 0, 0 };
        else
                *ret = (FileState) { STATE_HASH, digest.low64, digest.high64 };
        return 0;
}

static FileState read_state(Content *c, const char *path) {
        _cleanup_(closep) int fd = -EBADF;
        FileState state;
        struct stat st;

        /* Not open(2) first: a fifo or a device in the tree must not be opened at all. */
        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
                return (FileState) { STATE_MISSING, 0, 0 };
        if (st.st_size > CONTENT_HASH_MAX)
                return state_stamp(&st);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
                return (FileState) { STATE_MISSING, 0, 0 };
        if (fd < 0 || hash_file(c, fd, &state) < 0)
                return state_stamp(&st);
        return state;
}

int content_touch(Content *c, const char *path) {
        Entry key = { .path = path }, *entry;
        Entry **found = tfind(&key, &c->tree, entry_compare);

        if (found)
                entry = *found;
        else {
                size_t size = strlen(path) + 1;

                if (c->n >= c->max)
                        return -E2BIG;
                entry = calloc(1, sizeof(*entry) + size);
                if (!entry)
                        return -ENOMEM;
                entry->path = memcpy(entry->storage, path, size);
                if (!tsearch(entry, &c->tree, entry_compare)) {
                        free(entry);
                        return -ENOMEM;
                }
                c->n++;
        }
        if (!entry->touched) {
                entry->touched = true;
                TAILQ_INSERT_TAIL(&c->touched, entry, touched_list);
        }
        return 0;
}

struct touch_below {
        Content *content;
        const char *directory;
};

static void touch_if_below(const void *node, VISIT visit, void *userdata) {
        const struct touch_below *below = userdata;
        Entry *entry = *(Entry *const *) node;

        if ((visit != postorder && visit != leaf) || entry->touched || !path_is_below(entry->path, below->directory))
                return;
        entry->touched = true;
        TAILQ_INSERT_TAIL(&below->content->touched, entry, touched_list);
}

void content_touch_below(Content *c, const char *directory) {
        struct touch_below below = { c, directory };

        twalk_r(c->tree, touch_if_below, &below);
}

/* Adds what the entry contributes to the counters, or takes it away again. */
static void count(Content *c, const Entry *entry, int sign) {
        bool gone = entry->seen.kind <= STATE_EMPTY;
        unsigned one = (unsigned) sign;

        if (!entry->waiting)
                return;
        c->changes.waiting += one;
        c->changes.gone += gone ? one : 0;
        c->changes.fresh += !gone && entry->built.kind == STATE_MISSING ? one : 0;
}

/* Puts the entry where its state belongs; one that neither is nor was a file is forgotten. */
static void settle(Content *c, Entry *entry) {
        bool waiting = entry->unsettled || !state_equal(entry->seen, entry->built);

        if (waiting && !entry->waiting)
                TAILQ_INSERT_TAIL(&c->waiting, entry, waiting_list);
        else if (!waiting && entry->waiting)
                TAILQ_REMOVE(&c->waiting, entry, waiting_list);
        entry->waiting = waiting;
        count(c, entry, 1);
        if (!waiting && !entry->touched && entry->seen.kind == STATE_MISSING) {
                (void) tdelete(entry, &c->tree, entry_compare); /* it is in there */
                free(entry);
                c->n--;
        }
}

Changes content_look(Content *c, bool building) {
        Entry *entry;

        c->changes.changed = 0;
        while ((entry = TAILQ_FIRST(&c->touched))) {
                FileState state = read_state(c, entry->path);

                TAILQ_REMOVE(&c->touched, entry, touched_list);
                entry->touched = false;
                if (!state_equal(state, entry->seen))
                        c->changes.changed++;
                count(c, entry, -1);
                entry->seen = state;
                /* A build that itself rewrites a source file would otherwise call for the next build for ever. */
                if (building && !c->settling && !state_equal(state, entry->built))
                        entry->unsettled = true;
                settle(c, entry);
        }
        return c->changes;
}

static void renew_time(const char *path, uint64_t usec) {
        const struct timespec now[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || timespec_usec(&st.st_mtim) > usec)
                return;
        if (utimensat(AT_FDCWD, path, now, AT_SYMLINK_NOFOLLOW) < 0)
                log_warning("cannot set the time of %s (%s): the build may take it for unchanged", path, strerror(errno));
}

void content_renew(Content *c, uint64_t usec) {
        Entry *entry;

        /* Not one that is known by its time: that would be one more change. */
        TAILQ_FOREACH(entry, &c->waiting, waiting_list)
                if (entry->seen.kind == STATE_HASH || entry->seen.kind == STATE_EMPTY)
                        renew_time(entry->path, usec);
}

/* True when something of it differs from what the build before was given. */
static bool accept_waiting(Content *c) {
        bool different = false;
        Entry *entry;

        while ((entry = TAILQ_FIRST(&c->waiting))) {
                different = different || !state_equal(entry->seen, entry->built);
                count(c, entry, -1);
                entry->built = entry->seen;
                entry->unsettled = false;
                settle(c, entry);
        }
        return different;
}

void content_accept(Content *c) {
        bool any = c->changes.waiting > 0;

        c->settling = !accept_waiting(c) && any;
}

void content_forgo(Content *c) {
        (void) accept_waiting(c); /* no build, so none that settles anything */
}
