/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "config.h"
#include "health-body.h"
#include "manager.h"
#include "shared/curl-event.h"
#include "shared/log.h"

/* Asks each running service for its health: every interval, and at once when it has become active or has reloaded. One
 * whose start takes long is asked, too: does it serve, and has only not said so?
 * Nothing here ever connects to a service that has no process: its socket listens, and the connection would start what
 * somebody has stopped. */

/* Of an answer's body; what comes after it is read and dropped. */
#define BODY_MAX ((size_t) 64 * 1024)
#define BODY_KEEP ((size_t) 2 * 1024)
/* A first failure is looked into sooner than at the next interval. */
#define CONFIRM_USEC USEC_PER_SEC
/* A start that takes longer than this may wait for a READY=1 that never comes. */
#define STARTING_USEC (3 * USEC_PER_SEC)
/* libcurl keeps four connections a transfer unless told otherwise, and here few transfers run at a time. */
#define CONNECTIONS_KEPT 512L
#define ACCURACY_USEC (5 * USEC_PER_MSEC)

typedef struct Prober {
        Manager *manager;
        Account *account;
        CurlEvent *curl;
        unsigned n_made; /* probes so far, for their places in the interval */
        LIST_HEAD(ProbeList, Probe) probes;
} Prober;

typedef struct Probe {
        Prober *prober;
        Watched *watched;
        CURL *easy;
        sd_event_source *timer;
        int opened;     /* libcurl's socket that the transfer under way has opened, -EBADF for none */
        int kept;       /* that of the connection that it has probably kept for the next one */
        uint64_t phase; /* usec into the interval */
        int no_socket;  /* negative errno when the transfer under way got none of the kernel, which is not its service's fault */
        bool in_flight;
        bool again;   /* something has changed since it set out */
        bool renamed; /* its URL has to be made anew, which libcurl wants done between two transfers */
        char *body;
        size_t size, space;
        char error[CURL_ERROR_SIZE];
        LIST_ENTRY(Probe) entries;
} Probe;

static bool starts_long(const Watched *w) {
        return w->unit->condition == FLEET_CHANGING && w->starting_since > 0 &&
               now_usec() - w->starting_since >= STARTING_USEC;
}

static bool may_connect(const Watched *w) {
        return (w->unit->condition == FLEET_RUNNING || starts_long(w)) && w->unit->service->port > 0 && !w->self;
}

/* --- Connections --- */

static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose, struct curl_sockaddr *address) {
        Probe *p = userdata;
        int fd;

        if (!may_connect(p->watched))
                return CURL_SOCKET_BAD;
        fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        if (fd < 0) {
                p->no_socket = -errno;
                return CURL_SOCKET_BAD;
        }
        p->opened = fd;
        return fd;
}

static bool leads_to(int fd, unsigned port) {
        struct sockaddr_in peer = {};
        socklen_t size = sizeof(peer);

        return getpeername(fd, (struct sockaddr *) &peer, &size) == 0 && peer.sin_family == AF_INET &&
               ntohs(peer.sin_port) == port;
}

/* A connection that is kept open would keep a stopping service waiting for one more request on it, half a second in each
 * restart, and libcurl has no word for "close this one now". It may have closed it, too, and the number may be somebody
 * else's: so it is looked at first. */
static void let_go(Probe *p) {
        if (p->kept >= 0 && leads_to(p->kept, p->watched->unit->service->port))
                (void) shutdown(p->kept, SHUT_RDWR); /* fails when the service was quicker */
        p->kept = -EBADF;
}

/* --- The answer --- */

static size_t on_body(char *data, size_t one, size_t size, void *userdata) {
        Probe *p = userdata;
        size_t wanted = MIN(size, BODY_MAX - p->size);

        if (p->size + wanted > p->space) {
                size_t space = MAX(MAX(p->space * 2, p->size + wanted), BODY_KEEP);
                char *grown = realloc(p->body, space);

                if (!grown)
                        return 0; /* libcurl gives up then */
                p->body = grown;
                p->space = space;
        }
        if (wanted > 0)
                (void) memcpy(p->body + p->size, data, wanted);
        p->size += wanted;
        return size;
}

static void forget_body(Probe *p) {
        p->size = 0;
        if (p->space <= BODY_KEEP)
                return;
        free(TAKE_PTR(p->body));
        p->space = 0;
}

