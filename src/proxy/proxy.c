/* SPDX-License-Identifier: MIT */
#include "foundation/forward.h"

#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "proxy/proxy-internal.h"
#include "shared/bus-util.h"
#include "shared/log.h"

/* To all services together, and what of it is kept for the next request. One that needs more waits its turn. */
#define CONNECTIONS_MAX 4096L
#define CONNECTIONS_KEPT 256L
#define SWEEP_ACCURACY_USEC (20 * USEC_PER_MSEC)

uint64_t proxy_now(const Proxy *proxy) {
        uint64_t now;

        return sd_event_now(proxy->event, CLOCK_MONOTONIC, &now) < 0 ? now_usec() : now;
}

/* --- Services --- */

static int upstream_of(Proxy *proxy, FleetUnit *unit, Upstream **ret) {
        if (!unit->userdata) {
                Upstream *u = upstream_new(unit, forward_stats(proxy->server, unit->service->id));

                if (!u)
                        return -ENOMEM;
                upstream_update(u, proxy_now(proxy));
                unit->userdata = u;
        }
        *ret = unit->userdata;
        return 1;
}

static FleetUnit *claimant(const Proxy *proxy, const char *path) {
        FleetUnit *unit = proxy->fleet ? fleet_route(proxy->fleet, path) : NULL;

        return unit && !streq(unit->service->id, proxy->own_id) ? unit : NULL;
}

static bool proxy_claims(const Proxy *proxy, const char *path) {
        return claimant(proxy, path);
}

int proxy_upstream_for(Proxy *proxy, const char *path, Upstream **ret) {
        FleetUnit *unit = claimant(proxy, path);

        return unit ? upstream_of(proxy, unit, ret) : 0;
}

int proxy_upstream_by_id(Proxy *proxy, const char *id, Upstream **ret) {
        FleetUnit *unit = proxy->fleet ? fleet_find(proxy->fleet, id) : NULL;

        return unit ? upstream_of(proxy, unit, ret) : 0;
}

static void on_fleet_loaded(Fleet *fleet, void *userdata) {
        void (*loaded)(void *userdata);
        Proxy *proxy = userdata;

        for (size_t i = 0; i < fleet_count(fleet); i++)
                if (fleet_at(fleet, i)->userdata)
                        upstream_update(fleet_at(fleet, i)->userdata, proxy_now(proxy));
        loaded = TAKE_PTR(proxy->loaded);
        if (loaded)
                loaded(proxy->loaded_userdata);
}

static void on_unit_removed(Fleet *fleet, FleetUnit *unit, void *userdata) {
        Upstream *u = TAKE_PTR(unit->userdata);

        if (!u)
                return;
        u->users++;
        upstream_forget_unit(u);
        exchanges_reconsider(userdata, u);
        upstream_unref(u);
}

static void on_unit_changed(Fleet *fleet, FleetUnit *unit, FleetCondition was, void *userdata) {
        Proxy *proxy = userdata;

        if (!unit->userdata)
                return;
        upstream_update(unit->userdata, proxy_now(proxy));
        exchanges_reconsider(proxy, unit->userdata);
}

static void on_fleet_lost(Fleet *fleet, void *userdata) {
        log_warning("The user bus is gone: requests are forwarded by what was last known of the services, until a restart");
}

static const FleetEvents fleet_events = {
        .loaded = on_fleet_loaded,
        .removed = on_unit_removed,
        .changed = on_unit_changed,
        .lost = on_fleet_lost,
};

/* --- Limits --- */

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata) {
        Proxy *proxy = userdata;
        uint64_t now = proxy_now(proxy), next;

        next = exchanges_sweep(proxy, now);
        next = MIN(next, tunnels_sweep(proxy, now));
        if (next != UINT64_MAX)
                proxy_sweep_at(proxy, next);
        return 0;
}

