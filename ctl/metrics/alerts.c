/* SPDX-License-Identifier: MIT */
#include "alerts.h"

#include "ctl/table.h"
#include "ctl/text.h"

char *alerts_path(const Metrics *m, const char *path) {
        return str_printf("%s%s", path, m->ctl.given[OPTION_DRY_RUN] ? "?dryRun=true" : "");
}

int alerts_connect(Metrics *m, const char *service, const char **ret_id) {
        char *names[] = { (char *) service, NULL };
        int status;

        status = metrics_connect(m, service ? names : NULL);
        if (status == CTL_OK)
                *ret_id = service ? m->ctl.selected[0]->id : NULL;
        return status;
}

int alerts_set_text(json_object *body, const char *field, const char *text) {
        return text ? json_set(body, field, json_object_new_string(text)) : 0;
}

json_object *alerts_number(double value) {
        if (value >= -1e15 && value <= 1e15 && value == (double) (int64_t) value)
                return json_object_new_int64((int64_t) value);
        return json_object_new_double(value);
}

int alerts_delete(Metrics *m, const char *path, const char *what) {
        const char *none;
        int status, result;

        result = status = alerts_connect(m, NULL, &none);
        for (size_t i = 0; status == CTL_OK && i < m->n_operands; i++) {
                _cleanup_(freep) char *one = metrics_path_of(path, m->operands[i]);
                _cleanup_(freep) char *whole = one ? alerts_path(m, one) : NULL;
                _cleanup_(answer_done) Answer answer = {};

                if (metrics_ask(m, "DELETE", whole, NULL, &answer) != CTL_OK)
                        result = CTL_FAILED; /* the others can go all the same */
                else if (m->ctl.json)
                        answer_print(&answer);
                else
                        ctl_say(&m->ctl, m->ctl.given[OPTION_DRY_RUN] ? "%s %s would be removed" : "%s %s is removed", what,
                                m->operands[i]);
        }
        return result;
}
