/* SPDX-License-Identifier: MIT */
#include "await.h"

#include <curl/curl.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "ctl/journal.h"
#include "ctl/progress.h"
#include "shared/bus-util.h"
#include "shared/curl-event.h"
#include "shared/log.h"
#include "shared/port-owner.h"
#include "shared/unit-failure.h"

/* Between one question and the next: doubled from the first to the last, for a program that listens says so to nobody. */
#define FIRST_PAUSE_USEC (20 * USEC_PER_MSEC)
#define LAST_PAUSE_USEC (250 * USEC_PER_MSEC)
#define ANSWER_TIMEOUT_MSEC 5000L
/* A program without a port has nothing but its life to show: one that cannot work ends sooner. */
#define LIFE_USEC USEC_PER_SEC

static const char *const usual_paths[] = { "/health", "/" };

typedef struct UnitState {
        char *active, *sub;
        uint32_t restarts;
} UnitState;

typedef struct Wait {
        const Await *what;
        sd_event *event;
        sd_event_source *timer, *end;
        sd_bus *bus;
        sd_bus_slot *match;
        BusBatch batch;
        UnitState state;
        bool asked, ask_again, known; /* about the unit */
        uint32_t restarts;
        CurlEvent *curl;
        CURL *easy;
        char error[CURL_ERROR_SIZE];
        size_t path;  /* of usual_paths */
        uint64_t pause;
        char *problem; /* of the last answer */
        bool refused;  /* nobody listens */
        AwaitResult result;
        int failure;
} Wait;

static void wait_done(Wait *w) {
        progress_end();
        bus_batch_done(&w->batch);
        (void) sd_bus_slot_unref(w->match);
        (void) sd_event_source_disable_unref(w->timer);
        (void) sd_event_source_disable_unref(w->end);
        curl_event_free(w->curl);
        curl_easy_cleanup(w->easy);
        if (w->bus)
                (void) sd_bus_detach_event(w->bus);
        (void) sd_event_unref(w->event);
        free(w->state.active);
        free(w->state.sub);
        free(w->problem);
}

static void end(Wait *w, AwaitResult result) {
        w->result = result;
        (void) sd_event_exit(w->event, 0);
}

static void fail(Wait *w, int error) {
        w->failure = error;
        (void) sd_event_exit(w->event, error);
}

/* --- The unit ---------------------------------------------------------------------------------------------------- */

static const BusProperty properties[] = {
        { SYSTEMD_UNIT, "ActiveState", "s", offsetof(UnitState, active) },
        { SYSTEMD_UNIT, "SubState", "s", offsetof(UnitState, sub) },
        { SYSTEMD_SERVICE, "NRestarts", "u", offsetof(UnitState, restarts) },
};

static int ask_unit(Wait *w);

static void on_state(BusBatch *b, int error, void *userdata) {
        Wait *w = userdata;
        const char *active = strna(w->state.active), *sub = strna(w->state.sub);

        w->asked = false;
        if (error < 0) {
                fail(w, error);
                return;
        }
        if (!w->known)
                w->restarts = w->state.restarts;
        w->known = true;
        /* Not only when it has failed for good: the first try is the one that tells, and its reason is gone with the next. */
        if (streq(active, "failed") || streq(active, "inactive") || streq(active, "deactivating") ||
            streq(sub, "auto-restart") || w->state.restarts != w->restarts)
                end(w, AWAIT_FAILED);
        else if (w->ask_again && (error = ask_unit(w)) < 0)
                fail(w, error);
}

static int ask_unit(Wait *w) {
        _cleanup_(freep) char *path = bus_unit_path(w->what->unit);

        w->ask_again = w->asked;
        if (w->asked)
                return 0;
        w->asked = true;
        return path ? bus_batch_unit_properties(&w->batch, path, properties, ELEMENTSOF(properties), &w->state) : -ENOMEM;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Wait *w = userdata;
        int r = ask_unit(w);

        if (r < 0)
                fail(w, r);
        return 0;
}

static int follow_unit(Wait *w) {
        _cleanup_(freep) char *path = bus_unit_path(w->what->unit);
        int r;

        if (!path)
                return -ENOMEM;
        w->batch.finished = on_state;
        w->batch.userdata = w;
        r = sd_bus_match_signal_async(w->bus, &w->match, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
                                      "PropertiesChanged", on_changed, NULL, w);
        return r < 0 ? r : ask_unit(w);
}

/* --- Its port ---------------------------------------------------------------------------------------------------- */

static const char *path_of(const Wait *w) {
        return w->what->health ? w->what->health : usual_paths[w->path];
}

static size_t drop(char *data, size_t one, size_t size, void *userdata) {
        return size;
}

/* Straight to the loopback, whatever the environment says of proxies. */
static bool set_options(Wait *w, const char *url) {
        CURL *c = w->easy;

        curl_easy_reset(c);
        *w->error = '\0';
        return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MSEC) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERAGENT, "toolooctl/" TL_VERSION) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_ERRORBUFFER, w->error) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop) == CURLE_OK;
}

/* One that does not listen yet, or is not well yet, may do so in the next moment, and then its answer at another path would say
 * nothing of that. */
static bool has_no_such_path(CURLcode result, long status) {
        return result == CURLE_OPERATION_TIMEDOUT || (result == CURLE_OK && ((status >= 400 && status < 500) || status == 501));
}

