/* SPDX-License-Identifier: MIT */
#include "question.h"

#include "basic/string-util.h"

int host_question_ask(const Control *control, BusBatch *batch, HostQuestion *ret) {
        size_t n = fleet_count(control->fleet);

        *ret = (HostQuestion) { .answers = calloc(n + 1, sizeof(HostAnswer)) };
        if (!ret->answers)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const FleetUnit *unit = fleet_at(control->fleet, i);
                HostAnswer *answer = ret->answers + ret->n;
                int r;

                if (unit->condition != FLEET_RUNNING)
                        continue;
                answer->id = strdup(unit->service->id);
                if (!answer->id)
                        return -ENOMEM;
                ret->n++;
                r = host_status_ask(batch, answer->id, &answer->host);
                if (r < 0)
                        return r;
        }
        return 0;
}

void host_question_done(HostQuestion *question) {
        for (size_t i = 0; i < question->n; i++) {
                free(question->answers[i].id);
                host_status_done(&question->answers[i].host);
        }
        free(question->answers);
        *question = (HostQuestion) {};
}

const HostStatus *host_question_find(const HostQuestion *question, const char *id) {
        for (size_t i = 0; i < question->n; i++)
                if (streq(question->answers[i].id, id))
                        return question->answers[i].host.known ? &question->answers[i].host : NULL;
        return NULL;
}
