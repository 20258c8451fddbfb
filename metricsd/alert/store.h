/* SPDX-License-Identifier: MIT */
#pragma once

#include <json-c/json_object.h>

#include "basic/macro.h"

/* Where rules, silences and the log of actions last: one JSON document, which is replaced as a whole. Nobody but
 * store.c knows that it is a file, DIRECTORY/alert-rules.json. */
typedef struct AlertStore AlertStore;

/* directory is copied; it must exist. */
int alert_store_new(const char *directory, AlertStore **ret);
AlertStore *alert_store_free(AlertStore *store);
TL_DEFINE_CLEANUP(AlertStore *, alert_store_free)

/* What was saved last. -ENOENT when nothing ever was; -EBADMSG for what is not whole, any other error for what cannot
 * be read. The caller puts *ret. */
int alert_store_load(AlertStore *store, json_object **ret);

/* Makes document the one that is loaded after this, come what may: when it returns 0 it survives a crash of the
 * machine. On failure (-ENOSPC, -EDQUOT, -EROFS, ...) the one before stands. Waits for the disk. */
int alert_store_save(AlertStore *store, json_object *document);

/* Puts what cannot be used out of the way, under another name that *ret_name then says; the caller frees. */
int alert_store_set_aside(AlertStore *store, char **ret_name);

/* For messages. */
const char *alert_store_name(const AlertStore *store);
