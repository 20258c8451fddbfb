/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include "shared/log.h"
#include "shared/strv.h"

#define NEAR_ENOUGH 3 /* edits between what was typed and what may have been meant */

int gateway_failed(int error, const char *what) {
        (void) log_errno(error, "%s", what);
        return CTL_FAILED;
}

int gateway_no_memory(void) {
        return gateway_failed(-ENOMEM, "cannot go on");
}

void provider_paths_done(ProviderPaths *p) {
        free(p->directory);
        free(p->file);
        free(p->credentials);
        free(p->credential);
        *p = (ProviderPaths) {};
}

int provider_paths_of(const char *name, ProviderPaths *ret) {
        _cleanup_(provider_paths_done) ProviderPaths p = {};
        int r;

        r = provider_directory(&p.directory);
        if (r >= 0)
                r = provider_credentials_directory(&p.credentials);
        if (r < 0)
                return gateway_failed(r, "cannot tell where providers are kept (neither XDG_CONFIG_HOME nor HOME is set)");
        p.file = str_printf("%s/%s.json", p.directory, name);
        p.credential = str_printf("%s/%s", p.credentials, name);
        if (!p.file || !p.credential)
                return gateway_no_memory();
        *ret = (ProviderPaths) {
                .directory = TAKE_PTR(p.directory),
                .file = TAKE_PTR(p.file),
                .credentials = TAKE_PTR(p.credentials),
                .credential = TAKE_PTR(p.credential),
        };
        return CTL_OK;
}

int gateway_unknown(const char *what, const char *name, char *const *names) {
        const char *nearest = NULL;
        size_t distance = NEAR_ENOUGH;

        STRV_FOREACH(n, names) {
                size_t d = edit_distance(name, *n);

                if (d < distance) {
                        distance = d;
                        nearest = *n;
                }
        }
        if (nearest)
                log_error("unknown %s '%s'. Did you mean '%s'?", what, name, nearest);
        else if (names && names[0])
                log_error("unknown %s '%s'; 'toolooctl %s' lists them", what, name, what);
        else
                log_error("unknown %s '%s'; there is none yet", what, name);
        return CTL_UNKNOWN;
}

int gateway_unknown_provider(const char *name) {
        _cleanup_(freep) char *directory = NULL;
        _cleanup_(strv_freep) char **names = NULL;

        if (provider_directory(&directory) >= 0)
                (void) provider_names(directory, &names);
        return gateway_unknown("provider", name, names);
}

int gateway_provider_open(const char *name, const ProviderPaths *paths, ProviderFile *ret) {
        _cleanup_(freep) char *why = NULL;
        int r = service_id_valid(name) ? provider_file_read(paths->directory, name, ret, &why) : -ENOENT;

        if (r >= 0)
                return CTL_OK;
        if (r == -ENOENT)
                return gateway_unknown_provider(name);
        if (why)
                log_error("%s: %s", paths->file, why);
        else
                (void) log_errno(r, "cannot read %s", paths->file);
        return CTL_FAILED;
}

int gateway_ledger_open(LedgerMode mode, Ledger **ret) {
        _cleanup_(freep) char *directory = NULL;
        Ledger *ledger = NULL;
        int r;

        r = ledger_directory_of_user(&directory);
        if (r >= 0)
                r = ledger_open(directory, mode, &ledger);
        if (r == -ENOENT && mode == LEDGER_READ)
                r = 0;
        if (r == -ENOENT) { /* where it lies is systemd's to say, when it starts a service that has it */
                log_error("there is no place for the ledger yet, as the gateway never ran; 'toolooctl start provider' makes it");
                return CTL_FAILED;
        }
        if (r == -EPROTONOSUPPORT)
                return CTL_FAILED; /* it has been said */
        if (r < 0) {
                (void) log_errno(r, "cannot open the ledger%s%s", directory ? " in " : "", strempty(directory));
                return CTL_FAILED;
        }
        *ret = ledger;
        return CTL_OK;
}

int gateway_ledger_open_existing(LedgerMode mode, Ledger **ret) {
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int status;

        status = gateway_ledger_open(LEDGER_READ, &ledger);
        if (status == CTL_OK && !ledger) {
                log_error("there is no ledger yet: no model was called through the gateway, and no key or limit made");
                return CTL_FAILED;
        }
        if (status != CTL_OK || mode == LEDGER_READ) {
                *ret = TAKE_PTR(ledger);
                return status;
        }
        return gateway_ledger_open(mode, ret);
}
