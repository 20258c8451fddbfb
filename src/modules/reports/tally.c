/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <string.h>

#include "basic/string-util.h"

typedef struct Pair {
        char *provider, *model;
        uint64_t first, last; /* usec */
} Pair;

typedef struct Cell {
        uint32_t pair;
        Figures figures;
} Cell;

typedef struct Hour {
        uint64_t at; /* usec */
        RequestCounts requests;
        Cell *cells;
        uint32_t n;
} Hour;

struct Tally {
        Hour *hours; /* ordered */
        size_t n_hours, space;
        Pair *pairs;
        uint32_t n_pairs;
};

int tally_new(Tally **ret) {
        Tally *t = calloc(1, sizeof(Tally));

        if (!t)
                return -ENOMEM;
        *ret = t;
        return 0;
}

Tally *tally_free(Tally *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_hours; i++) {
                for (uint32_t k = 0; k < t->hours[i].n; k++)
                        figures_done(&t->hours[i].cells[k].figures);
                free(t->hours[i].cells);
        }
        for (uint32_t i = 0; i < t->n_pairs; i++) {
                free(t->pairs[i].provider);
                free(t->pairs[i].model);
        }
        free(t->hours);
        free(t->pairs);
        free(t);
        return NULL;
}

/* --- Where something belongs --- */

/* The first hour that is not before `at`. */
static size_t find_hour(const Tally *t, uint64_t at) {
        size_t from = 0, to = t->n_hours;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (t->hours[middle].at < at)
                        from = middle + 1;
                else
                        to = middle;
        }
        return from;
}

static int hour_of(Tally *t, uint64_t at, Hour **ret) {
        uint64_t begin = at - at % HOUR_USEC;
        size_t i = find_hour(t, begin);

        if (i == t->n_hours || t->hours[i].at != begin) {
                if (t->n_hours == t->space) {
                        size_t space = t->space + MAX(t->space / 2, (size_t) 16);
                        Hour *grown = reallocarray(t->hours, space, sizeof(Hour));

                        if (!grown)
                                return -ENOMEM;
                        t->hours = grown;
                        t->space = space;
                }
                memmove(t->hours + i + 1, t->hours + i, (t->n_hours - i) * sizeof(Hour));
                t->hours[i] = (Hour) { .at = begin };
                t->n_hours++;
        }
        *ret = t->hours + i;
        return 0;
}

static int pair_of(Tally *t, const char *provider, const char *model, uint32_t *ret) {
        Pair *grown;
        Pair pair;

        for (uint32_t i = 0; i < t->n_pairs; i++)
                if (streq(t->pairs[i].model, model) && streq(t->pairs[i].provider, provider)) {
                        *ret = i;
                        return 0;
                }
        grown = reallocarray(t->pairs, t->n_pairs + 1, sizeof(Pair));
        if (!grown)
                return -ENOMEM;
        t->pairs = grown;
        pair = (Pair) { .provider = strdup(provider), .model = strdup(model), .first = UINT64_MAX };
        if (!pair.provider || !pair.model) {
                free(pair.provider);
                free(pair.model);
                return -ENOMEM;
        }
        *ret = t->n_pairs;
        t->pairs[t->n_pairs++] = pair;
        return 0;
}

static int cell_of(Hour *hour, uint32_t pair, Figures **ret) {
        Cell *grown;

        for (uint32_t i = 0; i < hour->n; i++)
                if (hour->cells[i].pair == pair) {
                        *ret = &hour->cells[i].figures;
                        return 0;
                }
        grown = reallocarray(hour->cells, hour->n + 1, sizeof(Cell));
        if (!grown)
                return -ENOMEM;
        hour->cells = grown;
        grown[hour->n] = (Cell) { .pair = pair, .figures = FIGURES_INIT };
        *ret = &grown[hour->n++].figures;
        return 0;
}

static int figures_of(Tally *t, uint64_t at, const char *provider, const char *model, Figures **ret) {
        uint32_t pair;
        Hour *hour;
        int r;

        r = pair_of(t, provider, model, &pair);
        if (r >= 0)
                r = hour_of(t, at, &hour);
        if (r < 0)
                return r;
        t->pairs[pair].first = MIN(t->pairs[pair].first, at);
        t->pairs[pair].last = MAX(t->pairs[pair].last, at);
        return cell_of(hour, pair, ret);
}

