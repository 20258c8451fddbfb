/* SPDX-License-Identifier: MIT */

/* Each upstream's answers and failures as each client has them. */

#include <criterion/criterion.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "wire-feed.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

#define CREATED 1764400000
#define CREATED_AT "2025-11-29T07:06:40Z"

/* The same answer: thoughts, a text, two calls, and usage with all that the vendor counts. */
static const char *const upstreams[_WIRE_MAX] = {
        [WIRE_OPENAI] =
                "{'id':'chatcmpl-9','object':'chat.completion','created':1764400000,'model':'up','choices':[{'index':0,'message':{"
                "'role':'assistant','content':'Gr\xc3\xbc\xc3\x9f','reasoning_content':'Hm.','refusal':null,'tool_calls':["
                "{'id':'call_9_0','type':'function','function':{'name':'f','arguments':'{\\\"a\\\":1}'}},"
                "{'id':'call_9_1','type':'function','function':{'name':'g','arguments':''}}]},'finish_reason':'tool_calls'}],"
                "'usage':{'prompt_tokens':30,'completion_tokens':12,'total_tokens':42,'prompt_tokens_details':{'cached_tokens':10},"
                "'completion_tokens_details':{'reasoning_tokens':5}}}",
        [WIRE_ANTHROPIC] =
                "{'id':'msg_9','type':'message','role':'assistant','model':'up','content':[{'type':'thinking','thinking':'Hm.',"
                "'signature':'s'},{'type':'text','text':'Gr\xc3\xbc'},{'type':'text','text':'\xc3\x9f'},"
                "{'type':'tool_use','id':'toolu_0','name':'f','input':{'a':1}},{'type':'tool_use','id':'toolu_1','name':'g',"
                "'input':{}}],'stop_reason':'tool_use','stop_sequence':null,'usage':{'input_tokens':12,"
                "'cache_creation_input_tokens':8,'cache_read_input_tokens':10,'output_tokens':12}}",
        [WIRE_OLLAMA] =
                "{'model':'up','created_at':'2025-11-29T06:00:00.5Z','message':{'role':'assistant','content':'Gr\xc3\xbc\xc3\x9f',"
                "'thinking':'Hm.','tool_calls':[{'function':{'name':'f','arguments':{'a':1}}},{'function':{'name':'g',"
                "'arguments':{}}}]},'done':true,'done_reason':'stop','total_duration':1,'prompt_eval_count':30,'eval_count':12}",
        [WIRE_GEMINI] =
                "{'candidates':[{'content':{'role':'model','parts':[{'text':'Hm.','thought':true},{'text':'Gr\xc3\xbc'},"
                "{'text':'\xc3\x9f'},{'functionCall':{'name':'f','args':{'a':1}},'thoughtSignature':'c2ln'},"
                "{'functionCall':{'name':'g'}}]},'finishReason':'STOP','index':0}],'usageMetadata':{'promptTokenCount':25,"
                "'toolUsePromptTokenCount':5,'candidatesTokenCount':7,'thoughtsTokenCount':5,'totalTokenCount':42,"
                "'cachedContentTokenCount':10},'modelVersion':'up','responseId':'r9'}",
};

#define AS_OPENAI(id, first, signature, second, usage)                                                                     \
        "{'id':'" id "','object':'chat.completion','created':1764400000,'model':'told','choices':[{'index':0,'message':{"   \
        "'role':'assistant','content':'Gr\xc3\xbc\xc3\x9f','reasoning_content':'Hm.','refusal':null,'tool_calls':["         \
        "{'id':'" first "','type':'function','function':{'name':'f','arguments':'{\\\"a\\\":1}'}" signature "},"           \
        "{'id':'" second "','type':'function','function':{'name':'g','arguments':'{}'}}]},'logprobs':null,"                 \
        "'finish_reason':'tool_calls'}],'usage':{'prompt_tokens':30,'completion_tokens':12,'total_tokens':42," usage "}}"
