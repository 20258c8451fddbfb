/* SPDX-License-Identifier: MIT */
#include "attempt.h"
#include "basic/decimal.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* What is written of a call, each within the transaction of its turn (books.h). A write may run twice, so each of them
 * begins by taking back what an earlier run left in memory. */

/* A limit that is in the way stays so until its window is over, but the provider's minute may be: no longer than this. */
#define RETRY_AFTER_MAX (86400 * USEC_PER_SEC)

static int add_row(Call *c, Ledger *l) {
        LedgerRequest request = {
                .at = c->arrived,
                .name = c->name,
                .api = wire_format_to_string(c->api),
                .key = c->key,
                .user = c->user,
                .session = c->session,
                .intent = c->intent,
                .parent = c->parent,
                .source = c->source,
                .cache = c->cache,
                .stream = c->ask.stream,
        };

        return c->row_kept ? 0 : ledger_add_request(l, &request, &c->row);
}

static int end_row(Call *c, Ledger *l, unsigned status) {
        int r = ledger_end_request(l, c->row, status, now_realtime_usec());

        return r == -EALREADY ? 0 : r;
}

/* --- The reservation --- */

static void refuse_for_limit(Call *c, const LedgerRefusal *why) {
        uint64_t now = now_realtime_usec();
        char resets[ISO8601_MAX], limit[DECIMAL_MAX], used[DECIMAL_MAX], held[DECIMAL_MAX];

        answer_unref(c->answer);
        c->answer = NULL;
        (void) answer_error(c->api, 429, NULL, "budget_exceeded", &c->answer,
                            "the limit of %s%s%s, %s USD a %s, has no room for this call (%s used, %s reserved); "
                            "it resets at %s", why->scope, why->subject[0] ? " " : "", why->subject,
                            format_decimal(limit, why->limit, 9), why->window,
                            format_decimal(used, why->settled, 9), format_decimal(held, why->reserved, 9),
                            format_iso8601(resets, why->resets));
        if (c->answer)
                c->answer->retry_after = why->resets > now ? MIN(why->resets - now, RETRY_AFTER_MAX) : USEC_PER_SEC;
}

/* 1: reserved. 0: refused for the provider's own limit, so that others can be asked; or for another, and c->answer says
 * so. */
static int reserve(Call *c, Ledger *l, Attempt *a) {
        LedgerRefusal why = {};
        uint64_t now = now_realtime_usec();
        int r = 0;

        if (a->deployment->model->price.known) {
                r = ledger_price(l, &a->price, now, &a->price_row);
                if (r < 0)
                        return r;
        }
        a->n = c->n_attempts + 1;
        r = ledger_reserve(l, &(LedgerReserve) {
                .request = c->row, .n = a->n, .at = now, .expires = now + RESERVATION_USEC,
                .provider = a->deployment->upstream->file.name, .model = a->deployment->model->name,
                .price = a->price_row, .amount = a->bound,
        }, &why);
        if (r != -EDQUOT)
                return r < 0 ? r : 1;
        refuse_for_limit(c, &why);
        return 0;
}

/* Until one is found that can say it and has the money. */
static int choose_and_reserve(Call *c, Ledger *l) {
        _cleanup_(wishes_done) Wishes wishes = {};
        int r;

        r = wishes_read(l, &wishes);
        if (r < 0)
                return r;
        for (;;) {
                _cleanup_(freep) char *why = NULL;
                Deployment *deployment;
                Attempt *a = NULL;
                Tried *tried;

                r = call_choose(c, &wishes, &deployment);
                if (r <= 0)
                        return r == -EAGAIN ? 0 : r;
                tried = call_tried(c, deployment);
                if (!tried)
                        return 0;
                r = attempt_new(c, deployment, &a, &why);
                if (r == -EOPNOTSUPP) {
                        tried->out = true;
                        answer_unref(c->failure);
                        c->failure = NULL;
                        (void) answer_error(c->api, 400, NULL, "unsupported", &c->failure, "%s: %s",
                                            deployment->upstream->file.name, strna(why));
                        continue;
                }
                if (r >= 0)
                        r = reserve(c, l, a);
                if (r > 0) {
                        c->chosen = a;
                        return 1;
                }
                attempt_free(a);
                if (r < 0)
                        return r;
                tried->out = true; /* by the provider's own limit; by any other, the next is refused just so */
        }
}

static int write_start(Ledger *l, void *userdata) {
        Call *c = userdata;
        int r;

        c->chosen = attempt_free(c->chosen);
        answer_unref(c->answer);
        c->answer = NULL;
        r = add_row(c, l);
        if (r >= 0)
                r = choose_and_reserve(c, l);
        if (r < 0 || c->chosen)
                return r;
        return end_row(c, l, c->answer ? c->answer->status : 503);
}

static void fail_books(Call *c, int error) {
        answer_unref(c->answer);
        c->answer = NULL;
        if (error == -ESRCH && c->parent > 0)
                (void) answer_error(c->api, 400, NULL, NULL, &c->answer, "X-Tooloo-Parent: there is no such request");
        else
                (void) answer_error(c->api, 500, NULL, NULL, &c->answer,
                                    "the ledger cannot be written (%s), so nothing is sent", strerror(-error));
        c->over = true;
        call_deliver(c);
}

