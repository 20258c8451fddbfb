/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

/* Where the provider service listens: of its unit files, asked of systemd when it is first needed, and again after
 * provider_port_forget(). */
typedef struct ProviderPort ProviderPort;

/* Part of who asks. */
typedef struct PortQuestion {
        /* port 0: error says why there is none, -ENOENT when no such service is installed. Never from within the
         * question. */
        void (*answer)(int error, unsigned port, void *userdata);
        void *userdata;
        STAILQ_ENTRY(PortQuestion) entries;
} PortQuestion;

int provider_port_new(sd_event *event, ProviderPort **ret);
/* Questions that were not answered are not. */
ProviderPort *provider_port_free(ProviderPort *p);
TL_DEFINE_CLEANUP(ProviderPort *, provider_port_free)

int provider_port_ask(ProviderPort *p, PortQuestion *question);
/* Nobody listens there any more. */
void provider_port_forget(ProviderPort *p);
