/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "ctl/command-line.h"
#include "ledger/ledger.h"
#include "shared/provider-file.h"

/* toolooctl-gateway: the verbs about models, what they cost and who may call them. toolooctl becomes this program for them. */

/* Each returns an exit status, and has said what went wrong. */
int gateway_provider_list(Ctl *ctl);
int gateway_provider_show(Ctl *ctl);
int gateway_provider_add(Ctl *ctl);
int gateway_provider_edit(Ctl *ctl);
int gateway_provider_remove(Ctl *ctl);
int gateway_provider_test(Ctl *ctl);
int gateway_key_list(Ctl *ctl);
int gateway_key_create(Ctl *ctl);
int gateway_key_revoke(Ctl *ctl);
int gateway_budget(Ctl *ctl);
int gateway_ledger_export(Ctl *ctl);
int gateway_ledger_verify(Ctl *ctl);
int gateway_ledger_rebuild(Ctl *ctl);
int gateway_ledger_content(Ctl *ctl);

/* --- What they have in common --- */

/* The file of one provider, and that of its key. */
typedef struct ProviderPaths {
        char *directory, *file;
        char *credentials, *credential;
} ProviderPaths;

void provider_paths_done(ProviderPaths *p);
int provider_paths_of(const char *name, ProviderPaths *ret);

/* "unknown provider 'x'. Did you mean 'y'?"; CTL_UNKNOWN. */
int gateway_unknown(const char *what, const char *name, char *const *names);
/* The same, of the providers that there are. */
int gateway_unknown_provider(const char *name);

/* Reads one; CTL_UNKNOWN for a name that is none, CTL_FAILED for a file that is wrong. */
int gateway_provider_open(const char *name, const ProviderPaths *paths, ProviderFile *ret);

/* The ledger of this user's gateway; *ret is NULL when there is none and it is only to be read. */
int gateway_ledger_open(LedgerMode mode, Ledger **ret);
/* As CTL_FAILED with a line; for LEDGER_READ where nothing can be done without one. */
int gateway_ledger_open_existing(LedgerMode mode, Ledger **ret);

/* A line with the error, and CTL_FAILED. */
int gateway_failed(int error, const char *what);
int gateway_no_memory(void);
