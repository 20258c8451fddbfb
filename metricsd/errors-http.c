/* SPDX-License-Identifier: MIT */
#include "errors-http.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"
#include "history/history.h"
#include "journal-collector.h"
#include "shared/journal-access.h"
#include "manager.h"

#define LIMIT 50
#define LIMIT_MAX 500

TL_DEFINE_CLEANUP(json_object *, json_object_put)

typedef struct Item {
        char *service;
        uint64_t fingerprint, last;
        json_object *json;
} Item;

typedef struct ErrorList {
        Manager *manager;
        const char *service; /* NULL for all */
        uint64_t now;
        const JournalGroups *pending;
        bool unreadable; /* the history */
        Item *items;
        size_t n;
} ErrorList;

static void error_list_done(ErrorList *list) {
        for (size_t i = 0; i < list->n; i++) {
                free(list->items[i].service);
                json_object_put(list->items[i].json);
        }
        free(list->items);
}

/* --- One of them ---------------------------------------------------------------------------------------------------- */

static json_object *text(const char *s) {
        return s ? json_object_new_string(s) : NULL;
}

static json_object *when(uint64_t realtime) {
        char buf[ISO8601_MAX];

        return json_object_new_string(format_iso8601(buf, realtime));
}

/* Since the generation that runs, as far as that is known. */
static bool is_new(const ErrorList *list, const ErrorGroup *g) {
        const FleetUnit *unit = fleet_find(list->manager->fleet, g->service);
        uint64_t began = unit && unit->userdata ? journal_generation_began(unit->userdata, list->now) : 0;

        return began > 0 && g->first >= began;
}

static json_object *group_json(const ErrorList *list, const ErrorGroup *g) {
        _cleanup_(json_object_putp) json_object *json = json_object_new_object();
        char fingerprint[17];

        (void) snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, g->fingerprint);
        if (json && json_add(json, "fingerprint", json_object_new_string(fingerprint)) &&
            json_add(json, "service", text(g->service)) && json_add(json, "message", text(g->message)) &&
            json_add(json, "sample", text(g->sample)) && json_add(json, "count", json_object_new_uint64(g->count)) &&
            json_add(json, "firstSeen", when(g->first)) && json_add(json, "lastSeen", when(g->last)) &&
            json_add(json, "new", json_object_new_boolean(is_new(list, g))) &&
            json_add(json, "priority", json_object_new_int(g->priority)) &&
            json_add(json, "messageId", text(g->message_id)) && json_add(json, "codeFunc", text(g->code_func)) &&
            json_add(json, "cursor", text(g->cursor)))
                return TAKE_PTR(json);
        return NULL;
}

static int add(ErrorList *list, const ErrorGroup *g) {
        Item *items = reallocarray(list->items, list->n + 1, sizeof(Item));
        Item item;

        if (!items)
                return -ENOMEM;
        list->items = items;
        item = (Item) { .service = strdup(g->service), .fingerprint = g->fingerprint, .last = g->last,
                        .json = group_json(list, g) };
        list->items[list->n++] = item;
        return item.service && item.json ? 0 : -ENOMEM;
}

/* --- All of them ---------------------------------------------------------------------------------------------------- */

/* What has been kept of it, with what is to be added at the next tick. */
static ErrorGroup merge(const ErrorGroup *kept, const JournalGroup *pending) {
        return (ErrorGroup) {
                .service = pending->service, .fingerprint = pending->fingerprint, .message = pending->message,
                .sample = pending->sample, .message_id = pending->message_id, .code_func = pending->code_func,
                .priority = pending->priority, .count = pending->count + (kept ? kept->count : 0),
                .first = kept ? MIN(kept->first, pending->first) : pending->first,
                .last = kept ? MAX(kept->last, pending->last) : pending->last, .cursor = pending->cursor,
        };
}

static int on_kept(const ErrorGroup *kept, void *userdata) {
        ErrorList *list = userdata;
        const JournalGroup *pending = journal_groups_find(list->pending, kept->service, kept->fingerprint);
        ErrorGroup whole = pending ? merge(kept, pending) : *kept;

        return add(list, &whole);
}