/* It was chosen for this call; between then and now the loop has not turned. */
static void begin_attempt(Call *c) {
        Attempt *a = TAKE_PTR(c->chosen);
        Tried *tried = call_tried(c, a->deployment);
        uint64_t wait;

        attempt_free(c->attempt);
        c->attempt = a;
        c->n_attempts = a->n;
        c->n_tries++;
        if (tried)
                tried->n++;
        a->probe = breaker_ask(&a->deployment->health.breaker, now_usec(), &wait) == BREAKER_PROBE;
        a->deployment->price = a->price_row;
        if (c->gone && TAILQ_EMPTY(&c->followers)) {
                call_abandon(c);
                return;
        }
        gateway_wake_upkeep(c->gateway);
        *choices_add(c->gateway->choices) = c->choice;
        attempt_enter(a);
}

static void start_done(int error, void *userdata) {
        Call *c = userdata;

        c->writing = false;
        if (error < 0) {
                c->chosen = attempt_free(c->chosen);
                fail_books(c, error);
                return;
        }
        c->row_kept = true;
        if (c->chosen) {
                begin_attempt(c);
                return;
        }
        c->over = true;
        call_deliver(c);
}

void call_write_start(Call *c) {
        c->job = (BooksJob) { .write = write_start, .done = start_done, .userdata = c };
        c->writing = true;
        books_add(c->gateway->books, &c->job);
}

/* --- The settlement --- */

static int settle(Ledger *l, const Call *c, const Attempt *a) {
        LedgerOutcome outcome = {
                .request = c->row,
                .n = a->n,
                .ttft = a->first > a->begun ? a->first - a->begun : 0,
                .total = a->total,
                .status = a->status,
                .error = a->error[0] ? a->error : NULL,
                .text = a->error[0] ? a->text : NULL,
                .tokens = attempt_tokens(a),
                .cost = a->cost,
        };
        int r;

        r = streq(a->error, "released") ? ledger_release(l, c->row, a->n, NULL) : ledger_settle(l, &outcome);
        return r == -ENOENT || r == -EALREADY ? 0 : r; /* it had expired: it counts all the same */
}

static int write_end(Ledger *l, void *userdata) {
        Call *c = userdata;
        unsigned status = c->answer ? c->answer->status : 500;
        int r = 0;

        if (c->row == 0 || !c->row_kept)
                r = add_row(c, l);
        if (r >= 0 && c->attempt)
                r = settle(l, c, c->attempt);
        if (r < 0 || c->again)
                return r;
        if (c->stream && status >= 400 && !c->gone)
                status = 200; /* what it was told when the stream began; the attempt has the error */
        return end_row(c, l, c->gone && TAILQ_EMPTY(&c->followers) ? 499 : status);
}

static int on_backoff(sd_event_source *source, uint64_t usec, void *userdata) {
        Call *c = userdata;

        c->timer = sd_event_source_disable_unref(c->timer);
        call_try(c);
        return 0;
}

static int on_owed(sd_event_source *source, uint64_t usec, void *userdata) {
        Call *c = userdata;

        c->timer = sd_event_source_disable_unref(c->timer);
        call_write_owed(c);
        return 0;
}

/* The sum stands reserved until its settlement can be written, or until that expires; then it counts all the same. */
static void owe(Call *c) {
        int r;

        c->owed = true;
        r = sd_event_add_time_relative(c->gateway->event, &c->timer, CLOCK_MONOTONIC, CALL_OWED_USEC, 0, on_owed, c);
        if (r < 0 && r != -ESTALE) /* the loop has ended */
                log_errno(r, "Cannot plan to write the ledger before the module goes");
}

/* The answer is the client's all the same. What was paid for is tried again, unless the ledger will never take it. */
static void end_failed(Call *c, int error) {
        if (c->attempt && error != -EINVAL) {
                owe(c);
                log_errno(error, "What request %s has cost is not in the ledger yet; it is tried again", c->name);
        } else
                log_errno(error, "The end of request %s is not in the ledger", c->name);
        if (c->again && !c->answer)
                c->answer = answer_ref(c->failure);
        c->again = false; /* nor could another attempt be written */
}

static void owed_done(int error, void *userdata) {
        Call *c = userdata;

        c->writing = false;
        c->owed = false;
        if (error < 0)
                owe(c);
        else
                log_info("What request %s has cost is in the ledger now", c->name);
        call_release(c);
}

void call_write_owed(Call *c) {
        c->timer = sd_event_source_disable_unref(c->timer);
        c->job = (BooksJob) { .write = write_end, .done = owed_done, .userdata = c };
        c->writing = true;
        books_add(c->gateway->books, &c->job);
}

static void end_done(int error, void *userdata) {
        Call *c = userdata;

        c->writing = false;
        if (error < 0)
                end_failed(c, error);
        else
                c->row_kept = true;
        if (!c->again) {
                c->over = true;
                call_deliver(c);
                return;
        }
        c->again = false;
        c->attempt = attempt_free(c->attempt);
        if (c->wait == 0 || c->gone ||
            sd_event_add_time_relative(c->gateway->event, &c->timer, CLOCK_MONOTONIC, c->wait, USEC_PER_MSEC, on_backoff, c) < 0)
                call_try(c);
}

void call_write_end(Call *c) {
        c->job = (BooksJob) { .write = write_end, .done = end_done, .userdata = c };
        c->writing = true;
        books_add(c->gateway->books, &c->job);
}

/* --- Those that get another's answer --- */

static int write_joined(Ledger *l, void *userdata) {
        Call *c = userdata;
        int r = add_row(c, l);

        return r < 0 ? r : end_row(c, l, c->gone ? 499 : c->answer->status);
}

static void joined_done(int error, void *userdata) {
        Call *c = userdata;

        c->writing = false;
        c->row_kept = error >= 0;
        c->over = true;
        call_deliver(c);
}

void call_write_joined(Call *c) {
        c->job = (BooksJob) { .write = write_joined, .done = joined_done, .userdata = c };
        c->writing = true;
        books_add(c->gateway->books, &c->job);
}
