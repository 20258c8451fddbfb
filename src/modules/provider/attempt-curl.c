/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>
#include <stdio.h>

#include "attempt.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"

/* The transfer: what libcurl is told and what it brings. Nothing here calls it back from within, but for its questions. */

/* A connection that was idle for longer may just be closing at the other end. */
#define IDLE_MAX_SEC 30L

TL_DEFINE_CLEANUP(json_object *, json_object_put)
TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

/* --- What comes --- */

/* From the first bytes on the next are waited for, and that may be over sooner. */
static void took(Attempt *a) {
        bool first = a->last == a->begun;

        a->last = now_usec();
        if (first) /* else it stays where it is, later, and looks again */
                (void) sd_event_source_set_time(a->timer, a->last + a->deployment->upstream->file.idle_usec);
}

static size_t take_stream(Attempt *a, const char *data, size_t size) {
        size_t waiting, old;
        WireState state;
        const char *out;
        int r;

        (void) wire_stream_output(a->wire, &old);
        if (old >= ATTEMPT_WINDOW && !a->call->gone) {
                a->paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        a->streamed += size;
        r = wire_stream_feed(a->wire, data, size);
        if (r < 0) {
                attempt_fail(a, "malformed", r == -EFBIG ? "an event is too long" : "not a stream of its format");
                return 0;
        }
        out = wire_stream_output(a->wire, &waiting);
        call_record(a->call, out + old, waiting - old);
        if (a->call->gone)
                wire_stream_sent(a->wire, waiting);
        state = wire_stream_state(a->wire);
        if (a->first == 0 && (state == WIRE_CONTENT || state == WIRE_ENDED))
                a->first = a->last;
        if (state == WIRE_CONTENT)
                call_stream_on(a->call);
        if (a->call->gone && TAILQ_EMPTY(&a->call->followers)) {
                attempt_fail(a, "cancelled", "the client went away");
                return 0;
        }
        return size;
}

static size_t on_data(char *data, size_t one, size_t size, void *userdata) {
        Attempt *a = userdata;
        long status = 0;
        size_t max;

        took(a);
        if (a->status == 0) {
                (void) curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
                a->status = (unsigned) status;
        }
        if (a->status == 200 && a->wire)
                return take_stream(a, data, size);
        if (a->status == 200 && a->first == 0)
                a->first = a->last;
        max = a->status == 200 ? ATTEMPT_ANSWER_MAX : ATTEMPT_ERROR_MAX;
        if (buffer_size(&a->answer) + size > max) {
                if (a->status != 200)
                        return size; /* the beginning will do */
                attempt_fail(a, "malformed", "the answer is too long");
                return 0;
        }
        return buffer_append(&a->answer, data, size, 4096) < 0 ? 0 : size;
}

/* --- What came of it --- */

static const char *word_of(CURLcode result, CURL *easy) {
        curl_off_t connected = 0;

        switch (result) {
        case CURLE_OPERATION_TIMEDOUT:
                (void) curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
                return connected > 0 ? "timeout-first-byte" : "timeout-connect";
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
                return "connect";
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
                return "malformed";
        default:
                return "cut";
        }
}

static json_object *parse(const Buffer *b) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new();
        size_t size = buffer_size(b);

        if (!tokener || size == 0 || size > INT32_MAX)
                return NULL;
        return json_tokener_parse_ex(tokener, b->bytes + b->begin, (int) size);
}