void proxy_sweep_at(Proxy *proxy, uint64_t when) {
        int enabled, r;
        uint64_t armed;

        if (sd_event_source_get_enabled(proxy->sweep, &enabled) > 0 &&
            sd_event_source_get_time(proxy->sweep, &armed) >= 0 && armed <= when)
                return; /* fires earlier, and arms itself again for what is left then */
        r = sd_event_source_set_time(proxy->sweep, when);
        if (r >= 0)
                r = sd_event_source_set_enabled(proxy->sweep, SD_EVENT_ONESHOT);
        if (r < 0)
                log_errno(r, "Cannot set the timer for slow services");
}

/* --- Life --- */

static Proxy *proxy_free(Proxy *proxy) {
        if (!proxy)
                return NULL;
        tunnels_end_all(proxy);
        proxy->curl = curl_event_free(proxy->curl);
        exchanges_free_spare(proxy);
        if (proxy->fleet) {
                for (size_t i = 0; i < fleet_count(proxy->fleet); i++) {
                        Upstream *u = TAKE_PTR(fleet_at(proxy->fleet, i)->userdata);

                        if (u)
                                upstream_forget_unit(u);
                }
                fleet_free(proxy->fleet);
        }
        sd_bus_flush_close_unref(proxy->bus);
        sd_event_source_disable_unref(proxy->sweep);
        fields_done(&proxy->fields);
        free(proxy->copy_buffer);
        free(proxy->own_id);
        sd_event_unref(proxy->event);
        free(proxy);
        return NULL;
}
TL_DEFINE_CLEANUP(Proxy *, proxy_free)

static int set_up_curl(Proxy *proxy) {
        CURLM *multi;
        int r;

        r = curl_event_new(proxy->event, &proxy->curl);
        if (r < 0)
                return r;
        curl_event_after_turn(proxy->curl, exchanges_settle, proxy);
        multi = curl_event_multi(proxy->curl);
        if (curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MAX) != CURLM_OK ||
            curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT) != CURLM_OK ||
            curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) != CURLM_OK)
                return -ENOMEM;
        return 0;
}

static int follow_fleet(Proxy *proxy) {
        int r;

        r = bus_open_user(&proxy->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(proxy->bus, proxy->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return fleet_new(proxy->bus, &fleet_events, proxy, &proxy->fleet);
}

static int proxy_create(sd_event *event, Server *server, const char *own_id, const ForwardTimeouts *timeouts,
                        void (*loaded)(void *userdata), void *userdata, Proxy **ret) {
        _cleanup_(proxy_freep) Proxy *proxy = calloc(1, sizeof(Proxy));
        int r;

        if (!proxy)
                return -ENOMEM;
        proxy->event = sd_event_ref(event);
        proxy->server = server;
        proxy->timeouts = *timeouts;
        proxy->loaded = loaded;
        proxy->loaded_userdata = userdata;
        LIST_INIT(&proxy->exchanges);
        LIST_INIT(&proxy->spare);
        LIST_INIT(&proxy->tunnels);
        LIST_INIT(&proxy->handshakes);
        STAILQ_INIT(&proxy->ready);
        proxy->own_id = strdup(own_id);
        if (!proxy->own_id)
                return -ENOMEM;
        r = sd_event_add_time(event, &proxy->sweep, CLOCK_MONOTONIC, 0, SWEEP_ACCURACY_USEC, on_sweep, proxy);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(proxy->sweep, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = set_up_curl(proxy);
        if (r < 0)
                return r;
        r = follow_fleet(proxy);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(proxy);
        return 0;
}

static unsigned proxy_tunnels(const Proxy *proxy) {
        return proxy->n_tunnels;
}

static void proxy_drain(Proxy *proxy) {
        proxy->draining = true;
        exchanges_drain(proxy);
        tunnels_drain(proxy);
}

const ProxyOps tooloo_proxy_ops = {
        .create = proxy_create,
        .destroy = proxy_free,
        .begin = exchange_begin,
        .body = exchange_body,
        .body_end = exchange_body_end,
        .read = exchange_read,
        .release = exchange_release,
        .claims = proxy_claims,
        .tunnel = tunnel_begin,
        .tunnels = proxy_tunnels,
        .drain = proxy_drain,
        .routes = proxy_routes,
        .status = proxy_status,
};
