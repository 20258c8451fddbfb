/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <strings.h>

#include "basic/string-util.h"
#include "proxy/exchange-internal.h"
#include "shared/log.h"

/* Where libcurl delivers and asks. Nothing here calls libcurl, or lets go of an exchange: that is done when libcurl has
 * returned, by exchanges_settle(). */

/* Before the service's own idle limit: 5 s is the shortest in wide use. */
#define IDLE_MAX_SEC 4L

void exchange_is_ready(Exchange *e) {
        if (e->is_ready)
                return;
        e->is_ready = true;
        STAILQ_INSERT_TAIL(&e->proxy->ready, e, ready_entries);
}

static size_t on_head_line(char *line, size_t one, size_t size, void *userdata) {
        Exchange *e = userdata;

        if (e->answer.complete)
                return size; /* a trailer */
        if (answer_head_line(&e->answer, line, size) < 0)
                return 0;
        if (e->answer.complete)
                exchange_is_ready(e);
        return size;
}

/* With the length known one piece of memory is enough, and MHD can be given it as it is. */
static size_t first_space(const Exchange *e) {
        int64_t length = e->answer.length;

        return length > 0 && (uint64_t) length < WINDOW ? (size_t) length : 4096;
}

static size_t on_answer(char *data, size_t one, size_t size, void *userdata) {
        size_t window;
        Exchange *e = userdata;

        window = e->answered || e->body_complete ? WINDOW : EARLY_ANSWER_MAX;
        if (buffer_size(&e->down) >= window) {
                e->receiving_paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        if (buffer_append(&e->down, data, size, first_space(e)) < 0)
                return 0;
        e->progress = proxy_now(e->proxy);
        exchange_is_ready(e);
        return size;
}

static size_t on_body_wanted(char *buf, size_t one, size_t max, void *userdata) {
        Exchange *e = userdata;
        size_t n = buffer_take(&e->up, buf, max);

        if (n == 0 && !e->body_complete) {
                e->sending_paused = true;
                return CURL_READFUNC_PAUSE;
        }
        e->progress = proxy_now(e->proxy);
        exchange_is_ready(e); /* there is room for more */
        return n;
}

/* A connection stands and the request goes out. libcurl sends a request again by itself, whatever it is, when a
 * connection that it has kept turns out to be dead: what may not be sent twice ends here. */
static int on_request_goes_out(void *userdata, char *peer, char *own, int peer_port, int own_port) {
        Exchange *e = userdata;

        if (e->sent > 0 && (!e->safe || e->sent > RETRIES_MAX))
                return CURL_PREREQFUNC_ABORT;
        if (e->sent++ > e->retries) { /* ours are counted */
                e->upstream->retries++;
                e->proxy->retries++;
        }
        return CURL_PREREQFUNC_OK;
}

static void on_done(CURL *easy, CURLcode result, void *userdata) {
        Exchange *e = userdata;

        e->state = EXCHANGE_FINISHED;
        e->result = result;
        exchange_is_ready(e);
}

static bool set_up(Exchange *e) {
        CURL *c = e->easy;

        return curl_url_set(e->url, CURLUPART_URL, "http://127.0.0.1/", 0) == CURLUE_OK &&
                curl_easy_setopt(c, CURLOPT_CURLU, e->url) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_NOPROXY, "*") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_MAX_SEC) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head_line) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_HEADERDATA, e) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_WRITEDATA, e) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_READFUNCTION, on_body_wanted) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_READDATA, e) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request_goes_out) == CURLE_OK &&
                curl_easy_setopt(c, CURLOPT_PREREQDATA, e) == CURLE_OK;
}

void exchange_free(Exchange *e) {
        if (!e)
                return;
        if (e->easy)
                curl_easy_cleanup(e->easy);
        curl_url_cleanup(e->url);
        answer_head_done(&e->answer);
        buffer_done(&e->up);
        buffer_done(&e->down);
        free(e->head);
        free(e->lines);
        free(e);
}
TL_DEFINE_CLEANUP(Exchange *, exchange_free)

Exchange *exchange_new(Proxy *proxy) {
        _cleanup_(exchange_freep) Exchange *e = LIST_FIRST(&proxy->spare);

        if (e) {
                LIST_REMOVE(e, entries);
                proxy->n_spare--;
                return TAKE_PTR(e);
        }
        e = calloc(1, sizeof(Exchange));
        if (!e)
                return NULL;
        e->proxy = proxy;
        e->easy = curl_easy_init();
        e->url = curl_url();
        if (!e->easy || !e->url || !set_up(e))
                return NULL;
        return TAKE_PTR(e);
}

/* --- The head --- */