#define AS_ANTHROPIC(id, first, second, usage)                                                                          \
        "{'id':'" id "','type':'message','role':'assistant','model':'told','content':[{'type':'thinking',"               \
        "'thinking':'Hm.','signature':''}," TEXTS "{'type':'tool_use','id':'" first "','name':'f','input':{'a':1}},"      \
        "{'type':'tool_use','id':'" second "','name':'g','input':{}}],'stop_reason':'tool_use','stop_sequence':null,"    \
        "'usage':" usage "}"
#define AS_OLLAMA                                                                                                          \
        "{'model':'told','created_at':'" CREATED_AT "','message':{'role':'assistant','content':'Gr\xc3\xbc\xc3\x9f',"      \
        "'thinking':'Hm.','tool_calls':[{'function':{'name':'f','arguments':{'a':1}}},{'function':{'name':'g',"            \
        "'arguments':{}}}]},'done':true,'done_reason':'stop','prompt_eval_count':30,'eval_count':12}"
#define TEXTS "{'type':'text','text':'Gr\xc3\xbc\xc3\x9f'},"

static const struct {
        WireFormat from, to;
        const char *expected;
        WireUsage usage;
} answers[] = {
        { WIRE_OPENAI, WIRE_ANTHROPIC,
          AS_ANTHROPIC("chatcmpl-9", "call_9_0", "call_9_1", "{'input_tokens':20,'cache_creation_input_tokens':0,"
                       "'cache_read_input_tokens':10,'output_tokens':12}"), { 30, 12, 10, 0, 5, true } },
        { WIRE_OPENAI, WIRE_OLLAMA, AS_OLLAMA, { 30, 12, 10, 0, 5, true } },
        { WIRE_ANTHROPIC, WIRE_OPENAI,
          AS_OPENAI("msg_9", "toolu_0", "", "toolu_1", "'prompt_tokens_details':{'cached_tokens':10,'cache_write_tokens':8},"
                    "'completion_tokens_details':{'reasoning_tokens':0}"), { 30, 12, 10, 8, 0, true } },
        { WIRE_ANTHROPIC, WIRE_OLLAMA, AS_OLLAMA, { 30, 12, 10, 8, 0, true } },
        { WIRE_OLLAMA, WIRE_OPENAI,
          AS_OPENAI("own", "call_own_0", "", "call_own_1", "'prompt_tokens_details':{'cached_tokens':0},"
                    "'completion_tokens_details':{'reasoning_tokens':0}"), { 30, 12, 0, 0, 0, true } },
        { WIRE_OLLAMA, WIRE_ANTHROPIC,
          AS_ANTHROPIC("own", "call_own_0", "call_own_1", "{'input_tokens':30,'cache_creation_input_tokens':0,"
                       "'cache_read_input_tokens':0,'output_tokens':12}"), { 30, 12, 0, 0, 0, true } },
        { WIRE_GEMINI, WIRE_OPENAI,
          AS_OPENAI("r9", "call_r9_0", ",'extra_content':{'google':{'thought_signature':'c2ln'}}", "call_r9_1",
                    "'prompt_tokens_details':{'cached_tokens':10},'completion_tokens_details':{'reasoning_tokens':5}"),
          { 30, 12, 10, 0, 5, true } },
#undef TEXTS
#define TEXTS "{'type':'text','text':'Gr\xc3\xbc'},{'type':'text','text':'\xc3\x9f'},"
        { WIRE_GEMINI, WIRE_ANTHROPIC,
          AS_ANTHROPIC("r9", "call_r9_0", "call_r9_1", "{'input_tokens':20,'cache_creation_input_tokens':0,"
                       "'cache_read_input_tokens':10,'output_tokens':12}"), { 30, 12, 10, 0, 5, true } },
        { WIRE_GEMINI, WIRE_OLLAMA, AS_OLLAMA, { 30, 12, 10, 0, 5, true } },
};

