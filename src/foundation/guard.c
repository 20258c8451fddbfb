/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "foundation/server-internal.h"

/* What a field name may consist of (RFC 9110 5.6.2). */
#define TOKEN_CHARS "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

typedef struct Framing {
        unsigned lengths;
        unsigned encodings;
        unsigned hosts;
        const char *encoding;
        const char *length;
        const char *malformed;
} Framing;

/* libmicrohttpd before 0.9.77 appends a continued line to the header's *name*, so a folded Content-Length goes by unseen. It
 * copies the name for that; else the name lies just before the value, in the buffer they were read into. */
static bool is_folded(const char *name, const char *value) {
#if MHD_VERSION < 0x00097701
        const char *after = name + strlen(name) + 1;

        return (uintptr_t) value < (uintptr_t) after ||
                strspn(after, " \t") != (uintptr_t) value - (uintptr_t) after + strspn(value, " \t");
#else
        return false;
#endif
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
        Framing *f = cls;

        if (is_folded(name, value))
                f->malformed = "a header goes on in the next line";
        else if (!*name || name[strspn(name, TOKEN_CHARS)])
                f->malformed = "a header's name has a character that may not be in one";
        else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
                f->lengths++;
                f->length = value;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
                f->encodings++;
                f->encoding = value;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
                f->hosts++;
        return MHD_YES;
}

static bool is_number(const char *s) {
        return s && *s && s[strspn(s, "0123456789")] == '\0';
}

/* A proxy in front and this server must never disagree on where a request ends (request smuggling, RFC 9112 6.3), and
 * libmicrohttpd 0.9.75 takes the last of two lengths and lets chunked win over a length. */
static const char *wrong_framing(const Framing *f, bool http_1_0) {
        if (f->malformed)
                return f->malformed;
        if (f->lengths > 1)
                return "two Content-Length headers";
        if (f->lengths > 0 && f->encodings > 0)
                return "Content-Length beside Transfer-Encoding";
        if (f->lengths > 0 && !is_number(f->length))
                return "Content-Length is not a number";
        if (f->encodings > 1 || (f->encoding && strcasecmp(f->encoding, "chunked") != 0))
                return "Transfer-Encoding may only be chunked";
        if (f->encodings > 0 && http_1_0)
                return "HTTP/1.0 knows no Transfer-Encoding";
        if (f->hosts > 1)
                return "two Host headers";
        if (f->hosts == 0 && !http_1_0)
                return "no Host header";
        return NULL;
}

/* Strings that are made from a path, such as parameters and the text of a 404, end at a NUL and go into JSON. */
static const char *wrong_path(const char *path) {
        for (const char *p = path; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return "the path has a character that must be percent-encoded";
        return strstr(path, "%00") ? "the path has a NUL" : NULL;
}

unsigned guard_request(const HttpRequest *request, const char *method, const char *version, const char **ret_why) {
        const char *why;
        Framing f = {};

        (void) MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, note_header, &f);
        why = wrong_framing(&f, streq(version, MHD_HTTP_VERSION_1_0));
        if (!why)
                why = wrong_path(request->path);
        if (why) {
                *ret_why = why;
                return MHD_HTTP_BAD_REQUEST;
        }
        if (method_from_string(method) == 0) {
                *ret_why = "no such method";
                return MHD_HTTP_NOT_IMPLEMENTED;
        }
        return 0;
}
