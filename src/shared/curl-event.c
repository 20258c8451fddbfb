/* SPDX-License-Identifier: MIT */
#include "shared/curl-event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "basic/time-util.h"
#include "shared/log.h"

#define EVENTS_AT_ONCE 64

typedef struct Transfer {
        CURL *easy;
        curl_event_done_t done;
        void *userdata;
        LIST_ENTRY(Transfer) entries;
} Transfer;

/* What libcurl wants of a descriptor, and what the epoll set has. libcurl lets go of a connection between two transfers;
 * here it stays, for else every transfer would cost two system calls more. */
typedef struct Watched {
        uint32_t wanted, set;
} Watched;

/* Descriptors lie in an epoll set of their own: one event of sd-event then serves all that are ready. */
struct CurlEvent {
        sd_event *event;
        CURLM *multi;
        int epoll;
        sd_event_source *io;
        sd_event_source *timer;
        sd_event_source *now; /* what the timer is for when there is nothing to wait for */
        Watched *watched;     /* by descriptor */
        size_t n_watched;
        void (*before)(void *userdata);
        void *before_userdata;
        void (*after)(void *userdata);
        void *after_userdata;
        LIST_HEAD(TransferList, Transfer) transfers;
};

static void finish(CurlEvent *ce, CURL *easy, CURLcode result) {
        Transfer *t = NULL;

        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
        (void) curl_multi_remove_handle(ce->multi, easy);
        if (!t)
                return;
        LIST_REMOVE(t, entries);
        t->done(easy, result, t->userdata);
        free(t);
}

static void act(CurlEvent *ce, curl_socket_t fd, int what) {
        CURLMcode code;
        int running;

        code = curl_multi_socket_action(ce->multi, fd, what, &running);
        if (code != CURLM_OK)
                log_error("libcurl fails: %s", curl_multi_strerror(code));
}

static void begin_turn(CurlEvent *ce) {
        if (ce->before)
                ce->before(ce->before_userdata);
}

static void end_turn(CurlEvent *ce) {
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(ce->multi, &left)))
                if (message->msg == CURLMSG_DONE)
                        finish(ce, message->easy_handle, message->data.result);
        if (ce->after)
                ce->after(ce->after_userdata);
}

static int watch(CurlEvent *ce, int fd, uint32_t events) {
        Watched *w = &ce->watched[fd];
        struct epoll_event e = { .events = events, .data.fd = fd };

        if (w->set == events)
                return 0;
        /* A connection that never came about is closed before libcurl says that it needs no watching; to fail then would end all
         * that libcurl has under way, for good. */
        if (epoll_ctl(ce->epoll, w->set == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd, &e) < 0 &&
            (events != 0 || (errno != EBADF && errno != ENOENT)))
                return -errno;
        w->set = events;
        return 0;
}

static void on_event(CurlEvent *ce, int fd, uint32_t revents) {
        int what = 0;

        /* An idle connection whose other end has closed it: libcurl sees it when it would use it again. */
        if (ce->watched[fd].wanted == 0) {
                (void) watch(ce, fd, 0); /* fails for a descriptor alone that is not in the set */
                return;
        }
        if (revents & (EPOLLIN | EPOLLHUP))
                what |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                what |= CURL_CSELECT_OUT;
        if (revents & EPOLLERR)
                what |= CURL_CSELECT_ERR;
        act(ce, fd, what);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct epoll_event events[EVENTS_AT_ONCE];
        CurlEvent *ce = userdata;
        int n;

        begin_turn(ce);
        n = epoll_wait(ce->epoll, events, EVENTS_AT_ONCE, 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++)
                /* One of those before it may have closed it. */
                if (ce->watched[events[i].data.fd].set != 0)
                        on_event(ce, events[i].data.fd, events[i].events);
        end_turn(ce);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        begin_turn(userdata);
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
        end_turn(userdata);
        return 0;
}

static int on_now(sd_event_source *source, void *userdata) {
        return on_timer(source, 0, userdata);
}

static int make_room(CurlEvent *ce, int fd) {
        size_t n = (size_t) fd + 64;
        Watched *grown;

        if ((size_t) fd < ce->n_watched)
                return 0;
        grown = reallocarray(ce->watched, n, sizeof(Watched));
        if (!grown)
                return -ENOMEM;
        memset(grown + ce->n_watched, 0, (n - ce->n_watched) * sizeof(Watched));
        ce->watched = grown;
        ce->n_watched = n;
        return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data) {
        CurlEvent *ce = userdata;
        uint32_t events = 0;
        int r;

        r = make_room(ce, fd);
        if (r >= 0) {
                if (what != CURL_POLL_REMOVE && (what & CURL_POLL_IN))
                        events |= EPOLLIN;
                if (what != CURL_POLL_REMOVE && (what & CURL_POLL_OUT))
                        events |= EPOLLOUT;
                ce->watched[fd].wanted = events;
                /* Of an idle one only what cannot come for long. */
                if (events != 0 || ce->watched[fd].set != EPOLLIN)
                        r = watch(ce, fd, events);
        }
        if (r < 0)
                log_errno(r, "Cannot watch a connection of libcurl");
        return r < 0 ? -1 : 0;
}

