/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <string.h>

#include "basic/string-util.h"

#define INDEX "index.html"

/* frame-ancestors stands for X-Frame-Options, and 'self' of connect-src for the WebSocket. */
#define POLICY                                                                                               \
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;" \
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const PageAsset *find_asset(const char *name) {
        for (size_t i = 0; i < page_n_assets; i++)
                if (streq(page_assets[i].name, name))
                        return page_assets + i;
        return NULL;
}

/* A tag holds no quotes but its own two, so it is not found within another one. */
bool page_is_known(const char *if_none_match, const char *etag) {
        return if_none_match && (streq(if_none_match, "*") || strstr(if_none_match, etag));
}

/* What is kept is asked for again each time, so that after an update no part is of another version. */
static int reply_asset(HttpRequest *request, const PageAsset *asset) {
        int r;

        r = http_reply_header(request, "ETag", asset->etag);
        if (r >= 0)
                r = http_reply_header(request, "Cache-Control", "no-cache");
        if (r >= 0)
                r = http_reply_header(request, "X-Content-Type-Options", "nosniff");
        if (r < 0)
                return r;
        /* With 304 the server sends the length alone, which is to be that of the content. */
        return http_reply(request, page_is_known(http_request_header(request, "If-None-Match"), asset->etag) ? 304 : 200,
                          asset->type, asset->data, asset->size);
}

int page_get(HttpRequest *request, void *state) {
        int r;

        r = http_reply_header(request, "Content-Security-Policy", POLICY);
        return r < 0 ? r : reply_asset(request, find_asset(INDEX));
}

int page_get_asset(HttpRequest *request, void *state) {
        const char *name = http_request_param(request, "name");
        const PageAsset *asset = find_asset(name);

        /* The page itself has its policy at its own address alone. */
        if (!asset || streq(name, INDEX))
                return http_reply_error(request, 404, "NOT_FOUND", "the dashboard has no file '%s'", name);
        return reply_asset(request, asset);
}

/* What the page names is relative to /control-room. */
int page_get_elsewhere(HttpRequest *request, void *state) {
        int r;

        r = http_reply_header(request, "Location", "../control-room");
        return r < 0 ? r : http_reply(request, 308, NULL, NULL, 0);
}
