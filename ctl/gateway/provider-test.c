/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "config.h"
#include "ctl/service-status.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "shared/log.h"
#include "shared/unit-state.h"

#define SERVICE_ID "provider"
#define ANSWER_MAX ((size_t) 4 * 1024 * 1024)
#define CONNECT_TIMEOUT_MSEC 5000L
#define ANSWER_TIMEOUT_MSEC 600000L /* a local model is loaded first, which can take minutes */
#define TOKENS 16

typedef struct Trial {
        const ProviderFile *f;
        const ProviderModel *model;
        unsigned port;
        CURL *curl;

        char *text; /* of the answer */
        size_t size;
        json_object *json;
        long status;
        uint64_t usec;
        char *problem; /* NULL when it has answered */
} Trial;

static void trial_done(Trial *t) {
        curl_easy_cleanup(t->curl);
        free(t->text);
        free(t->problem);
        (void) json_object_put(t->json);
}

/* --- Whom to ask --- */

/* Its socket would start one that was stopped. */
static int find_port(Ctl *ctl, unsigned *ret) {
        const Service *s;
        int status;

        ctl->names = NULL;
        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status != CTL_OK)
                return status;
        s = registry_find(ctl->registry, SERVICE_ID);
        if (!s || s->port == 0) {
                log_error("the service '" SERVICE_ID "' is not installed: there is no tooloo-" SERVICE_ID ".service with a socket");
                return CTL_FAILED;
        }
        if (!service_is_active(s) && !streq(strna(s->active_state), "activating")) {
                log_error("the service '" SERVICE_ID "' does not run (%s), and only it calls models; 'toolooctl start " SERVICE_ID
                          "' starts it",
                          unit_state_word(s->load_state, s->active_state, s->sub_state, s->socket_state));
                return CTL_FAILED;
        }
        *ret = s->port;
        return CTL_OK;
}

static int find_model(const ProviderFile *f, const char *name, const ProviderModel **ret) {
        *ret = name ? provider_file_find_model(f, name) : f->models;
        if (*ret)
                return CTL_OK;
        log_error("%s has no model '%s'; 'toolooctl provider show %s' lists them", f->name, name, f->name);
        return CTL_UNKNOWN;
}

/* --- The call --- */

static size_t receive(char *data, size_t size, size_t n, void *userdata) {
        Trial *t = userdata;
        char *text;

        n *= size;
        if (n > ANSWER_MAX - t->size)
                return 0;
        text = realloc(t->text, t->size + n + 1);
        if (!text)
                return 0;
        memcpy(text + t->size, data, n);
        t->text = text;
        t->size += n;
        t->text[t->size] = '\0';
        return n;
}

/* A model of that provider and no other's. NULL without memory. */
static json_object *make_body(const Trial *t) {
        _cleanup_(json_putp) json_object *body = json_object_new_object();
        _cleanup_(freep) char *model = str_printf("%s/%s", t->f->name, t->model->name);
        json_object *messages = json_object_new_array(), *message = json_object_new_object();

        if (!body || !model || !messages || !message || json_object_array_add(messages, message) < 0) {
                json_put(messages);
                json_put(message);
                return NULL;
        }
        if (json_set(body, "messages", messages) < 0 || json_set(message, "role", json_object_new_string("user")) < 0 ||
            json_set(message, "content", json_object_new_string("Reply with the word OK.")) < 0 ||
            json_set(body, "model", json_object_new_string(model)) < 0 ||
            json_set(body, "max_tokens", json_object_new_int(TOKENS)) < 0)
                return NULL;
        return TAKE_PTR(body);
}

static bool set_options(Trial *t, const char *url, const char *body, struct curl_slist *headers) {
        CURL *c = t->curl;

        return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MSEC) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MSEC) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERAGENT, "toolooctl/" TL_VERSION) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

static int perform(Trial *t, const char *body) {
        _cleanup_(freep) char *url = str_printf("http://127.0.0.1:%u/v1/chat/completions", t->port);
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        uint64_t begin = now_usec();
        CURLcode code;

        t->curl = curl_easy_init();
        if (!t->curl || !url || !headers || !set_options(t, url, body, headers)) {
                curl_slist_free_all(headers);
                return -ENOMEM;
        }
        code = curl_easy_perform(t->curl);
        t->usec = now_usec() - begin;
        curl_slist_free_all(headers);
        if (code == CURLE_OK)
                code = curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->status);
        if (code == CURLE_OK)
                return 0;
        t->problem = str_printf("the service '" SERVICE_ID "' does not answer at port %u (%s)", t->port, curl_easy_strerror(code));
        return t->problem ? 0 : -ENOMEM;
}

