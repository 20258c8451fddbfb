/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <json-c/json_tokener.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define FILE_NAME "alert-rules.json"
#define FILE_MAX ((size_t) 8 * 1024 * 1024)
#define DEPTH_MAX 32
#define ASIDE_MAX 100

struct AlertStore {
        char *path;
};

int alert_store_new(const char *directory, AlertStore **ret) {
        _cleanup_(alert_store_freep) AlertStore *store = calloc(1, sizeof(AlertStore));

        if (!store)
                return -ENOMEM;
        store->path = str_printf("%s/" FILE_NAME, directory);
        if (!store->path)
                return -ENOMEM;
        *ret = TAKE_PTR(store);
        return 0;
}

AlertStore *alert_store_free(AlertStore *store) {
        if (!store)
                return NULL;
        free(store->path);
        free(store);
        return NULL;
}

const char *alert_store_name(const AlertStore *store) {
        return store->path;
}

int alert_store_load(AlertStore *store, json_object **ret) {
        _cleanup_(freep) char *text = NULL;
        json_tokener *tokener;
        json_object *json;
        bool whole;
        size_t size;
        int r;

        r = read_file(store->path, FILE_MAX, &text, &size);
        if (r < 0)
                return r;
        tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, text, (int) size);
        whole = json_tokener_get_error(tokener) == json_tokener_success &&
                json_object_is_type(json, json_type_object) &&
                text[json_tokener_get_parse_end(tokener) + strspn(text + json_tokener_get_parse_end(tokener), " \n")] ==
                        '\0';
        json_tokener_free(tokener);
        if (!whole) {
                json_object_put(json);
                return -EBADMSG;
        }
        *ret = json;
        return 0;
}

int alert_store_save(AlertStore *store, json_object *document) {
        size_t size;
        const char *text = json_object_to_json_string_length(
                document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, &size);

        return text ? write_file_atomic(store->path, text, size, 0600) : -ENOMEM;
}

int alert_store_set_aside(AlertStore *store, char **ret_name) {
        char now[ISO8601_MAX];

        (void) format_iso8601(now, now_realtime_usec());
        /* Two within the same millisecond are not worth losing one for. */
        for (unsigned n = 0; n < ASIDE_MAX; n++) {
                _cleanup_(freep) char *name = str_printf("%s.unusable-%s-%u", store->path, now, n);

                if (!name)
                        return -ENOMEM;
                if (renameat2(AT_FDCWD, store->path, AT_FDCWD, name, RENAME_NOREPLACE) >= 0) {
                        *ret_name = TAKE_PTR(name);
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}
