/* SPDX-License-Identifier: MIT */
#include "call.h"

#include "attempt.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* The course of a call: choose, reserve, ask, settle; once more where that helps; then the answer. What is written is on
 * disk before the next step: the reservation before anything is sent, the settlement before the answer's end. */

/* Without memory for its own refusal a call still has to end. */
static void refuse(Call *c, unsigned status, const char *why) {
        if (!c->answer)
                (void) answer_error(c->api, status, NULL, NULL, &c->answer, "%s", why);
}

static void end_with(Call *c, Answer *answer) {
        answer_unref(c->answer);
        c->answer = answer;
        call_write_end(c);
}

/* --- Choosing --- */

void call_try(Call *c) {
        if (c->gone && TAILQ_EMPTY(&c->followers)) {
                call_write_end(c);
                return;
        }
        /* Looked at first, for to wait for a key nothing is written. */
        c->waits_for_key = call_can_be_asked(c) == -EAGAIN;
        if (!c->waits_for_key)
                call_write_start(c);
}

/* --- Outcomes --- */

static void tell_health(Attempt *a, const Verdict *v) {
        Health *h = &a->deployment->health;
        uint64_t now = now_usec();

        if (a->error[0] == '\0')
                health_success(h, a->probe, a->first > a->begun ? a->first - a->begun : a->total, now);
        else if (streq(a->error, "cancelled") || streq(a->error, "released") || streq(a->error, "unsupported"))
                health_forget(h, a->probe);
        else if (v->counts || v->cool > 0)
                health_failure(h, a->probe, v->counts, a->error, now, now_realtime_usec());
        else
                health_alive(h, a->probe);
        if (v && v->cool > 0)
                health_cool(h, now + v->cool);
}

static void note_failure(Call *c, const Attempt *a, const Verdict *v) {
        const ProviderFile *f = &a->deployment->upstream->file;
        Answer *failure = NULL;

        (void) answer_error(c->api, v->status, NULL, NULL, &failure, "%s: %s%s%s", f->name, a->error, a->text ? ": " : "",
                            a->text ? a->text : "");
        if (failure) {
                (void) answer_set_origin(failure, f->name, a->deployment->model->name);
                failure->priced = a->deployment->model->price.known;
                failure->cost = a->cost;
                failure->retry_after = v->status == 429 || v->status == 503 ? MAX(v->cool, a->retry_after) : 0;
        }
        answer_unref(c->failure);
        c->failure = failure;
}

/* Full jitter: those that failed together do not come back together. */
static uint64_t backoff(Call *c, unsigned n) {
        return (uint64_t) (random_unit(&c->gateway->random) * (double) (CALL_BACKOFF_USEC << MIN(n - 1, 4U)));
}

/* Whether there is a next attempt, and with whom not. */
static void plan(Call *c, Attempt *a, const Verdict *v) {
        Tried *tried = call_tried(c, a->deployment);
        bool again = v->again && tried && tried->n < CALL_TRIES_EACH && c->n_tries < CALL_ATTEMPTS_MAX;
        bool elsewhere = v->elsewhere && c->n_tries < CALL_ATTEMPTS_MAX;

        c->again = false;
        c->wait = 0;
        if (!tried)
                return;
        if (again && v->last_resort) {
                /* Others first. */
                tried->out = true;
                if (elsewhere && call_can_be_asked(c) > 0) {
                        c->again = true;
                        return;
                }
                tried->out = false;
        }
        tried->out = !again;
        c->again = again || elsewhere;
        if (again)
                c->wait = v->wait + backoff(c, tried->n);
}

static int add_success(Call *c, Attempt *a, Answer **ret) {
        size_t size = 0;
        const char *text;
        char *body = NULL;
        int r;

        if (a->wire) { /* what was recorded of the stream, for those that joined and for the cache */
                r = answer_new(200, wire_content_type(c->api, true), TAKE_PTR(c->record), c->recorded, ret);
                c->recorded = c->record_space = 0;
        } else {
                text = json_object_to_json_string_length(a->result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                                         &size);
                body = text ? malloc(size + 1) : NULL;
                if (!body)
                        return -ENOMEM;
                memcpy(body, text, size + 1);
                r = answer_new(200, wire_content_type(c->api, false), body, size, ret);
        }
        if (r < 0)
                return r;
        (*ret)->priced = a->deployment->model->price.known;
        (*ret)->cost = a->cost;
        return answer_set_origin(*ret, a->deployment->upstream->file.name, a->deployment->model->name);
}

