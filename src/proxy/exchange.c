/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <strings.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "proxy/exchange-internal.h"
#include "shared/log.h"

/* The client is looked after by a descriptor of its own from here on, for most requests are over by then. */
#define WATCH_AFTER_USEC (100 * USEC_PER_MSEC)
#define RETRY_AFTER_USEC (100 * USEC_PER_MSEC)
#define KEEP_SPACE ((size_t) 8 * 1024)
#define LONG_PREFIX "/v1/"

/* --- The end of an exchange --- */

/* Of the state of the service, once for each exchange. */
static void tell_outcome(Exchange *e, void (*outcome)(Upstream *u, bool probe)) {
        if (e->probe_told)
                return;
        e->probe_told = true;
        outcome(e->upstream, e->probe);
}

static void tell_failure(Exchange *e) {
        if (e->probe_told)
                return;
        e->probe_told = true;
        upstream_failed(e->upstream, e->probe, proxy_now(e->proxy));
}

/* Keeps it for the next request, as long as there are not too many. */
static void put_away(Exchange *e) {
        Proxy *proxy = e->proxy;

        if (e->is_ready)
                STAILQ_REMOVE(&proxy->ready, e, Exchange, ready_entries);
        exchange_stop(e);
        if (e->upstream) {
                tell_outcome(e, upstream_forgot);
                upstream_unref(TAKE_PTR(e->upstream));
                LIST_REMOVE(e, entries);
                proxy->n_exchanges--;
        }
        if (proxy->n_spare >= EXCHANGES_KEPT || e->answer.space > KEEP_SPACE || e->head_space > KEEP_SPACE) {
                exchange_free(e);
                return;
        }
        buffer_clear(&e->up, 0);
        buffer_clear(&e->down, 0);
        answer_head_clear(&e->answer);
        *e = (Exchange) { .proxy = proxy, .easy = e->easy, .url = e->url, .port = e->port, .fresh = e->fresh,
                          .state = EXCHANGE_FINISHED, .head = e->head, .head_space = e->head_space, .lines = e->lines,
                          .lines_space = e->lines_space, .answer = e->answer };
        LIST_INSERT_HEAD(&proxy->spare, e, entries);
        proxy->n_spare++;
}

void exchange_release(Exchange *e) {
        put_away(e);
}

void exchanges_free_spare(Proxy *proxy) {
        while (!LIST_EMPTY(&proxy->spare)) {
                Exchange *e = LIST_FIRST(&proxy->spare);

                LIST_REMOVE(e, entries);
                exchange_free(e);
        }
}

/* --- Answers of our own --- */

static int refuse(HttpRequest *request, const Refusal *why) {
        char seconds[16];

        if (why->retry_after > 0) {
                (void) snprintf(seconds, sizeof(seconds), "%u", why->retry_after);
                (void) http_reply_header(request, "Retry-After", seconds); /* -E2BIG: the answer does without */
        }
        return http_reply_error(request, why->status, why->code, "%s", why->message);
}

/* The request is not sent, or not any further. The client's body is thrown away, and then it gets the answer. */
static void refuse_exchange(Exchange *e, const Refusal *why) {
        exchange_stop(e);
        e->body_refused = true;
        if (!forward_may_answer(e->request)) {
                answer_head_clear(&e->answer);
                e->refusal = *why;
                forward_wake(e->request);
                return;
        }
        if (e->answered)
                return;
        e->answered = true;
        if (refuse(e->request, why) < 0)
                forward_abort(e->request);
}

static void refuse_with(Exchange *e, unsigned status, const char *code, const char *problem) {
        Refusal why = { .status = status, .code = code };

        (void) snprintf(why.message, sizeof(why.message), "%s %s", e->upstream->id, problem);
        log_msg(LOG_WARNING, "%s %s: %s (request %s)", http_request_method(e->request), http_request_path(e->request),
                why.message, http_request_id(e->request));
        refuse_exchange(e, &why);
}

/* --- The answer --- */

static bool without_body(const Exchange *e) {
        return e->is_head || e->answer.status == 204 || e->answer.status == 304;
}

/* NULL for an empty one. Nothing has been read from it yet, so it begins at its beginning. */
static void *take_body(Buffer *b) {
        void *bytes = buffer_size(b) > 0 ? TAKE_PTR(b->bytes) : NULL;

        buffer_done(b);
        return bytes;
}

