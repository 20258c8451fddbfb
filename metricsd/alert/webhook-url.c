/* SPDX-License-Identifier: MIT */
#include "webhook-url.h"

#include <curl/curl.h>

#include "basic/string-util.h"

TL_DEFINE_CLEANUP(CURLU *, curl_url_cleanup)

static void curl_freep(char **s) {
        curl_free(*s);
}

static CURLU *parse(const char *url) {
        _cleanup_(curl_url_cleanupp) CURLU *u = curl_url();

        if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
                return NULL;
        return TAKE_PTR(u);
}

bool webhook_url_is_valid(const char *url) {
        _cleanup_(curl_url_cleanupp) CURLU *u = parse(url);

        return u != NULL;
}

char *webhook_url_with_path(const char *url, const char *path) {
        _cleanup_(curl_url_cleanupp) CURLU *u = parse(url);
        _cleanup_(curl_freep) char *old = NULL, *text = NULL;

        if (!u || curl_url_get(u, CURLUPART_PATH, &old, 0) != CURLUE_OK)
                return NULL;
        if (!streq(old, "/"))
                return strdup(url);
        if (curl_url_set(u, CURLUPART_PATH, path, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
                return NULL;
        return strdup(text);
}

char *webhook_url_origin(const char *url) {
        _cleanup_(curl_freep) char *scheme = NULL, *host = NULL, *port = NULL;
        _cleanup_(curl_url_cleanupp) CURLU *u = parse(url);

        if (!u || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return NULL;
        (void) curl_url_get(u, CURLUPART_PORT, &port, 0); /* there may be none */
        return str_printf("%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "");
}
