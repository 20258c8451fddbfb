/* SPDX-License-Identifier: MIT */
#include "provider-port.h"

#include <systemd/sd-bus.h>

#include "shared/registry.h"

struct ProviderPort {
        sd_event *event;
        sd_bus *bus; /* NULL before the first question and after its end */
        RegistryLoad *load;
        sd_event_source *known; /* answers from the loop */
        unsigned port;          /* 0: not known */
        STAILQ_HEAD(PortQuestions, PortQuestion) questions;
};

ProviderPort *provider_port_free(ProviderPort *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->known);
        registry_load_free(p->load);
        sd_bus_close_unref(p->bus);
        sd_event_unref(p->event);
        free(p);
        return NULL;
}

static void answer_all(ProviderPort *p, int error) {
        PortQuestion *question;

        while ((question = STAILQ_FIRST(&p->questions))) {
                STAILQ_REMOVE_HEAD(&p->questions, entries);
                question->answer(error, error < 0 ? 0 : p->port, question->userdata);
        }
}

static void on_loaded(int error, Registry *loaded, void *userdata) {
        _cleanup_(registry_freep) Registry *registry = loaded;
        const Service *service;
        ProviderPort *p = userdata;

        p->load = registry_load_free(p->load);
        service = registry ? registry_find(registry, "provider") : NULL;
        p->port = service ? service->port : 0;
        if (error >= 0 && p->port == 0)
                error = -ENOENT;
        answer_all(p, error);
}

static int on_known(sd_event_source *source, void *userdata) {
        answer_all(userdata, 0);
        return 0;
}

static int open_bus(ProviderPort *p) {
        int r;

        if (p->bus && sd_bus_is_open(p->bus) > 0)
                return 0;
        p->bus = sd_bus_close_unref(p->bus);
        r = sd_bus_open_user(&p->bus);
        if (r >= 0)
                r = sd_bus_attach_event(p->bus, p->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                p->bus = sd_bus_close_unref(p->bus);
        return r;
}

int provider_port_ask(ProviderPort *p, PortQuestion *question) {
        int r;

        if (p->port > 0)
                r = sd_event_source_set_enabled(p->known, SD_EVENT_ONESHOT);
        else if (p->load)
                r = 0;
        else {
                r = open_bus(p);
                if (r >= 0)
                        r = registry_load_async(p->bus, on_loaded, p, &p->load);
        }
        if (r >= 0)
                STAILQ_INSERT_TAIL(&p->questions, question, entries);
        return MIN(r, 0);
}

void provider_port_forget(ProviderPort *p) {
        p->port = 0;
}

int provider_port_new(sd_event *event, ProviderPort **ret) {
        _cleanup_(provider_port_freep) ProviderPort *p = calloc(1, sizeof(ProviderPort));
        int r;

        if (!p)
                return -ENOMEM;
        STAILQ_INIT(&p->questions);
        p->event = sd_event_ref(event);
        r = sd_event_add_defer(event, &p->known, on_known, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->known, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}
