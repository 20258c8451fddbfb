/* SPDX-License-Identifier: MIT */
#include "csv.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "build.h"

#define END "\r\n"

static void write_text(FILE *out, const char *text) {
        if (!text[strcspn(text, ",\"\r\n")]) {
                (void) fputs(text, out); /* what goes wrong shows when it is closed */
                return;
        }
        (void) fputc('"', out);
        for (; *text; text++) {
                if (*text == '"')
                        (void) fputc('"', out);
                (void) fputc(*text, out);
        }
        (void) fputc('"', out);
}

static void write_value(FILE *out, json_object *value) {
        if (json_object_is_type(value, json_type_string))
                write_text(out, json_object_get_string(value));
        else if (value)
                write_text(out, strempty(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)));
}

/* --- A table --- */

/* Calls tell for each cell of a row with its column's name. */
static int each_cell(json_object *row, const char *prefix, int (*tell)(const char *, json_object *, void *),
                     void *userdata) {
        json_object_object_foreach(row, key, value) {
                _cleanup_(freep) char *name = str_printf("%s%s%s", prefix, *prefix ? "." : "", key);
                int r;

                if (!name)
                        return -ENOMEM;
                if (json_object_is_type(value, json_type_object))
                        r = each_cell(value, name, tell, userdata);
                else
                        r = tell(name, value, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int note_column(const char *name, json_object *value, void *columns) {
        if (json_object_object_get_ex(columns, name, NULL))
                return 0;
        return json_object_object_add(columns, name, NULL) < 0 ? -ENOMEM : 0;
}

static int set_cell(const char *name, json_object *value, void *cells) {
        return json_object_object_add(cells, name, json_object_get(value)) < 0 ? -ENOMEM : 0;
}

static void write_header(FILE *out, json_object *columns) {
        bool first = true;

        json_object_object_foreach(columns, name, unused) {
                (void) unused;
                (void) fputs(first ? "" : ",", out);
                write_text(out, name);
                first = false;
        }
        (void) fputs(END, out);
}

static int write_row(FILE *out, json_object *columns, json_object *row) {
        _cleanup_(json_object_putp) json_object *cells = json_object_new_object();
        bool first = true;
        int r;

        if (!cells)
                return -ENOMEM;
        r = each_cell(row, "", set_cell, cells);
        if (r < 0)
                return r;
        json_object_object_foreach(columns, name, unused) {
                (void) unused;
                (void) fputs(first ? "" : ",", out);
                write_value(out, json_object_object_get(cells, name));
                first = false;
        }
        (void) fputs(END, out);
        return 0;
}

static int write_table(FILE *out, json_object *rows) {
        _cleanup_(json_object_putp) json_object *columns = json_object_new_object();
        size_t n = json_object_array_length(rows);
        int r = columns ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = each_cell(json_object_array_get_idx(rows, i), "", note_column, columns);
        if (r >= 0)
                write_header(out, columns);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_row(out, columns, json_object_array_get_idx(rows, i));
        return r;
}

/* --- Paths --- */

static int write_paths(FILE *out, const char *path, json_object *value);

static int write_below(FILE *out, const char *path, const char *key, json_object *value) {
        _cleanup_(freep) char *below = str_printf("%s%s%s", path, *path ? "." : "", key);

        return below ? write_paths(out, below, value) : -ENOMEM;
}

static int write_paths(FILE *out, const char *path, json_object *value) {
        int r = 0;

        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach(value, key, field) {
                        r = write_below(out, path, key, field);
                        if (r < 0)
                                return r;
                }
                return 0;
        }
        if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(value) && r >= 0; i++) {
                        char key[32];

                        (void) snprintf(key, sizeof(key), "%zu", i);
                        r = write_below(out, path, key, json_object_array_get_idx(value, i));
                }
                return r;
        }
        write_text(out, path);
        (void) fputc(',', out);
        write_value(out, value);
        (void) fputs(END, out);
        return 0;
}

static int write_figures(FILE *out, json_object *json) {
        (void) fputs("figure,value" END, out);
        return write_paths(out, "", json);
}

/* --- Both --- */

static int make(int (*write)(FILE *out, json_object *json), json_object *json, char **ret, size_t *ret_size) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        bool failed;
        int r;

        if (!out)
                return -ENOMEM;
        r = write(out, json);
        failed = ferror(out) != 0;
        if (fclose(out) != 0 || failed)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

int csv_of_rows(json_object *rows, char **ret, size_t *ret_size) {
        return make(write_table, rows, ret, ret_size);
}

int csv_of_paths(json_object *json, char **ret, size_t *ret_size) {
        return make(write_figures, json, ret, ret_size);
}
