/* SPDX-License-Identifier: MIT */
#include "webhook.h"

#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "shared/http-call.h"
#include "shared/log.h"
#include "webhook-retry.h"
#include "webhook-url.h"

#define ANSWER_MAX ((size_t) 4 * 1024)
#define WEBHOOK_AGENT "tooloo-metricsd/" TL_VERSION
/* Receivers that nothing waits for are remembered up to here, for what their last answer was. */
#define TARGETS_MAX WEBHOOK_QUEUE_MAX

struct WebhookDelivery {
        Webhooks *webhooks;
        struct Target *target; /* NULL: given up for newer ones */
        char *authorization, *body;
        bool repeat;
        unsigned tries;
        uint64_t begun; /* monotonic usec */
        webhook_over_t over;
        void *userdata;
        TAILQ_ENTRY(WebhookDelivery) in_target, in_age;
};

TAILQ_HEAD(DeliveryList, WebhookDelivery);

/* Who is told, by address. Its first delivery is under way or waits for its next try. */
typedef struct Target {
        Webhooks *webhooks;
        char *url, *origin;
        struct DeliveryList queue; /* oldest first */
        HttpCall *call;
        sd_event_source *timer;
        char *problem; /* of the last try; NULL when it went well */
        LIST_ENTRY(Target) entries;
} Target;

struct Webhooks {
        sd_event *event;
        CurlEvent *curl;
        const Fleet *fleet;
        uint64_t retry_usec;
        LIST_HEAD(TargetList, Target) targets;
        size_t n_targets;
        struct DeliveryList ages; /* all that wait or are under way, oldest first */
        size_t n;
        struct DeliveryList lost; /* given up for newer ones, and not told yet */
        sd_event_source *tell_lost;
        bool overflow_said; /* until the queue was empty once */
};

/* --- One delivery --- */

static void delivery_free(WebhookDelivery *d) {
        free(d->authorization);
        free(d->body);
        free(d);
}

static void unlink_delivery(WebhookDelivery *d) {
        Webhooks *w = d->webhooks;

        if (!d->target) {
                TAILQ_REMOVE(&w->lost, d, in_age);
                return;
        }
        if (d == TAILQ_FIRST(&d->target->queue)) {
                d->target->call = http_call_free(d->target->call);
                (void) sd_event_source_set_enabled(d->target->timer, SD_EVENT_OFF);
        }
        TAILQ_REMOVE(&d->target->queue, d, in_target);
        TAILQ_REMOVE(&w->ages, d, in_age);
        if (--w->n == 0)
                w->overflow_said = false;
}

static void go_on(Target *t);

/* Ends the first delivery of the target, and begins the next one. */
static void finish(Target *t, const char *problem) {
        WebhookDelivery *d = TAILQ_FIRST(&t->queue);

        unlink_delivery(d);
        go_on(t);
        if (d->over)
                d->over(problem, d->userdata);
        delivery_free(d);
}

/* --- Tries --- */

static void wait_for_retry(Target *t, uint64_t wait) {
        int r = sd_event_source_set_time_relative(t->timer, wait);

        if (r >= 0)
                r = sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot set the timer of a webhook");
}

static void give_up_trying(Target *t, const WebhookDelivery *d) {
        _cleanup_(freep) char *problem = NULL;

        if (d->tries >= WEBHOOK_TRIES_MAX)
                problem = str_printf("%s (%u tries)", strna(t->problem), d->tries);
        else
                problem = str_printf("%s (not delivered within 5 min)", strna(t->problem));
        finish(t, problem ? problem : "not delivered");
}

/* t->problem says what was wrong with the last try. */
static void try_later(Target *t, uint64_t retry_after) {
        WebhookDelivery *d = TAILQ_FIRST(&t->queue);
        uint64_t base = t->webhooks->retry_usec, age = now_usec() - d->begun, wait;
        uint32_t dice = 0;

        if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) < 0)
                dice = 0; /* does, too */
        if (!d->repeat && webhook_retry_wait(d->tries, base, retry_after, age, dice, &wait))
                wait_for_retry(t, wait);
        else
                give_up_trying(t, d);
}

/* Of a repetition nobody waits for the end; what has failed before is no news. */
static void note_problem(Target *t, const WebhookDelivery *d, char *problem) {
        if (d->repeat && !t->problem && problem)
                log_warning("Active alerts cannot be told again: %s", problem);
        free(t->problem);
        t->problem = problem;
}

