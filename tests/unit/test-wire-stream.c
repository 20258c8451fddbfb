/* SPDX-License-Identifier: MIT */

/* Each upstream's stream as each client has it, however its bytes are split. */

#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "wire-feed.h"
#include "wire-streams.h"

#define CREATED 1764400000

/* As the gateway writes them. */
#define TO_OPENAI_CHUNK(id, choices, usage)                                                                     \
        "data: {'id':'" id "','object':'chat.completion.chunk','created':1764400000,'model':'told','choices':" \
        choices usage "}\n\n"
#define TO_OPENAI(id, delta, finish) \
        TO_OPENAI_CHUNK(id, "[{'index':0,'delta':" delta ",'logprobs':null,'finish_reason':" finish "}]", ",'usage':null")
#define TO_OPENAI_CALL(id, call, name, index, signature)                                                              \
        TO_OPENAI(id, "{'tool_calls':[{'id':'" call "','type':'function','function':{'name':'" name "','arguments':''}" \
                  signature ",'index':" index "}]}", "null")
#define TO_OPENAI_ARGUMENTS(id, index, text) \
        TO_OPENAI(id, "{'tool_calls':[{'function':{'arguments':'" text "'},'index':" index "}]}", "null")
#define TO_OPENAI_STREAM(id, first, arguments, second, signature, usage)                                                  \
        TO_OPENAI(id, "{'role':'assistant','content':''}", "null")                                                        \
        TO_OPENAI(id, "{'reasoning_content':'Hm'}", "null") TO_OPENAI(id, "{'reasoning_content':'.'}", "null")            \
        TO_OPENAI(id, "{'content':'Gr\xc3\xbc\xc3\x9f '}", "null") TO_OPENAI(id, "{'content':'\xf0\x9f\x98\x80'}", "null") \
        TO_OPENAI_CALL(id, first, "f", "0", signature) arguments TO_OPENAI_CALL(id, second, "g", "1", "")                 \
        TO_OPENAI_ARGUMENTS(id, "1", "{}") TO_OPENAI(id, "{}", "'tool_calls'")                                            \
        TO_OPENAI_CHUNK(id, "[]", ",'usage':{'prompt_tokens':30,'completion_tokens':12,'total_tokens':42," usage "}")     \
        "data: [DONE]\n\n"
#define IN_TWO(macro, id, index) macro(id, index, "{\\\"a\\\":") macro(id, index, "\\\"}\\\"}")
#define IN_ONE(macro, id, index) macro(id, index, "{\\\"a\\\":\\\"}\\\"}")

#define TO_ANTHROPIC_ARGUMENTS(id, index, text) \
        ANTHROPIC_DELTA(index, "{'type':'input_json_delta','partial_json':'" text "'}")
#define TO_ANTHROPIC_HEAD(id)                                                                                              \
        ANTHROPIC_EVENT("message_start", ",'message':{'id':'" id "','type':'message','role':'assistant','model':'told',"   \
                        "'content':[],'stop_reason':null,'stop_sequence':null,'usage':{'input_tokens':0,"                  \
                        "'cache_creation_input_tokens':0,'cache_read_input_tokens':0,'output_tokens':0}}")
#define TO_ANTHROPIC_END(reason, in, cached)                                                                     \
        ANTHROPIC_EVENT("message_delta", ",'delta':{'stop_reason':'" reason "','stop_sequence':null},'usage':{" \
                        "'input_tokens':" in ",'cache_creation_input_tokens':0,'cache_read_input_tokens':" cached ",'output_tokens':12}") \
        ANTHROPIC_EVENT("message_stop", "")
#define TO_ANTHROPIC_CALL(index, id, name) ANTHROPIC_START(index, "{'type':'tool_use','id':'" id "','name':'" name "','input':{}}")
#define TO_ANTHROPIC_STREAM(id, first, arguments, second, in, cached)                                       \
        TO_ANTHROPIC_HEAD(id) ANTHROPIC_START("0", "{'type':'thinking','thinking':'','signature':''}")      \
        ANTHROPIC_DELTA("0", "{'type':'thinking_delta','thinking':'Hm'}")                                   \
        ANTHROPIC_DELTA("0", "{'type':'thinking_delta','thinking':'.'}") ANTHROPIC_STOP("0")                \
        ANTHROPIC_START("1", "{'type':'text','text':''}")                                                   \
        ANTHROPIC_DELTA("1", "{'type':'text_delta','text':'Gr\xc3\xbc\xc3\x9f '}")                          \
        ANTHROPIC_DELTA("1", "{'type':'text_delta','text':'\xf0\x9f\x98\x80'}") ANTHROPIC_STOP("1")         \
        TO_ANTHROPIC_CALL("2", first, "f") arguments ANTHROPIC_STOP("2")                                    \
        TO_ANTHROPIC_CALL("3", second, "g") TO_ANTHROPIC_ARGUMENTS(id, "3", "{}") ANTHROPIC_STOP("3")       \
        TO_ANTHROPIC_END("tool_use", in, cached)

