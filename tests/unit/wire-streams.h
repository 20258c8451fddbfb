/* SPDX-License-Identifier: MIT */
#pragma once

/* The same answer as each upstream streams it: thoughts, a text with characters of two and four bytes, two calls in parallel,
 * and usage. With ' for ". */

#define OPENAI_CHUNK(more) "data: {'id':'chatcmpl-9','object':'chat.completion.chunk','created':1764400000,'model':'up'," more "}\n\n"
#define OPENAI_DELTA(delta) OPENAI_CHUNK("'choices':[{'index':0,'delta':" delta ",'finish_reason':null}]")
#define OPENAI_FINISH(reason) OPENAI_CHUNK("'choices':[{'index':0,'delta':{},'finish_reason':'" reason "'}]")
#define OPENAI_CALL(index, id, name) \
        OPENAI_DELTA("{'tool_calls':[{'index':" index ",'id':'" id "','type':'function','function':{'name':'" name "','arguments':''}}]}")
#define OPENAI_ARGUMENTS(index, text) OPENAI_DELTA("{'tool_calls':[{'index':" index ",'function':{'arguments':'" text "'}}]}")
#define OPENAI_USAGE                                                                                                         \
        OPENAI_CHUNK("'choices':[],'usage':{'prompt_tokens':30,'completion_tokens':12,'total_tokens':42,"                    \
                     "'prompt_tokens_details':{'cached_tokens':10},'completion_tokens_details':{'reasoning_tokens':5}}")
#define OPENAI_DONE "data: [DONE]\n\n"
#define OPENAI_HEAD OPENAI_DELTA("{'role':'assistant','content':''}")
#define OPENAI_STREAM                                                                                                     \
        ": keep-alive\n\n" OPENAI_HEAD OPENAI_DELTA("{'reasoning_content':'Hm'}") OPENAI_DELTA("{'reasoning_content':'.'}") \
        OPENAI_DELTA("{'content':'Gr\xc3\xbc\xc3\x9f '}") OPENAI_DELTA("{'content':'\xf0\x9f\x98\x80'}")                    \
        OPENAI_CALL("0", "call_9_0", "f") OPENAI_ARGUMENTS("0", "{\\\"a\\\":") OPENAI_ARGUMENTS("0", "\\\"}\\\"}")        \
        OPENAI_CALL("1", "call_9_1", "g") OPENAI_ARGUMENTS("1", "{}")                                                      \
        OPENAI_FINISH("tool_calls") OPENAI_USAGE OPENAI_DONE

#define ANTHROPIC_EVENT(type, more) "event: " type "\ndata: {'type':'" type "'" more "}\n\n"
#define ANTHROPIC_START(index, block) ANTHROPIC_EVENT("content_block_start", ",'index':" index ",'content_block':" block)
#define ANTHROPIC_DELTA(index, delta) ANTHROPIC_EVENT("content_block_delta", ",'index':" index ",'delta':" delta)
#define ANTHROPIC_STOP(index) ANTHROPIC_EVENT("content_block_stop", ",'index':" index)
#define ANTHROPIC_HEAD                                                                                                      \
        ANTHROPIC_EVENT("message_start", ",'message':{'id':'msg_9','type':'message','role':'assistant','model':'up',"       \
                        "'content':[],'stop_reason':null,'stop_sequence':null,'usage':{'input_tokens':12,"                  \
                        "'cache_creation_input_tokens':8,'cache_read_input_tokens':10,'output_tokens':1}}")
#define ANTHROPIC_FINISH(reason)                                                                               \
        ANTHROPIC_EVENT("message_delta", ",'delta':{'stop_reason':'" reason "','stop_sequence':null},"         \
                        "'usage':{'output_tokens':12}") ANTHROPIC_EVENT("message_stop", "")
