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
} Framing;

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
        Framing *f = cls;

        if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
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
unsigned guard_request(struct MHD_Connection *connection, const char *method, const char **ret_why) {
        Framing f = {};

        (void) MHD_get_connection_values(connection, MHD_HEADER_KIND, note_header, &f);
        if (f.lengths > 1)
                *ret_why = "two Content-Length headers";
        else if (f.lengths > 0 && f.encodings > 0)
                *ret_why = "Content-Length beside Transfer-Encoding";
        else if (f.lengths > 0 && !is_number(f.length))
                *ret_why = "Content-Length is not a number";
        else if (f.encodings > 1 || (f.encoding && strcasecmp(f.encoding, "chunked") != 0))
                *ret_why = "Transfer-Encoding may only be chunked";
        else if (f.hosts > 1)
                *ret_why = "two Host headers";
        else if (method_from_string(method) == 0) {
                *ret_why = "no such method";
                return MHD_HTTP_NOT_IMPLEMENTED;
        } else
                return 0;
        return MHD_HTTP_BAD_REQUEST;
}
