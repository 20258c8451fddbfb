/* SPDX-License-Identifier: MIT */
#pragma once

/* OpenAI's "Chat Completions", and what others that speak it do in their own way: DeepSeek, vLLM, llama.cpp, OpenRouter. Ollama's
 * tools have the same shape. */

#include <stdio.h>

#include "wire/wire-internal.h"

int openai_ask(json_object *body, WireAsk *ask, char **ret_why);
int openai_pass_request(json_object **body, int64_t max_tokens, char **ret_why);
int openai_read_request(json_object *body, WireChat *chat, char **ret_why);
int openai_write_request(const WireChat *chat, json_object **ret, char **ret_why);

WireEffort openai_effort(const char *name);
const char *openai_effort_name(WireEffort effort);
int openai_read_tools(WireChat *chat, json_object *tools, char **ret_why);
int openai_read_call(WireMessage *message, json_object *call, json_object *id); /* -EBADMSG: it has no name */
json_object *openai_tools(const WireChat *chat);
/* text: arguments as text, with id; else as an object, which they have to be. */
json_object *openai_call(const WirePart *part, bool text);
json_object *openai_result_text(const WirePart *part);

/* Thinking in a message or a delta: both words for it are in use, DeepSeek's and vLLM's, OpenRouter's and Ollama's. */
json_object *openai_thinking(json_object *message);
void openai_read_usage(json_object *usage, WireUsage *ret);
json_object *openai_usage(const WireUsage *usage);
WireFinish openai_finish(const char *reason);
const char *openai_finish_name(WireFinish finish);
int openai_read_answer(json_object *answer, WireReply *reply, bool pass);
int openai_write_answer(const WireReply *reply, json_object **ret);
