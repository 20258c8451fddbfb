/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <math.h>
#include <string.h>

#include "basic/string-util.h"
#include "ctl/metrics/answer.h"
#include "ctl/text.h"

static Row *row_free(Row *row) {
        if (!row)
                return NULL;
        free(row->id);
        free(row->name);
        free(row->state);
        free(row->health);
        free(row->problem);
        free(row);
        return NULL;
}
TL_DEFINE_CLEANUP(Row *, row_free)

void rows_done(Rows *rows) {
        for (size_t i = 0; i < rows->n; i++)
                row_free(rows->list[i]);
        free(rows->list);
        free(rows->shown);
        *rows = (Rows) {};
}

static Row *find(const Rows *rows, const char *id) {
        for (size_t i = 0; i < rows->n; i++)
                if (streq(rows->list[i]->id, id))
                        return rows->list[i];
        return NULL;
}

/* What came from elsewhere, fit for a terminal; NULL and "" are nothing. */
static int set_text(char **field, const char *value) {
        char *clean = NULL;

        if (value && *value) {
                clean = text_clean(value, strlen(value));
                if (!clean)
                        return -ENOMEM;
        }
        free(*field);
        *field = clean;
        return 0;
}

/* --- systemd ----------------------------------------------------------------------------------------------------- */

static int add_row(Rows *rows, const char *id, Row **ret) {
        _cleanup_(row_freep) Row *row = calloc(1, sizeof(Row));
        Row **grown = reallocarray(rows->list, rows->n + 1, sizeof(Row *));

        if (grown)
                rows->list = grown;
        if (!row || !grown)
                return -ENOMEM;
        row->id = strdup(id);
        if (!row->id)
                return -ENOMEM;
        row->response = row->cpu = -1;
        row->memory = UINT64_MAX;
        *ret = rows->list[rows->n++] = row;
        TAKE_PTR(row);
        return 0;
}

static int take_unit(Rows *rows, const FleetUnit *unit, size_t place) {
        Row *row = find(rows, unit->service->id);
        int r;

        r = row ? 0 : add_row(rows, unit->service->id, &row);
        if (r >= 0)
                r = set_text(&row->name, unit->service->name);
        if (r >= 0)
                r = set_text(&row->state, fleet_unit_word(unit));
        if (r >= 0 && (unit->condition == FLEET_FAILED || !row->problem))
                r = set_text(&row->problem, unit->failure);
        if (r < 0)
                return r;
        row->counts = fleet_unit_counts(unit);
        row->condition = unit->condition;
        row->since = unit->changed_at;
        row->place = place;
        row->seen = true;
        return 0;
}

static void drop_unseen(Rows *rows) {
        size_t to = 0;

        for (size_t i = 0; i < rows->n; i++)
                if (rows->list[i]->seen)
                        rows->list[to++] = rows->list[i];
                else
                        row_free(rows->list[i]);
        rows->n = to;
        rows->n_shown = 0; /* until it is sorted again */
}

int rows_take_fleet(Rows *rows, const Fleet *fleet) {
        int r = 0;

        for (size_t i = 0; i < rows->n; i++)
                rows->list[i]->seen = false;
        for (size_t i = 0; i < fleet_count(fleet) && r >= 0; i++)
                r = take_unit(rows, fleet_at(fleet, i), i);
        if (r >= 0)
                drop_unseen(rows);
        return r;
}

/* --- metricsd ---------------------------------------------------------------------------------------------------- */

static uint64_t count_or(json_object *o, const char *name, uint64_t otherwise) {
        double value;

        return answer_number(o, name, &value) && value >= 0 && value < 0x1p63 ? (uint64_t) value : otherwise;
}

static double number_or_unknown(json_object *o, const char *name) {
        double value;

        return answer_number(o, name, &value) && value >= 0 ? value : -1;
}

