/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "watchd/options.h"
#include "watchd/status.h"
#include "watchd/watch-set.h"

/* The fleet's own source tree: what changes in it is built, and what came of it published. */

typedef struct Source Source;

/* Called when a build has ended that source_stop() was called for. */
typedef void (*SourceStopped)(void *userdata);

/* The others must outlive it. -ENOMEM and the like, logged. The caller frees. */
int source_new(sd_event *event, WatchSet *set, const Options *options, Status *status, Source **ret);
void source_free(Source *s);
TL_DEFINE_CLEANUP(Source *, source_free);

/* Enters the source directory, checks that it can be watched and built, and builds. On failure one line is logged and shown;
 * -EUCLEAN, and -ENOSPC for inotify's limit, call for a person, not for another try. */
int source_start(Source *s);
bool source_is_started(const Source *s);

/* Ends it. True when a build is still to end, which stopped then tells; a second call kills it. */
bool source_stop(Source *s, SourceStopped stopped, void *userdata);

/* After watch_set_drain(). Negative errno, logged and shown, when the tree can no longer be followed. */
int source_take(Source *s);

/* Looks at every file again and builds, changed or not. As source_take(). */
int source_ask(Source *s);
