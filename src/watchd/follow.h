/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "watchd/content.h"
#include "watchd/filter.h"
#include "watchd/loop-breaker.h"
#include "watchd/options.h"
#include "watchd/schedule.h"
#include "watchd/watch-tree.h"

/* From a change of files to the moment at which to act on it: what the fleet's source tree and the files of one service
 * have in common. The owner runs something then, one at a time, and says when it begins and ends. */

typedef struct Follow Follow;

typedef struct FollowOwner {
        /* It is time to run: the owner calls follow_started() or follow_forgo(), or does nothing and calls follow_decide() later.
         * Negative errno ends the event loop. */
        int (*due)(void *userdata);
        /* The runs have called for themselves: what changed last is not acted on. path is the first of it. */
        void (*loops)(const char *path, void *userdata);
        void *userdata;
} FollowOwner;

struct Follow {
        sd_event *event;
        FollowOwner owner;
        Content *content;
        WatchTree *tree;
        Schedule schedule;
        LoopBreaker breaker;
        char **looping; /* directories in which runs write for themselves */
        char **edited;  /* what changed last at a time at which no run can have done it: somebody's to edit */
        unsigned n_edited; /* how often one of these has changed since, near a run */
        sd_event_source *timer;
        bool stopped;
        uint64_t ended_at; /* of the last run: monotonic; 0 for none */
        uint64_t ended;    /* the same, realtime */
        /* Of the run that is on, or the last one: the first of the files that led to it (NULL for none) and their number. */
        char *first_changed;
        unsigned n_changed;
};

/* How long after a run something may still be its doing. */
typedef enum FollowKind { FOLLOW_BUILD, FOLLOW_RELOAD } FollowKind;

/* set and filter must outlive it. The caller frees. */
int follow_new(sd_event *event, WatchSet *set, const Filter *filter, const Options *options, FollowKind kind,
               const FollowOwner *owner, Follow **ret);
void follow_free(Follow *f);
TL_DEFINE_CLEANUP(Follow *, follow_free);

/* The first look: all that is there now is no change. As watch_tree_scan(). */
int follow_begin(Follow *f);

/* After watch_set_drain(): as watch_tree_settle(). What changed is then taken over by follow_take(). */
int follow_settle(Follow *f);

/* Reads what was touched, and decides. */
int follow_take(Follow *f);

/* Runs when it is time to, else sets the timer to that time. */
int follow_decide(Follow *f);

/* Somebody asks: looks at everything again (as watch_tree_scan()), and forgets about loops. With force a run is due, changed
 * or not. To be followed by follow_take(). */
int follow_ask(Follow *f, bool force);

/* Nothing is looked at or run until it is begun again. */
void follow_stop(Follow *f);

void follow_started(Follow *f);
void follow_ended(Follow *f);

/* What waits is for nobody. */
void follow_forgo(Follow *f);

/* Something like a run has ended then (monotonic usec) without this having called for it: what changes after it may be its
 * doing, too. */
void follow_ran(Follow *f, uint64_t usec);

/* Forgets about loops alone. */
void follow_trust(Follow *f);
