/* SPDX-License-Identifier: MIT */
#include "shared/curl-event.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "basic/time-util.h"
#include "shared/log.h"

typedef struct Transfer {
        CURL *easy;
        curl_event_done_t done;
        void *userdata;
        LIST_ENTRY(Transfer) entries;
} Transfer;

struct CurlEvent {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
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
        CURLMsg *message;
        int running, left;

        code = curl_multi_socket_action(ce->multi, fd, what, &running);
        if (code != CURLM_OK)
                log_error("libcurl fails: %s", curl_multi_strerror(code));
        while ((message = curl_multi_info_read(ce->multi, &left)))
                if (message->msg == CURLMSG_DONE)
                        finish(ce, message->easy_handle, message->data.result);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        int what = 0;

        if (revents & (EPOLLIN | EPOLLHUP))
                what |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                what |= CURL_CSELECT_OUT;
        if (revents & EPOLLERR)
                what |= CURL_CSELECT_ERR;
        act(userdata, fd, what);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        act(userdata, CURL_SOCKET_TIMEOUT, 0);
        return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data) {
        sd_event_source *source = socket_data;
        CurlEvent *ce = userdata;
        uint32_t events = 0;
        int r;

        if (what == CURL_POLL_REMOVE) {
                (void) curl_multi_assign(ce->multi, fd, NULL);
                sd_event_source_disable_unref(source);
                return 0;
        }
        if (what & CURL_POLL_IN)
                events |= EPOLLIN;
        if (what & CURL_POLL_OUT)
                events |= EPOLLOUT;
        if (source)
                r = sd_event_source_set_io_events(source, events);
        else {
                r = sd_event_add_io(ce->event, &source, fd, events, on_ready, ce);
                if (r >= 0 && curl_multi_assign(ce->multi, fd, source) != CURLM_OK) {
                        sd_event_source_disable_unref(source);
                        r = -ENOMEM;
                }
        }
        if (r < 0)
                log_errno(r, "Cannot watch a connection of libcurl");
        return r < 0 ? -1 : 0;
}

static int want_timer(CURLM *multi, long ms, void *userdata) {
        CurlEvent *ce = userdata;
        int r;

        if (ms < 0)
                r = sd_event_source_set_enabled(ce->timer, SD_EVENT_OFF);
        else {
                r = sd_event_source_set_time_relative(ce->timer, (uint64_t) ms * USEC_PER_MSEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(ce->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_errno(r, "Cannot set the timer of libcurl");
        return r < 0 ? -1 : 0;
}

int curl_event_new(sd_event *event, CurlEvent **ret) {
        _cleanup_(curl_event_freep) CurlEvent *ce = calloc(1, sizeof(CurlEvent));
        int r;

        if (!ce)
                return -ENOMEM;
        LIST_INIT(&ce->transfers);
        ce->event = sd_event_ref(event);
        r = sd_event_add_time(event, &ce->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, ce);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(ce->timer, SD_EVENT_OFF);
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
                (void) curl_multi_cleanup(ce->multi); /* closes its connections, through want_socket() */
        sd_event_source_disable_unref(ce->timer);
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

CURLM *curl_event_multi(CurlEvent *ce) {
        return ce->multi;
}
