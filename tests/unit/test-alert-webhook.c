/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/string-util.h"
#include "shared/http-call.h"
#include "metricsd/alert/webhook-retry.h"
#include "metricsd/alert/webhook-url.h"
#include "metricsd/alert/webhook.h"

#define SECOND USEC_PER_SEC

/* --- When to try again --- */

Test(alert_webhook, what_may_be_tried_again) {
        static const unsigned again[] = { 0, 429, 500, 502, 503, 504, 599 }, never[] = { 300, 302, 308, 400, 401, 404, 408, 422 };

        for (size_t i = 0; i < ELEMENTSOF(again); i++)
                cr_expect(webhook_may_retry(again[i]), "%u", again[i]);
        for (size_t i = 0; i < ELEMENTSOF(never); i++)
                cr_expect(!webhook_may_retry(never[i]), "%u", never[i]);
}

Test(alert_webhook, waits_grow_and_end) {
        static const uint64_t least[] = { SECOND / 2, 2 * SECOND, 8 * SECOND, 32 * SECOND };

        for (unsigned tries = 1; tries < WEBHOOK_TRIES_MAX; tries++) {
                uint64_t low, middle, high;

                cr_assert(webhook_retry_wait(tries, SECOND, 0, 0, 0, &low));
                cr_assert(webhook_retry_wait(tries, SECOND, 0, 0, 500, &middle));
                cr_assert(webhook_retry_wait(tries, SECOND, 0, 0, 1000, &high));
                cr_expect_eq(low, least[tries - 1]);
                cr_expect_eq(middle, low + low / 2);
                cr_expect_eq(high, 2 * low);
        }
        cr_expect(!webhook_retry_wait(WEBHOOK_TRIES_MAX, SECOND, 0, 0, 0, NULL));
}

Test(alert_webhook, the_receiver_may_ask_for_longer) {
        uint64_t wait = 0;

        cr_assert(webhook_retry_wait(1, SECOND, 7 * SECOND, 0, 1000, &wait));
        cr_expect_eq(wait, 7 * SECOND);
        cr_assert(webhook_retry_wait(4, SECOND, 7 * SECOND, 0, 0, &wait));
        cr_expect_eq(wait, 32 * SECOND);
        cr_assert(webhook_retry_wait(1, SECOND, WEBHOOK_LIFETIME, 0, 0, &wait));
        cr_expect_eq(wait, WEBHOOK_LIFETIME);
        cr_expect(!webhook_retry_wait(1, SECOND, WEBHOOK_LIFETIME + 1, 0, 0, &wait));
        cr_expect(!webhook_retry_wait(1, SECOND, WEBHOOK_LIFETIME, 1, 0, &wait));
        cr_expect(!webhook_retry_wait(1, SECOND, UINT64_MAX, 0, 0, &wait));
        cr_expect(!webhook_retry_wait(1, SECOND, 0, UINT64_MAX, 0, &wait));
        cr_expect_eq(wait, WEBHOOK_LIFETIME); /* left alone */
}

Test(alert_webhook, addresses) {
        cr_expect(webhook_url_is_valid("http://a"));
        cr_expect(webhook_url_is_valid("https://[::1]:9093/x?y=z"));
        cr_expect(!webhook_url_is_valid("http://[zz]/"));
        cr_expect(!webhook_url_is_valid("http://a:99999/"));
        cr_expect(!webhook_url_is_valid(""));
}

Test(alert_webhook, origin) {
        _cleanup_(freep) char *a = webhook_url_origin("https://hooks.example/T0/secret?key=1"),
                              *b = webhook_url_origin("http://[::1]:8080/x"), *c = webhook_url_origin("no address");

        cr_expect_str_eq(a, "https://hooks.example");
        cr_expect_str_eq(b, "http://[::1]:8080");
        cr_expect_null(c);
}

/* --- What an answer says --- */

static void check_excerpt(const char *body, const char *expected) {
        _cleanup_(freep) char *excerpt =
                http_answer_excerpt(&(HttpAnswer) { .status = 500, .body = body, .size = strlen(body) });

        cr_expect_str_eq(excerpt, expected, "%s: %s", body, excerpt);
}

Test(alert_webhook, excerpt) {
        char longest[400];

        check_excerpt("", "");
        check_excerpt("oops\r\nmore", "oops");
        check_excerpt("{\"ok\":false,\"error\":\"scale is not\\nthere yet\"}", "scale is not");
        check_excerpt("{\"ok\":false,\"error\":5}", "{\"ok\":false,\"error\":5}");
        check_excerpt("{\"error\":\"\\u001b[31mred\\u009b\"}", " [31mred  ");
        check_excerpt("a\xff\x1b[2J", "a? [2J");
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        {
                _cleanup_(freep) char *excerpt = http_answer_excerpt(
                        &(HttpAnswer) { .status = 500, .body = longest, .size = sizeof(longest) - 1 });

                cr_expect_eq(strlen(excerpt), 200);
        }
}

