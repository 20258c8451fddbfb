/* SPDX-License-Identifier: MIT */
#include "amount.h"

#include <errno.h>

#include "basic/decimal.h"
#include "basic/string-util.h"
#include "ledger/ledger.h"

#define NANO_PLACES 9

static const char *find_word(const char *const words[], size_t n, const char *word) {
        for (size_t i = 0; i < n; i++)
                if (streq(words[i], word))
                        return words[i];
        return NULL;
}

int amount_parse(const char *text, Amount *ret) {
        static const char *const windows[] = { "minute", "day", "month" };
        const char *slash = strrchr(text, '/');
        _cleanup_(freep) char *number = NULL;
        Amount a = {};
        int r;

        a.window = slash ? find_word(windows, ELEMENTSOF(windows), slash + 1) : NULL;
        if (!a.window)
                return -EINVAL;
        number = strndup(text, (size_t) (slash - text));
        if (!number)
                return -ENOMEM;
        if (!streq(number, "none")) {
                r = parse_decimal(number, NANO_PLACES, LEDGER_MONEY_MAX, &a.nano_usd);
                if (r < 0)
                        return r;
                if (r > 0 || a.nano_usd == 0) /* which the ledger would take for no limit at all */
                        return -ERANGE;
        }
        *ret = a;
        return 0;
}

int limit_parse(char *text, LimitText *ret) {
        static const char *const scopes[] = { "total", "key", "user", "provider" };
        char *equals = strrchr(text, '='), *colon;
        LimitText limit = { .subject = "" };
        int r;

        if (!equals)
                return -EINVAL;
        r = amount_parse(equals + 1, &limit.amount);
        if (r < 0)
                return r;
        *equals = '\0';
        colon = strchr(text, ':');
        if (colon) {
                *colon = '\0';
                limit.subject = colon + 1;
        }
        limit.scope = find_word(scopes, ELEMENTSOF(scopes), text);
        if (!limit.scope || streq(limit.scope, "total") != !colon || (colon && !*limit.subject) ||
            strlen(limit.subject) > LEDGER_NAME_MAX)
                return -EINVAL;
        *ret = limit;
        return 0;
}