static void expect_usage(const WireUsage *got, const WireUsage *expected, const char *what) {
        cr_expect_eq(got->in, expected->in, "%s: in %" PRIi64, what, got->in);
        cr_expect_eq(got->out, expected->out, "%s: out %" PRIi64, what, got->out);
        cr_expect_eq(got->cached, expected->cached, "%s: cached %" PRIi64, what, got->cached);
        cr_expect_eq(got->cache_write, expected->cache_write, "%s: cache_write %" PRIi64, what, got->cache_write);
        cr_expect_eq(got->reasoning, expected->reasoning, "%s: reasoning %" PRIi64, what, got->reasoning);
        cr_expect_eq(got->reported, expected->reported, "%s: reported", what);
}

/* What is said of the usage in its place: a call would be free by it. */
Test(wire_answer, usage_that_is_no_count) {
        static const struct {
                WireFormat from;
                const char *answer;
        } cases[] = {
                { WIRE_OPENAI, "{'choices':[{'index':0,'message':{'role':'assistant','content':'a'},'finish_reason':'stop'}],"
                               "'usage':{'prompt_tokens':%s,'completion_tokens':2}}" },
                { WIRE_ANTHROPIC, "{'type':'message','role':'assistant','content':[{'type':'text','text':'a'}],"
                                  "'stop_reason':'end_turn','usage':{'input_tokens':3,'output_tokens':%s}}" },
                { WIRE_OLLAMA, "{'message':{'role':'assistant','content':'a'},'done':true,'prompt_eval_count':%s,'eval_count':2}" },
                { WIRE_GEMINI, "{'candidates':[{'content':{'parts':[{'text':'a'}]},'finishReason':'STOP'}],"
                               "'usageMetadata':{'promptTokenCount':3,'candidatesTokenCount':%s}}" },
        };
        static const char *const figures[] = { "3", "-1", "-0.5", "'three'", "true", "[3]" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t k = 0; k < ELEMENTSOF(figures); k++) {
                        const char *at = strstr(cases[i].answer, "%s");
                        _cleanup_(freep) char *text = str_printf("%.*s%s%s", (int) (at - cases[i].answer), cases[i].answer, figures[k],
                                                                 at + 2);
                        _cleanup_(json_object_putp) json_object *answer = wire_json(text), *ret = NULL;
                        WireUsage usage = {};

                        cr_assert_eq(wire_answer(cases[i].from, WIRE_OPENAI, answer, NULL, "own", CREATED, &ret, &usage), 0, "%s", text);
                        cr_expect_eq(usage.reported, k == 0, "%s", text);
                }
}

Test(wire_answer, every_pair) {
        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                _cleanup_(json_object_putp) json_object *answer = wire_json(upstreams[answers[i].from]), *ret = NULL;
                _cleanup_(freep) char *what = str_printf("%s to %s", wire_format_to_string(answers[i].from),
                                                         wire_format_to_string(answers[i].to));
                WireUsage usage;

                cr_assert_eq(wire_answer(answers[i].from, answers[i].to, answer, "told", "own", CREATED, &ret, &usage), 0, "%s", what);
                wire_expect_json(ret, answers[i].expected, what);
                expect_usage(&usage, &answers[i].usage, what);
        }
}

/* The same formats: all of it stays. */
Test(wire_answer, passed) {
        for (WireFormat format = WIRE_OPENAI; format <= WIRE_OLLAMA; format++) {
                _cleanup_(json_object_putp) json_object *answer = wire_json(upstreams[format]), *ret = NULL;
                WireUsage usage = {};

                cr_assert_eq(wire_answer(format, format, answer, NULL, "own", CREATED, &ret, &usage), 0);
                wire_expect_json(ret, upstreams[format], wire_format_to_string(format));
                cr_expect_eq(usage.in, 30);
                cr_expect_eq(usage.out, 12);
        }
}

