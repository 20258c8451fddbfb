/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "foundation/http.h"

/* The dashboard page. Its files are part of the program (dashboard/, by embed.py), so that page and program are of one
 * version and nothing has to be found at run time. */

typedef struct PageAsset {
        const char *name; /* "dashboard.css" */
        const char *type; /* of the content */
        const char *etag; /* strong, in its quotes; another one for any other content */
        const unsigned char *data;
        size_t size;
} PageAsset;

/* Sorted by name; made when it is built. */
extern const PageAsset page_assets[];
extern const size_t page_n_assets;

/* Does a value of If-None-Match name etag? NULL, for no such header, does not. */
bool page_is_known(const char *if_none_match, const char *etag);

/* Handlers; they need no state. */
int page_get(HttpRequest *request, void *state);
int page_get_asset(HttpRequest *request, void *state);
int page_get_elsewhere(HttpRequest *request, void *state);

/* Rows of a route table. Through web the page is /control-room, so that is where its files are, too. */
#define PAGE_ROUTES \
        { .method = "GET", .path = "/", .handle = page_get }, \
        { .method = "GET", .path = "/control-room", .handle = page_get }, \
        { .method = "GET", .path = "/control-room/", .handle = page_get_elsewhere }, \
        { .method = "GET", .path = "/control-room/assets/:name", .handle = page_get_asset }