static void answer(Exchange *e) {
        Fields *fields = &e->proxy->fields;
        ForwardBody kind = FORWARD_STREAMED;
        int64_t length = e->answer.length;
        void *body = NULL;
        int r;

        r = answer_head_fields(&e->answer, fields);
        if (r >= 0) {
                if (without_body(e))
                        kind = FORWARD_BODILESS;
                else if (e->state == EXCHANGE_FINISHED) {
                        kind = FORWARD_WHOLE;
                        length = (int64_t) buffer_size(&e->down);
                        body = take_body(&e->down);
                }
                e->answered = true;
                r = forward_answer(e->request, e->answer.status, fields->items, fields->n, length, body, kind);
        }
        if (r == -E2BIG) {
                e->answered = false;
                refuse_with(e, 502, "BAD_GATEWAY", "sent an answer whose head is too large to be passed on");
        } else if (r < 0)
                forward_abort(e->request);
}

ssize_t exchange_read(Exchange *e, char *buf, size_t max) {
        size_t n = without_body(e) ? 0 : buffer_take(&e->down, buf, max);

        if (e->receiving_paused && e->state == EXCHANGE_RUNNING && buffer_size(&e->down) <= WINDOW / 2) {
                e->receiving_paused = false;
                /* Delivers at once what libcurl holds back. */
                if (curl_easy_pause(e->easy, e->sending_paused ? CURLPAUSE_SEND : CURLPAUSE_CONT) != CURLE_OK)
                        return -EIO;
                if (n == 0)
                        n = buffer_take(&e->down, buf, max);
        }
        if (n > 0)
                return (ssize_t) n;
        if (e->state != EXCHANGE_FINISHED)
                return 0;
        return e->result == CURLE_OK ? -ENODATA : -EIO;
}

/* --- Failures before the answer --- */

/* Nothing of an answer has come. Again where that cannot do harm: what may be repeated, or what never went out. */
static bool may_retry(const Exchange *e) {
        if (e->answer.status != 0 || e->answer.wrong || e->retries >= RETRIES_MAX)
                return false;
        if (e->result != CURLE_COULDNT_CONNECT && e->result != CURLE_GOT_NOTHING && e->result != CURLE_SEND_ERROR &&
            e->result != CURLE_RECV_ERROR)
                return false;
        return e->sent == 0 || (e->safe && e->sent <= RETRIES_MAX);
}

static const char *what_went_wrong(const Exchange *e) {
        switch (e->result) {
        case CURLE_COULDNT_CONNECT:
                return "does not accept connections";
        case CURLE_GOT_NOTHING:
                return "closed the connection without an answer";
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_ABORTED_BY_CALLBACK:
                return "reset the connection before it answered";
        case CURLE_PARTIAL_FILE:
                return "broke its answer off";
        case CURLE_OUT_OF_MEMORY:
                return "could not be asked: out of memory";
        default:
                return "sent something that is no HTTP answer";
        }
}

/* A service without a socket of systemd's refuses connections while it restarts, and for a while after systemd calls it
 * active. deadline() bounds it. */
static void wait_and_retry(Exchange *e) {
        e->state = EXCHANGE_WAITING;
        e->retry_at = proxy_now(e->proxy) + RETRY_AFTER_USEC;
        proxy_sweep_at(e->proxy, e->retry_at);
}

static void failed(Exchange *e) {
        _cleanup_(freep) char *problem = NULL;
        Refusal why;

        if (upstream_is_down(e->upstream, &why)) {
                refuse_exchange(e, &why);
                return;
        }
        if (e->result == CURLE_COULDNT_CONNECT && upstream_is_young(e->upstream, proxy_now(e->proxy)) && !e->body_refused) {
                wait_and_retry(e);
                return;
        }
        if (may_retry(e)) {
                e->retries++;
                e->upstream->retries++;
                e->proxy->retries++;
                if (e->result == CURLE_COULDNT_CONNECT && !e->body_refused) {
                        wait_and_retry(e); /* the refusal may come before systemd's word that the service ends */
                        return;
                }
                if (exchange_start(e, true) >= 0)
                        return;
        }
        tell_failure(e);
        if (e->answer.wrong) {
                problem = str_printf("sent an answer that cannot be passed on: %s", e->answer.wrong);
                refuse_with(e, 502, "BAD_GATEWAY", problem ? problem : "sent an answer that cannot be passed on");
        } else
                refuse_with(e, 502, "BAD_GATEWAY", what_went_wrong(e));
}

