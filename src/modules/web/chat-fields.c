/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "chat-internal.h"

bool chat_id_valid(const char *s) {
        size_t n = 0;

        while (n <= CHAT_ID_MAX && s[n] > ' ' && s[n] < 0x7f)
                n++;
        return n > 0 && n <= CHAT_ID_MAX && s[n] == '\0';
}

const char *chat_get_string(json_object *body, const char *name, size_t *ret_size) {
        json_object *field;

        if (!json_object_object_get_ex(body, name, &field) || !json_object_is_type(field, json_type_string))
                return NULL;
        *ret_size = (size_t) json_object_get_string_len(field);
        return json_object_get_string(field);
}

bool chat_get_id(json_object *body, const char *name, const char **ret) {
        size_t size;
        const char *s = chat_get_string(body, name, &size);

        if (!s || size != strlen(s) || !chat_id_valid(s))
                return false;
        *ret = s;
        return true;
}

const char *chat_get_whose(json_object *body, const char **ret_session, const char **ret_user) {
        const char *session = NULL, *user = NULL;
        json_object *field;

        if (!chat_get_id(body, "sessionId", &session))
                return "sessionId: 1 to 128 visible ASCII characters are expected";
        if (json_object_object_get_ex(body, "userId", &field) && field && !chat_get_id(body, "userId", &user))
                return "userId: 1 to 128 visible ASCII characters are expected, or null";
        *ret_session = session;
        *ret_user = user;
        return NULL;
}
