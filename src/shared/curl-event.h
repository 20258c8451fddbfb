/* SPDX-License-Identifier: MIT */
#pragma once

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

/* libcurl's multi interface on sd-event: transfers run from the loop that everything else runs on. A library of its own
 * (libcurl_event in meson), for libcurl is most of the memory of a small service and most services need none. */
typedef struct CurlEvent CurlEvent;

/* The transfer is over and out of the multi handle; easy may be used again, freed, or added anew from within. */
typedef void (*curl_event_done_t)(CURL *easy, CURLcode result, void *userdata);

int curl_event_new(sd_event *event, CurlEvent **ret);
/* Transfers that still run are taken out, without a call of done; their easy handles are the caller's. */
CurlEvent *curl_event_free(CurlEvent *ce);
TL_DEFINE_CLEANUP(CurlEvent *, curl_event_free)

/* Starts a transfer. It makes its first step from the loop, never within this call. CURLOPT_PRIVATE,
 * CURLOPT_CLOSESOCKETFUNCTION and CURLOPT_CLOSESOCKETDATA are taken. Connections stay with ce: easy may be freed. */
int curl_event_add(CurlEvent *ce, CURL *easy, curl_event_done_t done, void *userdata);
/* Gives a running transfer up, without a call of done. Not from within a callback of libcurl's. */
void curl_event_remove(CurlEvent *ce, CURL *easy);

/* Called before each turn in which transfers may get on. */
void curl_event_before_turn(CurlEvent *ce, void (*before)(void *userdata), void *userdata);
/* Called after each turn in which transfers got on, outside of libcurl: for what many of them have in common. */
void curl_event_after_turn(CurlEvent *ce, void (*after)(void *userdata), void *userdata);

/* For settings such as CURLMOPT_MAX_TOTAL_CONNECTIONS. */
CURLM *curl_event_multi(CurlEvent *ce);