/* --- After each turn of libcurl --- */

static void settle(Exchange *e) {
        if (e->answered) {
                forward_wake(e->request);
                return;
        }
        if (e->state == EXCHANGE_FINISHED && (!e->answer.complete || e->result != CURLE_OK)) {
                /* Of an answer that broke off at once nothing has gone on, so the client can still be told. */
                failed(e);
                return;
        }
        if (!e->answer.complete) {
                if (!e->body_complete)
                        forward_wake(e->request); /* there is room for more of the body */
                return;
        }
        tell_outcome(e, upstream_succeeded);
        if (forward_may_answer(e->request)) {
                answer(e);
                return;
        }
        /* It answers before it has the whole request. */
        if (buffer_size(&e->down) >= EARLY_ANSWER_MAX) {
                log_warning("%s answers with more than %zu bytes before it has read the request, which cannot be passed on"
                            " (request %s)", e->upstream->id, EARLY_ANSWER_MAX, http_request_id(e->request));
                forward_abort(e->request);
                return;
        }
        e->body_refused = e->state == EXCHANGE_FINISHED; /* it takes no more: the rest is thrown away */
        forward_wake(e->request);
}

void exchanges_settle(void *userdata) {
        Proxy *proxy = userdata;
        Exchange *e;

        while ((e = STAILQ_FIRST(&proxy->ready))) {
                STAILQ_REMOVE_HEAD(&proxy->ready, ready_entries);
                e->is_ready = false;
                settle(e);
        }
}

static void start_again(Exchange *e) {
        if (exchange_start(e, true) < 0)
                refuse_with(e, 502, "BAD_GATEWAY", "could not be asked: out of memory");
}

void exchanges_reconsider(Proxy *proxy, Upstream *upstream) {
        Refusal why;
        Exchange *e;
        bool down = upstream_is_down(upstream, &why) && !(upstream->unit && upstream->unit->pid > 0);

        LIST_FOREACH(e, &proxy->exchanges, entries) {
                if (e->upstream != upstream || e->answered || e->answer.status != 0 || e->body_refused)
                        continue;
                if (down)
                        refuse_exchange(e, &why);
                else if (e->state == EXCHANGE_WAITING)
                        start_again(e);
        }
}

/* --- The request --- */

static void gather(void *userdata, const char *name, const char *value) {
        fields_add(userdata, name, value);
}

static bool is_bad_target(const char *target) {
        for (const unsigned char *p = (const unsigned char *) target; *p; p++)
                if (*p <= ' ' || *p == 0x7f)
                        return true;
        return *target != '/';
}

/* An absolute form names the host twice, and who follows one name and who the other must not be two opinions. */
static const char *without_authority(const char *target, const char *host) {
        const char *path;

        if (strncasecmp(target, "http://", strlen("http://")) != 0)
                return target;
        target += strlen("http://");
        path = target + strcspn(target, "/?");
        if (!host || strlen(host) != (size_t) (path - target) || strncasecmp(host, target, strlen(host)) != 0)
                return NULL;
        if (*path == '/')
                return path;
        return *path ? NULL : "/";
}

/* What is wrong with the head, NULL for nothing. *target becomes what is sent. */
static const char *judge(const Fields *fields, const char **target) {
        *target = without_authority(*target, fields_get(fields, "Host"));
        if (!*target)
                return "the request's target names another host than the Host header";
        if (is_bad_target(*target))
                return "the request's target has a character that must be percent-encoded";
        return NULL;
}

static int64_t body_length(const Fields *fields) {
        const char *length = fields_get(fields, "Content-Length");
        unsigned long n;

        if (fields_get(fields, "Transfer-Encoding"))
                return -1;
        return length && parse_uint(length, 0, INT64_MAX, &n) >= 0 ? (int64_t) n : 0;
}

