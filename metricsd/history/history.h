/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"
#include "series.h"

/* What metricsd remembers: one SQLite database (WAL), DIRECTORY/metrics.db. Knows nothing of the daemon. Every call waits
 * for the disk; none blocks longer than that. All times are realtime usec unless said.
 *
 * A tick is one small row. When its hour is over, history_seal_step() packs what was collected in it, a little at each
 * call, and one last step writes all of that hour's blobs and deletes its ticks in one transaction. After 30 days it is
 * deleted.
 *
 * Callbacks may write, but not ask again what they are being told: each of the functions that take one does one thing at a
 * time. */

typedef struct History History;

#define HISTORY_DAYS 30

/* Limits. What is longer is -EFBIG, and nothing of it is kept. */
#define HISTORY_SERVICES_MAX 4095             /* within HISTORY_DAYS; what comes after them is left out of the ticks */
#define HISTORY_SERVICE_ID_MAX 64             /* characters */
#define HISTORY_STRING_MAX (64 * 1024)        /* each of an event and of a group of errors */
#define HISTORY_NAME_MAX 128                  /* of a text or an alert */
#define HISTORY_TEXT_MAX (16 * 1024 * 1024)
#define HISTORY_ALERT_MAX (1024 * 1024)
#define HISTORY_EVENTS_MAX 50000              /* what is too much goes within the hour, the oldest first */
#define HISTORY_ALERTS_MAX 2000               /* that are over */

/* A database that is damaged, or no database at all, is set aside under another name, which one line in the journal gives;
 * a new one takes its place, and what the old one can still tell of documents and alerts is copied. One that a newer
 * version has made is left alone: -EPROTONOSUPPORT after one line. Anything else that is wrong with the disk is no
 * failure either: history_problem() says what, each write tries again, and the rest of metricsd goes on. */
int history_open(const char *directory, History **ret);
History *history_free(History *h);
TL_DEFINE_CLEANUP(History *, history_free)

/* Why nothing is being kept at present, one line that says what to do; NULL while all is well. Set and cleared by the
 * writes below, each change with one line in the journal. */
const char *history_problem(const History *h);

/* --- Ticks --- */

typedef struct HistorySample {
        const char *service;
        double values[_SERIES_MAX]; /* NAN for none */
} HistorySample;

/* Everything between these two is kept or lost as one. They do not nest. After a failure in between, or of the commit,
 * nothing of it is kept and the error is returned (-ENOSPC, -EIO, ...); history_problem() then says so. Each call after the
 * first that failed fails with the same error, the commit too: it is enough to look at that. What is asked meanwhile sees what
 * is written already. */
int history_begin(History *h);
int history_commit(History *h);
void history_rollback(History *h);

/* Times are kept to the second. A tick in a second that has one already, also in an hour that is sealed, is none: 0; so is
 * one at most a minute before the last (a clock that was set back a little is waited for); else 1. A clock that was set back by
 * more goes on from there, and what is sealed of these hours is added to. -EINVAL for a service twice or without a name, -E2BIG
 * for more than HISTORY_SERVICES_MAX. */
int history_add_tick(History *h, uint64_t at, const HistorySample *samples, size_t n);

/* Does the next bit of sealing and tidying, and writes the WAL back: some milliseconds at most, but for the disk. 1 when there
 * is more to do at once, 0 when there is nothing now. To be called after a tick, from the event loop's idle time, until it
 * says 0 or fails; nothing else does these things. -EBUSY within a transaction. */
int history_seal_step(History *h, uint64_t now);

typedef struct HistoryQuery {
        const char *service;
        Series series;
        uint64_t from, to; /* to is exclusive */
        uint64_t step;     /* usec, a multiple of 1 s; the answer has (to - from) / step points */
} HistoryQuery;

#define HISTORY_POINTS_MAX 10000

typedef struct HistoryPoint {
        uint64_t at; /* the begin of its step */
        double avg, min, max; /* NAN where nothing was collected: a gap stays a gap */
        uint64_t n;  /* samples */
} HistoryPoint;

/* From the hourly figures where all of the hour belongs to one point, else from the one-minute ones by the same rule, else from
 * the samples: so every resolution says the same, wherever steps begin, and steps that begin on the hour or the minute are the
 * quickest. from is taken to the second. The caller frees *ret. -ERANGE for more than HISTORY_POINTS_MAX, -EINVAL for a step
 * that is none. A service that nobody knows has points without values. */
