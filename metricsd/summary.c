/* SPDX-License-Identifier: MIT */
#include "summary.h"

#include "basic/string-util.h"

const char *const summary_categories[CATEGORIES] = { "infrastructure", "core", "extended", "integration" };

static void count(Tally *t, Health health) {
        t->total++;
        if (health == HEALTH_HEALTHY)
                t->healthy++;
        else if (health == HEALTH_DEGRADED)
                t->degraded++;
        else
                t->offline++;
}

void summary_add(Summary *s, const Watched *w) {
        const char *category = w->unit->service->category;

        count(&s->all, w->health);
        for (unsigned i = 0; i < CATEGORIES; i++)
                if (streq(category, summary_categories[i]))
                        count(s->categories + i, w->health);
        if (!w->answered || w->response_ms < 0)
                return;
        s->min_ms = s->n_times == 0 ? w->response_ms : MIN(s->min_ms, w->response_ms);
        s->max_ms = MAX(s->max_ms, w->response_ms);
        s->sum_ms += w->response_ms;
        s->n_times++;
}

int tally_permille(const Tally *t) {
        return t->total == 0 ? -1 : (int) ((uint64_t) t->healthy * 1000 / t->total);
}

double summary_average(const Summary *s) {
        return s->n_times == 0 ? -1 : s->sum_ms / s->n_times;
}