static char *describe(const Target *t, const HttpAnswer *answer) {
        _cleanup_(freep) char *excerpt = NULL;

        if (answer->status == 0)
                return str_printf("%s cannot be told: %s", t->origin, answer->problem);
        excerpt = http_answer_excerpt(answer);
        if (!excerpt)
                return NULL;
        return str_printf("%s answered %u%s%s", t->origin, answer->status, *excerpt ? ": " : "", excerpt);
}

static void on_answer(const HttpAnswer *answer, void *userdata) {
        Target *t = userdata;
        _cleanup_(http_call_freep) _unused_ HttpCall *call = TAKE_PTR(t->call); /* the answer lies in it */
        WebhookDelivery *d = TAILQ_FIRST(&t->queue);

        if (answer->status >= 200 && answer->status < 300) {
                note_problem(t, d, NULL);
                finish(t, NULL);
                return;
        }
        note_problem(t, d, describe(t, answer));
        if (answer->hopeless || !webhook_may_retry(answer->status)) {
                _cleanup_(freep) char *problem = strdup(strna(t->problem));

                finish(t, problem ? problem : "not delivered");
        } else
                try_later(t, answer->retry_after);
}

static void try_now(Target *t) {
        WebhookDelivery *d = TAILQ_FIRST(&t->queue);
        int r;

        d->tries++;
        r = http_call_new(t->webhooks->curl, &(HttpCallRequest) {
                .url = t->url, .body = d->body, .authorization = d->authorization, .agent = WEBHOOK_AGENT,
                .timeout = WEBHOOK_TIMEOUT, .answer_max = ANSWER_MAX, .fleet = t->webhooks->fleet }, on_answer, t, &t->call);
        if (r < 0) {
                note_problem(t, d, strdup(strerror(-r)));
                wait_for_retry(t, t->webhooks->retry_usec); /* from the loop it is seen whether it may go on */
        }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Target *t = userdata;
        WebhookDelivery *d = TAILQ_FIRST(&t->queue);

        if (d->tries >= WEBHOOK_TRIES_MAX || now_usec() - d->begun > WEBHOOK_LIFETIME)
                give_up_trying(t, d);
        else
                try_now(t);
        return 0;
}

/* Begins with the first delivery. It has perhaps waited too long behind others; that is seen from the loop. */
static void go_on(Target *t) {
        const WebhookDelivery *d = TAILQ_FIRST(&t->queue);

        if (!d)
                return;
        if (now_usec() - d->begun > WEBHOOK_LIFETIME)
                wait_for_retry(t, 0);
        else
                try_now(t);
}

/* --- Targets --- */

static void target_free(Target *t) {
        LIST_REMOVE(t, entries);
        t->webhooks->n_targets--;
        http_call_free(t->call);
        sd_event_source_disable_unref(t->timer);
        free(t->problem);
        free(t->origin);
        free(t->url);
        free(t);
}

static void forget_idle_target(Webhooks *w) {
        Target *t;

        LIST_FOREACH(t, &w->targets, entries)
                if (TAILQ_EMPTY(&t->queue)) {
                        target_free(t);
                        return;
                }
}

