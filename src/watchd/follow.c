/* SPDX-License-Identifier: MIT */
#include "watchd/follow.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* A switch between branches of a large tree takes seconds; a lock that is older was left behind. */
#define GIT_LOCK_MAX (10 * USEC_PER_SEC)

/* Of a loop that is left out: one that writes in more places goes on being noticed. */
#define LOOPING_MAX 16

/* Of one edit; a switch between branches changes more, but is over before a run. */
#define EDITED_MAX 64
/* So often somebody may save one file as soon as the run before it is over, before that is taken for the run's own doing. */
#define EDITED_TIMES 100

static int end_on_failure(Follow *f, int r) {
        return r < 0 ? sd_event_exit(f->event, log_errno(r, "Cannot go on")) : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Follow *f = userdata;

        /* A handler that returns an error is switched off by sd-event; a watcher without one of its ears must end instead. */
        return end_on_failure(f, follow_decide(f));
}

int follow_new(sd_event *event, WatchSet *set, const Filter *filter, const Options *options, FollowKind kind,
               const FollowOwner *owner, Follow **ret) {
        _cleanup_(follow_freep) Follow *f = calloc(1, sizeof(*f));
        uint64_t gather = options->gather_ms * USEC_PER_MSEC;
        int r;

        if (!f)
                return -ENOMEM;
        *f = (Follow) { .event = event, .owner = *owner };
        f->schedule = (Schedule) { .quiet = options->quiet_ms * USEC_PER_MSEC, .gather = gather, .hold = GIT_LOCK_MAX };
        /* A build command is done when it ends. A program that was started goes on, and may write as one of its first deeds. */
        f->breaker = (LoopBreaker) { .grace = kind == FOLLOW_BUILD ? 0 : 3 * gather, .wait = gather };
        r = content_new(options->max_files, &f->content);
        if (r >= 0)
                r = watch_tree_new(set, filter, f->content, &f->tree);
        if (r >= 0)
                r = sd_event_add_time(event, &f->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

void follow_free(Follow *f) {
        sd_event_source_disable_unref(f->timer);
        if (f->tree)
                watch_tree_free(f->tree);
        if (f->content)
                content_free(f->content);
        (void) strv_free(f->looping);
        (void) strv_free(f->edited);
        free(f->first_changed);
        free(f);
}

int follow_begin(Follow *f) {
        int r;

        f->stopped = false;
        r = watch_tree_scan(f->tree);
        (void) content_look(f->content, false);
        content_accept(f->content);
        return r;
}

int follow_settle(Follow *f) {
        return f->stopped ? 0 : watch_tree_settle(f->tree);
}

/* What runs are known to do themselves is no change when it comes from them again. */
static bool is_known_loop(const Follow *f, uint64_t now, const Changes *changes) {
        return f->looping && changes->changed > 0 &&
                loop_breaker_is_near(&f->breaker, now, f->schedule.building, f->ended_at) &&
                content_waits_only_in(f->content, f->looping);
}

/* What came near a run is somebody's doing all the same when it is a file that somebody has just edited: who waits for the new code
 * and saves at once is as quick as a program. */
static void note_for_breaker(Follow *f, uint64_t now) {
        bool near = loop_breaker_is_near(&f->breaker, now, f->schedule.building, f->ended_at);

        if (near && f->n_edited < EDITED_TIMES && content_waits_for_any(f->content, f->edited)) {
                f->n_edited++;
                near = false;
        } else if (!near) {
                f->n_edited = 0;
                f->edited = strv_free(f->edited);
                if (content_waiting_paths(f->content, &f->edited, EDITED_MAX) < 0)
                        log_debug("out of memory: it is not known what was edited");
        }
        loop_breaker_note(&f->breaker, near);
}

int follow_take(Follow *f) {
        bool locked, ended;
        uint64_t now = now_usec();
        Changes changes;

        if (f->stopped)
                return 0;
        changes = content_look(f->content, f->schedule.building);
        if (is_known_loop(f, now, &changes)) {
                content_forgo(f->content);
                changes = (Changes) {};
        }
        if (changes.changed > 0) {
                log_debug("%u files changed, %u wait for a build", changes.changed, changes.waiting);
                note_for_breaker(f, now);
        }
        schedule_note(&f->schedule, now, &changes);
        locked = watch_tree_git_locked(f->tree, &ended);
        schedule_git(&f->schedule, now, locked, ended);
        return follow_decide(f);
}

static void break_loop(Follow *f) {
        unsigned n;
        const char *path = content_waiting(f->content, &n);

        if (content_waiting_directories(f->content, &f->looping, LOOPING_MAX) < 0)
                log_warning("out of memory: a loop will be noticed once more");
        if (path)
                f->owner.loops(path, f->owner.userdata);
        follow_forgo(f);
        loop_breaker_reset(&f->breaker);
}

int follow_decide(Follow *f) {
        uint64_t due = f->stopped ? SCHEDULE_NEVER : schedule_due(&f->schedule);
        int r;

        if (due != SCHEDULE_NEVER && !f->schedule.forced) {
                if (loop_breaker_is_loop(&f->breaker)) {
                        break_loop(f);
                        due = SCHEDULE_NEVER;
                } else
                        due = MAX(due, loop_breaker_hold(&f->breaker, f->ended_at));
        }
        if (due == SCHEDULE_NEVER)
                return sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (due <= now_usec()) {
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
                return r < 0 ? r : f->owner.due(f->owner.userdata);
        }
        r = sd_event_source_set_time(f->timer, due);
        return r < 0 ? r : sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

int follow_ask(Follow *f, bool force) {
        int r;

        follow_trust(f);
        r = watch_tree_scan(f->tree);
        if (force)
                schedule_force(&f->schedule);
        return r;
}

void follow_stop(Follow *f) {
        f->stopped = true;
        schedule_forget(&f->schedule);
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_OFF); /* of one that is not stopped it asks again */
}

void follow_started(Follow *f) {
        const char *first = content_waiting(f->content, &f->n_changed);

        free(f->first_changed);
        f->first_changed = first ? strdup(first) : NULL; /* without memory one field of the journal is missing */
        content_accept(f->content);
        schedule_started(&f->schedule);
        loop_breaker_started(&f->breaker);
}

void follow_ended(Follow *f) {
        f->ended_at = now_usec();
        f->ended = now_realtime_usec();
        schedule_ended(&f->schedule);
}

void follow_forgo(Follow *f) {
        content_forgo(f->content);
        schedule_forget(&f->schedule);
}

void follow_ran(Follow *f, uint64_t usec) {
        f->ended_at = MAX(f->ended_at, usec);
}

void follow_trust(Follow *f) {
        f->looping = strv_free(f->looping);
        f->edited = strv_free(f->edited);
        loop_breaker_reset(&f->breaker);
}
