/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "ctl.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

void ctl_say(const Ctl *ctl, const char *format, ...) {
        va_list ap;

        if (ctl->quiet)
                return;
        va_start(ap, format);
        (void) vprintf(format, ap); /* a full or closed stdout is found by the flush in main() */
        va_end(ap);
        (void) putchar('\n');
        (void) fflush(stdout); /* at once, for whoever reads along in the journal or behind a pipe */
}

static bool is_selected(const Ctl *ctl, const Service *s) {
        for (size_t i = 0; i < ctl->n_selected; i++)
                if (ctl->selected[i] == s)
                        return true;
        return false;
}

static void say_unknown(const Ctl *ctl, const char *name) {
        const char *nearest = registry_nearest(ctl->registry, name);

        if (nearest)
                log_error("unknown service '%s'. Did you mean '%s'?", name, nearest);
        else
                log_error("unknown service '%s'; 'toolooctl status' lists them", name);
}

static int find_selected(Ctl *ctl, int unknown) {
        const Registry *registry = ctl->registry;
        int status = CTL_OK;

        free(ctl->selected);
        ctl->n_selected = 0;
        ctl->selected = calloc(registry->n_services + 1, sizeof(Service *));
        if (!ctl->selected) {
                (void) log_errno(-ENOMEM, "cannot look up the services");
                return CTL_FAILED;
        }
        for (size_t i = 0; !ctl->names && i < registry->n_services; i++)
                ctl->selected[ctl->n_selected++] = registry->services + i;
        STRV_FOREACH(name, ctl->names) {
                const Service *s = registry_find(registry, *name);

                if (!s) {
                        say_unknown(ctl, *name);
                        status = unknown;
                } else if (!is_selected(ctl, s))
                        ctl->selected[ctl->n_selected++] = s;
        }
        return status;
}

static int load_registry(Ctl *ctl, Registry **ret) {
        return ctl->brief ? registry_load_from_files(ctl->bus, ret) : registry_load(ctl->bus, ret);
}

int ctl_select(Ctl *ctl, int unknown) {
        if ((!ctl->bus && bus_open_user(&ctl->bus) < 0) || load_registry(ctl, &ctl->registry) < 0)
                return CTL_FAILED;
        if (ctl->registry->n_services == 0) {
                log_error("no TooLoo service is installed for this user: nothing named tooloo-ID.service with a socket lies "
                          "in systemd's unit directories");
                return unknown;
        }
        return find_selected(ctl, unknown);
}

int ctl_refresh(Ctl *ctl) {
        _cleanup_(registry_freep) Registry *registry = NULL;

        if (load_registry(ctl, &registry) < 0)
                return CTL_FAILED;
        registry_free(ctl->registry);
        ctl->registry = TAKE_PTR(registry);
        return find_selected(ctl, CTL_FAILED);
}
