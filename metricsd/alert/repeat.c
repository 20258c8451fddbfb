/* SPDX-License-Identifier: MIT */
#include "repeat.h"

#include "field.h"
#include "foundation/json-util.h"
#include "notify-params.h"
#include "webhook.h"

/* An alert, and one who was told of it. */
typedef struct Told {
        NotifyParams receiver;
        json_object *alert;
} Told;

typedef struct ToldList {
        Told *list;
        size_t n, space;
} ToldList;

static void told_list_done(ToldList *l) {
        free(l->list);
}

static int append(ToldList *l, const NotifyParams *receiver, json_object *alert) {
        if (l->n == l->space) {
                size_t space = MAX(l->space * 2, (size_t) 16);
                Told *grown = reallocarray(l->list, space, sizeof(Told));

                if (!grown)
                        return -ENOMEM;
                l->list = grown;
                l->space = space;
        }
        l->list[l->n++] = (Told) { .receiver = *receiver, .alert = alert };
        return 0;
}

/* The rule whose notice has arrived, if it still is there and tells an Alertmanager; else NULL. */
static const AlertRule *rule_of_notice(const AlertBook *book, json_object *notice) {
        json_object *id, *success;
        const AlertRule *rule;

        if (!json_object_object_get_ex(notice, "rule", &id) ||
            !json_object_object_get_ex(notice, "success", &success) || !json_object_get_boolean(success))
                return NULL;
        rule = alert_book_find_rule(book, json_object_get_string(id));
        return rule && rule->action == ACTION_NOTIFY && notify_params_read(rule->params).alertmanager ? rule : NULL;
}

static int gather_alert(const AlertBook *book, json_object *alert, ToldList *l) {
        json_object *notices;
        int r = 0;

        if (!json_object_object_get_ex(alert, "notices", &notices))
                return 0;
        for (size_t i = 0; i < json_object_array_length(notices) && r >= 0; i++) {
                const AlertRule *rule = rule_of_notice(book, json_object_array_get_idx(notices, i));
                NotifyParams receiver = rule ? notify_params_read(rule->params) : (NotifyParams) {};

                if (!rule)
                        continue;
                if (*rule->description && !json_add(alert, "description", json_object_new_string(rule->description)))
                        return -ENOMEM;
                r = append(l, &receiver, alert);
        }
        return r;
}

static int tell(const AlertActionShared *shared, const NotifyParams *receiver, json_object *const *alerts, size_t n) {
        _cleanup_(freep) char *url = NULL, *body = NULL, *page = NULL, *authorization = NULL, *problem = NULL;
        int r;

        r = notify_params_authorization(receiver, &authorization, &problem);
        if (r < 0)
                return r == -EACCES ? 0 : r; /* was said when it was told for the first time, or is at the next */
        url = notify_params_url(receiver);
        page = alert_action_page(shared);
        body = notify_params_body(receiver, alerts, n, shared->instance, page);
        if (!url || !body)
                return -ENOMEM;
        return webhooks_repeat(shared->webhooks, &(WebhookMessage) {
                .url = url, .authorization = authorization, .body = body });
}

/* Tells the receiver of l->list[first] of all that it was told, which is then taken out. */
static int tell_receiver(const AlertActionShared *shared, ToldList *l, size_t first) {
        _cleanup_(freep) json_object **alerts = calloc(l->n, sizeof(json_object *));
        NotifyParams receiver = l->list[first].receiver;
        size_t n = 0;

        if (!alerts)
                return -ENOMEM;
        for (size_t i = first; i < l->n; i++) {
                if (!l->list[i].alert || !notify_params_same_receiver(&l->list[i].receiver, &receiver))
                        continue;
                /* Two rules may tell the same one of it. */
                if (n == 0 || alerts[n - 1] != l->list[i].alert)
                        alerts[n++] = l->list[i].alert;
                l->list[i].alert = NULL;
        }
        return tell(shared, &receiver, alerts, n);
}

static bool tells_any_alertmanager(const AlertBook *book) {
        for (size_t i = 0; i < book->n_rules; i++)
                if (book->rules[i]->action == ACTION_NOTIFY && notify_params_read(book->rules[i]->params).alertmanager)
                        return true;
        return false;
}

int alert_repeat(AlertEngine *engine, const AlertActionShared *shared) {
        _cleanup_(json_object_putp) json_object *active = NULL;
        const AlertBook *book = alert_engine_book(engine);
        _cleanup_(told_list_done) ToldList l = {};
        int r = 0;

        if (!tells_any_alertmanager(book))
                return 0;
        active = alert_engine_active_to_json(engine, SIZE_MAX);
        if (!active)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(active) && r >= 0; i++)
                r = gather_alert(book, json_object_array_get_idx(active, i), &l);
        for (size_t i = 0; i < l.n && r >= 0; i++)
                if (l.list[i].alert)
                        r = tell_receiver(shared, &l, i);
        return r;
}
