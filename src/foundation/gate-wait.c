/* SPDX-License-Identifier: MIT */
#include "basic/time-util.h"
#include "foundation/gate-internal.h"
#include "shared/log.h"

#define WAIT_USEC (3 * USEC_PER_SEC)
#define WAITING_MAX 256

/* Those who wait at the gate. */

/* Whoever has to wait again comes to the front of the list, before those that are looked at. */
static void wake_those(Gate *gate, uint64_t until) {
        for (Conn *conn = LIST_FIRST(&gate->waiting), *next; conn; conn = next) {
                next = LIST_NEXT(conn, waiting);
                if (conn->waits_until > until)
                        continue;
                gate_forget(conn);
                if (conn->request)
                        request_wake(conn->request);
                else
                        conn_look_again(conn);
        }
}

static int on_wait_over(sd_event_source *source, uint64_t usec, void *userdata);

static void arm_timer(Gate *gate, uint64_t until) {
        int r;

        if (gate->timer)
                return; /* fires earlier, for all wait equally long */
        r = sd_event_add_time(gate->server->event, &gate->timer, CLOCK_MONOTONIC, until, USEC_PER_MSEC, on_wait_over,
                              gate);
        if (r < 0)
                log_errno(r, "Cannot set a timer for requests that wait");
}

static int on_wait_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Gate *gate = userdata;
        uint64_t next = UINT64_MAX;
        Conn *conn;

        gate->timer = sd_event_source_disable_unref(gate->timer);
        wake_those(gate, now_usec());
        LIST_FOREACH(conn, &gate->waiting, waiting)
                next = MIN(next, conn->waits_until);
        if (next != UINT64_MAX)
                arm_timer(gate, next);
        return 0;
}

void server_access_known(Server *server) {
        wake_those(server->gate, UINT64_MAX);
}

void gate_wait(Conn *conn) {
        Gate *gate = conn->server->gate;

        if (conn->waits)
                return;
        if (conn->waits_until == 0)
                conn->waits_until = now_usec() + WAIT_USEC;
        conn->waits = true;
        gate->n_waiting++;
        LIST_INSERT_HEAD(&gate->waiting, conn, waiting);
        arm_timer(gate, conn->waits_until);
}

void gate_forget(Conn *conn) {
        if (!conn->waits)
                return;
        conn->waits = false;
        conn->server->gate->n_waiting--;
        LIST_REMOVE(conn, waiting);
}

bool gate_is_overdue(const Conn *conn) {
        return conn->waits_until > 0 && now_usec() >= conn->waits_until;
}

bool gate_is_crowded(const Gate *gate) {
        return gate->n_waiting >= WAITING_MAX;
}
