/* SPDX-License-Identifier: MIT */

/* Both ends speak the same: everything passes. */

#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "wire-feed.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define CHUNK(delta, finish)                                                                                         \
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1732000000,\"model\":\"m-1\"," \
        "\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}\n\n"
#define USAGE                                                                                                        \
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[],"          \
        "\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":7,\"total_tokens\":27,"                               \
        "\"prompt_tokens_details\":{\"cached_tokens\":12},\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n"
#define DONE "data: [DONE]\n\n"

Test(wire_pass, openai_stream) {
        static const char content[] = ": hello\n\n" CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
                CHUNK("{\"content\":\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}", "null") CHUNK("{}", "\"stop\"");
        static const char stream[] = ": hello\n\n" CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
                CHUNK("{\"content\":\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}", "null") CHUNK("{}", "\"stop\"") USAGE DONE;
        WireStreamOptions options = { .from = WIRE_OPENAI, .to = WIRE_OPENAI, .include_usage = true };
        _cleanup_(wire_fed_done) WireFed with = wire_feed(&options, stream, strlen(stream)), without = {};
        _cleanup_(freep) char *expected = str_printf("%s%s", content, DONE);

        cr_expect_str_eq(with.text, stream);
        cr_expect_eq(with.state, WIRE_ENDED);
        options.include_usage = false;
        without = wire_feed(&options, stream, strlen(stream));
        cr_expect_str_eq(without.text, expected);
        for (unsigned i = 0; i < 2; i++) {
                const WireUsage *usage = i == 0 ? &with.usage : &without.usage;

                cr_expect(usage->reported);
                cr_expect_eq(usage->in, 20);
                cr_expect_eq(usage->out, 7);
                cr_expect_eq(usage->cached, 12);
                cr_expect_eq(usage->reasoning, 3);
        }
}

Test(wire_pass, nothing_before_content) {
        static const char head[] = CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null");
        static const char content[] = CHUNK("{\"content\":\"a\"}", "null");
        _cleanup_(wire_stream_freep) WireStream *ws = NULL;
        size_t size;

        cr_assert_eq(wire_stream_new(&(WireStreamOptions) { .from = WIRE_OPENAI, .to = WIRE_OPENAI }, &ws), 0);
        cr_assert_eq(wire_stream_feed(ws, head, strlen(head)), 0);
        cr_expect_eq(wire_stream_state(ws), WIRE_BEFORE);
        (void) wire_stream_output(ws, &size);
        cr_expect_eq(size, 0);
        cr_assert_eq(wire_stream_feed(ws, content, strlen(content)), 0);
        cr_expect_eq(wire_stream_state(ws), WIRE_CONTENT);
        (void) wire_stream_output(ws, &size);
        cr_expect_eq(size, strlen(head) + strlen(content));
}

Test(wire_pass, openai_request) {
        _cleanup_(json_object_putp) json_object *ret = NULL,
                *body = wire_json("{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true,"
                                  "\"new_field\":{\"x\":1},\"stream_options\":{\"other\":1}}");
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(wire_request(WIRE_OPENAI, WIRE_OPENAI, body, "b", 0, &ret, &why), 0);
        wire_expect_json(ret, "{\"model\":\"b\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true,"
                              "\"new_field\":{\"x\":1},\"stream_options\":{\"other\":1,\"include_usage\":true}}", "request");
        wire_expect_json(body, "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true,"
                               "\"new_field\":{\"x\":1},\"stream_options\":{\"other\":1}}", "the body stays");
}

Test(wire_pass, openai_answer) {
        _cleanup_(json_object_putp) json_object *ret = NULL,
                *answer = wire_json("{\"id\":\"x\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                                    "\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
                                    "\"completion_tokens\":2,\"prompt_cache_hit_tokens\":1},\"more\":1}"),
                *none = wire_json("{\"error\":{\"message\":\"no\"}}");
        WireUsage usage = { .in = 99 };

        cr_assert_eq(wire_answer(WIRE_OPENAI, WIRE_OPENAI, answer, "mine", "id", 5, &ret, &usage), 0);
        wire_expect_json(ret, "{\"id\":\"x\",\"model\":\"mine\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                              "\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
                              "\"completion_tokens\":2,\"prompt_cache_hit_tokens\":1},\"more\":1}", "answer");
        cr_expect_eq(usage.in, 3);
        cr_expect_eq(usage.out, 2);
        cr_expect_eq(usage.cached, 1);
        cr_expect_eq(wire_answer(WIRE_OPENAI, WIRE_OPENAI, none, NULL, NULL, 0, &ret, &usage), -EREMOTEIO);
        cr_expect_eq(usage.in, 3, "a failure leaves it alone");
}
