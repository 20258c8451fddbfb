/* SPDX-License-Identifier: MIT */
#pragma once

/* OpenAI's "Chat Completions", and what others that speak it do in their own way: DeepSeek, vLLM, llama.cpp, OpenRouter. */

#include "wire/wire-internal.h"

int openai_ask(json_object *body, WireAsk *ask, char **ret_why);
int openai_pass_request(json_object **body, int64_t max_tokens, char **ret_why);