#define TO_OLLAMA(message, more) \
        "{'model':'told','created_at':'2025-11-29T07:06:40Z','message':{'role':'assistant','content':" message "}," more "}\n"
#define TO_OLLAMA_STREAM                                                                                            \
        TO_OLLAMA("'','thinking':'Hm'", "'done':false") TO_OLLAMA("'','thinking':'.'", "'done':false")              \
        TO_OLLAMA("'Gr\xc3\xbc\xc3\x9f '", "'done':false") TO_OLLAMA("'\xf0\x9f\x98\x80'", "'done':false")          \
        TO_OLLAMA("'','tool_calls':[{'function':{'name':'f','arguments':{'a':'}'}}},{'function':{'name':'g',"       \
                  "'arguments':{}}}]", "'done':false")                                                              \
        TO_OLLAMA("''", "'done':true,'done_reason':'stop','prompt_eval_count':30,'eval_count':12")

#define DETAILS(prompt, reasoning) \
        "'prompt_tokens_details':{" prompt "},'completion_tokens_details':{'reasoning_tokens':" reasoning "}"

static const struct {
        WireFormat from, to;
        const char *stream, *expected;
        WireUsage usage;
} streams[] = {
        { WIRE_OPENAI, WIRE_OPENAI, OPENAI_STREAM, OPENAI_STREAM, { 30, 12, 10, 0, 5, true } },
        { WIRE_OPENAI, WIRE_ANTHROPIC, OPENAI_STREAM,
          TO_ANTHROPIC_STREAM("chatcmpl-9", "call_9_0", IN_TWO(TO_ANTHROPIC_ARGUMENTS, "", "2"), "call_9_1", "20", "10"),
          { 30, 12, 10, 0, 5, true } },
        { WIRE_OPENAI, WIRE_OLLAMA, OPENAI_STREAM, TO_OLLAMA_STREAM, { 30, 12, 10, 0, 5, true } },
        { WIRE_ANTHROPIC, WIRE_OPENAI, ANTHROPIC_STREAM,
          TO_OPENAI_STREAM("msg_9", "toolu_0", IN_TWO(TO_OPENAI_ARGUMENTS, "msg_9", "0"), "toolu_1", "",
                           DETAILS("'cached_tokens':10,'cache_write_tokens':8", "0")), { 30, 12, 10, 8, 0, true } },
        { WIRE_ANTHROPIC, WIRE_ANTHROPIC, ANTHROPIC_STREAM, ANTHROPIC_STREAM, { 30, 12, 10, 8, 0, true } },
        { WIRE_ANTHROPIC, WIRE_OLLAMA, ANTHROPIC_STREAM, TO_OLLAMA_STREAM, { 30, 12, 10, 8, 0, true } },
        { WIRE_OLLAMA, WIRE_OPENAI, OLLAMA_STREAM,
          TO_OPENAI_STREAM("own", "call_own_0", IN_ONE(TO_OPENAI_ARGUMENTS, "own", "0"), "call_own_1", "",
                           DETAILS("'cached_tokens':0", "0")), { 30, 12, 0, 0, 0, true } },
        { WIRE_OLLAMA, WIRE_ANTHROPIC, OLLAMA_STREAM,
          TO_ANTHROPIC_STREAM("own", "call_own_0", IN_ONE(TO_ANTHROPIC_ARGUMENTS, "", "2"), "call_own_1", "30", "0"),
          { 30, 12, 0, 0, 0, true } },
        { WIRE_OLLAMA, WIRE_OLLAMA, OLLAMA_STREAM, OLLAMA_STREAM, { 30, 12, 0, 0, 0, true } },
        { WIRE_GEMINI, WIRE_OPENAI, GEMINI_STREAM,
          TO_OPENAI_STREAM("r9", "call_r9_0", IN_ONE(TO_OPENAI_ARGUMENTS, "r9", "0"), "call_r9_1",
                           ",'extra_content':{'google':{'thought_signature':'c2ln'}}", DETAILS("'cached_tokens':10", "5")),
          { 30, 12, 10, 0, 5, true } },
        { WIRE_GEMINI, WIRE_ANTHROPIC, GEMINI_STREAM,
          TO_ANTHROPIC_STREAM("r9", "call_r9_0", IN_ONE(TO_ANTHROPIC_ARGUMENTS, "", "2"), "call_r9_1", "20", "10"),
          { 30, 12, 10, 0, 5, true } },
        { WIRE_GEMINI, WIRE_OLLAMA, GEMINI_STREAM, TO_OLLAMA_STREAM, { 30, 12, 10, 0, 5, true } },
};

