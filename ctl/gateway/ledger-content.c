/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <json-c/json_tokener.h>

#include "basic/time-util.h"
#include "ctl/output.h"
#include "ctl/table.h"
#include "ledger/content.h"
#include "shared/log.h"

TL_DEFINE_CLEANUP(json_tokener *, json_tokener_free)

/* What is JSON as that; the events of a stream, or what is no more than a part, as a text. NULL without memory. */
static json_object *json_or_text(const char *text, size_t size) {
        _cleanup_(json_tokener_freep) json_tokener *tokener = json_tokener_new();
        json_object *json;

        if (!tokener || size > INT32_MAX)
                return NULL;
        json = json_tokener_parse_ex(tokener, text, (int) size);
        if (json && json_tokener_get_error(tokener) == json_tokener_success && json_tokener_get_parse_end(tokener) == size)
                return json;
        json_put(json);
        return json_object_new_string_len(text, (int) size);
}

static int print_entry(const ContentEntry *entry, void *userdata) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        char at[ISO8601_MAX], expires[ISO8601_MAX];
        size_t *n = userdata;
        int r = json ? 0 : -ENOMEM;

        ++*n;
        if (r >= 0)
                r = json_set(json, "request", json_object_new_int64(entry->request));
        if (r >= 0)
                r = json_set(json, "requestId", json_object_new_string(entry->name));
        if (r >= 0)
                r = json_set(json, "time", json_object_new_string(format_iso8601(at, entry->at)));
        if (r >= 0)
                r = json_set(json, "expires", json_object_new_string(format_iso8601(expires, entry->expires)));
        if (r >= 0)
                r = json_set(json, "prompt", json_or_text(entry->prompt, strlen(entry->prompt)));
        if (r >= 0)
                r = json_set(json, "answer", json_or_text(entry->answer ? entry->answer : "", entry->answer_size));
        if (r >= 0)
                r = json_print(json);
        return r < 0 ? r : ctl_reader_gone() ? -EPIPE : 0;
}

int gateway_ledger_content(Ctl *ctl) {
        const char *id = ctl->names ? ctl->names[0] : NULL;
        _cleanup_(content_freep) Content *content = NULL;
        _cleanup_(freep) char *directory = NULL;
        size_t n = 0;
        int r;

        r = ledger_directory_of_user(&directory);
        if (r >= 0)
                r = content_open(directory, LEDGER_READ, &content);
        if (r >= 0)
                r = content_tell(content, id, print_entry, &n);
        if (r == -EPROTONOSUPPORT)
                return CTL_FAILED; /* it has been said */
        if (r < 0 && r != -ENOENT && r != -EPIPE)
                return gateway_failed(r, "cannot read what is kept of calls");
        if (n > 0)
                return CTL_OK;
        if (id) {
                log_error("nothing is kept of a request '%s'; see X-Tooloo-Store-Content in toolooctl(1)", id);
                return CTL_UNKNOWN;
        }
        log_error("nothing is kept of any call; see X-Tooloo-Store-Content in toolooctl(1)");
        return CTL_FAILED;
}
