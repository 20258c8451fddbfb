/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <stdio.h>

#include "ctl/table.h"
#include "ctl/terminal.h"
#include "shared/log.h"
#include "shared/strv.h"

typedef struct Row {
        const char *name;
        ProviderFile f;
        char **models;
        const char *priced, *key;
        char *problem; /* the file is wrong: of f nothing is known */
} Row;

typedef struct List {
        char **names;
        Row *rows;
        const Row **pointers;
        size_t n;
        bool wrong;
} List;

static void list_done(List *l) {
        for (size_t i = 0; i < l->n; i++) {
                provider_file_done(&l->rows[i].f);
                strv_free(l->rows[i].models);
                free(l->rows[i].problem);
        }
        free(l->rows);
        free(l->pointers);
        strv_free(l->names);
}

static Value get_name(const void *row) {
        return value_string(((const Row *) row)->name);
}

static Value get_kind(const void *row) {
        const Row *r = row;

        return value_string(r->problem ? NULL : provider_kind_to_string(r->f.kind));
}

static Value get_url(const void *row) {
        return value_string(((const Row *) row)->f.base_url);
}

static Value get_models(const void *row) {
        const Row *r = row;

        return r->problem ? value_unknown() : value_list(r->models);
}

static Value get_priced(const void *row) {
        return value_string(((const Row *) row)->priced);
}

static Value get_key(const void *row) {
        return value_string(((const Row *) row)->key);
}

static Value get_enabled(const void *row) {
        const Row *r = row;

        return r->problem ? value_unknown() : value_flag(r->f.enabled);
}

static Value get_problem(const void *row) {
        return value_string(((const Row *) row)->problem);
}

static const char *color_of_key(const void *row) {
        const Row *r = row;

        return r->key && streq(r->key, "missing") ? ANSI_RED : NULL;
}

static const char *color_of_problem(const void *row) {
        return ANSI_RED;
}

static const Column columns[] = {
        { "PROVIDER", "name", get_name },
        { "KIND", "kind", get_kind, .drop = 1 },
        { "ENABLED", "enabled", get_enabled, .drop = 3 },
        { "KEY", "key", get_key, .color = color_of_key },
        { "PRICED", "priced", get_priced, .drop = 2 },
        { "MODELS", "models", get_models, COLUMN_SHRINKS },
        { "URL", "baseUrl", get_url, COLUMN_SHRINKS, .drop = 4 },
        { "PROBLEM", "problem", get_problem, COLUMN_SHRINKS, .color = color_of_problem },
};

static int describe(Row *row) {
        size_t priced = 0;

        for (size_t i = 0; i < row->f.n_models; i++) {
                priced += row->f.models[i].price.known;
                if (strv_extend(&row->models, row->f.models[i].name) < 0)
                        return -ENOMEM;
        }
        row->priced = priced == row->f.n_models ? "yes" : priced > 0 ? "some" : "no";
        return 0;
}

static int read_row(const char *directory, const char *name, Row *row) {
        _cleanup_(provider_paths_done) ProviderPaths paths = {};
        int r;

        row->name = name;
        r = provider_file_read(directory, name, &row->f, &row->problem);
        if (r < 0) {
                if (!row->problem)
                        row->problem = str_printf("it cannot be read: %s", strerror(-r));
                return row->problem ? 0 : -ENOMEM;
        }
        if (provider_paths_of(name, &paths) != CTL_OK)
                return -ENOMEM;
        row->key = !row->f.credential ? "none" : access(paths.credential, R_OK) < 0 ? "missing" : "yes";
        return describe(row);
}

static int gather(List *l) {
        _cleanup_(freep) char *directory = NULL;
        int r;

        r = provider_directory(&directory);
        if (r >= 0)
                r = provider_names(directory, &l->names);
        if (r < 0)
                return r;
        l->n = strv_length(l->names);
        l->rows = calloc(l->n + 1, sizeof(*l->rows));
        l->pointers = calloc(l->n + 1, sizeof(Row *));
        if (!l->rows || !l->pointers) {
                l->n = 0;
                return -ENOMEM;
        }
        for (size_t i = 0; i < l->n && r >= 0; i++) {
                l->pointers[i] = l->rows + i;
                r = read_row(directory, l->names[i], l->rows + i);
                l->wrong = l->wrong || l->rows[i].problem;
        }
        return r;
}

static int print_json(const List *l) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        json_object *rows = NULL;
        int r;

        if (!json)
                return -ENOMEM;
        r = table_to_json(columns, ELEMENTSOF(columns), (const void *const *) l->pointers, l->n, &rows);
        if (r >= 0)
                r = json_set(json, "providers", rows);
        return r < 0 ? r : json_print(json);
}

static bool any_problem(const List *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->rows[i].problem)
                        return true;
        return false;
}

static int print(const List *l) {
        if (l->n == 0)
                return puts("There are no providers; 'toolooctl provider add --help' says how to add one.") < 0 ? -EIO : 0;
        return table_print(columns, ELEMENTSOF(columns) - !any_problem(l), (const void *const *) l->pointers, l->n, l->n, NULL);
}

int gateway_provider_list(Ctl *ctl) {
        _cleanup_(list_done) List l = {};
        int r = gather(&l);

        if (r >= 0 && ctl->json)
                r = print_json(&l);
        else if (r >= 0 && !ctl->quiet)
                r = print(&l);
        if (r < 0)
                return gateway_failed(r, "cannot show the providers");
        return l.wrong ? CTL_FAILED : CTL_OK;
}
