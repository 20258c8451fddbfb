/* SPDX-License-Identifier: MIT */
#include "choose.h"

#include "basic/decimal.h"
#include "basic/macro.h"
#include "basic/string-util.h"

static double fastest_of(const Candidate *candidates, size_t n) {
        double fastest = 0;

        for (size_t i = 0; i < n; i++)
                if (candidates[i].latency > 0 && (fastest == 0 || candidates[i].latency < fastest))
                        fastest = candidates[i].latency;
        return fastest;
}

static int64_t cheapest_of(const Candidate *candidates, size_t n) {
        int64_t cheapest = -1;

        for (size_t i = 0; i < n; i++)
                if (candidates[i].priced && (cheapest < 0 || candidates[i].cost < cheapest))
                        cheapest = candidates[i].cost;
        return cheapest;
}

/* One nano more of each: what is free is no infinity better than what costs next to nothing. */
static double price_of(const Candidate *c, int64_t cheapest) {
        if (cheapest < 0)
                return 1; /* of none is it known */
        return c->priced ? ((double) cheapest + 1) / ((double) c->cost + 1) : 0;
}

size_t choose(Candidate *candidates, size_t n, double price_weight, Random *random) {
        double fastest = fastest_of(candidates, n);
        int64_t cheapest = cheapest_of(candidates, n);
        size_t best = 0;

        for (size_t i = 0; i < n; i++) {
                Candidate *c = candidates + i;

                c->draw = random_beta(random, 1 + c->good, 1 + c->bad);
                c->speed = c->latency > 0 ? fastest / c->latency : 1;
                c->price = price_of(c, cheapest);
                c->score = c->draw * (1 + (CHOOSE_SPEED * c->speed) + (price_weight * c->price)) /
                        (1 + CHOOSE_SPEED + price_weight);
                if (c->score > candidates[best].score)
                        best = i;
        }
        return best;
}

static bool add_reason(json_object *reasons, char *text) {
        json_object *json = text ? json_object_new_string(text) : NULL;

        free(text);
        if (json && json_object_array_add(reasons, json) >= 0)
                return true;
        json_object_put(json);
        return false;
}

json_object *choose_reasons(const Candidate *c, size_t n, double price_weight) {
        json_object *reasons = json_object_new_array();
        double calls = c->good + c->bad;
        char cost[DECIMAL_MAX];
        bool ok = reasons != NULL;

        if (ok)
                ok = add_reason(reasons, n == 1 ? strdup("the only one that can do it now")
                                                : str_printf("the best score of %zu: %.3f", n, c->score));
        if (ok && calls < 0.5)
                ok = add_reason(reasons, str_printf("success: no recent calls, drawn %.3f of all chances", c->draw));
        else if (ok)
                ok = add_reason(reasons, str_printf("success: %.1f %% of %.1f recent calls (older ones fade), drawn %.3f",
                                                    100 * c->good / calls, calls, c->draw));
        if (ok)
                ok = add_reason(reasons, c->latency > 0
                                ? str_printf("speed: first content after %.0f ms on average, weighed %.2f x %.2f",
                                             c->latency / 1000, CHOOSE_SPEED, c->speed)
                                : strdup("speed: not known yet, taken for the fastest"));
        if (ok)
                ok = add_reason(reasons, c->priced
                                ? str_printf("price: at most %s USD, weighed %.2f x %.2f",
                                             format_decimal(cost, c->cost, 9), price_weight, c->price)
                                : strdup("price: not known"));
        if (ok)
                return reasons;
        json_object_put(reasons);
        return NULL;
}