static int take_service(Rows *rows, json_object *o) {
        const char *id = answer_string(o, "id"), *problem = answer_string(o, "explanation");
        Row *row = id ? find(rows, id) : NULL;
        int r;

        if (!row) /* systemd tells of it soon */
                return 0;
        row->response = number_or_unknown(o, "responseTime");
        row->cpu = number_or_unknown(o, "cpu");
        row->memory = count_or(o, "memory", UINT64_MAX);
        row->restarts = count_or(o, "restarts", 0);
        row->generation = count_or(o, "generation", 0);
        r = set_text(&row->health, answer_string(o, "status"));
        return r < 0 ? r : set_text(&row->problem, problem ? problem : answer_string(o, "error"));
}

static int take_services(Rows *rows, json_object *list) {
        int r = 0;

        for (size_t i = 0; i < answer_length(list) && r >= 0; i++)
                r = take_service(rows, json_object_array_get_idx(list, i));
        return r;
}

int rows_take_update(Rows *rows, json_object *message) {
        json_object *data = answer_object(message, "data"), *services = answer_array(data, "services");
        const char *type = answer_string(message, "type");
        int r;

        if (!type || !streq(type, "metrics-update") || !services)
                return -EBADMSG;
        r = take_services(rows, services);
        if (r >= 0)
                r = take_services(rows, answer_array(data, "control"));
        if (r < 0)
                return r;
        rows->alerts = answer_length(answer_array(data, "alerts"));
        rows->figures = true;
        return 0;
}

void rows_forget_health(Rows *rows) {
        for (size_t i = 0; i < rows->n; i++)
                rows->list[i]->health = (free(rows->list[i]->health), NULL);
}

/* --- How it is ---------------------------------------------------------------------------------------------------- */

RowSign row_sign(const Row *row) {
        switch (row->condition) {
        case FLEET_FAILED:
                return SIGN_FAILED;
        case FLEET_STOPPED:
        case FLEET_ASLEEP:
                return SIGN_STOPPED;
        case FLEET_CHANGING:
                return SIGN_CHANGING;
        case FLEET_RUNNING:
                break;
        }
        if (!row->health)
                return SIGN_UNKNOWN;
        return streq(row->health, "healthy") ? SIGN_HEALTHY : streq(row->health, "degraded") ? SIGN_DEGRADED : SIGN_OFFLINE;
}

bool rows_all_well(const Rows *rows) {
        for (size_t i = 0; i < rows->n; i++)
                if (row_sign(rows->list[i]) != SIGN_HEALTHY)
                        return false;
        return rows->n > 0 && rows->alerts == 0;
}

/* Takes over more, also on failure. */
static int append(char **text, char *more) {
        int r = more ? str_replace_printf(text, "%s%s", *text, more) : -ENOMEM;

        free(more);
        return r;
}

char *rows_verdict(const Rows *rows) {
        static const char *const words[_SIGN_MAX] = {
                [SIGN_STOPPED] = "stopped",   [SIGN_UNKNOWN] = "of unknown health", [SIGN_CHANGING] = "changing",
                [SIGN_DEGRADED] = "degraded", [SIGN_OFFLINE] = "offline",           [SIGN_FAILED] = "failed",
        };
        size_t counts[_SIGN_MAX] = {}, total = 0;
        _cleanup_(freep) char *text = NULL;
        int r;

        for (size_t i = 0; i < rows->n; i++)
                if (rows->list[i]->counts) {
                        counts[row_sign(rows->list[i])]++;
                        total++;
                }
        text = str_printf("%zu/%zu healthy", counts[SIGN_HEALTHY], total);
        r = text ? 0 : -ENOMEM;
        for (unsigned i = _SIGN_MAX; i-- > 0 && r >= 0;)
                if (words[i] && counts[i] > 0)
                        r = append(&text, str_printf(", %zu %s", counts[i], words[i]));
        if (r >= 0 && rows->alerts > 0)
                r = append(&text, str_printf(", %zu alert%s", rows->alerts, rows->alerts == 1 ? "" : "s"));
        return r < 0 ? NULL : TAKE_PTR(text);
}
