/* SPDX-License-Identifier: MIT */
#include "attempt.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* Where neither the request nor the file says how long an answer may be. */
#define OUTPUT_DEFAULT 131072
/* What is asked for where the provider's format demands a length and nobody has named one. */
#define OUTPUT_DEMANDED 4096
/* Of an image, in tokens: more than any vendor's rule makes of the largest. */
#define IMAGE_TOKENS 4096

/* --- Money --- */

LedgerPrice attempt_price(const Deployment *deployment) {
        const ProviderPrice *p = &deployment->model->price;

        return (LedgerPrice) {
                .provider = deployment->upstream->file.name,
                .model = deployment->model->name,
                .input = p->input,
                .output = p->output,
                .cached = p->cached,
                .cache_write = p->cache_write,
                .reasoning = p->reasoning,
                .source = p->source ? p->source : "given",
        };
}

static int64_t longest_answer(const Call *call, const Deployment *deployment) {
        const ProviderModel *m = deployment->model;

        if (call->ask.max_tokens >= 0)
                return call->ask.max_tokens;
        if (m->max_output_tokens > 0)
                return m->max_output_tokens;
        if (deployment->upstream->file.kind == PROVIDER_ANTHROPIC && call->api != WIRE_ANTHROPIC)
                return OUTPUT_DEMANDED; /* what is sent then */
        return m->context_tokens > 0 ? m->context_tokens : OUTPUT_DEFAULT;
}

/* Each byte of the prompt as a token at the dearest that a prompt's can be, and the longest answer in the same way: no
 * bill is higher. Saturates. */
int64_t attempt_bound(const Call *call, const Deployment *deployment) {
        const ProviderPrice *p = &deployment->model->price;
        int64_t in_price = MAX(p->input, MAX(p->cached, p->cache_write)), out_price = MAX(p->output, p->reasoning);
        int64_t in = (int64_t) call->ask.prompt_bytes + ((int64_t) call->ask.n_images * IMAGE_TOKENS), out, sum;

        if (!p->known)
                return 0;
        if (__builtin_mul_overflow(longest_answer(call, deployment), (int64_t) MAX(call->ask.choices, 1U), &out) ||
            __builtin_mul_overflow(out, out_price, &out) || __builtin_mul_overflow(in, in_price, &in) ||
            __builtin_add_overflow(in, out, &sum) || __builtin_add_overflow(sum, 999, &sum))
                return LEDGER_MONEY_MAX;
        return MIN(sum / 1000, LEDGER_MONEY_MAX);
}

/* Without the provider's own figures the tokens are an estimate, and their row says so (reported = 0): of the prompt a
 * token for each byte, as it was reserved, and of the answer one for every four bytes that came. An attempt that failed
 * before it had anything to say costs nothing, as the vendors have it; one that the client left may. */
static void estimate(Attempt *a) {
        bool began = a->first > 0 || streq(a->error, "cancelled") || a->error[0] == '\0';
        size_t bytes = buffer_size(&a->answer); /* of what is no answer */

        if (a->wire)
                bytes = wire_stream_content_bytes(a->wire);
        else if (a->result)
                (void) wire_answer_content_bytes(a->call->api, a->result, &bytes);
        a->usage = (WireUsage) {};
        if (!began)
                return;
        a->usage.in = (int64_t) a->call->ask.prompt_bytes + ((int64_t) a->call->ask.n_images * IMAGE_TOKENS);
        a->usage.out = (int64_t) ((bytes + 3) / 4);
}

LedgerTokens attempt_tokens(const Attempt *a) {
        return (LedgerTokens) {
                .in = a->usage.in, .out = a->usage.out, .cached = a->usage.cached, .cache_write = a->usage.cache_write,
                .reasoning = a->usage.reasoning, .reported = a->usage.reported,
        };
}

static int cost_of(Attempt *a) {
        LedgerTokens t = attempt_tokens(a);

        return a->deployment->model->price.known ? ledger_cost(&a->price, &t, &a->cost) : 0;
}

void attempt_take_usage(Attempt *a) {
        a->usage = *wire_stream_usage(a->wire);
        if (wire_stream_state(a->wire) != WIRE_ENDED)
                a->usage.reported = false;
}

int attempt_count_cost(Attempt *a) {
        int r;

        a->cost = 0;
        if (a->usage.reported && (a->usage.in > PROVIDER_TOKENS_MAX || a->usage.out > PROVIDER_TOKENS_MAX)) {
                log_warning("%s says that a call took %" PRIi64 " tokens in and %" PRIi64 " out, which no call can: "
                            "they are estimated instead", a->deployment->upstream->file.name, a->usage.in, a->usage.out);
                a->usage.reported = false;
        }
        if (!a->usage.reported)
                estimate(a);
        r = cost_of(a);
        if (r != -EOVERFLOW)
                return r;
        estimate(a);
        return cost_of(a);
}

/* --- What is sent --- */

static void add_line(Attempt *a, size_t *n, const char *line) {
        if (!line)
                return;
        a->lines[*n] = (struct curl_slist) { .data = (char *) line };
        if (*n > 0)
                a->lines[*n - 1].next = a->lines + *n;
        ++*n;
}

static int make_body(Attempt *a, char **ret_why) {
        const Deployment *d = a->deployment;
        WireFormat format = (WireFormat) d->upstream->file.kind;
        json_object *json = NULL;
        const char *text;
        int r;

        r = wire_request(a->call->api, format, a->call->body, d->model->upstream,
                         d->model->max_output_tokens > 0 ? d->model->max_output_tokens : OUTPUT_DEMANDED, &json, ret_why);
        if (r < 0)
                return r;
        text = json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &a->size);
        a->body = text ? strdup(text) : NULL;
        json_object_put(json);
        return a->body ? 0 : -ENOMEM;
}