static WireFed feed(WireFormat from, WireFormat to, const char *stream) {
        WireStreamOptions options = {
                .from = from, .to = to, .model = "told", .id = "own", .created = CREATED, .include_usage = true,
        };
        _cleanup_(freep) char *quoted = wire_quoted(stream);

        return wire_feed(&options, quoted, strlen(quoted));
}

static void expect_text(const WireFed *fed, const char *expected, const char *what) {
        _cleanup_(freep) char *quoted = wire_quoted(expected);

        cr_expect_str_eq(fed->text, quoted, "%s:\n%s", what, fed->text);
}

Test(wire_stream, every_pair) {
        for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
                _cleanup_(wire_fed_done) WireFed fed = feed(streams[i].from, streams[i].to, streams[i].stream);
                _cleanup_(freep) char *what = str_printf("%s to %s", wire_format_to_string(streams[i].from),
                                                         wire_format_to_string(streams[i].to));

                cr_expect_eq(fed.r, 0, "%s", what);
                cr_expect_eq(fed.state, WIRE_ENDED, "%s", what);
                expect_text(&fed, streams[i].expected, what);
                cr_expect_eq(fed.usage.in, streams[i].usage.in, "%s", what);
                cr_expect_eq(fed.usage.out, streams[i].usage.out, "%s", what);
                cr_expect_eq(fed.usage.cached, streams[i].usage.cached, "%s", what);
                cr_expect_eq(fed.usage.cache_write, streams[i].usage.cache_write, "%s", what);
                cr_expect_eq(fed.usage.reasoning, streams[i].usage.reasoning, "%s", what);
                cr_expect(fed.usage.reported, "%s", what);
        }
}

/* Every line end that server-sent events may have: the client's is the same. */
Test(wire_stream, line_ends) {
        static const char *const ends[] = { "\r\n", "\r" };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                char *stream = NULL;
                size_t size;
                FILE *f = open_memstream(&stream, &size);

                (void) fputs("\xef\xbb\xbf", f); /* and a byte order mark */
                for (const char *c = OPENAI_STREAM; *c; c++)
                        (void) fputs(*c == '\n' ? ends[i] : (char[]) { *c, '\0' }, f);
                (void) fclose(f);
                {
                        _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_OLLAMA, stream);
                        _cleanup_(wire_fed_done) WireFed passed = feed(WIRE_OPENAI, WIRE_OPENAI, stream);

                        cr_expect_eq(fed.r, 0);
                        cr_expect_eq(fed.state, WIRE_ENDED);
                        expect_text(&fed, TO_OLLAMA_STREAM, i == 0 ? "CR LF" : "CR");
                        expect_text(&passed, stream, "passed");
                }
                free(stream);
        }
}

/* Fields that none of us needs, data in two lines, and no blank behind the colon. */
Test(wire_stream, fields_of_events) {
        _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_OLLAMA,
                "retry: 100\nid: 7\ndata:{'choices':[{'index':0,\ndata: 'delta':{'content':'x'}}]}\n: comment\nother\n\n\n"
                "data\n\nevent: a\n\n" OPENAI_DONE);

        cr_expect_eq(fed.state, WIRE_ENDED);
        expect_text(&fed, TO_OLLAMA("'x'", "'done':false") TO_OLLAMA("''", "'done':true,'done_reason':'stop'"), "fields");
}

