/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "basic/string-util.h"
#include "wire-feed.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

static const struct {
        WireFormat from;
        const char *body;
        WireAsk ask; /* prompt_bytes: without the 8 of each message */
} asks[] = {
        { WIRE_OPENAI, "{'messages':[{'role':'user','content':'four'}]}", { .max_tokens = -1, .choices = 1, .prompt_bytes = 4 } },
        { WIRE_OPENAI,
          "{'model':'m','user':'u','stream':true,'n':3,'max_completion_tokens':9,'reasoning_effort':'low',"
          "'response_format':{'type':'json_object'},'messages':[{'role':'user','content':[{'type':'text','text':'\xc3\xbc'},"
          "{'type':'image_url','image_url':{'url':'data:image/png;base64,AAAA'}}]}]}",
          { .model = "m", .user = "u", .stream = true, .choices = 3, .max_tokens = 9, .reasoning = true, .json = true, .vision = true,
            .n_images = 1, .prompt_bytes = 2 + strlen("{\"type\":\"json_object\"}") } },
        { WIRE_OPENAI, "{'messages':[{'role':'user','content':'q'}],'tools':[{'a':1}],'max_tokens':5,'reasoning_effort':'none'}",
          { .tools = true, .max_tokens = 5, .choices = 1, .prompt_bytes = 1 + strlen("[{\"a\":1}]") } },
        { WIRE_ANTHROPIC,
          "{'model':'m','system':'sys','max_tokens':5,'metadata':{'user_id':'u'},'thinking':{'type':'enabled','budget_tokens':1024},"
          "'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'x','content':[{'type':'text','text':'12'},"
          "{'type':'image','source':{}}]}]}]}",
          { .model = "m", .user = "u", .max_tokens = 5, .choices = 1, .reasoning = true, .vision = true, .n_images = 1,
            .prompt_bytes = 5 } },
        { WIRE_ANTHROPIC, "{'messages':[{'role':'user','content':'q'}],'output_config':{'format':{}}}",
          { .max_tokens = -1, .choices = 1, .json = true, .prompt_bytes = 1 + strlen("{\"format\":{}}") } },
        { WIRE_OLLAMA, "{'model':'m','messages':[{'role':'user','content':'q','images':['AAAA','BBBB']}],'think':true}",
          { .model = "m", .stream = true, .max_tokens = -1, .choices = 1, .vision = true, .n_images = 2, .reasoning = true,
            .prompt_bytes = 1 } },
        { WIRE_OLLAMA, "{'messages':[{'role':'user','content':'q'}],'stream':false,'format':'json','options':{'num_predict':7}}",
          { .max_tokens = 7, .choices = 1, .json = true, .prompt_bytes = 5 } },
        { WIRE_OLLAMA, "{'messages':[{'role':'user','content':'q'}],'stream':false,'options':{'num_predict':-1}}",
          { .max_tokens = -1, .choices = 1, .prompt_bytes = 1 } },
};

Test(wire_ask, asks) {
        for (size_t i = 0; i < ELEMENTSOF(asks); i++) {
                _cleanup_(json_object_putp) json_object *body = wire_json(asks[i].body);
                _cleanup_(freep) char *why = NULL;
                const WireAsk *expected = &asks[i].ask;
                WireAsk ask;

                cr_assert_eq(wire_ask(asks[i].from, body, &ask, &why), 0, "%zu: %s", i, strna(why));
                cr_expect_str_eq(strempty(ask.model), strempty(expected->model), "%zu", i);
                cr_expect_str_eq(strempty(ask.user), strempty(expected->user), "%zu", i);
                cr_expect_eq(ask.stream, expected->stream, "%zu", i);
                cr_expect_eq(ask.tools, expected->tools, "%zu", i);
                cr_expect_eq(ask.vision, expected->vision, "%zu", i);
                cr_expect_eq(ask.json, expected->json, "%zu", i);
                cr_expect_eq(ask.reasoning, expected->reasoning, "%zu", i);
                cr_expect_eq(ask.max_tokens, expected->max_tokens, "%zu: %" PRIi64, i, ask.max_tokens);
                cr_expect_eq(ask.prompt_bytes, expected->prompt_bytes + 8, "%zu: %zu", i, ask.prompt_bytes);
                cr_expect_eq(ask.n_images, expected->n_images, "%zu", i);
                cr_expect_eq(ask.choices, expected->choices, "%zu", i);
        }
}

#define Q "'messages':[{'role':'user','content':'q'}]"

Test(wire_ask, refused) {
        static const struct {
                WireFormat from;
                const char *body, *why;
        } cases[] = {
                { WIRE_OPENAI, "[]", "the body: an object is expected" },
                { WIRE_OPENAI, "{}", "messages: an array is expected" },
                { WIRE_OPENAI, "{'messages':[]}", "messages: there is none" },
                { WIRE_OPENAI, "{'messages':['q']}", "messages[0]: an object is expected" },
                { WIRE_OPENAI, "{'messages':[{'content':'q'}]}", "messages[0].role: a string is expected" },
                { WIRE_OPENAI, "{'messages':[{'role':'user','content':5}]}", "messages[0].content: a string or an array is expected" },
                { WIRE_OPENAI, "{'messages':[{'role':'user','content':[5]}]}", "messages[0].content[0].type: a string is expected" },
                { WIRE_OPENAI, "{'messages':[{'role':'user','content':[{'type':'image_url'}]}]}",
                  "messages[0].content[0].image_url: is missing" },
                { WIRE_OPENAI, "{'model':5," Q "}", "model: a string is expected" },
                { WIRE_OPENAI, "{'stream':'yes'," Q "}", "stream: true or false is expected" },
                { WIRE_OPENAI, "{'tools':{}," Q "}", "tools: an array is expected" },
                { WIRE_OPENAI, "{'max_tokens':0," Q "}", "max_tokens: a whole number from 1 on is expected" },
                { WIRE_OPENAI, "{'max_completion_tokens':1.5," Q "}", "max_completion_tokens: a whole number from 1 on is expected" },
                { WIRE_OPENAI, "{'n':129," Q "}", "n: a whole number from 1 to 128 is expected" },
                { WIRE_ANTHROPIC, "{'system':5," Q "}", "system: a string or an array is expected" },
                { WIRE_ANTHROPIC, "{'messages':[{'role':'user'}]}", "messages[0].content: a string or an array is expected" },
                { WIRE_ANTHROPIC, "{'messages':[{'role':'user','content':[{'type':'image'}]}]}",
                  "messages[0].content[0].source: an object is expected" },
                { WIRE_ANTHROPIC, "{'max_tokens':-1," Q "}", "max_tokens: a whole number from 1 on is expected" },
                { WIRE_OLLAMA, "{'messages':[{'role':'user','content':[]}]}", "messages[0].content: a string is expected" },
                { WIRE_OLLAMA, "{'options':5," Q "}", "options: an object is expected" },
                { WIRE_OLLAMA, "{'options':{'num_predict':'x'}," Q "}", "options.num_predict: a whole number is expected" },
                { WIRE_GEMINI, "{}", "no client speaks this format" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_object_putp) json_object *body = wire_json(cases[i].body);
                _cleanup_(freep) char *why = NULL;
                WireAsk ask = { .n_images = 77 };

                cr_expect_eq(wire_ask(cases[i].from, body, &ask, &why), -EBADMSG, "%s", cases[i].body);
                cr_expect_str_eq(strempty(why), cases[i].why);
                cr_expect_eq(ask.n_images, 77);
        }
}