static void take(Probe *p, const ProbeResult *result) {
        Watched *w = p->watched;

        manager_watched_changed(p->prober->manager, w, w->running ? watched_take_probe(w, result)
                                                                  : watched_take_early_answer(w, result->status > 0));
}

static void take_answer(Probe *p, double ms) {
        HealthBody body;
        long status = 0;

        (void) curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
        health_body_parse(p->body, p->size, &body);
        take(p, &(ProbeResult) {
                .status = (unsigned) status, .why = *body.reason ? body.reason : NULL, .response_ms = ms,
                .generation = body.generation, .at = now_realtime_usec(), .requests = body.requests,
                .errors = body.errors });
}

static void take_failure(Probe *p, CURLcode code, double ms) {
        char why[CURL_ERROR_SIZE + 32];

        if (code == CURLE_OPERATION_TIMEDOUT)
                (void) snprintf(why, sizeof(why), "no answer within %.3g s",
                                (double) p->prober->manager->options->timeout / (double) USEC_PER_SEC);
        else
                (void) snprintf(why, sizeof(why), "cannot be asked: %s", *p->error ? p->error : curl_easy_strerror(code));
        take(p, &(ProbeResult) { .why = why, .response_ms = code == CURLE_OPERATION_TIMEDOUT ? ms : -1,
                                 .at = now_realtime_usec() });
}

/* --- When to ask --- */

static void ask(Probe *p);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Probe *p = userdata;
        ACCOUNT_CHARGE(p->prober->account);

        ask(p);
        return 0;
}

static void ask_at(Probe *p, uint64_t when) {
        int r = sd_event_source_set_time(p->timer, when);

        if (r >= 0)
                r = sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot set the timer of a probe");
}

/* Each has its own place in the interval, so that they do not all ask at once. */
static void ask_next_time(Probe *p) {
        uint64_t now = now_usec(), interval = p->prober->manager->options->interval, next;

        if (p->watched->failures > 0 && p->watched->failures < PROBE_FAILURES) {
                ask_at(p, now + MIN(interval, CONFIRM_USEC));
                return;
        }
        next = now - now % interval + p->phase;
        ask_at(p, next > now ? next : next + interval);
}

static void cannot_ask(const Probe *p, int error) {
        account_failed(p->prober->account, "%s cannot be probed: %s", p->watched->unit->service->id, strerror(-error));
}

static void on_done(CURL *easy, CURLcode code, void *userdata) {
        Probe *p = userdata;
        curl_off_t took = 0;

        p->in_flight = false;
        if (code != CURLE_OK)
                p->kept = -EBADF;
        else if (p->opened >= 0)
                p->kept = p->opened;
        (void) curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &took);
        if (p->no_socket < 0)
                cannot_ask(p, p->no_socket);
        else
                account_ok(p->prober->account);
        if (code == CURLE_OK)
                take_answer(p, (double) took / (double) USEC_PER_MSEC);
        else if (p->no_socket == 0)
                take_failure(p, code, (double) took / (double) USEC_PER_MSEC);
        forget_body(p);
        if (p->again)
                ask(p);
        else if (p->watched->running) /* else the next tick asks again */
                ask_next_time(p);
}

static int set_url(Probe *p) {
        const Service *s = p->watched->unit->service;
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u%s", s->port,
                                                s->settings.health_path ? s->settings.health_path : "/health");

        if (!url || curl_easy_setopt(p->easy, CURLOPT_URL, url) != CURLE_OK) /* libcurl copies it */
                return -ENOMEM;
        p->renamed = false;
        return 0;
}

static void ask(Probe *p) {
        int r;

        if (p->in_flight) {
                p->again = true;
                return;
        }
        p->again = false;
        p->opened = -EBADF;
        p->no_socket = 0;
        p->size = 0;
        *p->error = '\0';
        r = p->renamed ? set_url(p) : 0;
        if (r >= 0)
                r = curl_event_add(p->prober->curl, p->easy, on_done, p);
        if (r < 0) {
                cannot_ask(p, r);
                ask_next_time(p);
                return;
        }
        p->in_flight = true;
}

static void stop_asking(Probe *p) {
        if (p->in_flight) {
                curl_event_remove(p->prober->curl, p->easy); /* closes its connection */
                p->kept = -EBADF;
        }
        p->in_flight = p->again = false;
        (void) sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        let_go(p);
}

/* --- One probe --- */