static int target_new(Webhooks *w, const char *url, Target **ret) {
        Target *t = calloc(1, sizeof(Target));
        int r;

        if (!t)
                return -ENOMEM;
        t->webhooks = w;
        TAILQ_INIT(&t->queue);
        LIST_INSERT_HEAD(&w->targets, t, entries);
        w->n_targets++;
        t->url = strdup(url);
        t->origin = webhook_url_origin(url);
        r = t->url && t->origin ? sd_event_add_time(w->event, &t->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, t)
                                : -ENOMEM;
        if (r >= 0)
                r = sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
        if (r < 0) {
                target_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

static int find_target(Webhooks *w, const char *url, Target **ret) {
        Target *t;

        LIST_FOREACH(t, &w->targets, entries)
                if (streq(t->url, url)) {
                        *ret = t;
                        return 0;
                }
        if (w->n_targets >= TARGETS_MAX)
                forget_idle_target(w);
        return target_new(w, url, ret);
}

/* --- The queue --- */

/* From the loop, for whoever is told now may send the next message. */
static int on_tell_lost(sd_event_source *source, void *userdata) {
        Webhooks *w = userdata;
        WebhookDelivery *d;

        while ((d = TAILQ_FIRST(&w->lost))) {
                unlink_delivery(d);
                d->over("given up: too many newer messages wait for delivery", d->userdata);
                delivery_free(d);
        }
        return 0;
}

static void make_room(Webhooks *w) {
        WebhookDelivery *d = TAILQ_FIRST(&w->ages);
        Target *t = d->target;
        bool was_first = d == TAILQ_FIRST(&t->queue);
        int r;

        if (!w->overflow_said)
                log_warning("%d messages wait for delivery: the oldest are given up for newer ones", WEBHOOK_QUEUE_MAX);
        unlink_delivery(d);
        w->overflow_said = true;
        if (was_first)
                go_on(t);
        if (d->repeat) {
                delivery_free(d);
                return;
        }
        d->target = NULL;
        TAILQ_INSERT_TAIL(&w->lost, d, in_age);
        r = sd_event_source_set_enabled(w->tell_lost, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot say that messages were given up");
}

static int enqueue(Webhooks *w, const WebhookMessage *m, webhook_over_t over, void *userdata, WebhookDelivery **ret) {
        WebhookDelivery *d = calloc(1, sizeof(WebhookDelivery));
        Target *t;

        if (!d)
                return -ENOMEM;
        d->webhooks = w;
        d->body = strdup(m->body);
        d->authorization = m->authorization ? strdup(m->authorization) : NULL;
        if (!d->body || (m->authorization && !d->authorization) || find_target(w, m->url, &t) < 0) {
                delivery_free(d);
                return -ENOMEM;
        }
        if (w->n >= WEBHOOK_QUEUE_MAX)
                make_room(w);
        d->target = t;
        d->repeat = !over;
        d->begun = now_usec();
        d->over = over;
        d->userdata = userdata;
        TAILQ_INSERT_TAIL(&t->queue, d, in_target);
        TAILQ_INSERT_TAIL(&w->ages, d, in_age);
        w->n++;
        if (d == TAILQ_FIRST(&t->queue))
                go_on(t);
        *ret = d;
        return 0;
}

int webhooks_send(Webhooks *w, const WebhookMessage *message, webhook_over_t over, void *userdata,
                  WebhookDelivery **ret) {
        return enqueue(w, message, over, userdata, ret);
}

int webhooks_repeat(Webhooks *w, const WebhookMessage *message) {
        WebhookDelivery *d;
        Target *t;
        int r;

        r = find_target(w, message->url, &t);
        if (r < 0 || !TAILQ_EMPTY(&t->queue))
                return r;
        return enqueue(w, message, NULL, NULL, &d);
}

void webhook_give_up(WebhookDelivery *d) {
        Target *t = d->target;
        bool was_first = t && d == TAILQ_FIRST(&t->queue);

        unlink_delivery(d);
        delivery_free(d);
        if (was_first)
                go_on(t);
}

size_t webhooks_waiting(const Webhooks *w) {
        return w->n;
}

/* --- Begin and end --- */

int webhooks_new(sd_event *event, CurlEvent *curl, const Fleet *fleet, uint64_t retry_usec, Webhooks **ret) {
        _cleanup_(webhooks_freep) Webhooks *w = calloc(1, sizeof(Webhooks));
        int r;

        if (!w)
                return -ENOMEM;
        w->event = event;
        w->curl = curl;
        w->fleet = fleet;
        w->retry_usec = retry_usec;
        LIST_INIT(&w->targets);
        TAILQ_INIT(&w->ages);
        TAILQ_INIT(&w->lost);
        r = sd_event_add_defer(event, &w->tell_lost, on_tell_lost, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->tell_lost, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

static void free_deliveries(struct DeliveryList *list) {
        WebhookDelivery *d;

        while ((d = TAILQ_FIRST(list))) {
                TAILQ_REMOVE(list, d, in_age);
                delivery_free(d);
        }
}

Webhooks *webhooks_free(Webhooks *w) {
        if (!w)
                return NULL;
        while (!LIST_EMPTY(&w->targets))
                target_free(LIST_FIRST(&w->targets)); /* with what it calls, which reads a delivery's body */
        free_deliveries(&w->ages);
        free_deliveries(&w->lost);
        sd_event_source_disable_unref(w->tell_lost);
        free(w);
        return NULL;
}
