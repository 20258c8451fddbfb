/* SPDX-License-Identifier: MIT */
#include "notify-params.h"

#include <string.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "field.h"
#include "notice-message.h"
#include "webhook-url.h"

#define ALERTMANAGER_PATH "/api/v2/alerts"
#define CREDENTIAL_MAX ((size_t) 4096)

/* NULL for none. */
static const char *text_of(json_object *params, const char *name) {
        json_object *value;

        return json_object_object_get_ex(params, name, &value) ? json_object_get_string(value) : NULL;
}

NotifyParams notify_params_read(json_object *params) {
        const char *format = text_of(params, "format");
        NotifyParams p = {
                .webhook = text_of(params, "webhook"),
                .credential = text_of(params, "credential"),
                .alertmanager = format && streq(format, "alertmanager"),
        };
        json_object *desktop = NULL;

        (void) json_object_object_get_ex(params, "desktop", &desktop); /* NULL for none */
        p.desktop = desktop ? json_object_get_boolean(desktop) : !p.webhook;
        return p;
}

static bool equal_or_null(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

bool notify_params_same_receiver(const NotifyParams *a, const NotifyParams *b) {
        return a->alertmanager == b->alertmanager && equal_or_null(a->webhook, b->webhook) &&
               equal_or_null(a->credential, b->credential);
}

char *notify_params_url(const NotifyParams *p) {
        return p->alertmanager ? webhook_url_with_path(p->webhook, ALERTMANAGER_PATH) : strdup(p->webhook);
}

static json_object *make_array(json_object *const *alerts, size_t n, const char *instance, const char *generator_url) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < n; i++) {
                json_object *one = message_to_alertmanager(alerts[i], instance, generator_url);

                if (!one || json_object_array_add(array, one) < 0) {
                        json_object_put(one);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

char *notify_params_body(const NotifyParams *p, json_object *const *alerts, size_t n, const char *instance,
                         const char *generator_url) {
        _cleanup_(json_object_putp) json_object *json =
                p->alertmanager ? make_array(alerts, n, instance, generator_url) : message_to_json(alerts[0]);
        const char *text = json ? json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN |
                                                                               JSON_C_TO_STRING_NOSLASHESCAPE)
                                : NULL;

        return text ? strdup(text) : NULL;
}

static int read_credential(const char *name, char **ret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_(freep) char *path = NULL, *text = NULL;
        int r;

        if (!directory)
                return -ENOENT;
        path = str_printf("%s/%s", directory, name);
        if (!path)
                return -ENOMEM;
        r = read_file(path, CREDENTIAL_MAX, &text, NULL);
        if (r < 0)
                return r;
        text[strcspn(text, "\r\n")] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int notify_params_authorization(const NotifyParams *p, char **ret, char **ret_problem) {
        char *problem;
        int r;

        if (!p->credential) {
                *ret = NULL;
                return 0;
        }
        r = read_credential(p->credential, ret);
        if (r >= 0 || r == -ENOMEM)
                return r;
        problem = str_printf("the credential %s cannot be read: %s; LoadCredential=%s:FILE in metricsd's unit gives it",
                             p->credential, strerror(-r), p->credential);
        if (!problem)
                return -ENOMEM;
        *ret_problem = problem;
        return -EACCES;
}