/* --- The queue --- */

static struct Sent {
        unsigned n, over, delivered;
        char problem[256]; /* the last one */
} sent;

static sd_event *event;
static CurlEvent *curl;
static Webhooks *webhooks;
static int listener;
static char url[64];

/* Takes connections, and never answers. */
static void set_up(void) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        sent = (struct Sent) {};
        cr_assert_eq(sd_event_new(&event), 0);
        cr_assert_eq(curl_event_new(event, &curl), 0);
        cr_assert_eq(webhooks_new(event, curl, NULL, USEC_PER_MSEC, &webhooks), 0);
        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_geq(listener, 0);
        cr_assert_eq(bind(listener, (struct sockaddr *) &address, sizeof(address)), 0);
        cr_assert_eq(listen(listener, 128), 0);
        cr_assert_eq(getsockname(listener, (struct sockaddr *) &address, &size), 0);
        (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", ntohs(address.sin_port));
}

static void tear_down(void) {
        webhooks = webhooks_free(webhooks);
        curl_event_free(curl);
        sd_event_unref(event);
        safe_close(listener);
}

TestSuite(alert_webhook_queue, .init = set_up, .fini = tear_down);

static void on_over(const char *problem, void *userdata) {
        sent.over++;
        sent.delivered += problem == NULL;
        (void) snprintf(sent.problem, sizeof(sent.problem), "%s", problem ? problem : "");
}

static WebhookDelivery *hook(const char *to) {
        WebhookDelivery *d;

        cr_assert_eq(webhooks_send(webhooks, &(WebhookMessage) { .url = to, .body = "{}" }, on_over, NULL, &d), 0);
        sent.n++;
        return d;
}

static void run_until_over(unsigned n) {
        while (sent.over < n)
                cr_assert_geq(sd_event_run(event, UINT64_MAX), 0);
}

/* Of a hundred at once 64 wait, however long the receiver takes. */
Test(alert_webhook_queue, is_bounded) {
        for (int i = 0; i < 100; i++)
                (void) hook(url);
        cr_expect_eq(sent.over, 0); /* never from within */
        run_until_over(36);
        cr_expect_eq(sent.over, 36);
        cr_expect_eq(sent.delivered, 0);
        cr_expect_str_eq(sent.problem, "given up: too many newer messages wait for delivery");
}

/* So is the number of those who were told once. */
Test(alert_webhook_queue, has_many_receivers) {
        for (unsigned i = 0; i < 200; i++) {
                char other[96];

                (void) snprintf(other, sizeof(other), "%s/%u", url, i);
                webhook_give_up(hook(other));
        }
        cr_expect_eq(sent.over, 0);
}

/* Nobody listens: five tries, and the reason. */
Test(alert_webhook_queue, gives_up) {
        safe_close(TAKE_FD(listener));
        (void) hook(url);
        run_until_over(1);
        cr_expect_eq(sent.delivered, 0);
        cr_expect(startswith(sent.problem, "http://127.0.0.1:"), "%s", sent.problem);
        cr_expect(strstr(sent.problem, " cannot be told: ") && endswith(sent.problem, " (5 tries)"), "%s", sent.problem);
}

Test(alert_webhook_queue, a_hopeless_address_is_tried_once) {
        (void) hook("gopher://127.0.0.1/");
        run_until_over(1);
        cr_expect(strstr(sent.problem, "cannot be told") && !strstr(sent.problem, "tries"), "%s", sent.problem);
}

/* The next one to the same receiver has its turn. */
Test(alert_webhook_queue, goes_on_after_one_that_was_given_up) {
        WebhookDelivery *first = hook(url), *second = hook(url);

        webhook_give_up(first);
        safe_close(TAKE_FD(listener));
        run_until_over(1);
        cr_expect_eq(sent.over, 1);
        cr_expect_not_null(second);
}

/* Nobody hears of what was under way, waited, or was given up and not told yet. */
Test(alert_webhook_queue, ends_with_all_in_it) {
        for (int i = 0; i < 70; i++)
                (void) hook(url);
        webhooks = webhooks_free(webhooks);
        cr_expect_eq(sent.over, 0);
}

Test(alert_webhook_queue, repeats_only_when_nothing_waits) {
        WebhookMessage message = { .url = url, .body = "[]" };

        cr_expect_eq(webhooks_repeat(webhooks, &message), 0);
        cr_expect_eq(webhooks_repeat(webhooks, &message), 0);
        /* With two of it there would be one too many. */
        for (int i = 0; i < WEBHOOK_QUEUE_MAX - 1; i++)
                (void) hook(url);
        cr_assert_geq(sd_event_run(event, 0), 0);
        cr_expect_eq(sent.over, 0);
        /* The oldest is the repetition, which nobody waits for. */
        (void) hook(url);
        cr_assert_geq(sd_event_run(event, 0), 0);
        cr_expect_eq(sent.over, 0);
        (void) hook(url);
        run_until_over(1);
}
