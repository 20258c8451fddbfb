/* SPDX-License-Identifier: MIT */
#include "proxy/answer-head.h"

#include <string.h>
#include <strings.h>

#include "basic/string-util.h"

#define SPACE_FIRST ((size_t) 1024)

void answer_head_done(AnswerHead *h) {
        free(h->text);
        *h = (AnswerHead) {};
}

void answer_head_clear(AnswerHead *h) {
        *h = (AnswerHead) { .text = h->text, .space = h->space, .length = -1 };
}

static int refuse(AnswerHead *h, const char *why) {
        h->wrong = why;
        return -EBADMSG;
}

static int begin(AnswerHead *h, const char *line, size_t size) {
        const char *space = memchr(line, ' ', size);
        unsigned status = 0, digits = 0;

        h->size = 0;
        h->n_fields = 0;
        h->length = -1;
        h->chunked = false;
        for (const char *p = space ? space + 1 : line + size; p < line + size && *p >= '0' && *p <= '9'; p++, digits++)
                status = digits < 3 ? status * 10 + (unsigned) (*p - '0') : status;
        if (digits != 3 || status < 100 || status > 599)
                return refuse(h, "its status line is wrong");
        h->status = status;
        h->interim = h->status < 200;
        /* After it the connection speaks another protocol, which nobody has asked for. */
        return h->status == 101 ? refuse(h, "it switches protocols (101), which it was not asked to") : 0;
}

static int note_length(AnswerHead *h, const char *value) {
        unsigned long length;

        if (h->length >= 0)
                return refuse(h, "it has two Content-Length fields");
        if (parse_uint(value, 0, INT64_MAX, &length) < 0)
                return refuse(h, "its Content-Length is not a number");
        h->length = (int64_t) length;
        return 0;
}

static int note_coding(AnswerHead *h, const char *value) {
        if (h->chunked || strcasecmp(value, "chunked") != 0)
                return refuse(h, "its Transfer-Encoding is not chunked");
        h->chunked = true;
        return 0;
}

static int add_field(AnswerHead *h, const char *line, size_t size) {
        const char *colon = memchr(line, ':', size), *value, *end = line + size;
        size_t name_size, value_size;
        char *name;

        if (!colon || colon == line || memchr(line, '\0', size) || memchr(line, '\r', size))
                return refuse(h, "a line of its head is no field");
        for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
                ;
        for (; end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
                ;
        name_size = (size_t) (colon - line);
        value_size = (size_t) (end - value);
        if (h->n_fields >= ANSWER_FIELDS_MAX || h->size + name_size + value_size + 2 > ANSWER_HEAD_MAX)
                return refuse(h, "its head is too large");
        if (h->size + name_size + value_size + 2 > h->space) {
                size_t space = MAX(MAX(h->space * 2, SPACE_FIRST), h->size + name_size + value_size + 2);
                char *grown = realloc(h->text, space);

                if (!grown)
                        return -ENOMEM;
                h->text = grown;
                h->space = space;
        }
        name = h->text + h->size;
        *(char *) mempcpy(name, line, name_size) = '\0';
        *(char *) mempcpy(name + name_size + 1, value, value_size) = '\0';
        h->size += name_size + value_size + 2;
        h->n_fields++;
        /* Also a continued line, which begins with a space. */
        if (token_span(name) != name_size)
                return refuse(h, "a field of its head has a name with characters that may not be in one");
        value = name + name_size + 1;
        if (strcasecmp(name, "Content-Length") == 0)
                return note_length(h, value);
        return strcasecmp(name, "Transfer-Encoding") == 0 ? note_coding(h, value) : 0;
}

int answer_head_line(AnswerHead *h, const char *line, size_t size) {
        if (h->complete)
                return 0;
        if (size > 0 && line[size - 1] == '\n')
                size--;
        if (size > 0 && line[size - 1] == '\r')
                size--;
        if (h->status == 0 || (h->interim && size >= 5 && memcmp(line, "HTTP/", 5) == 0))
                return begin(h, line, size);
        if (h->interim)
                return 0;
        if (size > 0)
                return add_field(h, line, size);
        if (h->chunked && h->length >= 0)
                return refuse(h, "it has Content-Length beside Transfer-Encoding");
        h->complete = true;
        return 0;
}

int answer_head_fields(const AnswerHead *h, Fields *f) {
        const char *p = h->text;

        fields_clear(f);
        for (unsigned i = 0; i < h->n_fields; i++) {
                const char *value = p + strlen(p) + 1;

                fields_add(f, p, value);
                p = value + strlen(value) + 1;
        }
        fields_remove_hop_by_hop(f);
        fields_remove(f, "Content-Length"); /* the server's to say, from the length it is given */
        fields_remove(f, "X-Request-Id");   /* the server's own, the same as the service was given */
        fields_add(f, "Via", "1.1 " PROXY_NAME);
        return f->failed ? -ENOMEM : 0;
}

bool answer_head_is_event_stream(const AnswerHead *h) {
        const char *p = h->text, *type = "text/event-stream";

        for (unsigned i = 0; i < h->n_fields; i++) {
                const char *value = p + strlen(p) + 1;

                if (strcasecmp(p, "Content-Type") == 0)
                        return strncasecmp(value, type, strlen(type)) == 0;
                p = value + strlen(value) + 1;
        }
        return false;
}