static const struct {
        WireFormat from;
        const char *answer;
        const char *openai, *anthropic, *ollama; /* why it ended */
} finishes[] = {
#define OPENAI_END(reason) "{'choices':[{'message':{'content':'x'},'finish_reason':'" reason "'}]}"
        { WIRE_OPENAI, OPENAI_END("stop"), NULL, "end_turn", "stop" },
        { WIRE_OPENAI, OPENAI_END("length"), NULL, "max_tokens", "length" },
        { WIRE_OPENAI, OPENAI_END("content_filter"), NULL, "refusal", "stop" },
#define ANTHROPIC_END(reason, sequence) \
        "{'type':'message','content':[{'type':'text','text':'x'}],'stop_reason':'" reason "','stop_sequence':" sequence "}"
        { WIRE_ANTHROPIC, ANTHROPIC_END("end_turn", "null"), "stop", NULL, "stop" },
        { WIRE_ANTHROPIC, ANTHROPIC_END("stop_sequence", "'END'"), "stop", NULL, "stop" },
        { WIRE_ANTHROPIC, ANTHROPIC_END("max_tokens", "null"), "length", NULL, "length" },
        { WIRE_ANTHROPIC, ANTHROPIC_END("refusal", "null"), "content_filter", NULL, "stop" },
#define OLLAMA_END(reason) "{'message':{'content':'x'},'done':true,'done_reason':'" reason "'}"
        { WIRE_OLLAMA, OLLAMA_END("stop"), "stop", "end_turn", NULL },
        { WIRE_OLLAMA, OLLAMA_END("length"), "length", "max_tokens", NULL },
#define GEMINI_END(reason) "{'candidates':[{'content':{'parts':[{'text':'x'}]},'finishReason':'" reason "'}]}"
        { WIRE_GEMINI, GEMINI_END("STOP"), "stop", "end_turn", "stop" },
        { WIRE_GEMINI, GEMINI_END("MAX_TOKENS"), "length", "max_tokens", "length" },
        { WIRE_GEMINI, GEMINI_END("SAFETY"), "content_filter", "refusal", "stop" },
        { WIRE_GEMINI, GEMINI_END("MALFORMED_FUNCTION_CALL"), "content_filter", "refusal", "stop" },
        { WIRE_GEMINI, "{'promptFeedback':{'blockReason':'SAFETY'}}", "content_filter", "refusal", "stop" },
};

static void expect_finish(size_t i, WireFormat to, const char *expected) {
        _cleanup_(json_object_putp) json_object *answer = wire_json(finishes[i].answer), *ret = NULL;
        WireUsage usage = { .reported = true };
        json_object *place;
        const char *key = to == WIRE_OPENAI ? "finish_reason" : to == WIRE_ANTHROPIC ? "stop_reason" : "done_reason";

        if (!expected)
                return;
        cr_assert_eq(wire_answer(finishes[i].from, to, answer, NULL, NULL, CREATED, &ret, &usage), 0, "%zu", i);
        place = to == WIRE_OPENAI ? json_object_array_get_idx(json_object_object_get(ret, "choices"), 0) : ret;
        cr_expect_str_eq(json_object_get_string(json_object_object_get(place, key)), expected, "%zu to %s", i,
                         wire_format_to_string(to));
        cr_expect(!usage.reported, "%zu: it said nothing of usage", i);
        cr_expect_null(json_object_object_get(ret, to == WIRE_OLLAMA ? "eval_count" : to == WIRE_OPENAI ? "usage" : "none"));
}

Test(wire_answer, finishes) {
        for (size_t i = 0; i < ELEMENTSOF(finishes); i++) {
                expect_finish(i, WIRE_OPENAI, finishes[i].openai);
                expect_finish(i, WIRE_ANTHROPIC, finishes[i].anthropic);
                expect_finish(i, WIRE_OLLAMA, finishes[i].ollama);
        }
}