static int again(Wait *w, bool elsewhere) {
        int r;

        w->path = elsewhere && !w->what->health ? (w->path + 1) % ELEMENTSOF(usual_paths) : 0;
        r = sd_event_source_set_time_relative(w->timer, w->path == 0 ? w->pause : 0);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
        if (w->path == 0)
                w->pause = MIN(w->pause * 2, LAST_PAUSE_USEC);
        return r;
}

static void on_answer(CURL *easy, CURLcode result, void *userdata) {
        Wait *w = userdata;
        long status = 0;
        int r;

        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        w->refused = result == CURLE_COULDNT_CONNECT;
        if (result == CURLE_OK && health_status_good((unsigned) status)) {
                end(w, AWAIT_HEALTHY);
                return;
        }
        if (result == CURLE_OK)
                r = str_replace_printf(&w->problem, "GET %s answers %ld", path_of(w), status);
        else if (result == CURLE_OPERATION_TIMEDOUT)
                r = str_replace_printf(&w->problem, "GET %s gets no answer within %ld s", path_of(w),
                                       ANSWER_TIMEOUT_MSEC / 1000);
        else if (result == CURLE_COULDNT_CONNECT)
                r = str_replace_printf(&w->problem, "nothing listens at 127.0.0.1:%u", w->what->port);
        else
                r = str_replace_printf(&w->problem, "nothing answers at port %u (%s)", w->what->port,
                                       *w->error ? w->error : curl_easy_strerror(result));
        progress_show("Waiting for %s: %s", w->what->id, strna(w->problem));
        if (r >= 0)
                r = again(w, has_no_such_path(result, status));
        if (r < 0)
                fail(w, r);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Wait *w = userdata;
        _cleanup_(freep) char *url = NULL;
        int r;

        if (w->what->port == 0) {
                end(w, AWAIT_HEALTHY);
                return 0;
        }
        url = str_printf("http://127.0.0.1:%u%s", w->what->port, path_of(w));
        r = url && set_options(w, url) ? curl_event_add(w->curl, w->easy, on_answer, w) : -ENOMEM;
        if (r < 0)
                fail(w, r);
        return 0;
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata) {
        end(userdata, AWAIT_TIMEOUT);
        return 0;
}

static int set_up(Wait *w) {
        int r;

        w->easy = curl_easy_init();
        r = w->easy ? sd_event_new(&w->event) : -ENOMEM;
        if (r >= 0)
                r = sd_bus_set_close_on_exit(w->batch.bus, false); /* it is needed after the loop */
        if (r >= 0)
                r = sd_bus_attach_event(w->batch.bus, w->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        w->bus = w->batch.bus;
        r = curl_event_new(w->event, &w->curl);
        if (r >= 0)
                r = sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, w->what->port > 0 ? 0 : LIFE_USEC,
                                               USEC_PER_MSEC, on_timer, w);
        if (r >= 0)
                r = sd_event_add_time_relative(w->event, &w->end, CLOCK_MONOTONIC, w->what->timeout, USEC_PER_MSEC, on_end, w);
        return r < 0 ? r : follow_unit(w);
}

/* Most programs that nobody reaches listen elsewhere. */
static char *explain_silence(const Wait *w) {
        const Await *what = w->what;
        unsigned port = 0;
        bool ipv6 = false;

        if (port_owner_of_unit(what->unit, &port, &ipv6) <= 0)
                return strdup(w->problem);
        if (port != what->port)
                return str_printf("%s, for its program listens on port %u: have it take its PORT, or say --port=%u", w->problem,
                                  port, port);
        return ipv6 ? str_printf("%s, for its program listens on an IPv6 address alone: have it take 127.0.0.1", w->problem)
                    : strdup(w->problem);
}

static int explain(Wait *w, char **ret) {
        _cleanup_(freep) char *reason = NULL, *result = NULL;

        if (w->result == AWAIT_TIMEOUT) {
                *ret = !w->problem ? strdup("it has not answered") : w->refused ? explain_silence(w) : TAKE_PTR(w->problem);
                return *ret ? 0 : -ENOMEM;
        }
        if (unit_failure_reason(w->batch.bus, w->what->unit, &reason, &result) < 0 || streq(result, "success"))
                *ret = strdup(streq(strna(w->state.active), "active") ? "its program ended and was started again"
                                                                      : "its program ended by itself");
        else
                *ret = TAKE_PTR(reason);
        return *ret ? 0 : -ENOMEM;
}

int await_healthy(Ctl *ctl, const Await *what, AwaitResult *ret, const char **ret_path, char **ret_problem) {
        _cleanup_(wait_done) Wait w = { .what = what, .batch = BUS_BATCH_INIT(ctl->bus), .pause = FIRST_PAUSE_USEC };
        int r;

        progress_begin(ctl->quiet);
        r = set_up(&w);
        if (r >= 0)
                r = sd_event_loop(w.event);
        if (r >= 0)
                r = w.failure;
        if (r >= 0 && w.result != AWAIT_HEALTHY)
                r = explain(&w, ret_problem);
        if (r < 0)
                return log_errno(r, "cannot wait for %s", what->id);
        *ret = w.result;
        *ret_path = path_of(&w);
        return 0;
}

/* --- The journal ------------------------------------------------------------------------------------------------- */

void await_print_journal(const Ctl *ctl, const Await *what) {
        if (!ctl->quiet)
                journal_print_last(&(LogSource) { .id = what->id, .unit = what->unit }, what->since);
}
