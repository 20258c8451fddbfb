/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "ledger-internal.h"

bool name_valid(const char *name) {
        char clean[LEDGER_NAME_MAX + 1];
        size_t n = name ? strnlen(name, sizeof(clean)) : 0;

        if (n == 0 || n > LEDGER_NAME_MAX)
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) name[i] < ' ' || name[i] == 0x7f)
                        return false;
        memcpy(clean, name, n);
        utf8_clean(clean, n);
        return memcmp(clean, name, n) == 0;
}
