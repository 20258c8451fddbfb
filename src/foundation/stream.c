/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "foundation/server-internal.h"
#include "shared/log.h"

#define STREAM_QUEUE_MAX ((size_t) 1024 * 1024)
#define STREAM_BLOCK 4096

struct HttpStream {
        Server *server;
        HttpRequest *request; /* NULL once the client is gone */
        struct MHD_Connection *mhd;
        RouteSet *set;
        const HttpRoute *route;
        void *data;
        char *queue;
        size_t queued, sent, space;
        bool suspended;
        bool woken;
        bool ended;   /* after what is queued */
        bool started; /* the module is to be told of its end */
        sd_event_source *timer;
        sd_event_source *hangup;
        LIST_ENTRY(HttpStream) entries;
};

static void resume(HttpStream *stream) {
        stream->woken = true;
        if (!stream->suspended)
                return;
        stream->suspended = false;
        MHD_resume_connection(stream->mhd);
        server_run_mhd_soon(stream->server);
}

/* A suspended connection is not watched by MHD, so without this a client that went away would be noticed at its next
 * event alone, and hold its generation until then. */
static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HttpStream *stream = userdata;

        stream->hangup = sd_event_source_disable_unref(stream->hangup);
        stream->ended = true;
        resume(stream);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        resume(userdata);
        return 0;
}

void http_stream_wake(HttpStream *stream) {
        if (!stream->ended)
                resume(stream);
}

static void call_next(HttpStream *stream) {
        int r;

        stream->woken = false;
        r = stream->route->stream->next(stream, stream->data, route_set_state(stream->set, stream->route));
        if (r < 0)
                log_errno(r, "The stream %s ended", stream->route->path);
        if (r != 0)
                stream->ended = true;
}

/* MHD asks for bytes; with none to give the connection rests until something wakes it. */
static ssize_t read_stream(void *cls, uint64_t position, char *buf, size_t max) {
        HttpStream *stream = cls;
        size_t n;

        stream->server->mhd_idle_runs = 0;
        if (stream->queued == stream->sent && stream->woken && !stream->ended)
                call_next(stream);
        n = MIN(max, stream->queued - stream->sent);
        if (n > 0) {
                memcpy(buf, stream->queue + stream->sent, n);
                stream->sent += n;
                if (stream->sent == stream->queued)
                        stream->sent = stream->queued = 0;
                conn_enter(stream->request->conn, CONN_SENDING); /* anew, for MHD asks when the client has read */
                return (ssize_t) n;
        }
        if (stream->ended)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (!stream->suspended) {
                stream->suspended = true;
                MHD_suspend_connection(stream->mhd);
                conn_enter(stream->request->conn, CONN_WORKING); /* a stream may be silent for as long as it likes */
                if (stream->woken)
                        resume(stream); /* `next` did so itself */
        }
        return 0;
}

/* While the stream still holds its generation. */
static void call_end(HttpStream *stream) {
        void (*end)(void *data, void *state) = stream->route->stream->end;

        if (!stream->started)
                return;
        stream->started = false;
        stream->ended = true;
        if (end)
                end(stream->data, route_set_state(stream->set, stream->route));
}

static void stream_free(HttpStream *stream) {
        call_end(stream);
        if (stream->request)
                stream->request->stream = NULL;
        sd_event_source_disable_unref(stream->timer);
        sd_event_source_disable_unref(stream->hangup);
        if (stream->set)
                LIST_REMOVE(stream, entries);
        route_set_unref(stream->set);
        free(stream->data);
        free(stream->queue);
        free(stream);
}
TL_DEFINE_CLEANUP(HttpStream *, stream_free)

static void release_stream(void *cls) {
        stream_free(cls);
}

/* The connection is gone; MHD frees the stream with the response. */
void stream_detach(HttpStream *stream) {
        if (stream->request)
                stream->request->stream = NULL;
        stream->request = NULL;
        stream->ended = true;
        stream->timer = sd_event_source_disable_unref(stream->timer);
        stream->hangup = sd_event_source_disable_unref(stream->hangup);
        call_end(stream);
}

/* What it needs of its own, before MHD knows of it. */
static int stream_new(HttpRequest *request, const HttpStreamType *type, const void *data, HttpStream **ret) {
        _cleanup_(stream_freep) HttpStream *stream = calloc(1, sizeof(HttpStream));
        Server *server = request->server;
        int r;

        if (!stream)
                return -ENOMEM;
        stream->server = server;
        stream->mhd = request->mhd;
        stream->route = request->match.route;
        stream->woken = true;
        stream->ended = server->draining;
        stream->data = calloc(1, MAX(type->data_size, 1u));
        if (!stream->data)
                return -ENOMEM;
        if (data)
                memcpy(stream->data, data, type->data_size);
        request_forget_gone(request); /* the event loop takes a descriptor once */
        r = sd_event_add_io(server->event, &stream->hangup, request->conn->fd, EPOLLRDHUP, on_hangup, stream);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(stream);
        return 0;
}

