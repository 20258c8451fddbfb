/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <json-c/json_tokener.h>

#include "../../ctl/metrics/answer.h"
#include "../../ctl/metrics/merge.h"
#include "basic/string-util.h"

static const MergeList events = { "events", "at", "id" };
static const MergeList errors = { "errors", "lastSeen", NULL };

/* What merge_answers() makes of two answers. */
static void expect(const MergeList *list, const char *a, const char *b, size_t limit, const char *expected) {
        _cleanup_(json_object_putp) json_object *first = json_tokener_parse(a), *second = json_tokener_parse(b);
        json_object *answers[] = { first, second };

        cr_assert(first && second);
        cr_assert_eq(merge_answers(list, answers, 2, limit), 0);
        cr_expect_str_eq(json_object_to_json_string_ext(first, JSON_C_TO_STRING_PLAIN), expected);
}

Test(ctl_merge, in_order_and_none_twice) {
        expect(&events,
               "{\"events\":[{\"id\":5,\"at\":\"2026-01-31T08:15:30.000Z\"},{\"id\":2,\"at\":\"2026-01-31T08:10:00.000Z\"}],"
               "\"total\":2}",
               "{\"events\":[{\"id\":6,\"at\":\"2026-01-31T08:15:30.000Z\"},{\"id\":3,\"at\":\"2026-01-31T08:12:00.000Z\"},"
               "{\"id\":2,\"at\":\"2026-01-31T08:10:00.000Z\"}],\"total\":3}",
               10,
               "{\"events\":[{\"id\":6,\"at\":\"2026-01-31T08:15:30.000Z\"},{\"id\":5,\"at\":\"2026-01-31T08:15:30.000Z\"},"
               "{\"id\":3,\"at\":\"2026-01-31T08:12:00.000Z\"},{\"id\":2,\"at\":\"2026-01-31T08:10:00.000Z\"}],\"total\":4}");
}

Test(ctl_merge, newest_up_to_the_limit) {
        expect(&events, "{\"events\":[{\"id\":1,\"at\":\"2026-01-01\"}],\"total\":1}",
               "{\"events\":[{\"id\":3,\"at\":\"2026-01-03\"},{\"id\":2,\"at\":\"2026-01-02\"}],\"total\":2}", 2,
               "{\"events\":[{\"id\":3,\"at\":\"2026-01-03\"},{\"id\":2,\"at\":\"2026-01-02\"}],\"total\":2}");
}

Test(ctl_merge, complete_when_all_are) {
        expect(&errors, "{\"errors\":[{\"lastSeen\":\"a\"}],\"complete\":true,\"why\":null}",
               "{\"errors\":[{\"lastSeen\":\"b\"}],\"complete\":false,\"why\":\"lines were lost\"}", 10,
               "{\"errors\":[{\"lastSeen\":\"b\"},{\"lastSeen\":\"a\"}],\"complete\":false,\"why\":\"lines were lost\"}");
        expect(&errors, "{\"errors\":[],\"complete\":false,\"why\":\"first\"}",
               "{\"errors\":[],\"complete\":true,\"why\":null}", 10, "{\"errors\":[],\"complete\":false,\"why\":\"first\"}");
}

Test(ctl_merge, an_answer_without_a_list_has_none) {
        expect(&errors, "{}", "{\"errors\":[{\"lastSeen\":\"b\"},7]}", 10, "{\"errors\":[{\"lastSeen\":\"b\"},7]}");
}
