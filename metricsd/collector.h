/* SPDX-License-Identifier: MIT */
#pragma once

#include "account.h"
#include "watched.h"

struct Manager;

/* Where figures come from. A collector finds something out about services, writes it into them, and says what has become
 * different with manager_watched_changed(). It never blocks and never keeps a pointer to one past `removed`.
 *
 * Each says whether it works and what it costs, in an account that the manager keeps: it ends every run with account_ok()
 * or account_failed(). Time in these calls is charged to it; in callbacks of its own (of timers, the bus, libcurl) it
 * charges itself, at their begin, with ACCOUNT_CHARGE(). */
typedef struct Collector {
        const char *name;
        /* State is what the others are given; account lives as long as the manager. */
        int (*init)(struct Manager *manager, Account *account, void **ret_state);
        void (*fini)(void *state);
        /* Once for each service when it comes, then whenever its unit has changed; changes as in watched.h. Any of these
         * three may be NULL. */
        void (*follow)(void *state, Watched *w, unsigned changes);
        /* Before it is freed. */
        void (*removed)(void *state, Watched *w);
        /* Once an interval. */
        void (*tick)(void *state, Watched *w);
} Collector;

/* Asks that service now and not at its next time; one that does not run is not asked. */
void probe_now(Watched *w);

extern const Collector probe_collector;
extern const Collector usage_collector;
extern const Collector reload_collector;
extern const Collector journal_collector;
extern const Collector providers_collector;
