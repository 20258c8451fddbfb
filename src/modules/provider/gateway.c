/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include "attempt.h"
#include "basic/time-util.h"
#include "shared/log.h"

/* --- Reservations --- */

static int renew(Ledger *l, void *userdata) {
        Gateway *g = userdata;
        uint64_t now = now_realtime_usec();
        Call *c;
        int r;

        TAILQ_FOREACH(c, &g->calls, entries) {
                if (!c->attempt || c->writing || c->over)
                        continue;
                r = ledger_extend(l, c->row, c->attempt->n, now + RESERVATION_USEC);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        r = ledger_expire(l, now, NULL, NULL);
        return r < 0 ? r : 0;
}

static void renewed(int error, void *userdata) {
        Gateway *g = userdata;

        g->upkeep_runs = false;
}

static void plan_upkeep(Gateway *g, uint64_t after) {
        int r = sd_event_source_set_time_relative(g->upkeep, after);

        if (r >= 0)
                r = sd_event_source_set_enabled(g->upkeep, SD_EVENT_ONESHOT);
        if (r < 0 && r != -ESTALE) /* the loop has ended */
                log_errno(r, "Cannot plan to renew reservations");
}

/* It may be planned for later: for the end of what another process, or the module before a reload, has reserved. */
void gateway_wake_upkeep(Gateway *g) {
        uint64_t planned;

        if (sd_event_source_get_enabled(g->upkeep, NULL) == 0 || sd_event_source_get_time(g->upkeep, &planned) < 0 ||
            planned > now_usec() + RESERVATION_RENEW_USEC)
                plan_upkeep(g, RESERVATION_RENEW_USEC);
}

/* While no call runs, what a process that is gone had reserved still expires; without any there is nothing to wake for. */
static int on_upkeep(sd_event_source *source, uint64_t usec, void *userdata) {
        uint64_t now = now_realtime_usec(), next = UINT64_MAX;
        Gateway *g = userdata;

        if (TAILQ_EMPTY(&g->calls)) {
                if (ledger_expire(g->ledger, now, NULL, &next) < 0)
                        next = now + RESERVATION_RENEW_USEC;
                if (next != UINT64_MAX)
                        plan_upkeep(g, MAX(next > now ? next - now : 0, USEC_PER_SEC));
                return 0;
        }
        if (!g->upkeep_runs) {
                g->upkeep_job = (BooksJob) { .write = renew, .done = renewed, .userdata = g };
                g->upkeep_runs = true;
                books_add(g->books, &g->upkeep_job);
        }
        plan_upkeep(g, RESERVATION_RENEW_USEC);
        return 0;
}

/* --- Keys --- */

static void on_keyed(void *userdata) {
        Gateway *g = userdata;
        Call *c, *next;

        for (c = TAILQ_FIRST(&g->calls); c; c = next) {
                next = TAILQ_NEXT(c, entries);
                if (c->waits_for_key)
                        call_try(c);
        }
}

/* --- The life of it --- */

static int add_sources(Gateway *g) {
        int r;

        r = sd_event_add_defer(g->event, &g->unpause, attempt_on_unpause, g);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->unpause, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(g->event, &g->upkeep, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_upkeep, g);
        return r;
}

static int open_ledger(Gateway *g) {
        _cleanup_(freep) char *directory = ledger_directory_of_unit();
        int r;

        if (!directory) {
                log_error("The unit names no directory for the ledger: StateDirectory=tooloo-ledger is missing");
                return -ENXIO;
        }
        r = ledger_open(directory, LEDGER_WRITE, &g->ledger);
        if (r < 0)
                return log_errno(r, "Cannot open the ledger in %s", directory);
        r = contents_new(g->event, directory, &g->contents);
        return r < 0 ? r : books_new(g->event, g->ledger, &g->books);
}

int gateway_new(Service *service, Gateway **ret) {
        _cleanup_(gateway_freep) Gateway *g = calloc(1, sizeof(Gateway));
        int r;

        if (!g)
                return -ENOMEM;
        TAILQ_INIT(&g->calls);
        g->service = service;
        g->event = sd_event_ref(service_event(service));
        if (service_is_trial(service)) {
                *ret = TAKE_PTR(g);
                return 0;
        }
        r = random_init(&g->random);
        if (r >= 0)
                r = curl_event_new(g->event, &g->curl);
        if (r >= 0)
                r = cache_new(&g->cache);
        if (r >= 0)
                r = open_ledger(g);
        if (r >= 0)
                r = catalog_new(g->event, on_keyed, g, &g->catalog);
        if (r >= 0)
                r = add_sources(g);
        if (r < 0)
                return r;
        g->choices = calloc(1, sizeof(Choices));
        if (!g->choices)
                return -ENOMEM;
        g->choices->ring = calloc(CHOICES_MAX, sizeof(Choice));
        if (!g->choices->ring)
                return -ENOMEM;
        catalog_scan(g->catalog);
        *ret = TAKE_PTR(g);
        return 0;
}

/* Nobody waits any more; but what was begun is settled. */
static void end_calls(Gateway *g) {
        Call *c, *next;

        TAILQ_FOREACH(c, &g->calls, entries)
                if (c->leader) {
                        TAILQ_REMOVE(&c->leader->followers, c, joined);
                        c->leader = NULL;
                }
        for (c = TAILQ_FIRST(&g->calls); c; c = next) {
                next = TAILQ_NEXT(c, entries);
                if (!c->over)
                        c->gone = true;
                call_abandon(c);
                if (c->owed && !c->writing)
                        call_write_owed(c);
        }
        books_flush(g->books);
        while ((c = TAILQ_FIRST(&g->calls))) {
                if (c->owed)
                        log_error("What request %s has cost is lost: it could not be written to the ledger", c->name);
                TAILQ_REMOVE(&g->calls, c, entries);
                call_free(c);
        }
}

Gateway *gateway_free(Gateway *g) {
        if (!g)
                return NULL;
        if (g->books)
                end_calls(g);
        sd_event_source_disable_unref(g->upkeep);
        sd_event_source_disable_unref(g->unpause);
        catalog_free(g->catalog);
        books_free(g->books);
        contents_free(g->contents);
        ledger_free(g->ledger);
        cache_free(g->cache);
        curl_event_free(g->curl);
        if (g->choices)
                free(g->choices->ring);
        free(g->choices);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}
