/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "basic/string-util.h"
#include "foundation/server-internal.h"

typedef struct Framing {
        unsigned lengths;
        unsigned encodings;
        unsigned hosts;
        const char *encoding;
        const char *length;
        const char *next; /* where the next line of the head must begin */
        AccessHead *access;
        bool broken_lines;
        bool wrong_name;
} Framing;

/* Before 0.9.77 libmicrohttpd reads a head that others read differently: it appends a continued line to the
 * header's *name*, so that a folded Content-Length goes by unseen, ends the head at a line that begins with ':', a
 * value at a NUL and a line at a bare LF. All of it shows in where things lie: it splits the head where it was
 * received, by zeroes in place of ' ', ':' and CR LF, so one thing must follow another without a gap. Later
 * versions refuse these heads by themselves. */
static bool follows(Framing *f, const char *name, const char *value) {
#if MHD_VERSION < 0x00097701
        const char *after = name + strlen(name) + 1;

        if (name != f->next || after + strspn(after, " \t") != value)
                return false;
        f->next = value + strlen(value) + strlen("\r\n");
#endif
        return true;
}

static bool begins_well(const HttpRequest *request, const char *method, const char *version) {
#if MHD_VERSION < 0x00097701
        return method + strlen(method) + 1 + request->target_size + 1 == version;
#else
        return true;
#endif
}

static bool ends_well(const Framing *f, const HttpRequest *request, const char *method) {
#if MHD_VERSION < 0x00097701
        const union MHD_ConnectionInfo *info;

        info = MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        return info && f->next + strlen("\r\n") == method + info->header_size;
#else
        return true;
#endif
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
        Framing *f = cls;

        if (!follows(f, name, value) || strchr(value, '\r')) {
                f->broken_lines = true;
                return MHD_NO;
        }
        if (!*name || name[token_span(name)])
                f->wrong_name = true;
        else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
                f->lengths++;
                f->length = value;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
                f->encodings++;
                f->encoding = value;
        } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
                f->hosts++;
        access_note_header(f->access, name, value);
        return MHD_YES;
}

static bool is_number(const char *s) {
        return s && *s && s[strspn(s, "0123456789")] == '\0';
}

/* A proxy in front and this server must never disagree on where a request ends (request smuggling, RFC 9112 6.3), and
 * libmicrohttpd 0.9.75 takes the last of two lengths and lets chunked win over a length. */
static const char *wrong_framing(const Framing *f, bool http_1_0) {
        if (f->broken_lines)
                return "a line of the head is continued, holds a CR or NUL or does not end in CR LF";
        if (f->wrong_name)
                return "a header's name has a character that may not be in one";
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

unsigned guard_request(HttpRequest *request, const char *method, const char *version, const char **ret_why) {
        const char *why;
        Framing f = { .next = version + strlen(version) + strlen("\r\n"), .access = &request->head };

        request->head = (AccessHead) {
                .authority = request->authority,
                .changes = !(method_from_string(method) & (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)),
        };
        (void) MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, note_header, &f);
        if (!begins_well(request, method, version) || !ends_well(&f, request, method))
                f.broken_lines = true;
        why = wrong_path(request->path);
        if (!why)
                why = wrong_framing(&f, streq(version, MHD_HTTP_VERSION_1_0));
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
