/* SPDX-License-Identifier: MIT */

/* Each client's requests as each upstream has them; see test-wire-pass.c for those that pass. */

#include <criterion/criterion.h>

#include "basic/string-util.h"
#include "wire-feed.h"

TL_DEFINE_CLEANUP(json_object *, json_object_put)

typedef struct Case {
        WireFormat from, to;
        const char *body;
        const char *expected; /* the request; for what is refused, the reason */
} Case;

#define SCHEMA "{'type':'object','properties':{'city':{'type':'string'}},'required':['city']}"
#define PNG "iVBORw0KGgoAAAANSUhEUg=="

/* One conversation with all that each format has a word for, as each of them says it. */
#define OPENAI_TOOLS                                                                                                      \
        "'tools':[{'type':'function','function':{'name':'weather','description':'The weather','parameters':" SCHEMA "}}," \
        "{'type':'function','function':{'name':'time'}}]"
#define OPENAI_CALLS                                                                                                \
        "{'role':'assistant','content':null,'tool_calls':["                                                         \
        "{'id':'call_0','type':'function','function':{'name':'weather','arguments':'{\\\"city\\\":\\\"Bern\\\"}'}}," \
        "{'id':'call_1','type':'function','function':{'name':'time','arguments':'{}'}}]}"
#define OPENAI_FULL                                                                                          \
        "{'model':'a','stream':true,'messages':[{'role':'system','content':'Be brief.'},"                   \
        "{'role':'user','content':[{'type':'text','text':'What is it?'},"                                    \
        "{'type':'image_url','image_url':{'url':'data:image/png;base64," PNG "','detail':'low'}}]},"        \
        OPENAI_CALLS ",{'role':'tool','tool_call_id':'call_0','content':'sunny'},"                           \
        "{'role':'tool','tool_call_id':'call_1','content':[{'type':'text','text':'10:00'},"                  \
        "{'type':'text','text':'CET'}]},{'role':'user','content':'Thanks'}]," OPENAI_TOOLS ","               \
        "'temperature':0.5,'top_p':0.9,'stop':'END','max_tokens':4000,'user':'u1','metadata':{'x':'y'}," \
        "'logprobs':false,'n':1}"

#define ANTHROPIC_TOOLS                                                                     \
        "'tools':[{'name':'weather','description':'The weather','input_schema':" SCHEMA "}," \
        "{'name':'time','input_schema':{'type':'object'}}]"
#define ANTHROPIC_FULL                                                                                            \
        "{'model':'a','stream':true,'max_tokens':4000,'system':[{'type':'text','text':'Be brief.'}],'messages':[" \
        "{'role':'user','content':[{'type':'text','text':'What is it?'},"                                         \
        "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" PNG "'}}]},"               \
        "{'role':'assistant','content':["                                                                         \
        "{'type':'tool_use','id':'call_0','name':'weather','input':{'city':'Bern'}},"                             \
        "{'type':'tool_use','id':'call_1','name':'time','input':{}}]},"                                           \
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'call_0','content':'sunny'},"              \
        "{'type':'tool_result','tool_use_id':'call_1','content':'10:00\\nCET'},"                                  \
        "{'type':'text','text':'Thanks'}]}]," ANTHROPIC_TOOLS ","                                                 \
        "'temperature':0.5,'top_p':0.9,'stop_sequences':['END'],'metadata':{'user_id':'u1'}}"
/* What a client of Anthropic's adds that means nothing elsewhere. */
#define ANTHROPIC_SENT                                                                                                  \
        "{'model':'a','stream':true,'max_tokens':4000,"                                                                \
        "'system':[{'type':'text','text':'Be brief.','cache_control':{'type':'ephemeral'}}],'messages':["               \
        "{'role':'user','content':[{'type':'text','text':'What is it?'},"                                               \
        "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" PNG "'}}]},"                     \
        "{'role':'assistant','content':[{'type':'thinking','thinking':'Hm.','signature':'abc'},"                        \
        "{'type':'tool_use','id':'call_0','name':'weather','input':{'city':'Bern'}},"                                   \
        "{'type':'tool_use','id':'call_1','name':'time','input':{}}]},"                                                 \
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'call_0','content':'sunny'},"                    \
        "{'type':'tool_result','tool_use_id':'call_1','content':[{'type':'text','text':'10:00\\nCET'}]},"               \
        "{'type':'text','text':'Thanks'}]}]," ANTHROPIC_TOOLS ","                                                       \
        "'temperature':0.5,'top_p':0.9,'stop_sequences':['END'],'metadata':{'user_id':'u1'},'thinking':{'type':'disabled'}}"

