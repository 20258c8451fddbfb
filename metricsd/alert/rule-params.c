/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "basic/string-util.h"
#include "field.h"
#include "rule.h"
#include "webhook-url.h"

#define PROVIDER_MAX ((size_t) 64)
#define URL_MAX ((size_t) 1000)
#define WEBHOOK_EXPECTED "webhook: a URL as \"http://127.0.0.1:9093/api/v2/alerts\" is expected"

static int check_scale(json_object *params, char **ret_problem) {
        json_object *max;

        if (!field_is_given(params, "max"))
                return 0;
        (void) json_object_object_get_ex(params, "max", &max);
        if (!json_object_is_type(max, json_type_int) || json_object_get_int64(max) < SCALE_MIN ||
            json_object_get_int64(max) > SCALE_MAX)
                return field_problem(ret_problem, "max: a whole number of instances in %d..%d is expected", SCALE_MIN,
                                     SCALE_MAX);
        return 0;
}

static int check_switch(json_object *params, char **ret_problem) {
        const char *provider = NULL;
        int r;

        r = field_text(params, "provider", PROVIDER_MAX, &provider, ret_problem);
        if (r < 0)
                return r;
        return provider && !*provider ? field_problem(ret_problem, "provider: the name of one is expected") : 0;
}

/* One that can be opened, without a password: whoever may read rules would read that, too. */
static bool is_url(const char *s) {
        _cleanup_(freep) char *origin = NULL;
        const char *host = startswith(s, "http://");

        if (!host)
                host = startswith(s, "https://");
        /* libcurl makes http://x/ of http:///x. */
        if (!host || *host == '/' || memchr(host, '@', strcspn(host, "/?#")))
                return false;
        for (const char *c = s; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return false;
        origin = webhook_url_origin(s);
        return origin != NULL;
}

static const char *format_to_string(int format) {
        static const char *const formats[] = { "json", "alertmanager" };

        return formats[format];
}

static int check_notify(json_object *params, char **ret_problem) {
        const char *webhook = NULL, *credential = NULL;
        bool desktop = true;
        int format = -1, r;

        r = field_bool(params, "desktop", &desktop, ret_problem);
        if (r >= 0)
                r = field_text(params, "webhook", URL_MAX, &webhook, ret_problem);
        if (r >= 0)
                r = field_word(params, "format", format_to_string, 2, &format, ret_problem);
        if (r >= 0)
                r = field_id(params, "credential", &credential, ret_problem);
        if (r < 0)
                return r;
        if (webhook && (!is_url(webhook) || !webhook_url_is_valid(webhook)))
                return field_problem(ret_problem, WEBHOOK_EXPECTED ", without a password, for which there is credential");
        if (credential && *credential == '.')
                return field_problem(ret_problem, "credential: the name of one that the unit of metricsd has is expected");
        if (credential && !webhook)
                return field_missing("webhook", "credential is that of one", ret_problem);
        if (format >= 0 && !webhook)
                return field_missing("webhook", "format is the format of one", ret_problem);
        if (!desktop && !webhook)
                return field_missing("webhook", "with desktop false nobody else would be told", ret_problem);
        return 0;
}

/* A misspelt "serviceID" would make it a rule for every service. */
static int check_for_action(json_object *params, AlertActionType action, char **ret_problem) {
        static const struct {
                const char *names[6];
                int (*check)(json_object *params, char **ret_problem);
        } kinds[_ACTION_MAX] = {
                [ACTION_RESTART_SERVICE] = { { "serviceId" }, NULL },
                [ACTION_RELOAD_SERVICE] = { { "serviceId" }, NULL },
                [ACTION_SWITCH_PROVIDER] = { { "serviceId", "provider" }, check_switch },
                [ACTION_SCALE_UP] = { { "serviceId", "max" }, check_scale },
                [ACTION_NOTIFY] = { { "serviceId", "desktop", "webhook", "format", "credential" }, check_notify },
        };
        _cleanup_(freep) char *what = str_printf("the actionParams of %s", alert_action_to_string(action));
        int r;

        if (!what)
                return -ENOMEM;
        r = field_check_names(params, kinds[action].names, what, ret_problem);
        return r < 0 || !kinds[action].check ? r : kinds[action].check(params, ret_problem);
}

int rule_read_params(json_object *json, AlertRule *rule, const char **ret_service, char **ret_problem) {
        json_object *params;
        size_t size;
        int r;

        if (!field_is_given(json, "actionParams"))
                return 0;
        (void) json_object_object_get_ex(json, "actionParams", &params);
        if (!json_object_is_type(params, json_type_object))
                return field_problem(ret_problem, "actionParams: an object is expected");
        if (!json_object_to_json_string_length(params, JSON_C_TO_STRING_PLAIN, &size))
                return -ENOMEM;
        if (size > RULE_PARAMS_MAX)
                return field_problem(ret_problem, "actionParams: at most %zu bytes are expected, not %zu",
                                     RULE_PARAMS_MAX, size);
        r = check_for_action(params, rule->action, ret_problem);
        if (r >= 0)
                r = field_text(params, "serviceId", RULE_DESCRIPTION_MAX, ret_service, ret_problem);
        if (r == -EINVAL && str_replace_printf(ret_problem, "actionParams.%s", *ret_problem) < 0)
                return -ENOMEM;
        if (r >= 0 && json_object_object_length(params) > 0)
                rule->params = json_object_get(params);
        return r;
}
