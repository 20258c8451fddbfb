/* SPDX-License-Identifier: MIT */
#include "providers.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "collector.h"
#include "config.h"
#include "foundation/json-util.h"
#include "manager.h"
#include "shared/curl-event.h"

/* Asks reports how the providers do, once an interval while that runs; what does not run is not asked, for a connection to
 * its socket would start it. */

#define SERVICE "reports"
#define PATH "/api/v1/reports/current"
#define BODY_MAX ((size_t) 64 * 1024)

TL_DEFINE_CLEANUP(json_object *, json_object_put)

typedef struct Asker {
        Manager *manager;
        Account *account;
        CurlEvent *curl;
        CURL *easy;
        bool in_flight;
        char *body;
        size_t size;
} Asker;

void providers_forget(Providers *p) {
        json_object_put(p->answer);
        *p = PROVIDERS_INIT;
}

json_object *providers_to_json(const Providers *p) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        char at[ISO8601_MAX];

        if (!json)
                return NULL;
        if (p->answer) {
                json_object_object_foreach(p->answer, name, value) {
                        if (!json_add(json, name, json_object_get(value)))
                                return NULL;
                }
                if (!json_add(json, "timestamp", json_object_new_string(format_iso8601(at, p->at))))
                        return NULL;
                return TAKE_PTR(json);
        }
        if (!json_add(json, "providers", json_object_new_array()) ||
            !json_add(json, "hint", json_object_new_string("the service reports, which reads the ledger of calls, does not "
                                                           "run or has not answered yet")))
                return NULL;
        return TAKE_PTR(json);
}

/* --- The answer --- */

static size_t on_body(char *data, size_t one, size_t size, void *userdata) {
        Asker *a = userdata;
        char *grown;

        if (size > BODY_MAX - a->size)
                return 0; /* libcurl gives up then */
        grown = realloc(a->body, a->size + size + 1);
        if (!grown)
                return 0;
        memcpy(grown + a->size, data, size);
        a->body = grown;
        a->size += size;
        grown[a->size] = '\0';
        return size;
}

static double number(json_object *json, const char *part, const char *name) {
        json_object *of = json_object_object_get(json, part), *value = json_object_object_get(of, name);

        return json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int)
                       ? json_object_get_double(value)
                       : NAN;
}

static int take(Asker *a) {
        Providers *p = &a->manager->providers;
        json_object *json = a->body ? json_tokener_parse(a->body) : NULL;

        if (!json_object_is_type(json, json_type_object)) {
                json_object_put(json);
                return -EBADMSG;
        }
        *p = (Providers) {
                .answer = json,
                .at = now_realtime_usec(),
                .success_rate = number(json, "successRate", "value"),
                .latency = number(json, "latency", "value"),
                .budget_percent = number(json, "budget", "percent"),
        };
        return 0;
}

/* That reports is not well is no failure of the collector: it has alerts of its own. */
static void on_done(CURL *easy, CURLcode code, void *userdata) {
        Asker *a = userdata;
        long status = 0;

        a->in_flight = false;
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        providers_forget(&a->manager->providers);
        if (code == CURLE_OK && status == 200 && take(a) < 0)
                account_failed(a->account, SERVICE " does not answer " PATH " as it should");
        else
                account_ok(a->account);
        free(TAKE_PTR(a->body));
        a->size = 0;
}

/* --- The question --- */

static int set_options(Asker *a) {
        long timeout = (long) (a->manager->options->timeout / USEC_PER_MSEC);
        CURL *e = a->easy;

        /* A connection that is kept open would keep a stopping service waiting for one more request on it. */
        if (curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK || curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_USERAGENT, "tooloo-metricsd/" TL_VERSION) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEDATA, a) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static int ask(Asker *a, unsigned port) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u" PATH, port);
        int r;

        if (!url)
                return -ENOMEM;
        if (!a->easy) {
                a->easy = curl_easy_init();
                r = a->easy ? set_options(a) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        if (curl_easy_setopt(a->easy, CURLOPT_URL, url) != CURLE_OK) /* libcurl copies it */
                return -ENOMEM;
        r = curl_event_add(a->curl, a->easy, on_done, a);
        a->in_flight = r >= 0;
        return r;
}

static void forget(Asker *a) {
        if (a->in_flight)
                curl_event_remove(a->curl, a->easy);
        a->in_flight = false;
        free(TAKE_PTR(a->body));
        a->size = 0;
        providers_forget(&a->manager->providers);
}

static bool is_reports(const Watched *w) {
        return streq(w->unit->service->id, SERVICE);
}

static bool may_ask(const Watched *w) {
        return w->unit->condition == FLEET_RUNNING && w->unit->service->port > 0;
}

/* --- The collector --- */

static void follow(void *state, Watched *w, unsigned changes) {
        if (is_reports(w) && !may_ask(w))
                forget(state);
}

static void removed(void *state, Watched *w) {
        if (is_reports(w))
                forget(state);
}

static void tick(void *state, Watched *w) {
        Asker *a = state;
        int r;

        if (!is_reports(w) || !may_ask(w) || a->in_flight)
                return;
        r = ask(a, w->unit->service->port);
        if (r < 0)
                account_failed(a->account, SERVICE " cannot be asked: %s", strerror(-r));
}

static void fini(void *state) {
        Asker *a = state;

        forget(a);
        if (a->easy)
                curl_easy_cleanup(a->easy);
        curl_event_free(a->curl);
        free(a);
}

static void on_turn(void *userdata) {
        const Asker *a = userdata;

        (void) account_charge(a->account); /* to its end */
}

static int init(Manager *manager, Account *account, void **ret_state) {
        Asker *a = calloc(1, sizeof(Asker));
        int r;

        if (!a)
                return -ENOMEM;
        a->manager = manager;
        a->account = account;
        manager->providers = PROVIDERS_INIT;
        r = curl_event_new(manager->event, &a->curl);
        if (r < 0) {
                free(a);
                return r;
        }
        curl_event_before_turn(a->curl, on_turn, a);
        *ret_state = a;
        return 0;
}

const Collector providers_collector = {
        .name = "providers",
        .init = init,
        .fini = fini,
        .follow = follow,
        .removed = removed,
        .tick = tick,
};