#define OLLAMA_FULL                                                                                                   \
        "{'model':'a','stream':true,'messages':[{'role':'system','content':'Be brief.'},"                            \
        "{'role':'user','content':'What is it?','images':['" PNG "']},"                                               \
        "{'role':'assistant','content':'','tool_calls':[{'function':{'name':'weather','arguments':{'city':'Bern'}}}," \
        "{'function':{'name':'time','arguments':{}}}]},"                                                              \
        "{'role':'tool','tool_name':'weather','content':'sunny'},"                                                    \
        "{'role':'tool','tool_name':'time','content':'10:00\\nCET'},{'role':'user','content':'Thanks'}],"             \
        OPENAI_TOOLS ",'options':{'temperature':0.5,'top_p':0.9,'stop':['END'],'num_predict':4000}}"

#define GEMINI_FULL                                                                                                    \
        "{'systemInstruction':{'parts':[{'text':'Be brief.'}]},'contents':["                                          \
        "{'role':'user','parts':[{'text':'What is it?'},{'inlineData':{'mimeType':'image/png','data':'" PNG "'}}]},"  \
        "{'role':'model','parts':[{'functionCall':{'name':'weather','args':{'city':'Bern'}}},"                         \
        "{'functionCall':{'name':'time','args':{}}}]},"                                                                \
        "{'role':'user','parts':[{'functionResponse':{'name':'weather','response':{'output':'sunny'}}},"               \
        "{'functionResponse':{'name':'time','response':{'output':'10:00\\nCET'}}},{'text':'Thanks'}]}],"               \
        "'tools':[{'functionDeclarations':[{'name':'weather','description':'The weather',"                             \
        "'parametersJsonSchema':" SCHEMA "},{'name':'time'%s}]}],"                                                     \
        "'generationConfig':{'temperature':0.5,'topP':0.9,'stopSequences':['END'],'maxOutputTokens':4000}}"

/* As the gateway writes OpenAI's: texts are strings, streams ask for their usage. */
#define OPENAI_WRITTEN(user, tools, content)                                                                 \
        "{'model':'b','stream':true,'stream_options':{'include_usage':true},"                               \
        "'messages':[{'role':'system','content':'Be brief.'},"                                               \
        "{'role':'user','content':[" content "]},"                                                           \
        OPENAI_CALLS ",{'role':'tool','tool_call_id':'call_0','content':'sunny'},"                           \
        "{'role':'tool','tool_call_id':'call_1','content':'10:00\\nCET'},{'role':'user','content':'Thanks'}]," \
        tools ",'temperature':0.5,'top_p':0.9,'stop':['END'],'max_tokens':4000" user "}"
#define TEXT_PART "{'type':'text','text':'What is it?'}"
#define IMAGE_PART "{'type':'image_url','image_url':{'url':'data:image/png;base64," PNG "'}}"
#define OPENAI_TOOLS_FILLED                                                                                               \
        "'tools':[{'type':'function','function':{'name':'weather','description':'The weather','parameters':" SCHEMA "}}," \
        "{'type':'function','function':{'name':'time','parameters':{'type':'object'}}}]"

static void check(const Case *c, size_t i, bool refused) {
        _cleanup_(json_object_putp) json_object *body = wire_json(c->body), *before = wire_json(c->body), *ret = NULL;
        _cleanup_(freep) char *why = NULL, *what = str_printf("%s to %s, %zu", wire_format_to_string(c->from),
                                                              wire_format_to_string(c->to), i);
        int r;

        r = wire_request(c->from, c->to, body, "b", c->to == WIRE_ANTHROPIC ? 0 : 500, &ret, &why);
        cr_expect(json_object_equal(body, before), "%s: the body has changed", what);
        if (!refused) {
                cr_assert_eq(r, 0, "%s: %d %s", what, r, strna(why));
                wire_expect_json(ret, c->expected, what);
                cr_expect_null(why);
        } else {
                cr_expect_eq(r, -EOPNOTSUPP, "%s: %d", what, r);
                cr_expect_str_eq(strempty(why), c->expected, "%s", what);
                cr_expect_null(ret, "%s", what);
        }
}