/* Calls whose pieces are mixed: Anthropic's clients get one block behind the other all the same. */
Test(wire_stream, mixed_calls) {
        _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_ANTHROPIC,
                OPENAI_HEAD OPENAI_CALL("0", "a", "f") OPENAI_CALL("1", "b", "g") OPENAI_ARGUMENTS("1", "{\\\"x\\\"")
                OPENAI_ARGUMENTS("0", "{") OPENAI_CALL("2", "c", "h") OPENAI_ARGUMENTS("2", "{}") OPENAI_ARGUMENTS("1", ":1")
                OPENAI_DELTA("{'content':'t'}") OPENAI_ARGUMENTS("0", "}") OPENAI_ARGUMENTS("1", "}")
                OPENAI_FINISH("tool_calls") OPENAI_USAGE OPENAI_DONE);

        expect_text(&fed, TO_ANTHROPIC_HEAD("chatcmpl-9")
                TO_ANTHROPIC_CALL("0", "a", "f") TO_ANTHROPIC_ARGUMENTS("", "0", "{") TO_ANTHROPIC_ARGUMENTS("", "0", "}")
                ANTHROPIC_STOP("0") TO_ANTHROPIC_CALL("1", "b", "g") TO_ANTHROPIC_ARGUMENTS("", "1", "{\\\"x\\\"")
                TO_ANTHROPIC_ARGUMENTS("", "1", ":1") TO_ANTHROPIC_ARGUMENTS("", "1", "}") ANTHROPIC_STOP("1")
                TO_ANTHROPIC_CALL("2", "c", "h") TO_ANTHROPIC_ARGUMENTS("", "2", "{}") ANTHROPIC_STOP("2")
                ANTHROPIC_START("3", "{'type':'text','text':''}") ANTHROPIC_DELTA("3", "{'type':'text_delta','text':'t'}")
                ANTHROPIC_STOP("3") TO_ANTHROPIC_END("tool_use", "20", "10"), "mixed");
}

/* A call that the limit of tokens cut, with another that waited for it. */
Test(wire_stream, cut_call) {
        _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_ANTHROPIC,
                OPENAI_CALL("0", "a", "f") OPENAI_ARGUMENTS("0", "{\\\"x") OPENAI_CALL("1", "b", "g") OPENAI_FINISH("length")
                OPENAI_USAGE OPENAI_DONE);

        expect_text(&fed, TO_ANTHROPIC_HEAD("chatcmpl-9") TO_ANTHROPIC_CALL("0", "a", "f") TO_ANTHROPIC_ARGUMENTS("", "0", "{\\\"x")
                ANTHROPIC_STOP("0") TO_ANTHROPIC_CALL("1", "b", "g") ANTHROPIC_STOP("1")
                TO_ANTHROPIC_END("max_tokens", "20", "10"), "cut");
}

/* Upstreams that number every call 0, or none. */
Test(wire_stream, calls_without_numbers) {
#define WHOLE_CALL(index, id, name) \
        OPENAI_DELTA("{'tool_calls':[{" index "'id':'" id "','type':'function','function':{'name':'" name "','arguments':'{}'}}]}")
        static const char *const cases[] = {
                WHOLE_CALL("'index':0,", "a", "f") WHOLE_CALL("'index':0,", "b", "g") OPENAI_DONE,
                WHOLE_CALL("", "a", "f") WHOLE_CALL("", "b", "g") OPENAI_DONE,
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_OLLAMA, cases[i]);

                expect_text(&fed, TO_OLLAMA("'','tool_calls':[{'function':{'name':'f','arguments':{}}},{'function':{'name':'g',"
                                            "'arguments':{}}}]", "'done':false")
                            TO_OLLAMA("''", "'done':true,'done_reason':'stop'"), "calls");
        }
}

/* Ollama's clients have arguments as an object, so that they are none shows at the end. */
Test(wire_stream, broken_arguments) {
        _cleanup_(wire_fed_done) WireFed fed = feed(WIRE_OPENAI, WIRE_OLLAMA,
                OPENAI_DELTA("{'content':'x'}") OPENAI_CALL("0", "a", "f") OPENAI_ARGUMENTS("0", "{") OPENAI_FINISH("tool_calls")
                OPENAI_DONE);

        cr_expect_eq(fed.r, -EBADMSG);
        cr_expect_eq(fed.state, WIRE_CONTENT);
        expect_text(&fed, TO_OLLAMA("'x'", "'done':false") "{'error':'broken'}\n", "broken");
}