int history_query(History *h, const HistoryQuery *query, HistoryPoint **ret, size_t *ret_n);

/* --- Timeline --- */

typedef enum EventKind {
        EVENT_STATE,       /* of a unit or of its health */
        EVENT_RESTART,     /* cause: crash, oom, watchdog, person, metricsd, reload, unknown */
        EVENT_RELOAD,      /* cause: change, person, metricsd; result in detail */
        EVENT_BUILD,       /* one that failed, or was mended */
        EVENT_ALERT,
        EVENT_REMEDIATION, /* begun, done, failed, refused */
        EVENT_MONITOR,     /* metricsd's own: started, lines of the journal lost, history stopped */
        _EVENT_KIND_MAX,
} EventKind;

const char *event_kind_to_string(EventKind kind);
int event_kind_from_string(const char *name, EventKind *ret);

/* Strings may be NULL where they say nothing. */
typedef struct TimelineEvent {
        int64_t id; /* set by history_add_event() and by history_each_event() */
        uint64_t at;
        const char *service; /* NULL: the whole fleet */
        EventKind kind;
        const char *cause;
        const char *text;          /* one sentence for people */
        const char *detail;        /* a JSON object as text */
        const char *invocation_id; /* of the run that it is about */
        const char *cursor;        /* of the journal */
} TimelineEvent;

/* A transaction of its own, unless one is open. */
int history_add_event(History *h, TimelineEvent *event);

typedef struct EventQuery {
        const char *service;    /* NULL for all. Events of the whole fleet come with each service's */
        unsigned kinds;         /* bits 1 << EventKind, 0 for all */
        uint64_t from, to;      /* to is exclusive, UINT64_MAX for no end */
        size_t limit;
} EventQuery;

/* Newest first. The callback's strings last only for the call; a negative return ends it. How many there were. */
int history_each_event(History *h, const EventQuery *query, int (*each)(const TimelineEvent *event, void *userdata),
                       void *userdata);

/* --- Errors of the journal, grouped by fingerprint --- */

typedef struct ErrorGroup {
        const char *service;
        uint64_t fingerprint;
        const char *message;    /* with its numbers and ids masked */
        const char *sample;     /* the newest as it was */
        const char *message_id, *code_func; /* NULL for none */
        int priority;
        uint64_t count, first, last;
        const char *cursor;     /* of the newest */
} ErrorGroup;

#define ERROR_GROUPS_MAX 1000 /* of a service; the one seen longest ago goes */

/* Adds count to what is there for (service, fingerprint) and takes over last, sample, cursor and priority. */
int history_add_error(History *h, const ErrorGroup *group);
/* Newest first; service NULL for all. As history_each_event(). */
int history_each_error(History *h, const char *service, size_t limit,
                       int (*each)(const ErrorGroup *group, void *userdata), void *userdata);

/* --- Documents and alerts --- */

/* Texts by name: "journal-cursor", "alert-book", ... durable: on the disk, come what may, when it returns (a transaction
 * of its own then). */
int history_put_text(History *h, const char *name, const char *text, bool durable);
/* -ENODATA when there is none. The caller frees. */
int history_get_text(History *h, const char *name, char **ret);

/* An alert as JSON text, put again at each change, always durable. resolved_at is 0 while it is active. */
int history_put_alert(History *h, const char *id, uint64_t began, uint64_t resolved_at, const char *json);
/* Newest first: all active ones, then at most limit that are over. */
int history_each_alert(History *h, size_t limit, int (*each)(const char *id, bool active, const char *json, void *userdata),
                       void *userdata);

/* --- About itself --- */

typedef struct HistoryFigures {
        uint64_t file_bytes; /* of the database and its WAL */
        uint64_t samples;      /* sealed */
        uint64_t blob_bytes;   /* of these and their times */
        uint64_t rollup_bytes; /* of the one-minute and hourly figures beside them */
        uint64_t ticks;      /* not sealed yet */
        uint64_t ticks_lost; /* that could not be written, since it was opened */
} HistoryFigures;

/* While the database cannot be opened all are 0 but ticks_lost. */
int history_figures(History *h, HistoryFigures *ret);