/* Replaces the model, and one more text where that is given. */
static char *changed(const char *text, const char *from, const char *to) {
        const char *at = strstr(text, from);

        cr_assert(at, "%s is not in %s", from, text);
        return str_printf("%.*s%s%s", (int) (at - text), text, to, at + strlen(from));
}

Test(wire_request, openai_to_all) {
        _cleanup_(freep) char *anthropic = changed(ANTHROPIC_FULL, "'a'", "'b'"), *gemini = str_printf(GEMINI_FULL, "");
        _cleanup_(freep) char *blocks = changed(OLLAMA_FULL, "'a'", "'b'");

        check(&(Case) { WIRE_OPENAI, WIRE_ANTHROPIC, OPENAI_FULL, anthropic }, 0, false);
        check(&(Case) { WIRE_OPENAI, WIRE_OLLAMA, OPENAI_FULL, blocks }, 0, false);
        check(&(Case) { WIRE_OPENAI, WIRE_GEMINI, OPENAI_FULL, gemini }, 0, false);
}

Test(wire_request, anthropic_to_all) {
        _cleanup_(freep) char *ollama = changed(OLLAMA_FULL, "'a'", "'b'");
        _cleanup_(freep) char *filled = changed(ollama, "{'name':'time'}", "{'name':'time','parameters':{'type':'object'}}");
        _cleanup_(freep) char *gemini = str_printf(GEMINI_FULL, ",'parametersJsonSchema':{'type':'object'}");

        check(&(Case) { WIRE_ANTHROPIC, WIRE_OPENAI, ANTHROPIC_SENT,
                        OPENAI_WRITTEN(",'user':'u1'", OPENAI_TOOLS_FILLED, TEXT_PART "," IMAGE_PART) }, 0, false);
        check(&(Case) { WIRE_ANTHROPIC, WIRE_OLLAMA, ANTHROPIC_SENT, filled }, 0, false);
        check(&(Case) { WIRE_ANTHROPIC, WIRE_GEMINI, ANTHROPIC_SENT, gemini }, 0, false);
}

Test(wire_request, ollama_to_all) {
        _cleanup_(freep) char *named = changed(ANTHROPIC_FULL, "'a'", "'b'");
        _cleanup_(freep) char *user = changed(named, ",'metadata':{'user_id':'u1'}", "");
        /* Its images come first, for there is one list of them. */
        _cleanup_(freep) char *anthropic = changed(user, "{'type':'text','text':'What is it?'},"
                "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" PNG "'}}",
                "{'type':'image','source':{'type':'base64','media_type':'image/png','data':'" PNG "'}},"
                "{'type':'text','text':'What is it?'}");
        _cleanup_(freep) char *parts = str_printf(GEMINI_FULL, "");
        _cleanup_(freep) char *gemini = changed(parts, "{'text':'What is it?'},{'inlineData':{'mimeType':'image/png','data':'" PNG "'}}",
                "{'inlineData':{'mimeType':'image/png','data':'" PNG "'}},{'text':'What is it?'}");

        check(&(Case) { WIRE_OLLAMA, WIRE_OPENAI, OLLAMA_FULL, OPENAI_WRITTEN("", OPENAI_TOOLS, IMAGE_PART "," TEXT_PART) }, 0, false);
        check(&(Case) { WIRE_OLLAMA, WIRE_ANTHROPIC, OLLAMA_FULL, anthropic }, 0, false);
        check(&(Case) { WIRE_OLLAMA, WIRE_GEMINI, OLLAMA_FULL, gemini }, 0, false);
}