static void expect_no_answer(const char *text, int error) {
        for (WireFormat from = 0; from < _WIRE_MAX; from++)
                for (WireFormat to = WIRE_OPENAI; to <= WIRE_OLLAMA; to++) {
                        _cleanup_(json_object_putp) json_object *answer = wire_json(text), *ret = NULL;
                        WireUsage usage;
                        size_t bytes;

                        cr_expect_eq(wire_answer(from, to, answer, NULL, NULL, 0, &ret, &usage), error, "%s from %s", text,
                                     wire_format_to_string(from));
                        cr_expect_eq(wire_answer_content_bytes(from, answer, &bytes), error);
                }
}

Test(wire_answer, no_answers) {
        static const char *const none[] = {
                "{}", "[]", "'text'", "{'choices':[]}", "{'choices':[{}]}", "{'type':'message'}", "{'message':'x'}", "{'candidates':[]}",
        };
        static const char *const failures[] = {
                "{'error':{'message':'no'}}", "{'error':'no','message':{},'choices':[{'message':{}}],'candidates':[{}]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(none); i++)
                expect_no_answer(none[i], -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(failures); i++)
                expect_no_answer(failures[i], -EREMOTEIO);
}

/* Arguments that are no object can only be told to OpenAI's clients. */
Test(wire_answer, broken_arguments) {
        _cleanup_(json_object_putp) json_object *ret = NULL,
                *answer = wire_json("{'choices':[{'message':{'content':null,'tool_calls':[{'id':'c','type':'function','function':{"
                                    "'name':'f','arguments':'{\\\"a\\\":'}}]},'finish_reason':'tool_calls'}]}");
        WireUsage usage;

        cr_expect_eq(wire_answer(WIRE_OPENAI, WIRE_ANTHROPIC, answer, NULL, "i", 0, &ret, &usage), -EBADMSG);
        cr_expect_eq(wire_answer(WIRE_OPENAI, WIRE_OLLAMA, answer, NULL, "i", 0, &ret, &usage), -EBADMSG);
        cr_expect_eq(wire_answer(WIRE_OPENAI, WIRE_OPENAI, answer, NULL, "i", 0, &ret, &usage), 0);
}

static const struct {
        WireFormat to;
        unsigned status;
        const char *type, *code, *expected;
} errors[] = {
        { WIRE_OPENAI, 400, NULL, NULL, "{'error':{'message':'m','type':'invalid_request_error','param':null,'code':null}}" },
        { WIRE_OPENAI, 401, NULL, NULL, "{'error':{'message':'m','type':'invalid_request_error','param':null,'code':'invalid_api_key'}}" },
        { WIRE_OPENAI, 429, NULL, NULL, "{'error':{'message':'m','type':'requests','param':null,'code':'rate_limit_exceeded'}}" },
        { WIRE_OPENAI, 429, "insufficient_quota", "insufficient_quota",
          "{'error':{'message':'m','type':'insufficient_quota','param':null,'code':'insufficient_quota'}}" },
        { WIRE_OPENAI, 502, NULL, NULL, "{'error':{'message':'m','type':'server_error','param':null,'code':null}}" },
        { WIRE_ANTHROPIC, 400, NULL, NULL, "{'type':'error','error':{'type':'invalid_request_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 401, NULL, NULL, "{'type':'error','error':{'type':'authentication_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 403, NULL, NULL, "{'type':'error','error':{'type':'permission_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 404, NULL, NULL, "{'type':'error','error':{'type':'not_found_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 413, NULL, NULL, "{'type':'error','error':{'type':'request_too_large','message':'m'}}" },
        { WIRE_ANTHROPIC, 429, NULL, NULL, "{'type':'error','error':{'type':'rate_limit_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 500, NULL, NULL, "{'type':'error','error':{'type':'api_error','message':'m'}}" },
        { WIRE_ANTHROPIC, 529, NULL, NULL, "{'type':'error','error':{'type':'overloaded_error','message':'m'}}" },
        { WIRE_OLLAMA, 404, NULL, NULL, "{'error':'m'}" },
        { WIRE_GEMINI, 400, "INVALID_ARGUMENT", NULL, "{'error':{'code':400,'message':'m','status':'INVALID_ARGUMENT'}}" },
};

Test(wire_answer, errors) {
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                _cleanup_(json_object_putp) json_object *json = wire_error(errors[i].to, errors[i].status, errors[i].type,
                                                                          errors[i].code, "m");
                _cleanup_(freep) char *back = wire_error_message(errors[i].to, json);

                wire_expect_json(json, errors[i].expected, "error");
                cr_expect_str_eq(back, "m");
        }
}

Test(wire_answer, error_messages) {
        static const struct {
                const char *body, *message;
        } cases[] = {
                { "{'error':{'message':'a'}}", "a" },  { "{'error':'b'}", "b" }, { "{'object':'error','message':'c'}", "c" },
                { "{'detail':'d'}", "d" },             { "[{'error':{'code':400,'message':'e'}}]", "e" },
                { "{'error':{}}", NULL },              { "{}", NULL },           { "[]", NULL },
                { "{'error':{'message':''}}", NULL },  { "{'error':{'message':5}}", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *body = wire_json(cases[i].body);
                _cleanup_(freep) char *message = wire_error_message(WIRE_OPENAI, body);

                cr_expect(cases[i].message ? message && streq(message, cases[i].message) : !message, "%s", cases[i].body);
        }
        cr_expect_null(wire_error_message(WIRE_OPENAI, NULL));
}

Test(wire_answer, paths_and_fields) {
        static const struct {
                WireFormat to;
                bool stream;
                const char *model, *path, *auth, *type;
        } cases[] = {
                { WIRE_OPENAI, true, "m", "/chat/completions", "Authorization: Bearer k", "text/event-stream" },
                { WIRE_ANTHROPIC, true, "m", "/v1/messages", "x-api-key: k", "text/event-stream" },
                { WIRE_OLLAMA, true, "m", "/api/chat", "Authorization: Bearer k", "application/x-ndjson" },
                { WIRE_OLLAMA, false, "m", "/api/chat", "Authorization: Bearer k", "application/json" },
                { WIRE_GEMINI, false, "gemini-2.5", "/v1beta/models/gemini-2.5:generateContent", "x-goog-api-key: k", "application/json" },
                { WIRE_GEMINI, true, "models/g", "/v1beta/models/g:streamGenerateContent?alt=sse", "x-goog-api-key: k", "text/event-stream" },
                { WIRE_GEMINI, false, "../a?b", "/v1beta/models/..%2Fa%3Fb:generateContent", "x-goog-api-key: k", "application/json" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *path = wire_path(cases[i].to, cases[i].model, cases[i].stream);
                _cleanup_(freep) char *auth = wire_auth(cases[i].to, "k");

                cr_expect_str_eq(path, cases[i].path);
                cr_expect_str_eq(auth, cases[i].auth);
                cr_expect_str_eq(wire_content_type(cases[i].to, cases[i].stream), cases[i].type);
        }
        cr_expect_str_eq(wire_extra_field(WIRE_ANTHROPIC), "anthropic-version: 2023-06-01");
        cr_expect_null(wire_extra_field(WIRE_OPENAI));
        for (WireFormat format = 0; format < _WIRE_MAX; format++)
                cr_expect_eq(wire_format_from_string(wire_format_to_string(format)), (int) format);
        cr_expect_eq(wire_format_from_string("OpenAI"), -EINVAL);
        cr_expect_eq(wire_format_from_string(NULL), -EINVAL);
        cr_expect_null(wire_format_to_string(_WIRE_MAX));
}
