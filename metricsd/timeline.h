/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "history/history.h"
#include "journal/line.h"
#include "watched.h"

struct Manager;

/* What happens to the services, written down with its cause: changes of condition, restarts, reloads, builds. (Alerts and
 * what is done about them: alert-manager.c.) */

/* To be called after each change of w. */
void timeline_follow(struct Manager *m, Watched *w);
/* metricsd knows all services now: says so, and which of them have run anew since the metricsd before. Where most have, as
 * after a start of the whole fleet, that is one thing and not one for each. */
void timeline_begin(struct Manager *m);
/* timeline-lines.c: one of our programs has said what it did, in a line with TOOLOO_EVENT=. A line that comes again is
 * known by its cursor. */
void timeline_take_line(struct Manager *m, const JournalLine *line);
/* watchd or toolooctl has said that the service is restarted for a changed file (NULL where that was not said), or that it
 * is not after all. */
void timeline_expect_restart(Watched *w, const char *file);
void timeline_expect_no_restart(Watched *w);
/* Before w is freed. */
void timeline_forget(Watched *w);

/* Keeps an event; w NULL for one of the whole fleet. What w can tell (id, run, cursor) need not be filled in. */
void timeline_add(struct Manager *m, const Watched *w, const TimelineEvent *event);

/* What came just before: the last restart, reload or build of the service, or of one that it needs (NULL: of any), in the
 * ten minutes before `at` (realtime usec): {kind, at, secondsBefore, service, cause?, text}. NULL for none; the caller puts. */
json_object *timeline_preceding(const struct Manager *m, const Service *service, uint64_t at);
/* The last change that somebody made of the service, or of one that it needs, in the day before `before` (realtime usec): a
 * reload, a failed build, a restart that was asked for. 1 when there is one, which each was called with; its strings last for
 * that call only. 0 for none. */
int timeline_last_change(const struct Manager *m, const Service *service, uint64_t before,
                         void (*each)(const TimelineEvent *event, void *userdata), void *userdata);