/* --- What came of it --- */

static const char *header(const Trial *t, const char *name) {
        struct curl_header *h = NULL;

        return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static json_object *field(json_object *object, const char *name) {
        json_object *value = NULL;

        return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

/* Who answered is told by the gateway; an answer of another one would say nothing of this. */
static int judge(Trial *t) {
        const char *message = json_object_get_string(field(field(t->json, "error"), "message")), *by;
        _cleanup_(freep) char *clean = message ? text_clean(message, strlen(message)) : NULL;

        if (t->problem)
                return 0;
        by = header(t, "X-Tooloo-Provider");
        if (t->status < 200 || t->status > 299)
                t->problem = str_printf("HTTP %ld: %s", t->status, clean ? clean : "the answer says no more");
        else if (!field(t->json, "choices"))
                t->problem = strdup("the answer is none of a model's");
        else if (!by || !streq(by, t->f->name))
                t->problem = str_printf("%s answered in its place", by ? by : "somebody");
        else
                return 0;
        return t->problem ? 0 : -ENOMEM;
}

static int print_json(const Trial *t) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        json_object *usage = field(t->json, "usage");
        const char *cost = t->problem ? NULL : header(t, "X-Tooloo-Cost");
        int r = -ENOMEM;

        if (!json || (r = json_set(json, "provider", json_object_new_string(t->f->name))) < 0 ||
            (r = json_set(json, "model", json_object_new_string(t->model->name))) < 0 ||
            (r = json_set(json, "ok", json_object_new_boolean(!t->problem))) < 0 ||
            (r = json_set(json, "ms", json_decimal((int64_t) t->usec, 3))) < 0 ||
            (r = json_set(json, "status", json_object_new_int64(t->status))) < 0)
                return r;
        if (json_object_object_add(json, "tokensIn", json_object_get(field(usage, "prompt_tokens"))) < 0 ||
            json_object_object_add(json, "tokensOut", json_object_get(field(usage, "completion_tokens"))) < 0 ||
            json_object_object_add(json, "cost", cost ? json_object_new_double_s(strtod(cost, NULL), cost) : NULL) < 0 ||
            json_object_object_add(json, "problem", t->problem ? json_object_new_string(t->problem) : NULL) < 0)
                return -ENOMEM;
        return json_print(json);
}

static void print(const Ctl *ctl, const Trial *t) {
        json_object *usage = field(t->json, "usage");
        const char *cost = header(t, "X-Tooloo-Cost");
        char span[TIMESPAN_MAX];

        ctl_say(ctl, "%s answers: %s, %s, %" PRId64 " tokens in, %" PRId64 " out, %s%s", t->f->name, t->model->name,
                format_timespan(span, t->usec), json_object_get_int64(field(usage, "prompt_tokens")),
                json_object_get_int64(field(usage, "completion_tokens")), cost ? cost : "no price is known",
                cost ? " USD" : "");
}

static int try(Trial *t) {
        _cleanup_(json_putp) json_object *body = make_body(t);
        const char *text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : NULL;
        int r;

        r = text ? perform(t, text) : -ENOMEM;
        if (r < 0)
                return r;
        t->json = t->text ? json_tokener_parse(t->text) : NULL;
        return judge(t);
}

int gateway_provider_test(Ctl *ctl) {
        const char *name = ctl->names[0], *model = ctl->names[1];
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        _cleanup_(provider_file_done) ProviderFile f = {};
        _cleanup_(trial_done) Trial t = { .f = &f };
        int status, r;

        status = provider_paths_of(name, &paths);
        if (status == CTL_OK)
                status = gateway_provider_open(name, &paths, &f);
        if (status == CTL_OK)
                status = find_model(&f, model, &t.model);
        if (status == CTL_OK)
                status = find_port(ctl, &t.port);
        if (status != CTL_OK)
                return status;
        r = try(&t);
        if (r >= 0 && ctl->json)
                r = print_json(&t);
        if (r < 0)
                return gateway_failed(r, "cannot try the provider");
        if (t.problem && !ctl->json)
                log_error("%s: %s: %s", f.name, t.model->name, t.problem);
        else if (!ctl->json)
                print(ctl, &t);
        return t.problem ? CTL_FAILED : CTL_OK;
}
