/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* The dashboard page: one file, read once, in which the word @NONCE@ stands where a Content-Security-Policy wants its
 * nonce, which is another one in each answer. */
typedef struct Page Page;

#define PAGE_NONCE "@NONCE@"

/* -EBADMSG when the file has no such place, else why it cannot be read. */
int page_load(const char *path, Page **ret);
Page *page_free(Page *page);
TL_DEFINE_CLEANUP(Page *, page_free)

/* The page with nonce in its places. The caller frees; NULL without memory. */
char *page_render(const Page *page, const char *nonce);

/* Answers with it, in a policy that lets nothing in from anywhere else. */
int page_reply(const Page *page, HttpRequest *request);
