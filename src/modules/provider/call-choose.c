/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "attempt.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "call.h"

/* Who can be asked, and who is. */

#define CANDIDATES_MAX 64

/* Why those that were left out are. */
typedef struct Lookup {
        Deployment *found[CANDIDATES_MAX];
        size_t n;
        unsigned n_upstreams, n_named, n_able, n_keyless, n_keys_coming, n_full;
        uint64_t soonest; /* usec until one of those that rest is asked again; 0 for none */
        const char *why;  /* it rests */
        const Upstream *keyless;
} Lookup;

Tried *call_tried(Call *c, Deployment *deployment) {
        for (size_t i = 0; i < c->n_tried; i++)
                if (c->tried[i].deployment == deployment)
                        return c->tried + i;
        if (c->n_tried >= CALL_TRIED_MAX)
                return NULL;
        (void) upstream_ref(deployment->upstream);
        c->tried[c->n_tried] = (Tried) { .deployment = deployment };
        return c->tried + c->n_tried++;
}

void call_tried_done(Call *c) {
        while (c->n_tried > 0)
                upstream_unref(c->tried[--c->n_tried].deployment->upstream);
}

static bool is_out(const Call *c, const Deployment *d) {
        for (size_t i = 0; i < c->n_tried; i++)
                if (c->tried[i].deployment == d)
                        return c->tried[i].out;
        return c->n_tried >= CALL_TRIED_MAX;
}

bool deployment_is_named(const Deployment *d, const char *name) {
        const char *rest = startswith(name, d->upstream->file.name);

        if (streq(name, d->model->name) || streq(name, "auto"))
                return true;
        return rest && *rest == '/' && (streq(rest + 1, d->model->name) || streq(rest + 1, "auto"));
}

/* A model of which nothing is said may have any ability: its provider knows. */
bool deployment_is_able(const Deployment *d, unsigned abilities) {
        return d->model->abilities == 0 || (abilities & ~d->model->abilities) == 0;
}

static void look_at(const Call *c, Deployment *d, uint64_t now, Lookup *l) {
        Upstream *u = d->upstream;
        const char *why;
        uint64_t wait;

        if (c->ask.model && !deployment_is_named(d, c->ask.model))
                return;
        l->n_named++;
        if (!deployment_is_able(d, c->abilities))
                return;
        l->n_able++;
        if (is_out(c, d))
                return;
        if (u->key_state == KEY_WANTED) {
                l->n_keys_coming++;
                return;
        }
        if (u->key_state == KEY_FAILED) {
                l->n_keyless++;
                l->keyless = u;
                return;
        }
        wait = health_wait(&d->health, now, &why);
        if (wait > 0) {
                if (l->soonest == 0 || wait < l->soonest)
                        l->soonest = wait;
                l->why = why;
                return;
        }
        if (slots_full(&u->slots)) {
                l->n_full++;
                return;
        }
        if (l->n < CANDIDATES_MAX)
                l->found[l->n++] = d;
}

static void look(const Call *c, Lookup *l) {
        uint64_t now = now_usec();
        Upstream *u;

        TAILQ_FOREACH(u, &c->gateway->catalog->upstreams, entries) {
                if (!u->file.enabled || u->file.n_models == 0)
                        continue;
                l->n_upstreams++;
                for (size_t i = 0; i < u->file.n_models; i++)
                        look_at(c, u->deployments + i, now, l);
        }
}

static char *name_abilities(unsigned abilities) {
        char *text = strdup("");

        for (unsigned i = 0; text && provider_ability_names[i]; i++)
                if (abilities & (1U << i)) {
                        char *longer = str_printf("%s%s%s", text, *text ? ", " : "", provider_ability_names[i]);

                        free(text);
                        text = longer;
                }
        return text;
}

static int refuse_ability(Call *c) {
        _cleanup_(freep) char *wanted = name_abilities(c->abilities);

        return answer_error(c->api, 400, NULL, "unsupported", &c->answer,
                            "no provider of the model %s is configured with %s", strna(c->ask.model), strna(wanted));
}