static const struct {
        WireFormat from, to;
        const char *stream, *error, *expected;
} failures[] = {
        /* Before content the client has nothing but the error. */
        { WIRE_OPENAI, WIRE_OPENAI, OPENAI_HEAD "data: {'error':{'message':'busy','type':'server_error'}}\n\n", "busy",
          "data: {'error':{'message':'busy','type':'server_error','param':null,'code':null}}\n\n" },
        { WIRE_ANTHROPIC, WIRE_ANTHROPIC,
          ANTHROPIC_HEAD ANTHROPIC_EVENT("error", ",'error':{'type':'overloaded_error','message':'Overloaded'}"), "Overloaded",
          ANTHROPIC_EVENT("error", ",'error':{'type':'api_error','message':'Overloaded'}") },
        { WIRE_OLLAMA, WIRE_OLLAMA, "{'error':'gone'}\n", "gone", "{'error':'gone'}\n" },
        { WIRE_OLLAMA, WIRE_ANTHROPIC, "{'error':'gone'}\n", "gone",
          ANTHROPIC_EVENT("error", ",'error':{'type':'api_error','message':'gone'}") },
        { WIRE_GEMINI, WIRE_OPENAI, "data: {'error':{'code':503,'message':'later','status':'UNAVAILABLE'}}\n\n", "later",
          "data: {'error':{'message':'later','type':'server_error','param':null,'code':null}}\n\n" },
        /* Behind content the error ends the stream; what follows is thrown away. */
        { WIRE_OPENAI, WIRE_OLLAMA, OPENAI_DELTA("{'content':'x'}") "data: {'error':{'message':'cut'}}\n\n" OPENAI_DONE, "cut",
          TO_OLLAMA("'x'", "'done':false") "{'error':'cut'}\n" },
        { WIRE_OLLAMA, WIRE_OLLAMA, OLLAMA_LINE("'content':'x'", "'done':false") "{'error':'cut'}\n" OLLAMA_END("stop"), "cut",
          OLLAMA_LINE("'content':'x'", "'done':false") "{'error':'cut'}\n" },
        { WIRE_OPENAI, WIRE_OPENAI, "data: {'error':{}}\n\n", "no reason given",
          "data: {'error':{'message':'no reason given','type':'server_error','param':null,'code':null}}\n\n" },
};

Test(wire_stream, failures) {
        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                _cleanup_(wire_fed_done) WireFed fed = feed(failures[i].from, failures[i].to, failures[i].stream);

                cr_expect_eq(fed.r, 0, "%zu", i);
                cr_expect_eq(fed.state, WIRE_FAILED, "%zu", i);
                cr_expect_str_eq(strempty(fed.error), failures[i].error, "%zu", i);
                expect_text(&fed, failures[i].expected, "failure");
        }
}

/* What is not of the format, behind an event that is: that one is told, and the error. */
Test(wire_stream, malformed) {
        static const struct {
                WireFormat from;
                const char *good, *bad;
        } cases[] = {
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: {'choices':\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: []\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: {'a':1}\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: {'choices':[5]}\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: {'choices':[]} x\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), "data: {'choices':[],'a':'\xff'}\n\n" },
                { WIRE_OPENAI, OPENAI_DELTA("{'content':'x'}"), OPENAI_ARGUMENTS("0", "{}") },
                { WIRE_ANTHROPIC, ANTHROPIC_DELTA("0", "{'type':'text_delta','text':'x'}"), "data: {'a':1}\n\n" },
                { WIRE_ANTHROPIC, ANTHROPIC_DELTA("0", "{'type':'text_delta','text':'x'}"), ANTHROPIC_EVENT("content_block_delta", "") },
                { WIRE_OLLAMA, OLLAMA_LINE("'content':'x'", "'done':false"), "<html>\n" },
                { WIRE_OLLAMA, OLLAMA_LINE("'content':'x'", "'done':false"), "{}\n" },
                { WIRE_GEMINI, GEMINI_EVENT("{'text':'x'}", "") "}\r\n\r\n", "data: {}\r\n\r\n" },
                { WIRE_GEMINI, GEMINI_EVENT("{'text':'x'}", "") "}\r\n\r\n",
                  GEMINI_EVENT("{'functionCall':{}}", "") "}\r\n\r\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(freep) char *stream = str_printf("%s%s%s", cases[i].good, cases[i].bad, cases[i].good);
                _cleanup_(wire_fed_done) WireFed fed = feed(cases[i].from, cases[i].from == WIRE_OLLAMA ? WIRE_OPENAI : WIRE_OLLAMA, stream);

                cr_expect_eq(fed.r, -EBADMSG, "%zu", i);
                cr_expect_eq(fed.state, WIRE_CONTENT, "%zu", i);
                if (cases[i].from != WIRE_OLLAMA)
                        expect_text(&fed, TO_OLLAMA("'x'", "'done':false") "{'error':'broken'}\n", "malformed");
        }
}