/* --- Counting --- */

int tally_add_call(Tally *t, uint64_t at, const char *provider, const char *model, const Call *call) {
        Figures *figures;
        int r;

        r = figures_of(t, at, provider, model, &figures);
        return r < 0 ? r : figures_add(figures, call);
}

int tally_forget_interrupted(Tally *t, uint64_t at, const char *provider, const char *model, const Call *call) {
        Figures *figures;
        int r;

        r = figures_of(t, at, provider, model, &figures);
        if (r >= 0)
                figures_take_interrupted(figures, call);
        return r;
}

int tally_add_request(Tally *t, uint64_t at, unsigned status, const char *cache) {
        Hour *hour;
        int r;

        r = hour_of(t, at, &hour);
        if (r < 0)
                return r;
        hour->requests.ended++;
        hour->requests.gone += status == 499;
        hour->requests.failed += status >= 400 && status != 499;
        hour->requests.hits += streq(cache, "hit");
        hour->requests.joined += streq(cache, "joined");
        return 0;
}

/* --- Adding up --- */

void tally_span(const Tally *t, uint64_t *ret_from, uint64_t *ret_to) {
        *ret_from = t->n_hours == 0 ? 0 : t->hours[0].at;
        *ret_to = t->n_hours == 0 ? 0 : t->hours[t->n_hours - 1].at + HOUR_USEC;
}

int tally_each_model(const Tally *t, int (*tell)(const char *, const char *, uint64_t, uint64_t, void *), void *userdata) {
        int r = 0;

        for (uint32_t i = 0; i < t->n_pairs && r >= 0; i++)
                r = tell(t->pairs[i].provider, t->pairs[i].model, t->pairs[i].first, t->pairs[i].last, userdata);
        return MIN(r, 0);
}

void sum_done(Sum *s) {
        for (size_t i = 0; i < s->n; i++)
                figures_done(&s->parts[i].figures);
        free(s->parts);
        figures_done(&s->total);
        *s = SUM_INIT;
}

const Part *sum_find(const Sum *s, const char *provider) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->parts[i].provider, provider))
                        return s->parts + i;
        return NULL;
}

static int compare_parts(const void *a, const void *b) {
        const Part *x = a, *y = b;
        int r = strcmp(x->provider, y->provider);

        return r != 0 ? r : strcmp(strempty(x->model), strempty(y->model));
}

static int part_of(Sum *s, const Pair *pair, bool by_model, Part **ret) {
        Part *grown;

        for (size_t i = 0; i < s->n; i++)
                if (streq(s->parts[i].provider, pair->provider) && (!by_model || streq(s->parts[i].model, pair->model))) {
                        *ret = s->parts + i;
                        return 0;
                }
        grown = reallocarray(s->parts, s->n + 1, sizeof(Part));
        if (!grown)
                return -ENOMEM;
        s->parts = grown;
        s->parts[s->n] = (Part) {
                .provider = pair->provider,
                .model = by_model ? pair->model : NULL,
                .figures = FIGURES_INIT,
        };
        *ret = s->parts + s->n++;
        return 0;
}

static int add_hour(const Tally *t, const Hour *hour, bool by_model, Sum *s) {
        s->requests.ended += hour->requests.ended;
        s->requests.failed += hour->requests.failed;
        s->requests.gone += hour->requests.gone;
        s->requests.hits += hour->requests.hits;
        s->requests.joined += hour->requests.joined;
        for (uint32_t i = 0; i < hour->n; i++) {
                Part *part;
                int r;

                r = part_of(s, t->pairs + hour->cells[i].pair, by_model, &part);
                if (r >= 0)
                        r = figures_merge(&part->figures, &hour->cells[i].figures);
                if (r < 0)
                        return r;
        }
        return 0;
}

int tally_sum(const Tally *t, uint64_t from, uint64_t to, bool by_model, Sum *ret) {
        int r = 0;

        *ret = SUM_INIT;
        for (size_t i = find_hour(t, from); i < t->n_hours && t->hours[i].at < to && r >= 0; i++)
                r = add_hour(t, t->hours + i, by_model, ret);
        if (ret->n > 0)
                qsort(ret->parts, ret->n, sizeof(Part), compare_parts);
        for (size_t i = 0; i < ret->n && r >= 0; i++)
                r = figures_merge(&ret->total, &ret->parts[i].figures);
        return r;
}