static Probe *probe_free(Probe *p) {
        if (!p)
                return NULL;
        if (p->timer)
                stop_asking(p);
        if (p->watched->probe == p) {
                LIST_REMOVE(p, entries);
                p->watched->probe = NULL;
        }
        sd_event_source_unref(p->timer);
        if (p->easy)
                curl_easy_cleanup(p->easy);
        free(p->body);
        free(p);
        return NULL;
}
TL_DEFINE_CLEANUP(Probe *, probe_free)

static int set_options(Probe *p) {
        long timeout = (long) (p->prober->manager->options->timeout / USEC_PER_MSEC);
        CURL *e = p->easy;

        if (curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK || /* whatever http_proxy= says */
            curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_USERAGENT, "tooloo-metricsd/" TL_VERSION) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->error) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEDATA, p) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, p) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

/* By the golden ratio any number of them is spread evenly, also when some have gone. */
static uint64_t next_phase(Prober *prober) {
        double place = prober->n_made++ * 0.6180339887498949;

        return (uint64_t) ((place - (double) (uint64_t) place) * (double) prober->manager->options->interval);
}

static int probe_new(Prober *prober, Watched *w, Probe **ret) {
        _cleanup_(probe_freep) Probe *p = calloc(1, sizeof(Probe));
        int r;

        if (!p)
                return -ENOMEM;
        p->prober = prober;
        p->watched = w;
        p->opened = p->kept = -EBADF;
        p->easy = curl_easy_init();
        if (!p->easy)
                return -ENOMEM;
        r = set_options(p);
        if (r < 0)
                return r;
        r = sd_event_add_time(prober->manager->event, &p->timer, CLOCK_MONOTONIC, 0, ACCURACY_USEC, on_timer, p);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        p->phase = next_phase(prober);
        p->renamed = true;
        LIST_INSERT_HEAD(&prober->probes, p, entries);
        *ret = TAKE_PTR(p);
        return 0;
}

/* --- The collector --- */

static void prober_fini(void *state) {
        Prober *prober = state;

        while (!LIST_EMPTY(&prober->probes))
                probe_free(LIST_FIRST(&prober->probes));
        curl_event_free(prober->curl);
        free(prober);
}

static void on_turn(void *userdata) {
        const Prober *prober = userdata;

        (void) account_charge(prober->account); /* to its end */
}

static int prober_init(Manager *manager, Account *account, void **ret_state) {
        Prober *prober = calloc(1, sizeof(Prober));
        int r;

        if (!prober)
                return -ENOMEM;
        prober->manager = manager;
        prober->account = account;
        LIST_INIT(&prober->probes);
        r = curl_event_new(manager->event, &prober->curl);
        if (r >= 0 && curl_multi_setopt(curl_event_multi(prober->curl), CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT) != CURLM_OK)
                r = -ENOMEM;
        if (r < 0) {
                prober_fini(prober);
                return r;
        }
        curl_event_before_turn(prober->curl, on_turn, prober);
        *ret_state = prober;
        return 0;
}

static Probe *probe_of(Prober *prober, Watched *w) {
        int r;

        if (!w->probe) {
                r = probe_new(prober, w, &w->probe);
                if (r < 0)
                        account_failed(prober->account, "%s cannot be probed: %s", w->unit->service->id, strerror(-r));
        }
        return w->probe;
}

static void prober_follow(void *state, Watched *w, unsigned changes) {
        Probe *p = w->probe;

        if (p && (changes & WATCHED_SETTINGS)) /* also of what is stopped now: it may listen elsewhere when it runs again */
                p->renamed = true;
        if (w->unit->condition != FLEET_RUNNING || !may_connect(w)) {
                if (p)
                        stop_asking(p);
                return;
        }
        p = probe_of(state, w);
        if (!p)
                return;
        if (changes & (WATCHED_NEW_RUN | WATCHED_RELOADED | WATCHED_SETTINGS))
                ask(p);
}

static void prober_tick(void *state, Watched *w) {
        Probe *p = starts_long(w) && may_connect(w) ? probe_of(state, w) : NULL;

        if (p && !p->in_flight)
                ask(p);
}

void probe_now(Watched *w) {
        if (!w->probe || !may_connect(w))
                return;
        ACCOUNT_CHARGE(w->probe->prober->account);
        ask(w->probe);
}

static void prober_removed(void *state, Watched *w) {
        probe_free(w->probe);
}

const Collector probe_collector = {
        .name = "probe",
        .init = prober_init,
        .fini = prober_fini,
        .follow = prober_follow,
        .removed = prober_removed,
        .tick = prober_tick,
};