/* What follows is each about one field, with this around it. */
#define ASK(more) "{'model':'a','messages':[{'role':'user','content':'q'}]" more "}"
#define ASK_MAX(more) ASK(",'max_tokens':2000" more)
#define OPENAI_ONE(more) "{'model':'b','messages':[{'role':'user','content':'q'}]" more "}"
#define ANTHROPIC_ONE(more) "{'model':'b','max_tokens':2000,'messages':[{'role':'user','content':[{'type':'text','text':'q'}]}]" more "}"
#define OLLAMA_ONE(more) "{'model':'b','stream':false,'messages':[{'role':'user','content':'q'}]" more "}"
#define GEMINI_ONE(more) "{'contents':[{'role':'user','parts':[{'text':'q'}]}]" more "}"
#define TOOL ",'tools':[{'type':'function','function':{'name':'f'}}]"
#define ANTHROPIC_TOOL ",'tools':[{'name':'f','input_schema':{'type':'object'}}]"
#define GEMINI_TOOL ",'tools':[{'functionDeclarations':[{'name':'f'}]}]"
#define FORMAT ",'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':" SCHEMA "}}"

static const Case translated[] = {
        /* Which tool. */
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(TOOL ",'tool_choice':'required','parallel_tool_calls':false"),
          ANTHROPIC_ONE(ANTHROPIC_TOOL ",'tool_choice':{'type':'any','disable_parallel_tool_use':true}") },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(TOOL ",'tool_choice':{'type':'function','function':{'name':'f'}}"),
          ANTHROPIC_ONE(ANTHROPIC_TOOL ",'tool_choice':{'type':'tool','name':'f'}") },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(TOOL ",'tool_choice':'none'"),
          ANTHROPIC_ONE(ANTHROPIC_TOOL ",'tool_choice':{'type':'none'}") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(TOOL ",'tool_choice':{'type':'function','function':{'name':'f'}}"),
          GEMINI_ONE(GEMINI_TOOL ",'toolConfig':{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':['f']}}") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(TOOL ",'tool_choice':'auto'"),
          GEMINI_ONE(GEMINI_TOOL ",'toolConfig':{'functionCallingConfig':{'mode':'AUTO'}}") },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(TOOL ",'tool_choice':'none'"), OLLAMA_ONE("") },
        { WIRE_ANTHROPIC, WIRE_OPENAI,
          ASK_MAX(ANTHROPIC_TOOL ",'tool_choice':{'type':'any','disable_parallel_tool_use':true}"),
          OPENAI_ONE(",'max_tokens':2000,'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object'}}}],"
                     "'tool_choice':'required','parallel_tool_calls':false") },
        { WIRE_ANTHROPIC, WIRE_OPENAI, ASK_MAX(ANTHROPIC_TOOL ",'tool_choice':{'type':'tool','name':'f'}"),
          OPENAI_ONE(",'max_tokens':2000,'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object'}}}],"
                     "'tool_choice':{'type':'function','function':{'name':'f'}}") },
        /* JSON. */
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(FORMAT),
          ANTHROPIC_ONE(",'output_config':{'format':{'type':'json_schema','schema':" SCHEMA "}}") },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(FORMAT), OLLAMA_ONE(",'format':" SCHEMA) },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(",'response_format':{'type':'json_object'}"), OLLAMA_ONE(",'format':'json'") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(FORMAT),
          GEMINI_ONE(",'generationConfig':{'responseMimeType':'application/json','responseJsonSchema':" SCHEMA "}") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'response_format':{'type':'text'}"), GEMINI_ONE("") },
        { WIRE_OLLAMA, WIRE_OPENAI, ASK(",'stream':false,'format':'json'"),
          OPENAI_ONE(",'response_format':{'type':'json_object'}") },
        { WIRE_OLLAMA, WIRE_OPENAI, ASK(",'stream':false,'format':" SCHEMA),
          OPENAI_ONE(",'response_format':{'type':'json_schema','json_schema':{'name':'answer','schema':" SCHEMA "}}") },
        { WIRE_ANTHROPIC, WIRE_OLLAMA, ASK_MAX(",'output_config':{'format':{'type':'json_schema','schema':" SCHEMA "}}"),
          OLLAMA_ONE(",'format':" SCHEMA ",'options':{'num_predict':2000}") },
        /* Thinking: as much as max_tokens leaves room for. */
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'reasoning_effort':'high'"),
          ANTHROPIC_ONE(",'thinking':{'type':'enabled','budget_tokens':1999}") },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'reasoning_effort':'none'"), ANTHROPIC_ONE("") },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(",'reasoning_effort':'low'"), OLLAMA_ONE(",'think':'low'") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'reasoning_effort':'medium'"),
          GEMINI_ONE(",'generationConfig':{'thinkingConfig':{'thinkingBudget':8192,'includeThoughts':true}}") },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'reasoning_effort':'none'"),
          GEMINI_ONE(",'generationConfig':{'thinkingConfig':{'thinkingBudget':0}}") },
        { WIRE_ANTHROPIC, WIRE_OPENAI, ASK_MAX(",'thinking':{'type':'enabled','budget_tokens':1500}"),
          OPENAI_ONE(",'max_completion_tokens':2000,'reasoning_effort':'medium'") },
        { WIRE_ANTHROPIC, WIRE_GEMINI, ASK_MAX(",'thinking':{'type':'enabled','budget_tokens':1500}"),
          GEMINI_ONE(",'generationConfig':{'maxOutputTokens':2000,"
                     "'thinkingConfig':{'thinkingBudget':1500,'includeThoughts':true}}") },
        { WIRE_ANTHROPIC, WIRE_GEMINI, ASK_MAX(",'thinking':{'type':'adaptive'}"),
          GEMINI_ONE(",'generationConfig':{'maxOutputTokens':2000,"
                     "'thinkingConfig':{'thinkingBudget':-1,'includeThoughts':true}}") },
        { WIRE_OLLAMA, WIRE_OPENAI, ASK(",'stream':false,'think':false"), OPENAI_ONE(",'reasoning_effort':'none'") },
        /* Numbers. */
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'seed':7,'frequency_penalty':0.5,'presence_penalty':-0.5,'top_k':3"),
          GEMINI_ONE(",'generationConfig':{'seed':7,'frequencyPenalty':0.5,'presencePenalty':-0.5,'topK':3}") },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(",'seed':7,'max_completion_tokens':9"),
          OLLAMA_ONE(",'options':{'seed':7,'num_predict':9}") },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'frequency_penalty':0,'top_logprobs':0,'logit_bias':{},'store':true"),
          ANTHROPIC_ONE("") },
        { WIRE_OLLAMA, WIRE_OPENAI, ASK(",'stream':false,'options':{'num_ctx':8192,'num_predict':-1},'keep_alive':'5m'"),
          OPENAI_ONE("") },
        { WIRE_ANTHROPIC, WIRE_OLLAMA, ASK_MAX(",'top_k':3"), OLLAMA_ONE(",'options':{'top_k':3,'num_predict':2000}") },
        /* A tool that failed, and an image by its address. */
        { WIRE_ANTHROPIC, WIRE_OPENAI,
          "{'model':'a','max_tokens':5,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':[{'type':'tool_use',"
          "'id':'x','name':'f','input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'x','is_error':true,"
          "'content':'no'}]}]}",
          "{'model':'b','max_tokens':5,'messages':[{'role':'user','content':'q'},{'role':'assistant','content':null,'tool_calls':["
          "{'id':'x','type':'function','function':{'name':'f','arguments':'{}'}}]},{'role':'tool','tool_call_id':'x',"
          "'content':'Error: no'}]}" },
        { WIRE_OPENAI, WIRE_ANTHROPIC,
          "{'model':'a','max_tokens':5,'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':"
          "'https://example.com/a.png'}}]}]}",
          "{'model':'b','max_tokens':5,'messages':[{'role':'user','content':[{'type':'image','source':{'type':'url','url':"
          "'https://example.com/a.png'}}]}]}" },
        /* Only Google has a place for its signature of a call, and what OpenAI's clients send back has it again. */
        { WIRE_OPENAI, WIRE_GEMINI,
          "{'model':'a','messages':[{'role':'user','content':'q'},{'role':'assistant','tool_calls':[{'id':'x','type':'function',"
          "'function':{'name':'f','arguments':'{}'},'extra_content':{'google':{'thought_signature':'c2ln'}}}]},"
          "{'role':'tool','tool_call_id':'x','content':'1'}]}",
          "{'contents':[{'role':'user','parts':[{'text':'q'}]},{'role':'model','parts':[{'functionCall':{'name':'f','args':{}},"
          "'thoughtSignature':'c2ln'}]},{'role':'user','parts':[{'functionResponse':{'name':'f','response':{'output':'1'}}}]}]}" },
        /* Ollama takes the system's words at any place. */
        { WIRE_OPENAI, WIRE_OLLAMA, "{'model':'a','messages':[{'role':'user','content':'q'},{'role':'system','content':'s'}]}",
          "{'model':'b','stream':false,'messages':[{'role':'user','content':'q'},{'role':'system','content':'s'}]}" },
};

