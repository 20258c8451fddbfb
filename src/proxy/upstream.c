/* SPDX-License-Identifier: MIT */
#include "proxy/upstream.h"

#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"

#define YOUNG_USEC (5 * USEC_PER_SEC)

Upstream *upstream_new(FleetUnit *unit, EndpointStats *stats) {
        Upstream *u = calloc(1, sizeof(Upstream));

        if (!u)
                return NULL;
        u->id = strdup(unit->service->id);
        if (!u->id) {
                free(u);
                return NULL;
        }
        u->unit = unit;
        u->port = unit->service->port;
        u->stats = stats;
        u->pid = unit->pid;
        return u;
}

Upstream *upstream_ref(Upstream *u) {
        u->users++;
        return u;
}

static void free_unused(Upstream *u) {
        if (u->unit || u->users > 0)
                return;
        free(u->id);
        free(u);
}

void upstream_unref(Upstream *u) {
        u->users--;
        free_unused(u);
}

void upstream_forget_unit(Upstream *u) {
        u->unit = NULL;
        free_unused(u);
}

void upstream_update(Upstream *u, uint64_t now) {
        bool new_run = u->unit->pid != u->pid && u->unit->pid != 0;

        u->port = u->unit->service->port;
        u->pid = u->unit->pid;
        if (u->unit->condition != FLEET_CHANGING)
                u->changing_since = 0;
        else if (u->changing_since == 0)
                u->changing_since = now;
        if (u->unit->condition == FLEET_RUNNING && new_run)
                breaker_half_open(&u->breaker);
}

bool upstream_is_changing(const Upstream *u) {
        return u->unit && (u->unit->condition == FLEET_CHANGING || u->unit->condition == FLEET_ASLEEP);
}

bool upstream_is_young(const Upstream *u, uint64_t now) {
        if (upstream_is_changing(u))
                return true;
        return u->unit && u->unit->condition == FLEET_RUNNING && u->unit->active_since + YOUNG_USEC > now;
}

static void refuse_stopped(const Upstream *u, Refusal *ret) {
        bool masked = service_is_masked(u->unit->service);

        *ret = (Refusal) { .status = 503, .code = "SERVICE_STOPPED" };
        if (masked)
                (void) snprintf(ret->message, sizeof(ret->message),
                                "%s is masked: unmask it with 'systemctl --user unmask %s'", u->id,
                                u->unit->service->unit);
        else
                (void) snprintf(ret->message, sizeof(ret->message), "%s is stopped: start it with 'toolooctl start %s'",
                                u->id, u->id);
}

static void refuse_failed(const Upstream *u, Refusal *ret) {
        *ret = (Refusal) { .status = 503, .code = "SERVICE_FAILED" };
        (void) snprintf(ret->message, sizeof(ret->message), "%s has failed: %s", u->id,
                        *u->unit->failure ? u->unit->failure : "'toolooctl status' says why");
}

bool upstream_is_down(const Upstream *u, Refusal *ret) {
        if (!u->unit) {
                *ret = (Refusal) { .status = 503, .code = "SERVICE_GONE" };
                (void) snprintf(ret->message, sizeof(ret->message), "there is no service %s any more", u->id);
                return true;
        }
        if (u->unit->condition == FLEET_STOPPED)
                refuse_stopped(u, ret);
        else if (u->unit->condition == FLEET_FAILED)
                refuse_failed(u, ret);
        else
                return false;
        return true;
}

int upstream_ask(Upstream *u, uint64_t now, bool *ret_probe, Refusal *ret) {
        BreakerVerdict verdict;
        uint64_t wait;

        if (upstream_is_down(u, ret))
                return -ECONNREFUSED;
        if (u->port == 0) {
                *ret = (Refusal) { .status = 502, .code = "BAD_GATEWAY" };
                (void) snprintf(ret->message, sizeof(ret->message),
                                "%s has routes but no port: give it a socket unit or Port=", u->id);
                return -ECONNREFUSED;
        }
        verdict = breaker_ask(&u->breaker, now, &wait);
        if (verdict == BREAKER_REFUSE) {
                *ret = (Refusal) { .status = 503, .code = "CIRCUIT_OPEN",
                                   .retry_after = (unsigned) ((wait + USEC_PER_SEC - 1) / USEC_PER_SEC) };
                (void) snprintf(ret->message, sizeof(ret->message),
                                "%s failed %d times in a row and is left alone for a while: 'journalctl --user -u %s'"
                                " says why", u->id, BREAKER_FAILURES, u->unit->service->unit);
                return -ECONNREFUSED;
        }
        *ret_probe = verdict == BREAKER_PROBE;
        return 0;
}

void upstream_succeeded(Upstream *u, bool probe) {
        breaker_success(&u->breaker, probe);
}

void upstream_failed(Upstream *u, bool probe, uint64_t now) {
        u->failures++;
        if (upstream_is_changing(u))
                breaker_forget(&u->breaker, probe);
        else
                breaker_failure(&u->breaker, probe, now);
}

void upstream_forgot(Upstream *u, bool probe) {
        breaker_forget(&u->breaker, probe);
}
