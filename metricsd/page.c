/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <stdio.h>
#include <sys/random.h>

#include "basic/file-util.h"
#include "basic/string-util.h"

#define PAGE_MAX ((size_t) 1024 * 1024)
#define NONCE_BYTES 16

struct Page {
        char *text;
        size_t size;
        size_t n_places;
};

int page_load(const char *path, Page **ret) {
        _cleanup_(page_freep) Page *page = calloc(1, sizeof(Page));
        int r;

        if (!page)
                return -ENOMEM;
        r = read_file(path, PAGE_MAX, &page->text, &page->size);
        if (r < 0)
                return r;
        for (const char *p = page->text; (p = strstr(p, PAGE_NONCE)); p += strlen(PAGE_NONCE))
                page->n_places++;
        if (page->n_places == 0 || strlen(page->text) != page->size)
                return -EBADMSG;
        *ret = TAKE_PTR(page);
        return 0;
}

Page *page_free(Page *page) {
        if (page)
                free(page->text);
        free(page);
        return NULL;
}

char *page_render(const Page *page, const char *nonce) {
        char *whole = malloc(page->size + page->n_places * strlen(nonce) + 1), *end = whole;
        const char *from = page->text, *place;

        if (!whole)
                return NULL;
        for (; (place = strstr(from, PAGE_NONCE)); from = place + strlen(PAGE_NONCE)) {
                end = mempcpy(end, from, (size_t) (place - from));
                end = stpcpy(end, nonce);
        }
        (void) memcpy(end, from, strlen(from) + 1);
        return whole;
}

static int make_nonce(char ret[static 2 * NONCE_BYTES + 1]) {
        uint8_t bytes[NONCE_BYTES];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -EIO;
        for (unsigned i = 0; i < sizeof(bytes); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
        return 0;
}

/* frame-ancestors stands for X-Frame-Options, and 'self' of connect-src for the WebSocket. The icon is in the page. */
static int add_headers(HttpRequest *request, const char *nonce) {
        _cleanup_(freep) char *policy = str_printf(
                "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; img-src data:;"
                " base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce, nonce);
        int r;

        if (!policy)
                return -ENOMEM;
        r = http_reply_header(request, "Content-Security-Policy", policy);
        if (r >= 0)
                r = http_reply_header(request, "X-Content-Type-Options", "nosniff");
        if (r >= 0)
                r = http_reply_header(request, "Referrer-Policy", "no-referrer");
        /* A nonce that a cache hands out again is none. */
        if (r >= 0)
                r = http_reply_header(request, "Cache-Control", "no-store");
        return r;
}

int page_reply(const Page *page, HttpRequest *request) {
        _cleanup_(freep) char *whole = NULL;
        char nonce[2 * NONCE_BYTES + 1];
        int r;

        r = make_nonce(nonce);
        if (r < 0)
                return r;
        r = add_headers(request, nonce);
        if (r < 0)
                return r;
        whole = page_render(page, nonce);
        if (!whole)
                return -ENOMEM;
        return http_reply(request, 200, "text/html; charset=utf-8", whole, strlen(whole));
}
