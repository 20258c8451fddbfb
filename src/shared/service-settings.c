/* SPDX-License-Identifier: MIT */
#include "shared/service-settings.h"

#include <arpa/inet.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"

#define LIST_MAX 256
#define PATH_LENGTH_MAX 256
#define NAME_LENGTH_MAX 253

static const char *const on_change_names[] = {
        [ON_CHANGE_UNSET] = "",
        [ON_CHANGE_RELOAD] = "reload",
        [ON_CHANGE_RESTART] = "restart",
        [ON_CHANGE_SWAP] = "swap",
        [ON_CHANGE_NONE] = "none",
};

const char *on_change_to_string(OnChange c) {
        return on_change_names[c];
}

OnChange on_change_from_string(const char *s) {
        for (size_t i = ON_CHANGE_RELOAD; i < ELEMENTSOF(on_change_names); i++)
                if (streq(on_change_names[i], s))
                        return (OnChange) i;
        return ON_CHANGE_INVALID;
}

void service_settings_done(ServiceSettings *s) {
        s->routes = strv_free(s->routes);
        s->watch = strv_free(s->watch);
        s->ignore = strv_free(s->ignore);
        s->allow_users = strv_free(s->allow_users);
        s->allow_hosts = strv_free(s->allow_hosts);
        s->allow_origins = strv_free(s->allow_origins);
        free(TAKE_PTR(s->health_path));
}

/* Unreserved characters of RFC 3986 and its sub-delimiters, '%' too: what can stand in a request's path as it is. */
bool service_path_valid(const char *s) {
        size_t n = strlen(s);

        return s[0] == '/' && n <= PATH_LENGTH_MAX && !strstr(s, "//") &&
                strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@%/") == n;
}

/* A prefix is compared by whole segments, so "/a/" would be "/a" written in a second way. */
bool service_route_valid(const char *s) {
        return service_path_valid(s) && (streq(s, "/") || !endswith(s, "/"));
}

/* The characters of host names and of IPv4 addresses; what is not one is refused by nobody finding it. */
static bool name_valid(const char *s, size_t n) {
        return n > 0 && n <= NAME_LENGTH_MAX && s[0] != '.' && s[0] != '-' &&
                strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") >= n;
}

/* An IPv6 address has brackets here, as in a request's Host, for its colons would else look like a port. */
static bool address_valid(const char *s, size_t n) {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;

        if (n < 2 || n - 2 >= sizeof(text) || s[n - 1] != ']')
                return false;
        memcpy(text, s + 1, n - 2);
        text[n - 2] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
}

static bool host_valid(const char *s) {
        const char *end = *s == '[' ? strchr(s, ']') : NULL, *colon = strchr(end ? end : s, ':');
        size_t n = colon ? (size_t) (colon - s) : strlen(s);
        unsigned long port;

        if (colon && parse_uint(colon + 1, 1, UINT16_MAX, &port) < 0)
                return false;
        return *s == '[' ? address_valid(s, n) : name_valid(s, n);
}

static bool origin_valid(const char *s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
        const char *host = startswith(s + n, "://");

        return n > 0 && s[0] >= 'a' && s[0] <= 'z' && host && host_valid(host);
}

static int invalid(const char *path, unsigned line, const char *key, const char *value, const char *expected) {
        log_warning("%s:%u: %s=%s: expected %s; the line is ignored", path, line, key, value, expected);
        return 0;
}

static int assign_list(char ***list, bool (*valid)(const char *), const char *expected, const char *key,
                       const char *value, const char *path, unsigned line) {
        _cleanup_(strv_freep) char **words = NULL;
        int r;

        if (!*value) {
                *list = strv_free(*list);
                return 0;
        }
        r = strv_extend_words(&words, value, LIST_MAX);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || strv_length(*list) + strv_length(words) > LIST_MAX)
                return invalid(path, line, key, value, r == -EINVAL ? "closed quotes" : "at most 256 words in all");
        STRV_FOREACH(word, words)
                if (valid && !valid(*word))
                        return invalid(path, line, key, value, expected);
        STRV_FOREACH(word, words) {
                r = strv_contains(*list, *word) ? 0 : strv_extend(list, *word);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* "%h" is the home directory and "%%" a '%', as elsewhere in unit files; other specifiers stay as they are. */
static int expand(const char *value, char **ret) {
        const char *home = getenv("HOME");
        size_t length = home && *home == '/' ? strlen(home) : 0, n = 0;
        char *expanded, *to;

        for (const char *p = value; (p = strstr(p, "%h")); p += 2)
                n++;
        to = expanded = malloc(strlen(value) + (n * length) + 1);
        if (!expanded)
                return -ENOMEM;
        for (const char *p = value; *p; p++) {
                if (p[0] == '%' && p[1] == 'h' && length > 0) {
                        to = stpcpy(to, home);
                        p++;
                } else {
                        *to++ = *p;
                        p += p[0] == '%' && p[1] == '%';
                }
        }
        *to = '\0';
        *ret = expanded;
        return 0;
}

static int assign_paths(char ***list, const char *key, const char *value, const char *path, unsigned line) {
        _cleanup_(freep) char *expanded = NULL;
        int r;

        r = expand(value, &expanded);
        return r < 0 ? r : assign_list(list, NULL, NULL, key, expanded, path, line);
}

static int assign_health_path(ServiceSettings *s, const char *key, const char *value, const char *path,
                              unsigned line) {
        char *copy = NULL;

        if (*value && !service_path_valid(value))
                return invalid(path, line, key, value, "a path that begins with '/'");
        if (*value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(s->health_path);
        s->health_path = copy;
        return 0;
}

int service_settings_assign(const char *section, const char *key, const char *value, const char *path, unsigned line,
                            void *userdata) {
        ServiceSettings *s = userdata;
        unsigned long port;
        OnChange change;

        if (!streq(section, "X-Tooloo"))
                return 0;
        s->present = true;
        if (streq(key, "Routes"))
                return assign_list(&s->routes, service_route_valid,
                                   "path prefixes, each beginning with '/' and not ending in it",
                                   key, value, path, line);
        if (streq(key, "Watch"))
                return assign_paths(&s->watch, key, value, path, line);
        if (streq(key, "Ignore"))
                return assign_paths(&s->ignore, key, value, path, line);
        if (streq(key, "AllowUsers"))
                return assign_list(&s->allow_users, NULL, NULL, key, value, path, line);
        if (streq(key, "AllowHosts"))
                return assign_list(&s->allow_hosts, host_valid,
                                   "host names or addresses as in a request's Host, like name.example, 192.0.2.1:3000 or "
                                   "[2001:db8::1]", key, value, path, line);
        if (streq(key, "AllowOrigins"))
                return assign_list(&s->allow_origins, origin_valid,
                                   "origins as browsers write them, like https://name.example or http://name.example:8080",
                                   key, value, path, line);
        if (streq(key, "HealthPath"))
                return assign_health_path(s, key, value, path, line);
        if (streq(key, "OnChange")) {
                change = *value ? on_change_from_string(value) : ON_CHANGE_UNSET;
                if (change == ON_CHANGE_INVALID)
                        return invalid(path, line, key, value, "reload, restart, swap or none");
                s->on_change = change;
                return 0;
        }
        if (streq(key, "Port")) {
                port = 0;
                if (*value && parse_uint(value, 1, UINT16_MAX, &port) < 0)
                        return invalid(path, line, key, value, "a number from 1 to 65535");
                s->port = (unsigned) port;
                return 0;
        }
        log_warning("%s:%u: %s= is not known in [X-Tooloo]; the line is ignored", path, line, key);
        return 0;
}