static int make_room(Exchange *e, size_t n_lines, size_t size) {
        if (n_lines > e->lines_space) {
                struct curl_slist *grown = reallocarray(e->lines, n_lines, sizeof(struct curl_slist));

                if (!grown)
                        return -ENOMEM;
                e->lines = grown;
                e->lines_space = n_lines;
        }
        if (size > e->head_space) {
                char *grown = realloc(e->head, size);

                if (!grown)
                        return -ENOMEM;
                e->head = grown;
                e->head_space = size;
        }
        return 0;
}

/* libcurl takes "Name:" for the wish not to send a field of its own, and "Name;" for an empty one. */
static char *add_line(Exchange *e, char *end, const char *name, const char *separator, const char *value) {
        e->lines[e->n_lines++].data = end;
        return stpcpy(stpcpy(stpcpy(end, name), separator), value) + 1;
}

static int set_lines(Exchange *e, const Fields *fields) {
        /* What libcurl would add by itself; without a body just the first. Each line costs, for libcurl looks through
         * them for many a name. */
        static const char *const unwanted[] = { "Accept", "Expect", "Content-Type" };
        size_t n_unwanted = e->has_body ? ELEMENTSOF(unwanted) : 1;
        size_t size = sizeof("Accept:") + sizeof("Expect:") + sizeof("Content-Type:");
        char *end;

        for (size_t i = 0; i < fields->n; i++)
                size += strlen(fields->items[i].name) + strlen(fields->items[i].value) + sizeof(": ");
        if (make_room(e, fields->n + n_unwanted, size) < 0)
                return -ENOMEM;
        e->n_lines = 0;
        end = e->head;
        for (size_t i = 0; i < fields->n; i++) {
                const ForwardField *f = &fields->items[i];
                bool empty = f->value[strspn(f->value, " \t")] == '\0';

                end = add_line(e, end, f->name, empty ? ";" : ": ", empty ? "" : f->value);
        }
        for (size_t i = 0; i < n_unwanted; i++)
                if (!fields_get(fields, unwanted[i]))
                        end = add_line(e, end, unwanted[i], ":", "");
        for (size_t i = 0; i < e->n_lines; i++)
                e->lines[i].next = i + 1 < e->n_lines ? &e->lines[i + 1] : NULL;
        return 0;
}

int exchange_set_head(Exchange *e, const Fields *fields, const char *method, const char *target) {
        CURL *c = e->easy;
        CURLcode code;

        if (set_lines(e, fields) < 0)
                return -ENOMEM;
        code = curl_easy_setopt(c, CURLOPT_HTTPHEADER, e->lines);
        if (code == CURLE_OK)
                code = curl_easy_setopt(c, CURLOPT_REQUEST_TARGET, target);
        /* The order matters: each of these sets the method, too, and the custom one beats them all. */
        if (code == CURLE_OK)
                code = curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
        if (code == CURLE_OK && e->is_head)
                code = curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
        if (code == CURLE_OK && e->has_body)
                code = curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        if (code == CURLE_OK && e->has_body)
                code = curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t) e->length);
        if (code == CURLE_OK)
                code = curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, streq(method, "GET") && !e->has_body ? NULL : method);
        return code == CURLE_OK ? 0 : -ENOMEM;
}

/* --- The transfer --- */

int exchange_start(Exchange *e, bool fresh) {
        char port[sizeof("65535")];
        int r;

        if (e->port != e->upstream->port) {
                (void) snprintf(port, sizeof(port), "%u", e->upstream->port);
                /* Without NULL for the other way to say it libcurl keeps the text that it has made of the last port. */
                if (curl_url_set(e->url, CURLUPART_PORT, port, 0) != CURLUE_OK ||
                    curl_easy_setopt(e->easy, CURLOPT_URL, NULL) != CURLE_OK)
                        return -ENOMEM;
                e->port = e->upstream->port;
        }
        if (e->fresh != fresh && curl_easy_setopt(e->easy, CURLOPT_FRESH_CONNECT, (long) fresh) != CURLE_OK)
                return -ENOMEM;
        e->fresh = fresh;
        answer_head_clear(&e->answer);
        e->receiving_paused = e->sending_paused = false;
        r = curl_event_add(e->proxy->curl, e->easy, on_done, e);
        if (r < 0)
                return r;
        e->state = EXCHANGE_RUNNING;
        return 0;
}

void exchange_stop(Exchange *e) {
        if (e->state == EXCHANGE_RUNNING)
                curl_event_remove(e->proxy->curl, e->easy);
        e->state = EXCHANGE_FINISHED;
        e->receiving_paused = e->sending_paused = false;
}