static bool has(const ErrorList *list, const JournalGroup *g) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].fingerprint == g->fingerprint && streq(list->items[i].service, g->service))
                        return true;
        return false;
}

/* Of those that are pending and not in the list yet. */
static int on_older(const ErrorGroup *kept, void *userdata) {
        ErrorList *list = userdata;
        const JournalGroup *pending = journal_groups_find(list->pending, kept->service, kept->fingerprint);
        ErrorGroup whole;

        if (!pending || has(list, pending))
                return 0;
        whole = merge(kept, pending);
        return add(list, &whole);
}

/* What has come since the last tick may be new, or have been kept long ago, behind as many as are wanted. */
static int add_pending(ErrorList *list) {
        const char *searched = NULL;

        for (const JournalGroup *g = journal_groups_first(list->pending); g; g = g->next) {
                ErrorGroup fresh = merge(NULL, g);
                int r = 0;

                if ((list->service && !streq(list->service, g->service)) || has(list, g))
                        continue;
                if (!searched || !streq(searched, g->service))
                        r = history_each_error(list->manager->history, g->service, ERROR_GROUPS_MAX, on_older, list);
                searched = g->service;
                if (r >= 0 && !has(list, g))
                        r = add(list, &fresh);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

/* While the history cannot be read, what has come since is all there is. */
static int fill(ErrorList *list, size_t limit) {
        int r = history_each_error(list->manager->history, list->service, limit, on_kept, list);

        if (r == -ENOMEM)
                return r;
        list->unreadable = r < 0;
        return add_pending(list);
}

static int newest_first(const void *a, const void *b) {
        const Item *x = a, *y = b;

        return x->last < y->last ? 1 : x->last > y->last ? -1 : 0;
}

static json_object *list_json(ErrorList *list, size_t limit) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (list->n > 0)
                qsort(list->items, list->n, sizeof(Item), newest_first);
        for (size_t i = 0; array && i < MIN(list->n, limit); i++)
                if (json_object_array_add(array, json_object_get(list->items[i].json)) < 0)
                        return NULL;
        return TAKE_PTR(array);
}

static int reply(HttpRequest *request, ErrorList *list, size_t limit) {
        _cleanup_(json_object_putp) json_object *body = json_object_new_object(), *errors = list_json(list, limit);
        const char *why = list->unreadable ? "the history cannot be read at present"
                                           : journal_incomplete(list->manager->journal, list->service, list->now);
        bool notices = journal_sees_notices();

        if (!body || !errors || !json_add(body, "errors", TAKE_PTR(errors)) ||
            !json_add(body, "complete", json_object_new_boolean(!why)) || !json_add(body, "why", text(why)) ||
            !json_add(body, "seesDropped", json_object_new_boolean(notices)) ||
            !json_add(body, "hint",
                      notices ? NULL
                              : text("this user may not read journald's notices of dropped messages; to allow it: "
                                     "sudo usermod -aG systemd-journal USER, then log in again")))
                return http_reply_json(request, 200, NULL);
        return http_reply_json(request, 200, TAKE_PTR(body));
}

int errors_http_get(HttpRequest *request, void *state) {
        const char *limit_text = http_request_query(request, "limit");
        _cleanup_(error_list_done) ErrorList list = {
                .manager = state, .service = http_request_query(request, "service"), .now = now_realtime_usec(),
        };
        unsigned long limit = LIMIT;
        int r;

        r = manager_refuse_early(list.manager, request);
        if (r != 0)
                return r < 0 ? r : 0;
        if (limit_text && parse_uint(limit_text, 1, LIMIT_MAX, &limit) < 0)
                return http_reply_error(request, 400, "INVALID_FIELD", "limit: a number in 1..%d is expected", LIMIT_MAX);
        if (list.service && !fleet_find(list.manager->fleet, list.service))
                return http_reply_error(request, 400, "INVALID_FIELD", "service: there is no service '%s'", list.service);
        list.pending = journal_pending(list.manager->journal);
        r = fill(&list, limit);
        return r < 0 ? r : reply(request, &list, limit);
}