static int close_socket(void *userdata, curl_socket_t fd) {
        CurlEvent *ce = userdata;

        if ((size_t) fd < ce->n_watched) {
                /* Closing would do that, but not while a child that is being started has a copy. */
                (void) watch(ce, fd, 0);
                ce->watched[fd] = (Watched) {};
        }
        return close(fd);
}

/* A timer that nobody needs any more is left to run out: setting it anew for every transfer costs more. */
static int want_timer(CURLM *multi, long ms, void *userdata) {
        CurlEvent *ce = userdata;
        int r = 0;

        if (ms == 0)
                r = sd_event_source_set_enabled(ce->now, SD_EVENT_ONESHOT);
        else if (ms > 0) {
                r = sd_event_source_set_time_relative(ce->timer, (uint64_t) ms * USEC_PER_MSEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(ce->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0 && r != -ESTALE) /* the loop has ended, and with it what is left of the transfers */
                log_errno(r, "Cannot set the timer of libcurl");
        return r < 0 ? -1 : 0;
}

static int add_sources(CurlEvent *ce) {
        int r;

        ce->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (ce->epoll < 0)
                return -errno;
        r = sd_event_add_io(ce->event, &ce->io, ce->epoll, EPOLLIN, on_ready, ce);
        if (r < 0)
                return r;
        r = sd_event_add_time(ce->event, &ce->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, ce);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(ce->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_defer(ce->event, &ce->now, on_now, ce);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(ce->now, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* After all that waits: a source that is pending at every turn would keep sources of its own priority out. */
        return sd_event_source_set_priority(ce->now, SD_EVENT_PRIORITY_NORMAL + 1);
}

int curl_event_new(sd_event *event, CurlEvent **ret) {
        _cleanup_(curl_event_freep) CurlEvent *ce = calloc(1, sizeof(CurlEvent));
        int r;

        if (!ce)
                return -ENOMEM;
        LIST_INIT(&ce->transfers);
        ce->epoll = -EBADF;
        ce->event = sd_event_ref(event);
        r = add_sources(ce);
        if (r < 0)
                return r;
        if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK) /* counted by libcurl */
                return -ENOMEM;
        ce->multi = curl_multi_init();
        if (!ce->multi || curl_multi_setopt(ce->multi, CURLMOPT_SOCKETFUNCTION, want_socket) != CURLM_OK ||
            curl_multi_setopt(ce->multi, CURLMOPT_SOCKETDATA, ce) != CURLM_OK ||
            curl_multi_setopt(ce->multi, CURLMOPT_TIMERFUNCTION, want_timer) != CURLM_OK ||
            curl_multi_setopt(ce->multi, CURLMOPT_TIMERDATA, ce) != CURLM_OK)
                return -ENOMEM;
        *ret = TAKE_PTR(ce);
        return 0;
}

CurlEvent *curl_event_free(CurlEvent *ce) {
        if (!ce)
                return NULL;
        while (!LIST_EMPTY(&ce->transfers))
                curl_event_remove(ce, LIST_FIRST(&ce->transfers)->easy);
        if (ce->multi)
                (void) curl_multi_cleanup(ce->multi); /* closes its connections, through close_socket() */
        sd_event_source_disable_unref(ce->io);
        sd_event_source_disable_unref(ce->timer);
        sd_event_source_disable_unref(ce->now);
        safe_close(ce->epoll);
        free(ce->watched);
        sd_event_unref(ce->event);
        free(ce);
        return NULL;
}

int curl_event_add(CurlEvent *ce, CURL *easy, curl_event_done_t done, void *userdata) {
        Transfer *t = malloc(sizeof(Transfer));

        if (!t)
                return -ENOMEM;
        *t = (Transfer) { .easy = easy, .done = done, .userdata = userdata };
        if (curl_easy_setopt(easy, CURLOPT_PRIVATE, t) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, ce) != CURLE_OK ||
            curl_multi_add_handle(ce->multi, easy) != CURLM_OK) {
                free(t);
                return -ENOMEM;
        }
        LIST_INSERT_HEAD(&ce->transfers, t, entries);
        return 0;
}

void curl_event_remove(CurlEvent *ce, CURL *easy) {
        Transfer *t = NULL;

        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
        (void) curl_multi_remove_handle(ce->multi, easy);
        if (!t)
                return;
        (void) curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
        LIST_REMOVE(t, entries);
        free(t);
}

void curl_event_before_turn(CurlEvent *ce, void (*before)(void *userdata), void *userdata) {
        ce->before = before;
        ce->before_userdata = userdata;
}

void curl_event_after_turn(CurlEvent *ce, void (*after)(void *userdata), void *userdata) {
        ce->after = after;
        ce->after_userdata = userdata;
}

CURLM *curl_event_multi(CurlEvent *ce) {
        return ce->multi;
}
