/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/gate-internal.h"
#include "shared/log.h"

#define TELL_USEC (10 * USEC_PER_SEC)

/* What a refusal says: to who is refused, and in the journal. */

#define WRONG_USER "this service answers its own user and root; AllowUsers= in [X-Tooloo] of its unit lets others in"

static const struct {
        unsigned status;
        const char *code, *sentence;
} refusals[_ACCESS_MAX] = {
        [ACCESS_OVERDUE] = { MHD_HTTP_SERVICE_UNAVAILABLE, "ACCESS_UNKNOWN",
                             "who may ask could not be found out in time: try again, and see the service's journal" },
        [ACCESS_USER] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_USER", WRONG_USER },
        [ACCESS_GONE] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_USER", WRONG_USER },
        [ACCESS_HOST] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_HOST",
                          "the Host is not a loopback name; AllowHosts= in [X-Tooloo] of the service's unit allows "
                          "others" },
        [ACCESS_ORIGIN] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_ORIGIN",
                            "the Origin is not a page of this fleet; AllowOrigins= in [X-Tooloo] of the service's "
                            "unit allows others" },
};

unsigned access_status(Access why) {
        return refusals[why].status;
}

const char *access_code(Access why) {
        return refusals[why].code;
}

const char *access_sentence(Access why) {
        return refusals[why].sentence;
}

/* A page that asks in a loop must not fill the journal. What is left out is counted in the next line. */
void gate_tell(Gate *gate, Access why, const char *format, ...) {
        _cleanup_(freep) char *who = NULL;
        char more[64] = "";
        uint64_t now = now_usec();
        va_list ap;

        if (gate->told[why].at > 0 && now - gate->told[why].at < TELL_USEC) {
                gate->told[why].hidden++;
                return;
        }
        va_start(ap, format);
        who = str_vprintf(format, ap);
        va_end(ap);
        for (char *c = who; c && *c; c++)
                if ((unsigned char) *c < ' ' || *c == '\x7f')
                        *c = '?';
        if (gate->told[why].hidden > 0)
                (void) snprintf(more, sizeof(more), " (and %u more since the last line like this)",
                                gate->told[why].hidden);
        gate->told[why].at = now;
        gate->told[why].hidden = 0;
        log_fields(LOG_WARNING, (const char *const[]) { "TOOLOO_EVENT=access-refused", NULL }, "Refused %s %s%s: %s",
                   why == ACCESS_USER || why == ACCESS_GONE ? "a connection" : "a request", strna(who), more,
                   access_code(why));
}
