/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include <json-c/json_tokener.h>
#include <limits.h>
#include <stdio.h>

#include "answer.h"
#include "config.h"
#include "ctl/service-status.h"
#include "ctl/text.h"
#include "shared/log.h"
#include "shared/unit-state.h"

#define METRICS_ID "metricsd"
#define ANSWER_MAX ((size_t) 64 * 1024 * 1024)
#define CONNECT_TIMEOUT_MSEC 5000L
#define ANSWER_TIMEOUT_MSEC 30000L
/* A trigger is answered when its action is done: longer than metricsd waits for a receiver of notices, the slowest. */
#define ACTION_TIMEOUT_MSEC 360000L

typedef struct Receiver {
        Answer *answer;
        int error;
} Receiver;

void answer_done(Answer *answer) {
        free(answer->text);
        (void) json_object_put(answer->json);
        *answer = (Answer) {};
}

void answer_print(const Answer *answer) {
        (void) fwrite(answer->text, 1, answer->size, stdout); /* the flush at the end finds what is wrong */
        if (answer->size == 0 || answer->text[answer->size - 1] != '\n')
                (void) putchar('\n');
}

/* --- Whom to ask ------------------------------------------------------------------------------------------------ */

/* Reloading and starting it serves, or its socket keeps the question until it does. */
static bool will_answer(const Service *s) {
        return service_is_active(s) || streq(strna(s->active_state), "activating");
}

static int find_metricsd(Metrics *m) {
        const Service *s = registry_find(m->ctl.registry, METRICS_ID);

        if (!s) {
                log_error(METRICS_ID " is not installed: there is no tooloo-" METRICS_ID ".service with a socket");
                return CTL_FAILED;
        }
        if (streq(strna(s->active_state), "failed")) {
                log_error(METRICS_ID " has failed; 'toolooctl status " METRICS_ID "' says why, and 'toolooctl start "
                          METRICS_ID "' starts it again");
                return CTL_FAILED;
        }
        if (!will_answer(s)) {
                log_error(METRICS_ID " does not run (%s), and only it knows; 'toolooctl start " METRICS_ID
                          "' starts it",
                          unit_state_word(s->load_state, s->active_state, s->sub_state, s->socket_state));
                return CTL_FAILED;
        }
        m->port = s->port;
        return CTL_OK;
}

int metrics_connect(Metrics *m, char **names) {
        int status;

        m->ctl.names = names;
        status = ctl_select(&m->ctl, CTL_UNKNOWN);
        if (status == CTL_OK)
                status = find_metricsd(m);
        if (status != CTL_OK)
                return status;
        m->curl = curl_easy_init();
        if (!m->curl) {
                (void) log_errno(-ENOMEM, "cannot ask " METRICS_ID);
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* --- The question ------------------------------------------------------------------------------------------------ */

static int append_pair(char **path, char separator, const char *name, const char *value) {
        char *escaped = curl_easy_escape(NULL, value, 0);
        int r;

        if (!escaped)
                return -ENOMEM;
        r = str_replace_printf(path, "%s%c%s%s%s", *path, separator, name, *name ? "=" : "", escaped);
        curl_free(escaped);
        return r;
}

char *metrics_path(const char *path, ...) {
        _cleanup_(freep) char *s = strdup(path);
        const char *name;
        char separator = '?';
        va_list ap;
        int r = s ? 0 : -ENOMEM;

        va_start(ap, path);
        while (r >= 0 && (name = va_arg(ap, const char *))) {
                const char *value = va_arg(ap, const char *);

                if (!value)
                        continue;
                r = append_pair(&s, separator, name, value);
                separator = '&';
        }
        va_end(ap);
        return r < 0 ? NULL : TAKE_PTR(s);
}

char *metrics_path_of(const char *path, const char *name) {
        _cleanup_(freep) char *s = strdup(path);

        return s && append_pair(&s, '/', "", name) >= 0 ? TAKE_PTR(s) : NULL;
}

static size_t receive(char *data, size_t size, size_t n, void *userdata) {
        Receiver *r = userdata;
        Answer *a = r->answer;
        char *text;

        n *= size;
        if (n > ANSWER_MAX - a->size) {
                r->error = -EFBIG;
                return 0;
        }
        text = realloc(a->text, a->size + n + 1);
        if (!text) {
                r->error = -ENOMEM;
                return 0;
        }
        memcpy(text + a->size, data, n);
        a->text = text;
        a->size += n;
        a->text[a->size] = '\0';
        return n;
}

/* Straight to the loopback, whatever the environment says of proxies. */
static bool set_options(Metrics *m, const char *method, const char *url, const char *body, struct curl_slist *headers,
                        Receiver *receiver) {
        long timeout = streq(method, "GET") ? ANSWER_TIMEOUT_MSEC : ACTION_TIMEOUT_MSEC;
        CURL *c = m->curl;

        curl_easy_reset(c);
        return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MSEC) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERAGENT, "toolooctl/" TL_VERSION) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
               (!body || curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK) &&
               curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEDATA, receiver) == CURLE_OK;
}

/* *ret_code is 0 for no answer, which has been said. */
static int perform(Metrics *m, const char *method, const char *path, const char *body, Answer *answer, long *ret_code) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u%s", m->port, path);
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        Receiver receiver = { .answer = answer };
        CURLcode result;

        *ret_code = 0;
        if (!url || !headers || !set_options(m, method, url, body, headers, &receiver)) {
                curl_slist_free_all(headers);
                return -ENOMEM;
        }
        result = curl_easy_perform(m->curl);
        curl_slist_free_all(headers);
        if (result == CURLE_OK)
                result = curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, ret_code);
        if (receiver.error < 0)
                return receiver.error;
        if (result != CURLE_OK)
                log_error(METRICS_ID " does not answer at port %u (%s); see 'toolooctl logs " METRICS_ID "'", m->port,
                          curl_easy_strerror(result));
        return 0;
}

/* --- The answer -------------------------------------------------------------------------------------------------- */

/* NULL for what is no JSON object. */
static json_object *parse(const Answer *answer) {
        enum json_tokener_error error = json_tokener_success;
        json_object *json = answer->text ? json_tokener_parse_verbose(answer->text, &error) : NULL;

        if (json_object_is_type(json, json_type_object))
                return json;
        (void) json_object_put(json);
        return NULL;
}

static int say_refusal(const Answer *answer, long code) {
        const char *error = answer->json ? answer_string(answer->json, "error") : NULL;
        _cleanup_(freep) char *clean = error ? text_clean(error, strlen(error)) : NULL;

        if (clean)
                log_error("%s", clean);
        else
                log_error(METRICS_ID " answers HTTP %ld%s; see 'toolooctl logs " METRICS_ID "'", code,
                          code >= 200 && code < 300 ? " without JSON" : "");
        return CTL_FAILED;
}

int metrics_ask(Metrics *m, const char *method, const char *path, json_object *body, Answer *ret) {
        _cleanup_(answer_done) Answer answer = {};
        const char *text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : NULL;
        long code = 0;
        int r = -ENOMEM;

        if (path && (!body || text))
                r = perform(m, method, path, text, &answer, &code);
        if (r < 0) {
                (void) log_errno(r, "cannot ask " METRICS_ID);
                return CTL_FAILED;
        }
        if (code == 0)
                return CTL_FAILED;
        answer.json = parse(&answer);
        if (!answer.json || code < 200 || code > 299)
                return say_refusal(&answer, code);
        *ret = answer;
        answer = (Answer) {};
        return CTL_OK;
}