static bool is_safe(const char *method) {
        static const char *const repeatable[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE" };

        for (size_t i = 0; i < ELEMENTSOF(repeatable); i++)
                if (streq(method, repeatable[i]))
                        return true;
        return false;
}

/* Everything is copied. */
static int prepare(Exchange *e, Fields *fields, const char *target, bool of_module) {
        const char *method = http_request_method(e->request);

        e->length = of_module ? 0 : body_length(fields);
        e->has_body = e->length != 0;
        e->is_head = streq(method, "HEAD");
        e->safe = is_safe(method) && !e->has_body;
        fields_remove_hop_by_hop(fields);
        fields_remove(fields, "Expect"); /* MHD has answered it */
        if (e->has_body || of_module)
                fields_remove(fields, "Content-Length"); /* libcurl's to say */
        if (fields_add_forwarded(fields, forward_peer(e->request), forward_is_http_1_0(e->request),
                                 http_request_id(e->request)) < 0)
                return -ENOMEM;
        return exchange_set_head(e, fields, method, target);
}

static int begin(Proxy *proxy, HttpRequest *request, Upstream *upstream, const char *target, bool of_module, bool probe,
                 Exchange **ret) {
        Exchange *e = exchange_new(proxy);
        int r;

        if (!e) {
                upstream_forgot(upstream, probe);
                return -ENOMEM;
        }
        e->request = request;
        e->upstream = upstream_ref(upstream);
        e->probe = probe;
        e->begun = e->progress = proxy_now(proxy);
        e->limit = startswith(target, LONG_PREFIX) ? proxy->timeouts.long_answer : proxy->timeouts.answer;
        LIST_INSERT_HEAD(&proxy->exchanges, e, entries);
        proxy->n_exchanges++;
        r = prepare(e, &proxy->fields, target, of_module);
        if (r >= 0)
                r = exchange_start(e, upstream_is_changing(upstream));
        if (r < 0) {
                put_away(e);
                return r;
        }
        proxy_sweep_at(proxy, e->begun + WATCH_AFTER_USEC);
        *ret = e;
        return 1;
}

/* Not forwarded. The client gets its answer when it has sent its body, for MHD ends a connection on which it has
 * answered before; but not one that waits for leave to send it, or has too much. */
static int refuse_request(Proxy *proxy, HttpRequest *request, Upstream *upstream, const Refusal *why, Exchange **ret) {
        bool at_once = fields_get(&proxy->fields, "Expect") || body_length(&proxy->fields) > (int64_t) DISCARD_MAX;
        Exchange *e;
        int r;

        if (at_once && forward_may_answer(request)) {
                r = refuse(request, why);
                return r < 0 ? r : 1;
        }
        e = exchange_new(proxy);
        if (!e)
                return -ENOMEM;
        e->request = request;
        e->upstream = upstream_ref(upstream);
        e->state = EXCHANGE_FINISHED;
        e->probe_told = e->body_refused = true;
        e->begun = e->progress = proxy_now(proxy);
        e->refusal = *why;
        LIST_INSERT_HEAD(&proxy->exchanges, e, entries);
        proxy->n_exchanges++;
        *ret = e;
        return 1;
}

/* What is wrong with a request, whoever is to answer it. */
static int find_fault(HttpRequest *request, const Fields *fields, const Upstream *upstream, const char **target,
                      Refusal *ret) {
        const char *wrong = judge(fields, target);

        if (!wrong && streq(http_request_method(request), "HEAD") && body_length(fields) != 0)
                wrong = "HEAD with a body";
        if (wrong) {
                *ret = (Refusal) { .status = 400, .code = "BAD_REQUEST" };
                (void) snprintf(ret->message, sizeof(ret->message), "%s", wrong);
                return -EBADMSG;
        }
        if (fields_have_passed_here(fields)) {
                *ret = (Refusal) { .status = 508, .code = "LOOP_DETECTED" };
                (void) snprintf(ret->message, sizeof(ret->message),
                                "the request goes round in a circle: %s sends it back here", upstream->id);
                return -ELOOP;
        }
        return 0;
}

static int find_upstream(Proxy *proxy, HttpRequest *request, const char *service, Upstream **ret) {
        if (service)
                return proxy_upstream_by_id(proxy, service, ret);
        return proxy_upstream_for(proxy, http_request_path(request), ret);
}

int exchange_begin(Proxy *proxy, HttpRequest *request, const char *service, const char *target, Exchange **ret) {
        Fields *fields = &proxy->fields;
        Upstream *upstream;
        bool probe = false;
        Refusal why;
        int r;

        r = find_upstream(proxy, request, service, &upstream);
        if (r <= 0)
                return r;
        forward_count_in(request, upstream->stats);
        fields_clear(fields);
        forward_fields(request, gather, fields);
        if (fields->failed)
                return -ENOMEM;
        if (!target)
                target = forward_target(request);
        if (find_fault(request, fields, upstream, &target, &why) < 0)
                return refuse_request(proxy, request, upstream, &why, ret);
        proxy->requests++;
        upstream->requests++;
        if (upstream_ask(upstream, proxy_now(proxy), &probe, &why) < 0)
                return refuse_request(proxy, request, upstream, &why, ret);
        return begin(proxy, request, upstream, target, service != NULL, probe, ret);
}

static void send_on(Exchange *e) {
        if (!e->sending_paused || e->state != EXCHANGE_RUNNING)
                return;
        e->sending_paused = false;
        if (curl_easy_pause(e->easy, e->receiving_paused ? CURLPAUSE_RECV : CURLPAUSE_CONT) != CURLE_OK)
                forward_abort(e->request);
}

size_t exchange_body(Exchange *e, const void *data, size_t size) {
        size_t n;

        if (e->body_refused) {
                e->discarded += size;
                if (e->discarded > DISCARD_MAX)
                        forward_abort(e->request);
                return size;
        }
        n = MIN(size, WINDOW - MIN(WINDOW, buffer_size(&e->up)));
        if (n > 0 && buffer_append(&e->up, data, n, MIN(WINDOW, (size_t) 16 * 1024)) < 0) {
                forward_abort(e->request);
                return size;
        }
        send_on(e);
        return n;
}

void exchange_body_end(Exchange *e) {
        e->body_complete = true;
        if (e->refusal.status > 0) {
                e->answered = true;
                if (refuse(e->request, &e->refusal) < 0)
                        forward_abort(e->request);
                return;
        }
        send_on(e);
        if (e->answer.complete && !e->answered)
                answer(e);
}

/* --- Limits --- */

static uint64_t deadline(const Exchange *e) {
        uint64_t end = e->progress + (e->answer.complete ? e->proxy->timeouts.silence : e->limit);
        uint64_t since = e->upstream->changing_since;

        if (e->state == EXCHANGE_WAITING && since == 0)
                since = e->begun;
        if (!e->answer.complete && since > 0)
                end = MIN(end, MAX(since, e->begun) + e->proxy->timeouts.restart);
        return end;
}

static void over_limit(Exchange *e) {
        char problem[64];
        bool restarts;

        if (e->answered) {
                log_warning("%s sent nothing for %llu s: its answer is cut (request %s)", e->upstream->id,
                            (unsigned long long) (e->proxy->timeouts.silence / USEC_PER_SEC),
                            http_request_id(e->request));
                forward_abort(e->request);
                return;
        }
        tell_failure(e);
        restarts = e->upstream->changing_since > 0 || e->state == EXCHANGE_WAITING;
        (void) snprintf(problem, sizeof(problem), "%s %llu ms",
                        restarts ? "restarts, and did not answer within" : "did not answer within",
                        (unsigned long long) ((restarts ? e->proxy->timeouts.restart : e->limit) / USEC_PER_MSEC));
        refuse_with(e, 504, "GATEWAY_TIMEOUT", problem);
}

uint64_t exchanges_sweep(Proxy *proxy, uint64_t now) {
        uint64_t next = UINT64_MAX;
        Exchange *e;

        LIST_FOREACH(e, &proxy->exchanges, entries) {
                if (!e->watched && e->begun + WATCH_AFTER_USEC <= now) {
                        e->watched = true;
                        forward_watch_client(e->request);
                }
                if (!e->watched)
                        next = MIN(next, e->begun + WATCH_AFTER_USEC);
                /* The client's own time is the server's to limit, and what was refused waits for its client alone. */
                if (e->receiving_paused || e->body_refused || (!e->answered && e->sending_paused)) {
                        next = MIN(next, now + USEC_PER_SEC);
                        e->progress = now;
                        continue;
                }
                if (deadline(e) <= now) {
                        over_limit(e);
                        continue;
                }
                if (e->state == EXCHANGE_WAITING && e->retry_at <= now)
                        start_again(e);
                next = MIN(next, e->state == EXCHANGE_WAITING ? MIN(deadline(e), e->retry_at) : deadline(e));
        }
        return next;
}

void exchanges_drain(Proxy *proxy) {
        Exchange *e;

        LIST_FOREACH(e, &proxy->exchanges, entries)
                if (e->answered && e->state == EXCHANGE_RUNNING && answer_head_is_event_stream(&e->answer)) {
                        exchange_stop(e);
                        e->result = CURLE_OK;
                        forward_wake(e->request);
                }
}
