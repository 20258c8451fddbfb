/* SPDX-License-Identifier: MIT */
#include "gather.h"

#include "shared/log.h"

#define LINES_USUAL "100"

static const char *lines_wanted(const Metrics *m) {
        return m->ctl.given[OPTION_LINES] ? m->ctl.given[OPTION_LINES] : LINES_USUAL;
}

static int ask_one(Metrics *m, const Gather *g, const char *service, Answer *ret) {
        _cleanup_(freep) char *path = metrics_path(g->path, "service", service, "kind", g->kind, "from", g->from, "to",
                                                   g->to, "limit", lines_wanted(m), NULL);

        return metrics_ask(m, "GET", path, NULL, ret);
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

static int put_together(const Metrics *m, const Gather *g, Answer *answers, size_t n) {
        _cleanup_(freep) json_object **parts = calloc(n, sizeof(json_object *));
        int r;

        if (!parts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                parts[i] = answers[i].json;
        r = merge_answers(&g->list, parts, n, strtoul(lines_wanted(m), NULL, 10));
        return r < 0 ? r : render(answers);
}

static int ask_each(Metrics *m, const Gather *g, Answer *answers, size_t n) {
        int status = CTL_OK, r;

        for (size_t i = 0; i < n && status == CTL_OK; i++)
                status = ask_one(m, g, m->ctl.selected[i]->id, answers + i);
        if (status != CTL_OK || n == 1)
                return status;
        r = put_together(m, g, answers, n);
        if (r < 0) {
                (void) log_errno(r, "cannot put the answers together");
                return CTL_FAILED;
        }
        return CTL_OK;
}

int gather(Metrics *m, const Gather *g, Answer *ret) {
        _cleanup_(freep) Answer *answers = NULL;
        size_t n;
        int status;

        status = metrics_connect(m, m->n_operands > 0 ? m->operands : NULL);
        if (status != CTL_OK)
                return status;
        if (m->n_operands == 0)
                return ask_one(m, g, NULL, ret);
        n = m->ctl.n_selected;
        answers = calloc(n, sizeof(Answer));
        if (!answers) {
                (void) log_errno(-ENOMEM, "cannot ask metricsd");
                return CTL_FAILED;
        }
        status = ask_each(m, g, answers, n);
        if (status == CTL_OK) {
                *ret = answers[0];
                answers[0] = (Answer) {};
        }
        for (size_t i = 0; i < n; i++)
                answer_done(answers + i);
        return status;
}