static int start_stream(HttpRequest *request, const HttpStreamType *type, const char *content_type, const void *data,
                        HttpStream **ret) {
        _cleanup_(stream_freep) HttpStream *stream = NULL;
        HttpStream *started;
        struct MHD_Response *response;
        int r;

        if (request->status > 0)
                return -EALREADY;
        if (request->gone)
                return -ECONNRESET;
        r = stream_new(request, type, data, &stream);
        if (r < 0)
                return r;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, stream,
                                                     release_stream);
        if (!response)
                return -ENOMEM;
        /* From here on MHD's release_stream() frees it. */
        stream->set = route_set_ref(request->set);
        LIST_INSERT_HEAD(&request->server->streams, stream, entries);
        stream->request = request;
        request->stream = started = TAKE_PTR(stream);
        if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES ||
            MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") != MHD_YES) {
                MHD_destroy_response(response);
                return -ENOMEM;
        }
        r = request_queue_response(request, MHD_HTTP_OK, response);
        if (r < 0)
                return r;
        started->started = true;
        if (ret)
                *ret = started;
        return 0;
}

static int reply_stream(HttpRequest *request, bool take, const char *content_type, const void *data, HttpStream **ret) {
        const HttpStreamType *type = request->match.route ? request->match.route->stream : NULL;
        int r;

        r = !type || (take && !type->pinned) ? -EINVAL : start_stream(request, type, content_type, data, ret);
        return r < 0 ? request_reply_failed(request, r) : 0;
}

int http_reply_stream(HttpRequest *request, const char *content_type, const void *data) {
        return reply_stream(request, false, content_type, data, NULL);
}

int http_reply_stream_take(HttpRequest *request, const char *content_type, const void *data, HttpStream **ret) {
        return reply_stream(request, true, content_type, data, ret);
}

int http_stream_write(HttpStream *stream, const void *data, size_t size) {
        size_t waiting = stream->queued - stream->sent;

        if (stream->ended)
                return -EPIPE;
        if (size == 0)
                return 0;
        if (size > STREAM_QUEUE_MAX - waiting)
                return -ENOBUFS;
        if (stream->sent > 0 && stream->queued + size > stream->space) {
                memmove(stream->queue, stream->queue + stream->sent, waiting);
                stream->queued = waiting;
                stream->sent = 0;
        }
        if (stream->queued + size > stream->space) {
                size_t space = MAX(stream->space * 2, stream->queued + size);
                char *grown = realloc(stream->queue, space);

                if (!grown)
                        return -ENOMEM;
                stream->queue = grown;
                stream->space = space;
        }
        memcpy(stream->queue + stream->queued, data, size);
        stream->queued += size;
        return 0;
}

int http_stream_event(HttpStream *stream, const char *name, const char *text) {
        _cleanup_(freep) char *event = NULL;

        if (strpbrk(text, "\r\n") || (name && strpbrk(name, "\r\n")))
                return -EINVAL;
        event = name ? str_printf("event: %s\ndata: %s\n\n", name, text) : str_printf("data: %s\n\n", text);
        if (!event)
                return -ENOMEM;
        return http_stream_write(stream, event, strlen(event));
}

int http_stream_wake_after(HttpStream *stream, uint64_t usec) {
        int r;

        if (!stream->timer)
                return sd_event_add_time_relative(stream->server->event, &stream->timer, CLOCK_MONOTONIC, usec,
                                                  USEC_PER_MSEC, on_timer, stream);
        r = sd_event_source_set_time_relative(stream->timer, usec);
        return r < 0 ? r : sd_event_source_set_enabled(stream->timer, SD_EVENT_ONESHOT);
}

size_t http_stream_waiting(const HttpStream *stream) {
        return stream->queued - stream->sent;
}

uint64_t http_stream_generation(const HttpStream *stream) {
        return route_set_generation(stream->set);
}

/* The request lives as long as its stream, and would hold the old generation as long. It has been replied to, so
 * nobody asks for its parameters any more, whose names lie there. */
static void leave_old_set(HttpRequest *request, RouteSet *set, const HttpRoute *route) {
        route_match_done(&request->match);
        request->match.route = route;
        route_set_unref(request->set);
        request->set = route_set_ref(set);
}

/* What cannot go on in the new set holds the old one until it ends. */
void streams_rebind(Server *server, RouteSet *set) {
        HttpStream *stream;

        LIST_FOREACH(stream, &server->streams, entries) {
                const HttpRoute *next = route_set_successor(set, stream->route);

                if (!next)
                        continue;
                route_set_unref(stream->set);
                stream->set = route_set_ref(set);
                stream->route = next;
                if (stream->request)
                        leave_old_set(stream->request, set, next);
        }
}

void streams_end_all(Server *server) {
        HttpStream *stream;

        LIST_FOREACH(stream, &server->streams, entries) {
                stream->ended = true;
                if (stream->request)
                        resume(stream);
        }
}

void server_wake_streams(Server *server, const char *path) {
        HttpStream *stream;

        LIST_FOREACH(stream, &server->streams, entries)
                if (stream->request && streq(stream->route->path, path))
                        resume(stream);
}