static void succeed(Call *c, Attempt *a) {
        Answer *answer = NULL;

        if (add_success(c, a, &answer) < 0)
                (void) answer_error(c->api, 500, NULL, NULL, &answer, "out of memory");
        end_with(c, answer);
}

/* Something of it has been passed on: another model's text would not go with that. */
static void fail_stream(Call *c, Attempt *a, const Verdict *v) {
        _cleanup_(freep) char *message = str_printf("%s: %s%s%s", a->deployment->upstream->file.name, a->error,
                                                    a->text ? ": " : "", strempty(a->text));
        size_t before, after;
        const char *out;

        (void) wire_stream_output(a->wire, &before);
        if (wire_stream_fail(a->wire, v->status, NULL, message ? message : a->error) < 0)
                log_warning("A stream that broke off could not be ended with its error");
        out = wire_stream_output(a->wire, &after);
        call_record(c, out + before, after - before);
        note_failure(c, a, v);
        c->again = false;
        end_with(c, c->failure ? answer_ref(c->failure) : NULL);
}

void call_attempt_over(Call *c) {
        Attempt *a = c->attempt;
        Verdict v = {};
        int r;

        r = attempt_count_cost(a);
        if (r < 0)
                log_errno(r, "The cost of a call cannot be told");
        if (a->error[0] == '\0') {
                tell_health(a, &v);
                succeed(c, a);
                return;
        }
        if (streq(a->error, "released"))
                v = (Verdict) { .elsewhere = true, .status = 503 };
        else
                v = judge_failure(a->error, a->status, a->retry_after, c->abilities != 0);
        tell_health(a, &v);
        if (c->stream) {
                fail_stream(c, a, &v);
                return;
        }
        note_failure(c, a, &v);
        plan(c, a, &v);
        if (c->gone && TAILQ_EMPTY(&c->followers))
                c->again = false;
        if (c->again)
                call_write_end(c);
        else
                end_with(c, c->failure ? answer_ref(c->failure) : NULL);
}

void call_abandon(Call *c) {
        if (c->over || c->writing) /* what is being written asks afterwards */
                return;
        c->again = false;
        c->waits_for_key = false;
        c->timer = sd_event_source_disable_unref(c->timer);
        if (c->attempt) {
                Verdict v = {};

                attempt_cancel(c->attempt);
                (void) attempt_count_cost(c->attempt);
                tell_health(c->attempt, &v);
        }
        refuse(c, 499, "the client went away");
        call_write_end(c);
}

/* --- The life of it --- */

/* Where another asks the same already, its answer will do. */
static bool join(Call *c) {
        Call *other;

        if (c->cache_for == 0)
                return false;
        TAILQ_FOREACH(other, &c->gateway->calls, entries)
                if (other->cache_for > 0 && !other->leader && !other->over && !other->answer &&
                    memcmp(other->cache_key, c->cache_key, CACHE_KEY_SIZE) == 0 && !other->record_lost)
                        break;
        if (!other)
                return false;
        c->leader = other;
        c->cache = "joined";
        TAILQ_INSERT_TAIL(&other->followers, c, joined);
        return true;
}

void call_begin(Call *c) {
        Gateway *g = c->gateway;

        if (c->cache_for > 0) {
                c->answer = cache_get(g->cache, c->cache_key, now_usec());
                c->cache = c->answer ? "hit" : "miss";
        }
        if (c->answer) {
                TAILQ_INSERT_TAIL(&g->calls, c, entries);
                call_write_joined(c);
                return;
        }
        if (join(c)) {
                TAILQ_INSERT_TAIL(&g->calls, c, entries);
                return;
        }
        TAILQ_INSERT_TAIL(&g->calls, c, entries);
        call_try(c);
}

Call *call_free(Call *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->timer);
        attempt_free(c->attempt);
        attempt_free(c->chosen);
        call_tried_done(c);
        answer_unref(c->answer);
        answer_unref(c->failure);
        json_object_put(c->body);
        free(c->name);
        free(c->user);
        free(c->session);
        free(c->intent);
        free(c->source);
        free(c->beta);
        free(c->record);
        free(c);
        return NULL;
}

void call_release(Call *c) {
        if (!c->over || c->request || c->stream || c->writing || c->owed)
                return;
        TAILQ_REMOVE(&c->gateway->calls, c, entries);
        call_free(c);
}
