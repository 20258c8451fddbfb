/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <string.h>

#include "history-internal.h"
#include "shared/log.h"

void services_clear(ServiceTable *table) {
        for (size_t i = 0; i < table->n; i++)
                free(table->list[i].id);
        free(table->list);
        *table = (ServiceTable) { .complained = table->complained };
}

void services_complain(ServiceTable *table, const char *id) {
        if (!table->complained)
                log_warning("No history is kept of %s: there have been %d services within %d days, and no more is room for",
                            id, HISTORY_SERVICES_MAX, HISTORY_DAYS);
        table->complained = true;
}

/* Where it stands, or is to. */
static size_t position(const ServiceTable *table, const char *id, bool *ret_found) {
        size_t low = 0, high = table->n;

        *ret_found = false;
        while (low < high && !*ret_found) {
                size_t middle = (low + high) / 2;
                int order = strcmp(id, table->list[middle].id);

                *ret_found = order == 0;
                if (order > 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return *ret_found ? high : low;
}

static int insert(ServiceTable *table, size_t at, const char *id, uint32_t number) {
        char *copy;

        if (table->n == table->space) {
                size_t space = table->space > 0 ? table->space * 2 : 32;
                ServiceNumber *grown = reallocarray(table->list, space, sizeof(ServiceNumber));

                if (!grown)
                        return -ENOMEM;
                table->list = grown;
                table->space = space;
        }
        copy = strdup(id);
        if (!copy)
                return -ENOMEM;
        memmove(table->list + at + 1, table->list + at, (table->n - at) * sizeof(ServiceNumber));
        table->list[at] = (ServiceNumber) { .id = copy, .number = number };
        table->n++;
        return 0;
}

static int load(History *h) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        if (h->services.loaded)
                return 0;
        services_clear(&h->services);
        r = statement_get(h, STATEMENT_SERVICES, "SELECT number, id FROM service", &s);
        while (r >= 0 && (r = statement_step(h, s)) > 0) {
                const char *id = statement_text(s, 1);
                int64_t number = sqlite3_column_int64(s, 0);
                bool found;
                size_t at;

                if (!id)
                        return -ENOMEM;
                at = position(&h->services, id, &found);
                if (!found && number > 0 && number <= HISTORY_SERVICES_MAX)
                        r = insert(&h->services, at, id, (uint32_t) number);
        }
        h->services.loaded = r >= 0;
        return r;
}

int service_find(History *h, const char *id, uint32_t *ret) {
        bool found;
        size_t at;
        int r;

        r = load(h);
        if (r < 0)
                return r;
        at = position(&h->services, id, &found);
        if (!found)
                return -ENOENT;
        *ret = h->services.list[at].number;
        return 0;
}

/* The lowest number that nobody has, of which there is one: what an old service leaves is taken again. */
static uint32_t free_number(const ServiceTable *table) {
        bool taken[HISTORY_SERVICES_MAX + 1] = {};
        uint32_t number = 1;

        for (size_t i = 0; i < table->n; i++)
                taken[table->list[i].number] = true;
        while (taken[number])
                number++;
        return number;
}

int service_add(History *h, const char *id, uint64_t hour, uint32_t *ret) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        uint32_t number;
        bool found;
        size_t at;
        int r;

        r = service_find(h, id, ret);
        if (r != -ENOENT)
                return r;
        if (h->services.n >= HISTORY_SERVICES_MAX)
                return -E2BIG;
        number = free_number(&h->services);
        r = statement_get(h, STATEMENT_ADD_SERVICE, "INSERT INTO service (number, id, used) VALUES (?, ?, ?)", &s);
        if (r >= 0)
                r = statement_bind(h, s, "utu", (uint64_t) number, id, hour);
        if (r >= 0)
                r = statement_run(h, s);
        if (r < 0)
                return r;
        at = position(&h->services, id, &found);
        r = insert(&h->services, at, id, number);
        if (r < 0)
                return r;
        *ret = number;
        return 0;
}

int service_use(History *h, uint32_t number, uint64_t hour) {
        _cleanup_(statement_donep) sqlite3_stmt *s = NULL;
        int r;

        r = statement_get(h, STATEMENT_USE_SERVICE, "UPDATE service SET used = max(used, ?2) WHERE number = ?1", &s);
        if (r >= 0)
                r = statement_bind(h, s, "uu", (uint64_t) number, hour);
        return r < 0 ? r : statement_run(h, s);
}