/* One byte more than an event may have. */
Test(wire_stream, event_max) {
        static const char before[] = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", after[] = "\"}}]}\n\n";

        for (unsigned more = 0; more < 2; more++) {
                _cleanup_(wire_stream_freep) WireStream *ws = NULL;
                size_t filling = WIRE_EVENT_MAX - strlen(before) - strlen(after) + more, size;
                _cleanup_(freep) char *event = malloc(WIRE_EVENT_MAX + 2);
                char *end = mempcpy(event, before, strlen(before));

                cr_assert_eq(wire_stream_new(&(WireStreamOptions) { .from = WIRE_OPENAI, .to = WIRE_OPENAI }, &ws), 0);
                (void) memset(end, 'x', filling);
                (void) memcpy(end + filling, after, strlen(after));
                cr_expect_eq(wire_stream_feed(ws, event, WIRE_EVENT_MAX / 2), 0);
                cr_expect_eq(wire_stream_feed(ws, event + WIRE_EVENT_MAX / 2, WIRE_EVENT_MAX / 2 + more), more ? -EFBIG : 0);
                (void) wire_stream_output(ws, &size);
                cr_expect_eq(size, more ? 0 : WIRE_EVENT_MAX);
                if (more) /* it stays so */
                        cr_expect_eq(wire_stream_feed(ws, "\n\n", 2), -EFBIG);
        }
}

/* An upstream that sends no end of comments before its answer may not fill the memory. */
Test(wire_stream, comments_before_content) {
        _cleanup_(wire_stream_freep) WireStream *ws = NULL;
        char comment[64 * 1024];
        size_t fed = 0;
        int r = 0;

        (void) memset(comment, ':', sizeof(comment));
        (void) memcpy(comment + sizeof(comment) - 2, "\n\n", 2);
        cr_assert_eq(wire_stream_new(&(WireStreamOptions) { .from = WIRE_OPENAI, .to = WIRE_OPENAI }, &ws), 0);
        while (r == 0 && fed < 2 * WIRE_EVENT_MAX) {
                r = wire_stream_feed(ws, comment, sizeof(comment));
                fed += sizeof(comment);
        }
        cr_expect_eq(r, -EFBIG);
        cr_expect_eq(fed, WIRE_EVENT_MAX + sizeof(comment));
}

Test(wire_stream, ended) {
        _cleanup_(wire_stream_freep) WireStream *ws = NULL;
        const char *output;
        size_t size;

        cr_expect_eq(wire_stream_new(&(WireStreamOptions) { .from = WIRE_OPENAI, .to = WIRE_GEMINI }, &ws), -EINVAL);
        cr_expect_eq(wire_stream_new(&(WireStreamOptions) { .from = _WIRE_MAX, .to = WIRE_OPENAI }, &ws), -EINVAL);
        cr_assert_eq(wire_stream_new(&(WireStreamOptions) { .from = WIRE_OPENAI, .to = WIRE_OPENAI }, &ws), 0);
        cr_expect_eq(wire_stream_feed(ws, "data: [DONE]\n\ndata: {", 21), 0);
        cr_expect_eq(wire_stream_state(ws), WIRE_ENDED);
        cr_expect_eq(wire_stream_feed(ws, "nonsense\n\n", 10), 0, "what follows the end is thrown away");
        cr_expect_eq(wire_stream_fail(ws, 500, NULL, "late"), 0);
        output = wire_stream_output(ws, &size);
        cr_assert_eq(size, strlen("data: [DONE]\n\n"));
        cr_expect_eq(memcmp(output, "data: [DONE]\n\n", size), 0);
        cr_expect_null(wire_stream_error(ws));
        cr_expect(!wire_stream_usage(ws)->reported);
}
