/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include <string.h>
#include <sys/queue.h>

#include "basic/time-util.h"
#include "current.h"
#include "shared/log.h"

/* Of one step: what another request may have to wait. */
#define STEP_USEC (15 * USEC_PER_MSEC)
#define WAITING_MAX 64

typedef struct Asked {
        HttpRequest *request;
        Question question;
        STAILQ_ENTRY(Asked) entries;
} Asked;

struct Waiting {
        Follow *follow;
        sd_event_source *step; /* on while somebody waits */
        STAILQ_HEAD(AskedList, Asked) asked;
        size_t n;
};

static int ledger_failed(HttpRequest *request, int error) {
        log_errno(error, "Cannot read the ledger");
        return http_reply_error(request, 503, "LEDGER_FAILED",
                                "the ledger in the state directory cannot be read: %s; 'toolooctl ledger verify' says more",
                                strerror(-error));
}

static int reply(Waiting *w, HttpRequest *request, Question *q, int error) {
        if (error < 0 && error != -ENOENT)
                return error == -ENOMEM ? error : ledger_failed(request, error);
        q->tally = follow_tally(w->follow);
        q->ledger = follow_ledger(w->follow);
        return question_answer(q, request);
}

static void answer_all(Waiting *w, int error) {
        Asked *asked;

        while ((asked = STAILQ_FIRST(&w->asked))) {
                int r;

                STAILQ_REMOVE_HEAD(&w->asked, entries);
                r = reply(w, asked->request, &asked->question, error);
                if (r < 0 && r != -ECONNRESET && r != -EALREADY)
                        r = http_reply_error(asked->request, 500, "REPORT_FAILED", "the report cannot be made: %s",
                                             strerror(-r));
                if (r < 0 && r != -ECONNRESET && r != -EALREADY)
                        log_errno(r, "Cannot answer with a report");
                free(asked);
        }
        w->n = 0;
}

static int on_step(sd_event_source *source, void *userdata) {
        Waiting *w = userdata;
        int r;

        r = follow_step(w->follow, STEP_USEC);
        if (r == 0)
                return sd_event_source_set_enabled(w->step, SD_EVENT_ONESHOT);
        answer_all(w, r);
        return 0;
}

int waiting_new(sd_event *event, Waiting **ret) {
        _cleanup_(waiting_freep) Waiting *w = calloc(1, sizeof(Waiting));
        int r;

        if (!w)
                return -ENOMEM;
        STAILQ_INIT(&w->asked);
        r = follow_new(&w->follow);
        if (r >= 0)
                r = sd_event_add_defer(event, &w->step, on_step, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->step, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(w->step, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

/* Nobody waits any more: fini comes after the last request. */
Waiting *waiting_free(Waiting *w) {
        Asked *asked;

        if (!w)
                return NULL;
        while ((asked = STAILQ_FIRST(&w->asked))) {
                STAILQ_REMOVE_HEAD(&w->asked, entries);
                free(asked);
        }
        sd_event_source_disable_unref(w->step);
        follow_free(w->follow);
        free(w);
        return NULL;
}

static int wait_for_step(Waiting *w, HttpRequest *request, const Question *q) {
        Asked *asked;
        int r;

        if (w->n >= WAITING_MAX)
                return http_reply_error(request, 503, "BUSY", "%d reports wait for the ledger to be read already; ask again",
                                        WAITING_MAX);
        asked = malloc(sizeof(Asked));
        if (!asked)
                return -ENOMEM;
        *asked = (Asked) { .request = request, .question = *q };
        r = sd_event_source_set_enabled(w->step, SD_EVENT_ONESHOT);
        if (r < 0) {
                free(asked);
                return r;
        }
        STAILQ_INSERT_TAIL(&w->asked, asked, entries);
        w->n++;
        return HTTP_LATER;
}

int waiting_ask(Waiting *w, HttpRequest *request, const ReportKind *kind) {
        _cleanup_(freep) char *problem = NULL;
        Question q;
        int r;

        r = question_read(request, kind, now_realtime_usec(), &q, &problem);
        if (r == -EINVAL)
                return http_reply_error(request, 400, "BAD_PARAMETER", "%s", problem);
        if (r < 0)
                return r;
        if (w->n == 0) {
                follow_again(w->follow);
                r = follow_step(w->follow, STEP_USEC);
                if (r != 0)
                        return reply(w, request, &q, r);
        }
        return wait_for_step(w, request, &q);
}

int waiting_current(HttpRequest *request, Waiting *w) {
        json_object *json;
        int r;

        r = follow_open(w->follow);
        if (r >= 0 || r == -ENOENT)
                r = current_new(follow_ledger(w->follow), now_realtime_usec(), &json);
        if (r < 0)
                return r == -ENOMEM ? r : ledger_failed(request, r);
        return http_reply_json(request, 200, json);
}
