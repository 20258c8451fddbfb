/* SPDX-License-Identifier: MIT */
#include "current.h"

#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "build.h"
#include "figures.h"

/* So many of the newest calls at most are looked at, and providers told. */
#define CALLS_MAX 5000
#define PROVIDERS_MAX 64

typedef struct Provider {
        char name[LEDGER_NAME_MAX + 1];
        uint64_t succeeded, failed, latency;
} Provider;

typedef struct Providers {
        Provider list[PROVIDERS_MAX];
        size_t n;
} Providers;

/* --- Calls --- */

static Provider *provider_of(Providers *all, const char *name) {
        size_t size = strlen(name) + 1;

        for (size_t i = 0; i < all->n; i++)
                if (streq(all->list[i].name, name))
                        return all->list + i;
        if (all->n == PROVIDERS_MAX || size > sizeof(all->list->name))
                return NULL;
        memcpy(all->list[all->n].name, name, size);
        return all->list + all->n++;
}

static void count(Providers *all, sqlite3_stmt *s) {
        const char *name = (const char *) sqlite3_column_text(s, 0), *error = (const char *) sqlite3_column_text(s, 1);
        Provider *p = name ? provider_of(all, name) : NULL;

        if (!p)
                return;
        if (error)
                p->failed += call_error_of(error) < _ERROR_FAULTS;
        else {
                p->succeeded++;
                p->latency += (uint64_t) MAX(sqlite3_column_int64(s, 2), 0);
        }
}

static int read_calls(Ledger *ledger, uint64_t now, Providers *all) {
        uint64_t length = CURRENT_MINUTES * 60 * USEC_PER_SEC;
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        int r;

        r = ledger_ask(ledger, &s, "SELECT provider, error, total FROM attempt WHERE at >= ? AND "
                       "(total NOT NULL OR error NOT NULL) ORDER BY at DESC LIMIT ?", "ui", now - MIN(now, length),
                       (int64_t) CALLS_MAX);
        while (r >= 0 && (r = ledger_next(s)) > 0)
                count(all, s);
        return r;
}

static double success_rate(const Provider *p) {
        return p->succeeded + p->failed < CURRENT_SAMPLE_MIN ? NAN
                                                             : (double) p->succeeded / (double) (p->succeeded + p->failed);
}

static double latency_ms(const Provider *p) {
        return p->succeeded < CURRENT_SAMPLE_MIN ? NAN
                                                 : (double) p->latency / (double) p->succeeded / (double) USEC_PER_MSEC;
}

static json_object *worst_to_json(const Providers *all, double (*value)(const Provider *p), double sign) {
        const Provider *worst = NULL;
        json_object *json;

        for (size_t i = 0; i < all->n; i++)
                if (!isnan(value(all->list + i)) && (!worst || sign * value(all->list + i) > sign * value(worst)))
                        worst = all->list + i;
        if (!worst)
                return NULL;
        json = json_object_new_object();
        put_text(json, "provider", worst->name);
        put(json, "value", number_share(value(worst)));
        return json;
}

static json_object *providers_to_json(const Providers *all) {
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < all->n; i++) {
                const Provider *p = all->list + i;
                json_object *json = json_object_new_object();

                put_text(json, "name", p->name);
                put(json, "successRate", number_share(success_rate(p)));
                put(json, "avgLatency", number_ms(latency_ms(p)));
                put(json, "sample", json_object_new_uint64(p->succeeded + p->failed));
                push(list, json);
        }
        return list;
}

/* --- Budgets --- */

typedef struct Budget {
        double percent; /* NAN for none */
        json_object *json;
} Budget;

/* A limit that only warns counts by where it warns. */
static int take_limit(const LedgerLimit *limit, void *userdata) {
        Budget *b = userdata;
        int64_t of = limit->hard > 0 ? limit->hard : limit->soft;
        double percent = of > 0 ? 100 * (double) (limit->settled + limit->reserved) / (double) of : NAN;

        if (isnan(percent) || (b->json && percent <= b->percent))
                return 0;
        json_object_put(b->json);
        b->percent = percent;
        b->json = json_object_new_object();
        put(b->json, "percent", number_ms(percent));
        put_text(b->json, "scope", limit->scope);
        put_text(b->json, "subject", limit->subject);
        put_text(b->json, "window", limit->window);
        return 0;
}

int current_new(Ledger *ledger, uint64_t now, json_object **ret) {
        _cleanup_(freep) Providers *all = calloc(1, sizeof(Providers));
        Budget budget = { .percent = NAN };
        json_object *json;
        int r = 0;

        if (!all)
                return -ENOMEM;
        if (ledger)
                r = read_calls(ledger, now, all);
        if (ledger && r >= 0)
                r = ledger_limits(ledger, now, take_limit, &budget);
        if (r < 0) {
                json_object_put(budget.json);
                return r;
        }
        json = json_object_new_object();
        put(json, "minutes", json_object_new_int(CURRENT_MINUTES));
        put(json, "minSample", json_object_new_int(CURRENT_SAMPLE_MIN));
        put(json, "providers", providers_to_json(all));
        put(json, "successRate", worst_to_json(all, success_rate, -1));
        put(json, "latency", worst_to_json(all, latency_ms, 1));
        put(json, "budget", budget.json);
        if (all->n == 0)
                put_text(json, "hint", "no call of a provider ended in these minutes");
        *ret = json;
        return 0;
}
