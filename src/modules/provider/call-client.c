/* SPDX-License-Identifier: MIT */
#include "attempt.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "call.h"

/* Between a call and its client, and those that joined it. */

#define WRITE_AT_ONCE ((size_t) 256 * 1024)
#define CLIENT_GONE 499 /* nginx's number for it */

static bool nobody_waits(const Call *c) {
        return c->gone && TAILQ_EMPTY(&c->followers);
}

/* --- The stream: the call holds what waits, and the client takes it as fast as it reads --- */

static int next(HttpStream *stream, void *data, void *state) {
        Call *c = *(Call **) data;
        Attempt *a = c->attempt;
        const char *out;
        size_t size, n;
        int r;

        if (!a || !a->wire)
                return HTTP_STREAM_END;
        /* The end waits until it is settled. */
        if (!c->over && wire_stream_state(a->wire) >= WIRE_ENDED)
                return 0;
        out = wire_stream_output(a->wire, &size);
        n = MIN(size, WRITE_AT_ONCE);
        r = http_stream_write(stream, out, n);
        if (r < 0)
                return r;
        wire_stream_sent(a->wire, n);
        if (n < size) {
                http_stream_wake(stream);
                return 0;
        }
        attempt_unpause_soon(a);
        return c->over ? HTTP_STREAM_END : 0;
}

static void end(void *data, void *state) {
        Call *c = *(Call **) data;

        c->stream = NULL;
        if (!c->over) {
                c->gone = true;
                if (c->attempt)
                        attempt_unpause_soon(c->attempt); /* others may wait for it */
                if (nobody_waits(c))
                        call_abandon(c);
        }
        call_release(c);
}

const HttpStreamType call_stream_type = {
        .version = 1,
        .pinned = true,
        .data_size = sizeof(Call *),
        .next = next,
        .end = end,
};

static void start_stream(Call *c) {
        HttpRequest *request = TAKE_PTR(c->request);
        const Deployment *d = c->attempt->deployment;

        (void) answer_add_headers(request, d->upstream->file.name, d->model->name,
                                  streq(c->cache, "none") ? NULL : c->cache);
        if (http_reply_stream_take(request, wire_content_type(c->api, true), &c, &c->stream) >= 0)
                return;
        c->stream = NULL;
        c->gone = true;
}

void call_stream_on(Call *c) {
        if (c->stream)
                http_stream_wake(c->stream);
        else if (c->request)
                start_stream(c);
}

void call_record(Call *c, const char *data, size_t size) {
        size_t space = c->record_space;
        char *grown;

        if ((c->cache_for == 0 && c->store_for == 0) || c->record_lost || size == 0)
                return;
        if (c->recorded + size > space) {
                space = MAX(space * 2, c->recorded + size);
                grown = c->recorded + size <= CACHE_ENTRY_MAX ? realloc(c->record, space) : NULL;
                if (!grown) {
                        free(TAKE_PTR(c->record));
                        c->recorded = c->record_space = 0;
                        c->record_lost = true;
                        return;
                }
                c->record = grown;
                c->record_space = space;
        }
        memcpy(c->record + c->recorded, data, size);
        c->recorded += size;
}

/* --- The answer --- */

static void tell_followers(Call *c) {
        Call *f;

        while ((f = TAILQ_FIRST(&c->followers))) {
                TAILQ_REMOVE(&c->followers, f, joined);
                f->leader = NULL;
                if (c->answer && !c->record_lost) {
                        f->answer = answer_ref(c->answer);
                        call_write_joined(f);
                } else { /* too long to be kept: each asks for itself */
                        f->cache_for = 0;
                        f->cache = "none";
                        call_try(f);
                }
        }
}

static void tell_client(Call *c) {
        const Attempt *a = c->attempt;
        HttpRequest *request;

        if (c->stream) {
                http_stream_wake(c->stream);
                return;
        }
        if (!c->request)
                return;
        if (a && a->wire && a->error[0] == '\0' && c->answer && c->answer->status == 200) {
                start_stream(c);
                return;
        }
        request = TAKE_PTR(c->request);
        if (c->answer)
                (void) answer_send(c->answer, request, c->cache);
        else
                (void) http_reply_error(request, 500, "INTERNAL", "out of memory");
}

/* Of a stream that broke off, what had come of it. */
static void keep_content(const Call *c) {
        ContentEntry entry = { .request = c->row, .name = c->name, .at = c->arrived, .expires = c->arrived + c->store_for };

        if (c->store_for == 0 || !c->row_kept)
                return;
        entry.prompt = json_object_to_json_string_ext(c->body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        entry.answer = c->record ? c->record : c->answer ? c->answer->body : NULL;
        entry.answer_size = c->record ? c->recorded : c->answer ? c->answer->size : 0;
        if (entry.prompt)
                contents_keep(c->gateway->contents, &entry);
}

void call_deliver(Call *c) {
        Gateway *g = c->gateway;

        keep_content(c);
        if (c->answer && c->answer->status == 200 && streq(c->cache, "miss") && !c->record_lost)
                (void) cache_put(g->cache, c->cache_key, c->answer, now_usec() + c->cache_for);
        tell_followers(c);
        tell_client(c);
        call_release(c);
}

void call_on_gone(HttpRequest *request, void *userdata) {
        Call *c = userdata, *leader = c->leader;

        c->request = NULL;
        c->gone = true;
        (void) http_reply(request, CLIENT_GONE, NULL, NULL, 0); /* lets it go */
        if (leader) {
                TAILQ_REMOVE(&leader->followers, c, joined);
                c->leader = NULL;
                call_write_joined(c);
                if (nobody_waits(leader))
                        call_abandon(leader);
                return;
        }
        if (nobody_waits(c))
                call_abandon(c);
        call_release(c);
}