#define ANTHROPIC_STREAM                                                                                             \
        ANTHROPIC_HEAD ANTHROPIC_START("0", "{'type':'thinking','thinking':'','signature':''}")                      \
        ANTHROPIC_EVENT("ping", "") ANTHROPIC_DELTA("0", "{'type':'thinking_delta','thinking':'Hm'}")                \
        ANTHROPIC_DELTA("0", "{'type':'thinking_delta','thinking':'.'}")                                             \
        ANTHROPIC_DELTA("0", "{'type':'signature_delta','signature':'abc'}") ANTHROPIC_STOP("0")                     \
        ANTHROPIC_START("1", "{'type':'text','text':''}")                                                            \
        ANTHROPIC_DELTA("1", "{'type':'text_delta','text':'Gr\xc3\xbc\xc3\x9f '}")                                   \
        ANTHROPIC_DELTA("1", "{'type':'text_delta','text':'\xf0\x9f\x98\x80'}") ANTHROPIC_STOP("1")                  \
        ANTHROPIC_START("2", "{'type':'tool_use','id':'toolu_0','name':'f','input':{}}")                             \
        ANTHROPIC_DELTA("2", "{'type':'input_json_delta','partial_json':''}")                                        \
        ANTHROPIC_DELTA("2", "{'type':'input_json_delta','partial_json':'{\\\"a\\\":'}")                             \
        ANTHROPIC_DELTA("2", "{'type':'input_json_delta','partial_json':'\\\"}\\\"}'}") ANTHROPIC_STOP("2")          \
        ANTHROPIC_START("3", "{'type':'tool_use','id':'toolu_1','name':'g','input':{}}")                             \
        ANTHROPIC_DELTA("3", "{'type':'input_json_delta','partial_json':'{}'}") ANTHROPIC_STOP("3")                  \
        ANTHROPIC_FINISH("tool_use")

#define OLLAMA_LINE(message, more) \
        "{'model':'up','created_at':'2025-11-29T06:00:00.5Z','message':{'role':'assistant'," message "}," more "}\n"
#define OLLAMA_END(reason) \
        OLLAMA_LINE("'content':''", "'done':true,'done_reason':'" reason "','total_duration':7,'prompt_eval_count':30,'eval_count':12")
#define OLLAMA_STREAM                                                                                               \
        OLLAMA_LINE("'content':'','thinking':'Hm'", "'done':false") OLLAMA_LINE("'content':'','thinking':'.'", "'done':false") \
        OLLAMA_LINE("'content':'Gr\xc3\xbc\xc3\x9f '", "'done':false") OLLAMA_LINE("'content':'\xf0\x9f\x98\x80'", "'done':false") \
        OLLAMA_LINE("'content':'','tool_calls':[{'function':{'name':'f','arguments':{'a':'}'}}}]", "'done':false")  \
        OLLAMA_LINE("'content':'','tool_calls':[{'function':{'name':'g','arguments':{}}}]", "'done':false")         \
        OLLAMA_END("stop")

#define GEMINI_EVENT(parts, more) \
        "data: {'candidates':[{'content':{'parts':[" parts "],'role':'model'}" more ",'index':0}],'modelVersion':'up','responseId':'r9'"
#define GEMINI_USAGE                                                                                                       \
        ",'usageMetadata':{'promptTokenCount':25,'toolUsePromptTokenCount':5,'candidatesTokenCount':7,"                    \
        "'thoughtsTokenCount':5,'totalTokenCount':42,'cachedContentTokenCount':10}}\r\n\r\n"
#define GEMINI_STREAM                                                                                                  \
        GEMINI_EVENT("{'text':'Hm','thought':true}", "") "}\r\n\r\n" GEMINI_EVENT("{'text':'.','thought':true}", "") "}\r\n\r\n" \
        GEMINI_EVENT("{'text':'Gr\xc3\xbc\xc3\x9f '}", "") "}\r\n\r\n" GEMINI_EVENT("{'text':'\xf0\x9f\x98\x80'}", "") "}\r\n\r\n"  \
        GEMINI_EVENT("{'functionCall':{'name':'f','args':{'a':'}'}},'thoughtSignature':'c2ln'},{'functionCall':{'name':'g'}}", "") \
        "}\r\n\r\n" GEMINI_EVENT("{'text':''}", ",'finishReason':'STOP'") GEMINI_USAGE
