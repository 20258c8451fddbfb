/* SPDX-License-Identifier: MIT */

/* Any JSON as a client's request and as an upstream's answer, in every format and for every other: what is made of it is whole,
 * and of what is refused a line says why. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <json-c/json_tokener.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(WireFormat from, WireFormat to, json_object *body) {
        json_object *made = NULL;
        char *why = NULL;
        int r;

        r = wire_request(from, to, body, "m", to % 2, &made, &why);
        assert(r == 0 || r == -EOPNOTSUPP);
        assert(r == 0 ? made && !why : !made && why);
        if (r == 0)
                assert(json_object_is_type(made, json_type_object));
        json_object_put(made);
        free(why);
}

static void check_answer(WireFormat from, WireFormat to, json_object *body) {
        WireUsage usage = {};
        json_object *made = NULL;
        int r;

        r = wire_answer(from, to, body, "m", "i", 1, &made, &usage);
        assert(r == 0 || r == -EBADMSG || r == -EREMOTEIO);
        assert((r == 0) == (made != NULL));
        assert(usage.in >= 0 && usage.out >= 0 && usage.cached >= 0 && usage.cache_write >= 0 && usage.reasoning >= 0);
        json_object_put(made);
}

static void check_body(json_object *body) {
        for (WireFormat from = 0; from < _WIRE_MAX; from++) {
                WireAsk ask = {};
                char *why = NULL;
                int r = wire_ask(from, body, &ask, &why);

                assert(r == 0 || r == -EBADMSG);
                assert(r == 0 ? !why : !!why);
                free(why);
                free(wire_error_message(from, body));
                for (WireFormat to = 0; to < _WIRE_MAX; to++) {
                        if (r == 0)
                                check_request(from, to, body);
                        if (to != WIRE_GEMINI)
                                check_answer(from, to, body);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        json_tokener *tokener = json_tokener_new();
        json_object *body;

        assert(tokener);
        body = json_tokener_parse_ex(tokener, (const char *) data, (int) size);
        if (json_tokener_get_error(tokener) == json_tokener_success)
                check_body(body);
        json_object_put(body);
        json_tokener_free(tokener);
        return 0;
}
