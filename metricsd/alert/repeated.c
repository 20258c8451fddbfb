/* SPDX-License-Identifier: MIT */
#include "repeated.h"

#include <json-c/json_tokener.h>
#include <stdbool.h>
#include <string.h>

#include "basic/macro.h"
#include "field.h"

/* As deep as requests are parsed; what is deeper was refused. */
#define DEPTH_MAX 32
#define NAME_MAX_SHOWN ((size_t) 64)

typedef struct Scan {
        const char *p, *end;
        json_object *names[DEPTH_MAX]; /* of the objects that are open; NULL for an array */
        size_t depth;
} Scan;

static void scan_done(Scan *s) {
        while (s->depth > 0)
                json_object_put(s->names[--s->depth]);
}

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* From a '"' to behind the one that ends the string. */
static void skip_string(Scan *s) {
        for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
                if (*s->p == '\\')
                        s->p++;
        s->p = s->p < s->end ? s->p + 1 : s->end;
}

static json_object *decode(const char *text, size_t size) {
        json_tokener *tokener = json_tokener_new();
        json_object *name = NULL;

        if (!tokener)
                return NULL;
        name = json_tokener_parse_ex(tokener, text, (int) size);
        json_tokener_free(tokener);
        return name;
}

/* A string that was just read, and is followed by a ':'. As long as the parser thinks: up to a NUL. */
static int take_name(Scan *s, const char *begin, char **ret_name) {
        _cleanup_(json_object_putp) json_object *name = decode(begin, (size_t) (s->p - begin));
        json_object *names = s->depth > 0 ? s->names[s->depth - 1] : NULL;
        const char *text;

        if (!names || !json_object_is_type(name, json_type_string))
                return 0;
        text = json_object_get_string(name);
        if (!json_object_object_get_ex(names, text, NULL))
                return json_object_object_add(names, text, NULL) < 0 ? -ENOMEM : 0;
        *ret_name = strndup(text, NAME_MAX_SHOWN);
        if (!*ret_name)
                return -ENOMEM;
        field_clean(*ret_name);
        return 1;
}

static int open_container(Scan *s) {
        json_object *names = NULL;

        if (s->depth >= DEPTH_MAX)
                return 0;
        if (*s->p == '{') {
                names = json_object_new_object();
                if (!names)
                        return -ENOMEM;
        }
        s->names[s->depth++] = names;
        return 0;
}

static int step(Scan *s, char **ret_name) {
        const char *begin = s->p;
        int r = 0;

        if (*s->p == '"') {
                const char *next;

                skip_string(s);
                for (next = s->p; next < s->end && is_space(*next);)
                        next++;
                return next < s->end && *next == ':' ? take_name(s, begin, ret_name) : 0;
        }
        if (*s->p == '{' || *s->p == '[')
                r = open_container(s);
        else if ((*s->p == '}' || *s->p == ']') && s->depth > 0)
                json_object_put(s->names[--s->depth]);
        s->p++;
        return r;
}

int json_find_repeated(const char *text, size_t size, char **ret_name) {
        _cleanup_(scan_done) Scan s = { .p = text, .end = text + size };
        int r = 0;

        while (s.p < s.end && r == 0)
                r = step(&s, ret_name);
        return r;
}
