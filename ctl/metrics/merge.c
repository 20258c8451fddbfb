/* SPDX-License-Identifier: MIT */
#include "merge.h"

#include "answer.h"
#include "basic/string-util.h"
#include "ctl/table.h"

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

/* The entries of all answers in order, without those that came before, at most limit. */
static int merge_lists(const MergeList *l, json_object *const *answers, size_t n, size_t limit, json_object **ret) {
        _cleanup_(json_object_putp) json_object *merged = json_object_new_array();
        _cleanup_(freep) Entry *entries = NULL;
        size_t n_entries = 0, size = 0;

        for (size_t i = 0; i < n; i++)
                size += answer_length(answer_array(answers[i], l->list));
        entries = calloc(size + 1, sizeof(Entry));
        if (!entries || !merged)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                json_object *array = answer_array(answers[i], l->list);

                for (size_t j = 0; j < answer_length(array); j++) {
                        Entry *e = entries + n_entries;

                        e->json = json_object_array_get_idx(array, j);
                        e->time = answer_string(e->json, l->time) ? answer_string(e->json, l->time) : "";
                        if (l->id)
                                (void) answer_number(e->json, l->id, &e->id);
                        e->number = n_entries++;
                }
        }
        qsort(entries, n_entries, sizeof(Entry), newest_first);
        for (size_t i = 0; i < n_entries && json_object_array_length(merged) < limit; i++) {
                bool again = l->id && i > 0 && entries[i].id == entries[i - 1].id;

                if (!again && json_object_array_add(merged, json_object_get(entries[i].json)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(merged);
        return 0;
}

/* A list of which one part is not complete is not complete. */
static int copy_incomplete(json_object *to, json_object *const *answers, size_t n) {
        json_object *value;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                if (!json_object_object_get_ex(answers[i], "complete", &value) || json_object_get_boolean(value))
                        continue;
                r = json_set(to, "complete", json_object_get(value));
                if (r >= 0 && json_object_object_get_ex(answers[i], "why", &value) && value)
                        r = json_set(to, "why", json_object_get(value));
        }
        return r;
}

int merge_answers(const MergeList *l, json_object *const *answers, size_t n, size_t limit) {
        _cleanup_(json_object_putp) json_object *merged = NULL;
        size_t total;
        int r;

        r = merge_lists(l, answers, n, limit, &merged);
        if (r < 0)
                return r;
        total = json_object_array_length(merged);
        r = copy_incomplete(answers[0], answers, n);
        if (r >= 0 && json_object_object_get_ex(answers[0], "total", NULL))
                r = json_set(answers[0], "total", json_object_new_uint64(total));
        return r < 0 ? r : json_set(answers[0], l->list, TAKE_PTR(merged));
}