/* Nobody: why, and what to do. */
static int refuse(Call *c, const Lookup *l) {
        int r;

        if (l->n_upstreams == 0)
                return answer_error(c->api, 503, NULL, "no_provider", &c->answer,
                                    "no provider of models is configured%s: add one with 'toolooctl provider add NAME --kind "
                                    "openai|anthropic|ollama|gemini --model MODEL'", c->gateway->catalog->n_broken > 0
                                    ? " (a file of one cannot be read, see the journal)" : "");
        if (l->n_named == 0)
                return answer_error(c->api, 404, NULL, "model_not_found", &c->answer,
                                    "no provider has the model '%.128s'; GET /v1/models lists those there are",
                                    strna(c->ask.model));
        if (l->n_able == 0)
                return refuse_ability(c);
        if (l->n_full > 0 || l->soonest > 0) {
                r = answer_error(c->api, 503, NULL, "overloaded", &c->answer,
                                 "every provider of the model %s is left alone now: %s",
                                 strna(c->ask.model), l->n_full > 0 ? "too many calls wait" : l->why);
                if (r >= 0)
                        c->answer->retry_after = l->n_full > 0 ? USEC_PER_SEC : l->soonest;
                return r;
        }
        if (l->keyless)
                return answer_error(c->api, 503, NULL, "no_key", &c->answer, "the key of the provider %s is missing: %s",
                                    l->keyless->file.name, strna(l->keyless->key_problem));
        return answer_error(c->api, 503, NULL, NULL, &c->answer, "no provider of the model %s can be asked now",
                            strna(c->ask.model));
}

static void note_choice(Call *c, const Candidate *figures, size_t n, const Deployment *d, double price_weight) {
        Choice *choice = &c->choice;

        *choice = (Choice) { .at = now_realtime_usec(), .figures = *figures, .n = (unsigned) n, .attempt = c->n_attempts + 1,
                             .price_weight = price_weight };
        (void) snprintf(choice->request, sizeof(choice->request), "%s", c->name);
        (void) snprintf(choice->provider, sizeof(choice->provider), "%s", d->upstream->file.name);
        (void) snprintf(choice->model, sizeof(choice->model), "%s", d->model->name);
}

Candidate deployment_candidate(const Deployment *d, int64_t cost, uint64_t now) {
        Candidate candidate = { .latency = d->health.latency, .priced = d->model->price.known, .cost = cost };

        health_outcomes(&d->health, now, &candidate.good, &candidate.bad);
        return candidate;
}

/* The one that people have switched to, while it is among those that can be asked. */
static void keep_preferred(Lookup *l, const char *preferred) {
        size_t kept = 0;

        for (size_t i = 0; preferred && i < l->n; i++)
                if (streq(l->found[i]->upstream->file.name, preferred))
                        l->found[kept++] = l->found[i];
        if (kept > 0)
                l->n = kept;
}

static int count(const Lookup *l) {
        return l->n > 0 ? 1 : l->n_keys_coming > 0 ? -EAGAIN : 0;
}

int call_can_be_asked(const Call *c) {
        Lookup l = {};

        look(c, &l);
        return count(&l);
}

int call_choose(Call *c, const Wishes *wishes, Deployment **ret) {
        Candidate candidates[CANDIDATES_MAX];
        uint64_t now = now_usec();
        Lookup l = {};
        size_t best;
        int r;

        look(c, &l);
        r = count(&l);
        if (r < 0)
                return r;
        if (r == 0) {
                if (!c->answer && c->failure)
                        c->answer = answer_ref(c->failure);
                return c->answer ? 0 : MIN(refuse(c, &l), 0);
        }
        keep_preferred(&l, wishes->preferred);
        for (size_t i = 0; i < l.n; i++)
                candidates[i] = deployment_candidate(l.found[i], attempt_bound(c, l.found[i]), now);
        best = choose(candidates, l.n, wishes->price_weight, &c->gateway->random);
        note_choice(c, candidates + best, l.n, l.found[best], wishes->price_weight);
        slots_limit(&l.found[best]->upstream->slots, MIN(l.found[best]->upstream->file.max_concurrency, wishes->concurrency));
        *ret = l.found[best];
        return 1;
}
