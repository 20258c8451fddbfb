/* SPDX-License-Identifier: MIT */
#pragma once

/* Anthropic's "Messages". */

#include <stdio.h>

#include "wire/wire-internal.h"

int anthropic_ask(json_object *body, WireAsk *ask, char **ret_why);
int anthropic_pass_request(json_object **body, int64_t max_tokens, char **ret_why);
int anthropic_read_request(json_object *body, WireChat *chat, char **ret_why);
int anthropic_write_request(const WireChat *chat, json_object **ret, char **ret_why);

json_object *anthropic_text_block(json_object *text);
json_object *anthropic_call_block(const WirePart *part); /* with arguments that are an object */
/* Of an answer, or of an event: what is there changes *usage, as later counts are of the whole. */
void anthropic_read_usage(json_object *json, WireUsage *usage);
json_object *anthropic_usage(const WireUsage *usage);
WireFinish anthropic_finish(const char *reason);
const char *anthropic_finish_name(WireFinish finish);

int anthropic_read_event(WireStream *ws, const WireEvent *event);
int anthropic_write_delta(WireStream *ws, const WireDelta *delta);
int anthropic_write_end(WireStream *ws);
void anthropic_free_writer(WireWriter *writer);
