/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include "answer.h"
#include "ctl/table.h"
#include "shared/log.h"

#define LINES_USUAL "100"

typedef struct Entry {
        json_object *json; /* the answer's */
        const char *time;  /* ISO 8601 in UTC, so that text is in order of time */
        double id;
        size_t number; /* in which it was read */
} Entry;

static int newest_first(const void *a, const void *b) {
        const Entry *x = a, *y = b;
        int order = strcmp(y->time, x->time);

        if (order != 0)
                return order;
        if (x->id != y->id)
                return x->id > y->id ? -1 : 1;
        return x->number < y->number ? -1 : 1;
}

static const char *lines_wanted(const Metrics *m) {
        return m->given[OPT_LINES] ? m->given[OPT_LINES] : LINES_USUAL;
}

static int ask_one(Metrics *m, const Gather *g, const char *service, Answer *ret) {
        _cleanup_(freep) char *path = metrics_path(g->path, "service", service, "kind", g->kind, "from", g->from, "to",
                                                   g->to, "limit", lines_wanted(m), NULL);

        return metrics_ask(m, "GET", path, NULL, ret);
}

/* The entries of all answers in order, without those that came before, at most limit. */
static int merge(const Gather *g, const Answer *answers, size_t n, size_t limit, json_object **ret) {
        _cleanup_(json_object_putp) json_object *merged = json_object_new_array();
        _cleanup_(freep) Entry *entries = NULL;
        size_t n_entries = 0, size = 0;

        for (size_t i = 0; i < n; i++)
                size += answer_length(answer_array(answers[i].json, g->list));
        entries = calloc(size + 1, sizeof(Entry));
        if (!entries || !merged)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *array = answer_array(answers[i].json, g->list);

                for (size_t j = 0; j < answer_length(array); j++) {
                        Entry *e = entries + n_entries;

                        e->json = json_object_array_get_idx(array, j);
                        e->time = answer_string(e->json, g->time) ? answer_string(e->json, g->time) : "";
                        if (g->id)
                                (void) answer_number(e->json, g->id, &e->id);
                        e->number = n_entries++;
                }
        }
        qsort(entries, n_entries, sizeof(Entry), newest_first);
        for (size_t i = 0; i < n_entries && json_object_array_length(merged) < limit; i++) {
                bool again = g->id && i > 0 && entries[i].id == entries[i - 1].id;

                if (!again && json_object_array_add(merged, json_object_get(entries[i].json)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(merged);
        return 0;
}

/* The first answer, with the list of all, and what one of them lacks. */
static int combine(const Gather *g, Answer *answers, size_t n, size_t limit) {
        _cleanup_(json_object_putp) json_object *merged = NULL;
        json_object *first = answers[0].json, *value;
        size_t total;
        int r;

        r = merge(g, answers, n, limit, &merged);
        if (r < 0)
                return r;
        total = json_object_array_length(merged);
        for (size_t i = 1; i < n && r >= 0; i++)
                if (json_object_object_get_ex(answers[i].json, "complete", &value) && !json_object_get_boolean(value)) {
                        r = json_set(first, "complete", json_object_get(value));
                        if (r >= 0 && json_object_object_get_ex(answers[i].json, "why", &value))
                                r = json_set(first, "why", json_object_get(value));
                }
        if (r >= 0 && json_object_object_get_ex(first, "total", NULL))
                r = json_set(first, "total", json_object_new_uint64(total));
        if (r >= 0)
                r = json_set(first, g->list, TAKE_PTR(merged));
        return r;
}

/* Its text anew, from its JSON. */
static int render(Answer *answer) {
        const char *text = json_object_to_json_string_ext(answer->json, JSON_C_TO_STRING_PLAIN |
                                                                                JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text || str_replace(&answer->text, text) < 0)
                return -ENOMEM;
        answer->size = strlen(answer->text);
        return 0;
}

int gather(Metrics *m, const Gather *g, Answer *ret) {
        _cleanup_(freep) Answer *answers = NULL;
        size_t n = 0, wanted;
        int status, r = 0;

        status = metrics_connect(m, m->n_operands > 0 ? m->operands : NULL);
        if (status != CTL_OK)
                return status;
        if (m->n_operands == 0)
                return ask_one(m, g, NULL, ret);
        wanted = m->ctl.n_selected;
        answers = calloc(wanted, sizeof(Answer));
        if (!answers)
                r = -ENOMEM;
        for (; r >= 0 && status == CTL_OK && n < wanted; n++)
                status = ask_one(m, g, m->ctl.selected[n]->id, answers + n);
        if (r >= 0 && status == CTL_OK && n > 1) {
                r = combine(g, answers, n, strtoul(lines_wanted(m), NULL, 10));
                if (r >= 0)
                        r = render(answers);
        }
        if (r >= 0 && status == CTL_OK) {
                *ret = answers[0];
                answers[0] = (Answer) {};
        }
        for (size_t i = 0; i < n; i++)
                answer_done(answers + i);
        if (r < 0)
                (void) log_errno(r, "cannot put the answers together");
        return r < 0 ? CTL_FAILED : status;
}
