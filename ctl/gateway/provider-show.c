/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <json-c/json.h>
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/time-util.h"
#include "ctl/table.h"
#include "shared/log.h"
#include "shared/strv.h"

typedef struct Row {
        const ProviderModel *m;
        char **abilities;
} Row;

static void row_done(Row *row) {
        strv_free(row->abilities);
}

static Value get_name(const void *row) {
        return value_string(((const Row *) row)->m->name);
}

static Value get_upstream(const void *row) {
        const ProviderModel *m = ((const Row *) row)->m;

        return value_string(streq(m->name, m->upstream) ? NULL : m->upstream);
}

static Value get_abilities(const void *row) {
        const Row *r = row;

        return r->abilities ? value_list(r->abilities) : value_unknown();
}

static Value get_context(const void *row) {
        const ProviderModel *m = ((const Row *) row)->m;

        return value_number(VALUE_NUMBER, (uint64_t) m->context_tokens, m->context_tokens > 0);
}

static Value get_output_tokens(const void *row) {
        const ProviderModel *m = ((const Row *) row)->m;

        return value_number(VALUE_NUMBER, (uint64_t) m->max_output_tokens, m->max_output_tokens > 0);
}

/* A thousand pico-USD a token are a thousandth USD per million, so that nano-USD hold each price. */
static Value price(const void *row, int64_t pico_usd) {
        return value_money(((const Row *) row)->m->price.known && pico_usd >= 0 ? pico_usd * 1000 : -1);
}

static Value get_input(const void *row) {
        return price(row, ((const Row *) row)->m->price.input);
}

static Value get_output(const void *row) {
        return price(row, ((const Row *) row)->m->price.output);
}

static Value get_cached(const void *row) {
        const ProviderPrice *p = &((const Row *) row)->m->price;

        return price(row, p->cached < 0 ? p->input : p->cached);
}

static Value get_cache_write(const void *row) {
        const ProviderPrice *p = &((const Row *) row)->m->price;

        return price(row, p->cache_write < 0 ? p->input : p->cache_write);
}

static Value get_reasoning(const void *row) {
        const ProviderPrice *p = &((const Row *) row)->m->price;

        return price(row, p->reasoning < 0 ? p->output : p->reasoning);
}

static Value get_source(const void *row) {
        return value_string(((const Row *) row)->m->price.source);
}

static const Column columns[] = {
        { "MODEL", NULL, get_name },
        { "UPSTREAM", NULL, get_upstream, COLUMN_SHRINKS, .drop = 5 },
        { "ABILITIES", NULL, get_abilities, .drop = 1 },
        { "CONTEXT", NULL, get_context, COLUMN_RIGHT, .drop = 4 },
        { "LONGEST", NULL, get_output_tokens, COLUMN_RIGHT, .drop = 6 },
        { "INPUT", NULL, get_input, COLUMN_RIGHT },
        { "OUTPUT", NULL, get_output, COLUMN_RIGHT },
        { "CACHED", NULL, get_cached, COLUMN_RIGHT, .drop = 2 },
        { "CACHE-WRITE", NULL, get_cache_write, COLUMN_RIGHT, .drop = 7 },
        { "REASONING", NULL, get_reasoning, COLUMN_RIGHT, .drop = 3 },
        { "PRICE-FROM", NULL, get_source, COLUMN_SHRINKS, .drop = 8 },
};

static int print_models(const ProviderFile *f) {
        _cleanup_(freep) Row *rows = calloc(f->n_models, sizeof(Row));
        _cleanup_(freep) const Row **pointers = calloc(f->n_models, sizeof(Row *));
        int r = rows && pointers ? 0 : -ENOMEM;

        for (size_t i = 0; i < f->n_models && r >= 0; i++) {
                rows[i].m = f->models + i;
                pointers[i] = rows + i;
                for (int a = 0; provider_ability_names[a] && r >= 0; a++)
                        if (f->models[i].abilities & (1U << a))
                                r = strv_extend(&rows[i].abilities, provider_ability_names[a]);
        }
        if (r >= 0)
                r = table_print(columns, ELEMENTSOF(columns), (const void *const *) pointers, f->n_models, f->n_models, NULL);
        for (size_t i = 0; rows && i < f->n_models; i++)
                row_done(rows + i);
        return r;
}

static int print(const ProviderFile *f, const ProviderPaths *paths, bool missing) {
        char connect[TIMESPAN_MAX], first[TIMESPAN_MAX], idle[TIMESPAN_MAX];

        (void) printf("%s - %s%s\n", f->name, provider_kind_to_string(f->kind), f->enabled ? "" : " (not enabled)");
        (void) printf("%10s: %s\n", "URL", f->base_url);
        (void) printf("%10s: %s%s\n", "Key", f->credential ? paths->credential : "none", missing ? " (missing)" : "");
        (void) printf("%10s: %s\n", "File", paths->file);
        (void) printf("%10s: %u at a time, %u may wait\n", "Calls", f->max_concurrency, f->max_queue);
        (void) printf("%10s: %s to connect, %s to the first byte, %s between bytes\n\n", "Time-outs",
                      format_timespan(connect, f->connect_usec), format_timespan(first, f->first_byte_usec),
                      format_timespan(idle, f->idle_usec));
        return print_models(f);
}

/* The file's own fields, and what is known beside them. */
static int print_json(const ProviderFile *f, const ProviderPaths *paths, bool missing) {
        _cleanup_(json_putp) json_object *json = json_object_new_object(), *fields = provider_file_to_json(f);
        int r;

        if (!json || !fields)
                return -ENOMEM;
        if ((r = json_set(json, "name", json_object_new_string(f->name))) < 0 ||
            (r = json_set(json, "path", json_object_new_string(paths->file))) < 0 ||
            (r = json_set(json, "key", json_object_new_string(missing ? "missing" : f->credential ? "yes" : "none"))) < 0)
                return r;
        json_object_object_foreach(fields, name, value)
                if ((r = json_set(json, name, json_object_get(value))) < 0)
                        return r;
        return json_print(json);
}

int gateway_provider_show(Ctl *ctl) {
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        _cleanup_(provider_file_done) ProviderFile f = {};
        bool missing;
        int status, r = 0;

        status = provider_paths_of(ctl->names[0], &paths);
        if (status == CTL_OK)
                status = gateway_provider_open(ctl->names[0], &paths, &f);
        if (status != CTL_OK)
                return status;
        missing = f.credential && access(paths.credential, R_OK) < 0;
        if (ctl->json)
                r = print_json(&f, &paths, missing);
        else if (!ctl->quiet)
                r = print(&f, &paths, missing);
        return r < 0 ? gateway_failed(r, "cannot show the provider") : CTL_OK;
}
