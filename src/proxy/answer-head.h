/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/fields.h"

/* The head of a service's answer, line by line as libcurl reads it, judged more strictly than libcurl does: what two readers
 * could take in two ways is refused, so that nobody behind us takes a part of one answer for another. */

#define ANSWER_HEAD_MAX ((size_t) 15 * 1024)
#define ANSWER_FIELDS_MAX 256

typedef struct AnswerHead {
        unsigned status;
        bool interim;    /* the head that is being read is a 1xx, of which nothing goes on */
        bool complete;   /* what follows are trailers, which do not go on either: MHD cannot send any */
        int64_t length;  /* Content-Length, -1 for none */
        bool chunked;
        char *text;      /* name NUL value NUL ... */
        size_t size, space;
        unsigned n_fields;
        const char *wrong; /* why it is refused, NULL for none */
} AnswerHead;

void answer_head_done(AnswerHead *h);
/* For reuse. */
void answer_head_clear(AnswerHead *h);

/* Takes one line with its end. Negative errno when the answer is refused (-EBADMSG, then h->wrong says why) or there is
 * no memory. */
int answer_head_line(AnswerHead *h, const char *line, size_t size);

/* What of the complete head goes on to the client; the list points into h. -ENOMEM. */
int answer_head_fields(const AnswerHead *h, Fields *f);

/* An event stream, which ends by itself at any event. */
bool answer_head_is_event_stream(const AnswerHead *h);
