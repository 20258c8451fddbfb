/* SPDX-License-Identifier: MIT */
#include "shared/unit-state.h"

#include <stddef.h>

#include "basic/string-util.h"

const char *unit_state_word(const char *load, const char *active, const char *sub, const char *socket) {
        static const struct {
                const char *active;
                const char *sub; /* NULL for any */
                const char *word;
        } words[] = {
                { "active", "running", "running" },
                { "active", NULL, "active" },
                { "activating", "auto-restart", "restarting" },
                { "activating", NULL, "starting" },
                { "deactivating", NULL, "stopping" },
                { "inactive", NULL, "stopped" },
        };

        active = strna(active);
        if (streq(active, "inactive") && streq(strna(load), "masked"))
                return "masked";
        /* It was not stopped on purpose: the next connection starts it. */
        if (streq(active, "inactive") && streq(strna(socket), "active"))
                return "waiting";
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(active, words[i].active) && (!words[i].sub || streq(strna(sub), words[i].sub)))
                        return words[i].word;
        return active;
}