Test(wire_request, translated) {
        for (size_t i = 0; i < ELEMENTSOF(translated); i++)
                check(translated + i, i, false);
}

static const Case refused[] = {
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK(""), "max_tokens: Anthropic's format demands it" },
        { WIRE_ANTHROPIC, WIRE_ANTHROPIC, ASK(""), "max_tokens: Anthropic's format demands it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'seed':1"), "seed: Anthropic's format cannot say it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'n':2"), "n: Anthropic's format cannot say it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'temperature':1.5"), "temperature (above 1): Anthropic's format cannot say it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'presence_penalty':1"), "presence_penalty: Anthropic's format cannot say it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK_MAX(",'response_format':{'type':'json_object'}"),
          "response_format (without a schema): Anthropic's format cannot say it" },
        { WIRE_OPENAI, WIRE_ANTHROPIC, ASK(",'max_tokens':1024,'reasoning_effort':'low'"),
          "max_tokens: Anthropic's models take no less than 1025 to think" },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'logprobs':true"), "logprobs: Google's format cannot say it" },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(",'new_field':{'a':1}"), "new_field: Google's format cannot say it" },
        { WIRE_OPENAI, WIRE_GEMINI, ASK(TOOL ",'parallel_tool_calls':false"), "parallel_tool_calls: Google's format cannot say it" },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(TOOL ",'tool_choice':'required'"), "tool_choice: Ollama's format cannot say it" },
        { WIRE_OPENAI, WIRE_OLLAMA, ASK(",'tools':[{'type':'custom','custom':{'name':'f'}}]"),
          "tools[0]: of tools, only functions with a name can be told to Ollama" },
        { WIRE_OPENAI, WIRE_OLLAMA,
          "{'model':'a','messages':[{'role':'user','content':[{'type':'input_audio','input_audio':{}}]}]}",
          "messages[0].content[0].input_audio: Ollama's format cannot say it" },
        { WIRE_OPENAI, WIRE_OLLAMA,
          "{'model':'a','messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://x/y'}}]}]}",
          "messages: an image by its address: Ollama's format cannot say it" },
        { WIRE_OPENAI, WIRE_GEMINI,
          "{'model':'a','messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:,x'}}]}]}",
          "messages[0].content[0].image_url.url: \"data:TYPE;base64,...\" is expected" },
        { WIRE_OPENAI, WIRE_OLLAMA, "{'model':'a','messages':[{'role':'user','name':'Bo','content':'q'}]}",
          "messages[0].name: Ollama's format cannot say it" },
        { WIRE_OPENAI, WIRE_OLLAMA, "{'model':'a','messages':[{'role':'tool','tool_call_id':'x','content':'q'}]}",
          "messages: the result of a call that was not made" },
        { WIRE_OPENAI, WIRE_GEMINI,
          "{'model':'a','messages':[{'role':'assistant','tool_calls':[{'id':'x','type':'function','function':{'name':'f',"
          "'arguments':'[1]'}}]}]}",
          "messages: the arguments of a call of f are no JSON object" },
        { WIRE_OPENAI, WIRE_GEMINI, "{'model':'a','messages':[{'role':'user','content':'q'},{'role':'system','content':'s'}]}",
          "messages: one of the system behind others: Google's format cannot say it" },
        { WIRE_ANTHROPIC, WIRE_OPENAI, ASK_MAX(",'top_k':3"), "top_k: OpenAI's format cannot say it" },
        { WIRE_ANTHROPIC, WIRE_OPENAI, ASK_MAX(",'tools':[{'type':'web_search_20250305','name':'web_search'}]"),
          "tools[0] (web_search_20250305): OpenAI's format cannot say it" },
        { WIRE_ANTHROPIC, WIRE_OPENAI,
          "{'model':'a','max_tokens':5,'messages':[{'role':'user','content':[{'type':'document','source':{}}]}]}",
          "messages[0].content[0] (document): OpenAI's format cannot say it" },
        { WIRE_ANTHROPIC, WIRE_OPENAI,
          "{'model':'a','max_tokens':5,'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'x','content':["
          "{'type':'image','source':{}}]}]}]}",
          "messages[0].content[0][0]: OpenAI's format cannot say it" },
        { WIRE_OLLAMA, WIRE_OPENAI, ASK(",'options':{'mirostat':1}"), "options.mirostat: OpenAI's format cannot say it" },
        { WIRE_OLLAMA, WIRE_OPENAI, "{'model':'a','messages':[{'role':'user','content':'q','images':['AAAA']}]}",
          "messages[0].images[0] (no PNG, JPEG, GIF or WebP): OpenAI's format cannot say it" },
        { WIRE_OLLAMA, WIRE_OPENAI, "{'model':'a','messages':[{'role':'tool','tool_name':'f','content':'q'}]}",
          "messages[0]: the result of a call that was not made" },
        { WIRE_GEMINI, WIRE_OPENAI, ASK(""), "no client speaks this format" },
};