static void judge_refusal(Attempt *a) {
        _cleanup_(json_object_putp) json_object *json = parse(&a->answer);
        char word[ATTEMPT_WORD_MAX];
        _cleanup_(freep) char *text = NULL;
        curl_off_t after = 0;

        if (json)
                text = wire_error_message((WireFormat) a->deployment->upstream->file.kind, json);
        (void) snprintf(word, sizeof(word), "http-%u", a->status);
        attempt_fail(a, word, text);
        if (curl_easy_getinfo(a->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
                a->retry_after = (uint64_t) MIN(after, 86400) * USEC_PER_SEC;
}

static void judge_answer(Attempt *a) {
        _cleanup_(json_object_putp) json_object *json = parse(&a->answer);
        WireFormat format = (WireFormat) a->deployment->upstream->file.kind;
        const Call *c = a->call;
        int r;

        r = json ? wire_answer(format, c->api, json, NULL, c->name, (int64_t) (c->arrived / USEC_PER_SEC), &a->result,
                               &a->usage) : -EBADMSG;
        if (r == -EREMOTEIO) {
                _cleanup_(freep) char *text = wire_error_message(format, json);

                a->first = 0; /* it is no content */
                attempt_fail(a, "error-event", text ? text : "no reason given");
        } else if (r < 0)
                attempt_fail(a, "malformed", r == -EBADMSG ? "the answer is not of its format" : strerror(-r));
}

static void judge_stream(Attempt *a) {
        attempt_take_usage(a);
        switch (wire_stream_state(a->wire)) {
        case WIRE_ENDED:
                a->error[0] = '\0'; /* whatever happened to the connection afterwards */
                break;
        case WIRE_FAILED:
                attempt_fail(a, "error-event", wire_stream_error(a->wire));
                break;
        case WIRE_BEFORE:
        case WIRE_CONTENT:
                attempt_fail(a, "cut", "the stream ended in the middle");
                break;
        }
}

static void judge_result(Attempt *a, CURLcode result) {
        long status = 0;

        (void) curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
        a->status = (unsigned) status;
        if (a->wire && a->status == 200 && wire_stream_state(a->wire) >= WIRE_ENDED) {
                judge_stream(a);
                return;
        }
        if (result != CURLE_OK)
                attempt_fail(a, word_of(result, a->easy), curl_easy_strerror(result));
        else if (a->status != 200)
                judge_refusal(a);
        else if (a->wire)
                judge_stream(a);
        else
                judge_answer(a);
        if (a->wire && a->status == 200 && result != CURLE_OK)
                attempt_take_usage(a);
}

static void finish(Attempt *a, CURLcode result) {
        a->running = false;
        a->timer = sd_event_source_disable_unref(a->timer);
        a->total = now_usec() - a->begun;
        judge_result(a, result);
        slots_leave(&a->deployment->upstream->slots, &a->slot);
        call_attempt_over(a->call);
}

static void on_done(CURL *easy, CURLcode result, void *userdata) {
        finish(userdata, result);
}

/* --- Time-outs --- */

static uint64_t deadline(const Attempt *a, const char **ret_word) {
        const ProviderFile *f = &a->deployment->upstream->file;
        bool something = a->last > a->begun;

        *ret_word = something ? "timeout-idle" : "timeout-first-byte";
        return something ? a->last + f->idle_usec : a->begun + f->connect_usec + f->first_byte_usec;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Attempt *a = userdata;
        uint64_t now = now_usec(), end;
        const char *word;

        if (a->paused)
                a->last = now; /* it is the client that is waited for */
        end = deadline(a, &word);
        if (end > now) {
                if (sd_event_source_set_time(source, end) >= 0 && sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0)
                        return 0;
                word = "timeout-idle";
        }
        curl_event_remove(a->call->gateway->curl, a->easy);
        if (a->status == 0) {
                long status = 0;

                (void) curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
                a->status = (unsigned) status;
        }
        attempt_fail(a, word, streq(word, "timeout-idle") ? "it said nothing more" : "it said nothing");
        finish(a, CURLE_OPERATION_TIMEDOUT);
        return 0;
}

/* --- Beginning --- */

static bool set_options(Attempt *a) {
        const ProviderFile *f = &a->deployment->upstream->file;
        CURL *c = a->easy;

        return curl_easy_setopt(c, CURLOPT_URL, a->url) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HTTPHEADER, a->lines) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) a->size) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, a->body) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && /* the key goes where it was told to */
                curl_easy_setopt(c, CURLOPT_USERAGENT, "TooLoo/" TL_VERSION) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long) (f->connect_usec / USEC_PER_MSEC)) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_MAX_SEC) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK;
}

int attempt_set_up(Attempt *a) {
        const ProviderFile *f = &a->deployment->upstream->file;
        Gateway *g = a->call->gateway;
        int r;

        a->easy = curl_easy_init();
        if (!a->easy || !set_options(a))
                return -ENOMEM;
        r = sd_event_add_time(g->event, &a->timer, CLOCK_MONOTONIC, a->begun + f->connect_usec + f->first_byte_usec,
                              USEC_PER_MSEC, on_timer, a);
        if (r >= 0)
                r = curl_event_add(g->curl, a->easy, on_done, a);
        if (r < 0)
                return r;
        a->running = true;
        return 0;
}

/* --- Clients that read slowly --- */

void attempt_unpause_soon(Attempt *a) {
        if (!a->paused || a->wants_unpause)
                return;
        a->wants_unpause = true;
        (void) sd_event_source_set_enabled(a->call->gateway->unpause, SD_EVENT_ONESHOT);
}

/* By itself, for libcurl delivers from within. */
int attempt_on_unpause(sd_event_source *source, void *userdata) {
        Gateway *g = userdata;
        Call *c;

        TAILQ_FOREACH(c, &g->calls, entries) {
                Attempt *a = c->attempt;

                if (!a || !a->wants_unpause || !a->running)
                        continue;
                a->wants_unpause = a->paused = false;
                a->last = now_usec();
                (void) curl_easy_pause(a->easy, CURLPAUSE_CONT);
        }
        return 0;
}
