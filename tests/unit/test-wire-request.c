/* SPDX-License-Identifier: MIT */

/* Each client's requests as each upstream has them; see test-wire-pass.c for those that pass. */

#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "wire-feed.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

typedef struct Case {
        WireFormat from, to;
        const char *body, *expected; /* NULL: refused */
        const char *why;
} Case;

#define SCHEMA "{'type':'object','properties':{'city':{'type':'string'}},'required':['city']}"
#define PNG "iVBORw0KGgoAAAANSUhEUg=="

/* One conversation with all that each format has a word for, as each of them says it. */
#define OPENAI_FULL                                                                                                        \
        "{'model':'a','stream':true,'messages':[{'role':'system','content':'Be brief.'},"                                 \
        "{'role':'user','content':[{'type':'text','text':'What is it?'},"                                                  \
        "{'type':'image_url','image_url':{'url':'data:image/png;base64," PNG "','detail':'low'}}]},"                      \
        "{'role':'assistant','content':null,'tool_calls':["                                                                \
        "{'id':'call_1','type':'function','function':{'name':'weather','arguments':'{\\\"city\\\":\\\"Bern\\\"}'}},"       \
        "{'id':'call_2','type':'function','function':{'name':'time','arguments':''}}]},"                                   \
        "{'role':'tool','tool_call_id':'call_1','content':'sunny'},"                                                       \
        "{'role':'tool','tool_call_id':'call_2','content':[{'type':'text','text':'10:00'},{'type':'text','text':'CET'}]}," \
        "{'role':'user','content':'Thanks'}],"                                                                             \
        "'tools':[{'type':'function','function':{'name':'weather','description':'The weather','parameters':" SCHEMA "}},"  \
        "{'type':'function','function':{'name':'time'}}],"                                                                 \
        "'temperature':0.5,'top_p':0.9,'stop':'END','max_tokens':4000,'user':'u1','metadata':{'x':'y'},'logprobs':false}"

static const Case full[] = {
        { WIRE_OPENAI, WIRE_ANTHROPIC, OPENAI_FULL, "" },
        { WIRE_OPENAI, WIRE_OLLAMA, OPENAI_FULL, "" },
        { WIRE_OPENAI, WIRE_GEMINI, OPENAI_FULL, "" },
};

static void check(const Case *c, size_t i) {
        _cleanup_(json_object_putp) json_object *body = wire_json(c->body), *before = wire_json(c->body), *ret = NULL;
        _cleanup_(freep) char *why = NULL, *what = str_printf("%s to %s, %zu", wire_format_to_string(c->from),
                                                              wire_format_to_string(c->to), i);
        int r;

        r = wire_request(c->from, c->to, body, "b", 0, &ret, &why);
        cr_expect(json_object_equal(body, before), "%s: the body has changed", what);
        if (c->expected) {
                cr_assert_eq(r, 0, "%s: %d %s", what, r, strna(why));
                wire_expect_json(ret, c->expected, what);
        } else {
                cr_expect_eq(r, -EOPNOTSUPP, "%s: %d", what, r);
                cr_expect_str_eq(strempty(why), c->why, "%s", what);
                cr_expect_null(ret, "%s", what);
        }
}

Test(wire_request, full) {
        for (size_t i = 0; i < ELEMENTSOF(full); i++)
                check(full + i, i);
}
