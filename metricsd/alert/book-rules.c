/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "book-internal.h"

static size_t index_of_rule(const AlertBook *book, const char *id) {
        size_t i = 0;

        while (i < book->n_rules && !streq(book->rules[i]->id, id))
                i++;
        return i;
}

AlertRule *alert_book_find_rule(const AlertBook *book, const char *id) {
        size_t i = index_of_rule(book, id);

        return i < book->n_rules ? book->rules[i] : NULL;
}

/* Gives a rule without an id one that is free. The same command typed twice makes no second rule: *ret_same then. */
static int name_rule(const AlertBook *book, AlertRule *rule, const AlertRule **ret_same) {
        for (unsigned n = 1; n <= BOOK_RULES_MAX + 1; n++) {
                _cleanup_(freep) char *id = alert_rule_make_id(rule, n);
                const AlertRule *other;

                if (!id)
                        return -ENOMEM;
                other = alert_book_find_rule(book, id);
                if (other && !alert_rule_equal(other, rule))
                        continue;
                rule->id = TAKE_PTR(id);
                *ret_same = other;
                return 0;
        }
        return -E2BIG;
}

int alert_book_try_rule(const AlertBook *book, AlertRule *rule, const AlertRule **ret_there) {
        const AlertRule *there = NULL;
        int r = 0;

        if (rule->id)
                there = alert_book_find_rule(book, rule->id);
        else
                r = name_rule(book, rule, &there);
        if (r < 0)
                return r;
        if (!there && book->n_rules >= BOOK_RULES_MAX)
                return -E2BIG;
        *ret_there = there;
        return 0;
}

/* Puts rule where old was, or at the end; stores that, or leaves all as it was. */
static int replace_rule(AlertBook *book, AlertRule *old, AlertRule *rule, AlertTime now) {
        size_t i = old ? index_of_rule(book, old->id) : book->n_rules;
        int r = 0;

        if (old)
                book->rules[i] = rule;
        else
                r = book_append(&book->rules, &book->n_rules, sizeof(AlertRule *), &rule);
        if (r < 0)
                return r;
        r = book_save(book, now);
        if (r < 0 && old)
                book->rules[i] = old;
        else if (r < 0)
                book->n_rules--;
        return r;
}

/* That is no rule's content: when it cannot be stored now, it is later. */
static void count_anew(AlertBook *book, const char *rule, AlertTime now) {
        size_t n = book->n_efficacy;

        book_forget_efficacy(book, rule);
        if (n == book->n_efficacy)
                return;
        book->unsaved = true;
        (void) book_save(book, now);
}

int alert_book_put_rule(AlertBook *book, AlertRule **rule, AlertTime now, const AlertRule **ret_rule) {
        bool named = (*rule)->id;
        const AlertRule *there;
        int r;

        r = alert_book_try_rule(book, *rule, &there);
        if (r < 0)
                return r;
        if (there && !named) {
                *rule = alert_rule_free(*rule);
                *ret_rule = there;
        } else {
                AlertRule *old = alert_book_find_rule(book, (*rule)->id);

                r = replace_rule(book, old, *rule, now);
                if (r < 0)
                        return r;
                alert_rule_free(old);
                *ret_rule = TAKE_PTR(*rule);
        }
        count_anew(book, (*ret_rule)->id, now);
        return 0;
}

int alert_book_delete_rule(AlertBook *book, const char *id, AlertTime now) {
        size_t i = index_of_rule(book, id);
        AlertRule *old;
        int r;

        if (i >= book->n_rules)
                return -ENOENT;
        old = book->rules[i];
        book_remove_at(book->rules, &book->n_rules, sizeof(AlertRule *), i);
        r = book_save(book, now);
        if (r < 0) {
                book_put_back(book->rules, &book->n_rules, sizeof(AlertRule *), i, &old);
                return r;
        }
        count_anew(book, old->id, now);
        alert_rule_free(old);
        return 0;
}
