/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "foundation/http.h"

/* The chat transcripts of API.md over HTTP. One per generation; the file behind it is opened by the first request, so a
 * trial of the module touches nothing. */
typedef struct Chat Chat;

int chat_new(sd_event *event, Chat **ret);
Chat *chat_free(Chat *chat);
TL_DEFINE_CLEANUP(Chat *, chat_free)

/* Over what one message may need as JSON, each of its bytes escaped. */
#define CHAT_BODY_MAX ((size_t) 256 * 1024)

/* Handlers, but for the type of the state: POST /api/v1/chat/append and .../message, GET /api/v1/chat/transcripts, .../sessions. */
int chat_post_append(HttpRequest *request, Chat *chat);
int chat_post_message(HttpRequest *request, Chat *chat);
int chat_get_transcripts(HttpRequest *request, Chat *chat);
int chat_get_sessions(HttpRequest *request, Chat *chat);