static int make_head(Attempt *a) {
        const Upstream *u = a->deployment->upstream;
        WireFormat format = (WireFormat) u->file.kind;
        _cleanup_(freep) char *path = wire_path(format, a->deployment->model->upstream, a->call->ask.stream);
        size_t n = 0;

        a->url = path ? str_printf("%s%s", u->file.base_url, path) : NULL;
        if (!a->url)
                return -ENOMEM;
        add_line(a, &n, "Content-Type: application/json");
        add_line(a, &n, a->call->ask.stream ? "Accept: text/event-stream, application/x-ndjson"
                                            : "Accept: application/json");
        add_line(a, &n, "Expect:"); /* libcurl would wait for leave to send */
        add_line(a, &n, wire_extra_field(format));
        /* From one to the other: nobody else knows these words. */
        if (a->call->beta && format == WIRE_ANTHROPIC) {
                a->beta = str_printf("anthropic-beta: %s", a->call->beta);
                if (!a->beta)
                        return -ENOMEM;
                add_line(a, &n, a->beta);
        }
        return 0;
}

/* The key may have changed since the attempt was made. */
static void set_key(Attempt *a) {
        const Secret *auth = a->deployment->upstream->auth;
        size_t n = 0;

        while (a->lines[n].next)
                n++;
        n++;
        if (auth)
                add_line(a, &n, auth->text);
}

static int make_wire(Attempt *a) {
        const Call *c = a->call;
        WireStreamOptions options = {
                .from = (WireFormat) a->deployment->upstream->file.kind,
                .to = c->api,
                .id = c->name,
                .created = (int64_t) (c->arrived / USEC_PER_SEC),
                .include_usage = c->api == WIRE_OPENAI &&
                        json_object_get_boolean(json_object_object_get(json_object_object_get(c->body, "stream_options"),
                                                                       "include_usage")),
        };

        return wire_stream_new(&options, &a->wire);
}

int attempt_new(Call *call, Deployment *deployment, Attempt **ret, char **ret_why) {
        _cleanup_(attempt_freep) Attempt *a = calloc(1, sizeof(Attempt));
        int r;

        if (!a)
                return -ENOMEM;
        a->call = call;
        a->deployment = deployment;
        upstream_ref(deployment->upstream);
        a->bound = attempt_bound(call, deployment);
        a->price = attempt_price(deployment);
        r = make_body(a, ret_why);
        if (r >= 0)
                r = make_head(a);
        if (r >= 0 && call->ask.stream)
                r = make_wire(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

static void stop(Attempt *a) {
        if (a->running)
                curl_event_remove(a->call->gateway->curl, a->easy);
        a->running = false;
        a->timer = sd_event_source_disable_unref(a->timer);
        a->queue_timer = sd_event_source_disable_unref(a->queue_timer);
        slots_leave(&a->deployment->upstream->slots, &a->slot);
}

Attempt *attempt_free(Attempt *a) {
        if (!a)
                return NULL;
        stop(a);
        if (a->easy)
                curl_easy_cleanup(a->easy);
        wire_stream_free(a->wire);
        buffer_done(&a->answer);
        json_object_put(a->result);
        upstream_unref(a->deployment->upstream);
        free(a->url);
        free(a->body);
        free(a->beta);
        free(a->text);
        free(a);
        return NULL;
}

/* --- Its turn --- */

/* Providers that refuse a key like to repeat it, and what they say goes to the client and into the ledger. */
static void hide_key(const Attempt *a, char *text) {
        const Secret *auth = a->deployment->upstream->auth;
        const char *key = auth ? strrchr(auth->text, ' ') : NULL;

        if (!key || !key[1])
                return;
        for (char *p = text; (p = strstr(p, key + 1));)
                memset(p, '*', strlen(key + 1));
}

void attempt_fail(Attempt *a, const char *error, const char *text) {
        if (a->error[0])
                return;
        (void) snprintf(a->error, sizeof(a->error), "%s", error);
        if (text && !a->text)
                a->text = strdup(text);
        if (a->text)
                hide_key(a, a->text);
}

static void start(Attempt *a) {
        int r;

        a->queue_timer = sd_event_source_disable_unref(a->queue_timer);
        a->begun = a->last = now_usec();
        set_key(a);
        r = attempt_set_up(a);
        if (r >= 0)
                return;
        log_errno(r, "A call cannot be sent");
        attempt_fail(a, "connect", strerror(-r));
        call_attempt_over(a->call);
}

static void on_granted(void *userdata) {
        start(userdata);
}

static int on_queue_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Attempt *a = userdata;

        stop(a);
        attempt_fail(a, "released", "its turn did not come in time");
        call_attempt_over(a->call);
        return 0;
}

void attempt_enter(Attempt *a) {
        Call *c = a->call;
        int r;

        a->slot.granted = on_granted;
        a->slot.userdata = a;
        r = slots_enter(&a->deployment->upstream->slots, &a->slot, c->key, c->user);
        if (r > 0) {
                start(a);
                return;
        }
        if (r == 0)
                r = sd_event_add_time_relative(c->gateway->event, &a->queue_timer, CLOCK_MONOTONIC, CALL_QUEUE_USEC,
                                               USEC_PER_MSEC, on_queue_timer, a);
        if (r >= 0)
                return;
        stop(a);
        attempt_fail(a, "released", r == -ENOBUFS ? "too many calls wait for the provider" : strerror(-r));
        call_attempt_over(c);
}

void attempt_cancel(Attempt *a) {
        bool sent = a->begun > 0;

        stop(a);
        a->total = sent ? now_usec() - a->begun : 0;
        if (a->wire)
                attempt_take_usage(a);
        attempt_fail(a, sent ? "cancelled" : "released", "the client went away");
}