Test(wire_request, refused) {
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                check(refused + i, i, true);
}

Test(wire_request, max_tokens_where_demanded) {
        _cleanup_(json_object_putp) json_object *body = wire_json(ASK("")), *ret = NULL, *own = NULL, *left = NULL;
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(wire_request(WIRE_OPENAI, WIRE_ANTHROPIC, body, "b", 2000, &ret, &why), 0);
        wire_expect_json(ret, ANTHROPIC_ONE(""), "translated");
        cr_assert_eq(wire_request(WIRE_ANTHROPIC, WIRE_ANTHROPIC, body, "b", 7, &own, &why), 0);
        wire_expect_json(own, OPENAI_ONE(",'max_tokens':7"), "passed");
        cr_assert_eq(wire_request(WIRE_OPENAI, WIRE_OPENAI, body, "b", 7, &left, &why), 0);
        wire_expect_json(left, OPENAI_ONE(""), "not demanded");
}

/* Google refuses a call of Gemini 3 without a signature, so those of other models have its word for none. */
Test(wire_request, gemini_3_signature) {
        _cleanup_(json_object_putp) json_object *ret = NULL,
                *body = wire_json("{'model':'a','messages':[{'role':'assistant','tool_calls':[{'id':'x','type':'function','function':"
                                  "{'name':'f','arguments':'{}'}},{'id':'y','type':'function','function':{'name':'g'}}]}]}");
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(wire_request(WIRE_OPENAI, WIRE_GEMINI, body, "gemini-3-pro", 0, &ret, &why), 0);
        wire_expect_json(ret, "{'contents':[{'role':'model','parts':[{'functionCall':{'name':'f','args':{}},"
                              "'thoughtSignature':'skip_thought_signature_validator'},{'functionCall':{'name':'g','args':{}}}]}]}",
                         "signed");
}

Test(wire_request, reasoning_models_of_openai) {
        _cleanup_(json_object_putp) json_object *body = wire_json(ASK_MAX("")), *ret = NULL;
        _cleanup_(freep) char *why = NULL;

        cr_assert_eq(wire_request(WIRE_ANTHROPIC, WIRE_OPENAI, body, "o3-mini", 0, &ret, &why), 0);
        wire_expect_json(ret, "{'model':'o3-mini','max_completion_tokens':2000,'messages':[{'role':'user','content':'q'}]}", "o3");
}
