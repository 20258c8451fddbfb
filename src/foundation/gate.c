/* SPDX-License-Identifier: MIT */
#include "foundation/gate.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/peer.h"
#include "foundation/router.h"
#include "shared/log.h"
#include "shared/strv.h"

#define WAIT_USEC (3 * USEC_PER_SEC)
#define WAITING_MAX 256
#define TELL_USEC (10 * USEC_PER_SEC)
#define PREFLIGHT_SECONDS "600"

struct Gate {
        Server *server;
        PeerDiag diag;
        uid_t own;
        uid_t *users;
        size_t n_users;
        AccessRules rules;
        unsigned ports[SERVER_LISTENERS_MAX];
        int listener; /* the first with a port; the server's */
        bool unsettled;
        LIST_HEAD(WaitingList, Conn) waiting;
        unsigned n_waiting;
        sd_event_source *timer;
        struct {
                uint64_t at; /* monotonic usec */
                unsigned hidden;
        } told[_ACCESS_MAX];
};

#define WRONG_USER "this service answers its own user and root; AllowUsers= in [X-Tooloo] of its unit lets others in"

static const struct {
        unsigned status;
        const char *code, *sentence;
} refusals[_ACCESS_MAX] = {
        [ACCESS_OVERDUE] = { MHD_HTTP_SERVICE_UNAVAILABLE, "ACCESS_UNKNOWN",
                             "who may ask could not be found out in time: try again, and see the service's journal" },
        [ACCESS_USER] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_USER", WRONG_USER },
        [ACCESS_GONE] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_USER", WRONG_USER },
        [ACCESS_HOST] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_HOST",
                          "the Host is not a loopback name; AllowHosts= in [X-Tooloo] of the service's unit allows "
                          "others" },
        [ACCESS_ORIGIN] = { MHD_HTTP_FORBIDDEN, "FORBIDDEN_ORIGIN",
                            "the Origin is not a page of this fleet; AllowOrigins= in [X-Tooloo] of the service's "
                            "unit allows others" },
};

unsigned access_status(Access why) {
        return refusals[why].status;
}

const char *access_code(Access why) {
        return refusals[why].code;
}

const char *access_sentence(Access why) {
        return refusals[why].sentence;
}

/* --- The rules --- */

int gate_new(Server *server, Gate **ret) {
        Gate *gate = calloc(1, sizeof(Gate));

        if (!gate)
                return -ENOMEM;
        gate->server = server;
        gate->diag.fd = -EBADF;
        gate->listener = -EBADF;
        gate->own = getuid();
        gate->rules.own_ports = gate->ports;
        LIST_INIT(&gate->waiting);
        *ret = gate;
        return 0;
}

void gate_close(Gate *gate) {
        if (!gate)
                return;
        gate->timer = sd_event_source_disable_unref(gate->timer);
        while (!LIST_EMPTY(&gate->waiting))
                gate_forget(LIST_FIRST(&gate->waiting));
}

void gate_free(Gate *gate) {
        if (!gate)
                return;
        gate_close(gate);
        peer_diag_done(&gate->diag);
        strv_free(gate->rules.hosts);
        strv_free(gate->rules.origins);
        free(gate->users);
        free(gate);
}

int gate_take_diag(Gate *gate, int fd) {
        return peer_diag_start(&gate->diag, fd);
}

int gate_add_listener(Gate *gate, int fd) {
        struct sockaddr_storage address = {};
        socklen_t size = sizeof(address);
        in_port_t port;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        if (address.ss_family == AF_INET)
                port = ((struct sockaddr_in *) &address)->sin_port;
        else if (address.ss_family == AF_INET6)
                port = ((struct sockaddr_in6 *) &address)->sin6_port;
        else
                return 0;
        if (gate->rules.n_own_ports >= ELEMENTSOF(gate->ports))
                return -E2BIG;
        gate->ports[gate->rules.n_own_ports++] = ntohs(port);
        if (gate->listener < 0)
                gate->listener = fd;
        return 0;
}

void gate_try_diag(Gate *gate) {
        uid_t uid;
        int r = 0;

        if (gate->diag.fd < 0)
                r = peer_diag_start(&gate->diag, -EBADF);
        if (r >= 0 && gate->listener >= 0)
                r = peer_try(&gate->diag, gate->listener, &uid);
        if (r < 0)
                log_error("Every connection will be refused, for the kernel does not say whose it is (%s): is its "
                          "module tcp_diag there, and ListenNetlink=inet-diag 0 in the socket unit?", strerror(-r));
}

static int copy_list(char *const *list, bool (*valid)(const char *), const char *setting, char ***ret) {
        _cleanup_(strv_freep) char **copy = NULL;

        STRV_FOREACH(s, list) {
                if (!valid(*s)) {
                        log_warning("%s=%s: not %s; it is left out", setting, *s,
                                    valid == access_host_is_valid ? "a host name" : "an origin, as https://HOST or "
                                                                                    "https://HOST:PORT is one");
                        continue;
                }
                if (strv_extend(&copy, *s) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

int server_set_access(Server *server, const ServerAccess *access) {
        _cleanup_(strv_freep) char **hosts = NULL, **origins = NULL;
        Gate *gate = server->gate;
        uid_t *users = NULL;
        int r;

        r = copy_list(access->hosts, access_host_is_valid, "AllowHosts", &hosts);
        if (r >= 0)
                r = copy_list(access->origins, access_origin_is_valid, "AllowOrigins", &origins);
        if (r < 0)
                return r;
        if (access->n_users > 0) {
                users = calloc(access->n_users, sizeof(uid_t));
                if (!users)
                        return -ENOMEM;
                memcpy(users, access->users, access->n_users * sizeof(uid_t));
        }
        free(gate->users);
        gate->users = users;
        gate->n_users = access->n_users;
        strv_free(gate->rules.hosts);
        gate->rules.hosts = TAKE_PTR(hosts);
        strv_free(gate->rules.origins);
        gate->rules.origins = TAKE_PTR(origins);
        gate->rules.is_our_port = access->is_our_port;
        gate->rules.userdata = access->userdata;
        gate->unsettled = access->unsettled;
        if (!gate->unsettled)
                server_access_known(server);
        return 0;
}

/* --- Judgements --- */

Access gate_judge_user(Gate *gate, uid_t uid) {
        if (uid == PEER_UID_UNKNOWN)
                return ACCESS_USER;
        if (uid == 0 || uid == gate->own)
                return ACCESS_OK;
        for (size_t i = 0; i < gate->n_users; i++)
                if (gate->users[i] == uid)
                        return ACCESS_OK;
        return gate->unsettled ? ACCESS_WAIT : ACCESS_USER;
}

Access gate_judge_peer(Gate *gate, int fd, uid_t *ret_uid) {
        Access access;
        uid_t uid;
        int r = 0;

        if (gate->diag.fd < 0)
                r = peer_diag_start(&gate->diag, -EBADF);
        if (r >= 0)
                r = peer_find_uid(&gate->diag, fd, &uid);
        if (r == -ESRCH) {
                gate_tell(gate, ACCESS_GONE, "whose process is gone, or not on this machine");
                return ACCESS_GONE;
        }
        if (r < 0) {
                gate_tell(gate, ACCESS_USER, "whose user the kernel did not say (%s)", strerror(-r));
                return ACCESS_USER;
        }
        *ret_uid = uid;
        access = gate_judge_user(gate, uid);
        if (access == ACCESS_USER)
                gate_tell(gate, ACCESS_USER, "of uid %u, which AllowUsers= does not name", uid);
        return access;
}

bool gate_is_overdue(const Conn *conn) {
        return conn->waits_until > 0 && now_usec() >= conn->waits_until;
}

static const char *what_of(const AccessHead *head, Access why, const char **ret_value) {
        if (why == ACCESS_HOST) {
                *ret_value = head->authority ? head->authority : head->host;
                return "Host";
        }
        *ret_value = head->n_origins == 1 ? head->origin : head->n_origins > 1 ? "several" : "none, from another site";
        return "Origin";
}

Access gate_judge_head(Conn *conn, const AccessHead *head) {
        Gate *gate = conn->server->gate;
        Access access = access_judge(&gate->rules, head);
        const char *what, *value;

        if (access != ACCESS_OK && gate->unsettled)
                access = ACCESS_WAIT;
        if (access == ACCESS_WAIT && gate_is_overdue(conn))
                access = ACCESS_OVERDUE;
        if (access <= ACCESS_WAIT)
                return access;
        what = what_of(head, access, &value);
        gate_tell(gate, access, "with %s: %.100s", what, value);
        return access;
}

/* A page that asks in a loop must not fill the journal. What is left out is counted in the next line. */
void gate_tell(Gate *gate, Access why, const char *format, ...) {
        _cleanup_(freep) char *who = NULL;
        char more[64] = "";
        uint64_t now = now_usec();
        va_list ap;

        if (gate->told[why].at > 0 && now - gate->told[why].at < TELL_USEC) {
                gate->told[why].hidden++;
                return;
        }
        va_start(ap, format);
        who = str_vprintf(format, ap);
        va_end(ap);
        for (char *c = who; c && *c; c++)
                if ((unsigned char) *c < ' ' || *c == '\x7f')
                        *c = '?';
        if (gate->told[why].hidden > 0)
                (void) snprintf(more, sizeof(more), " (and %u more since the last line like this)",
                                gate->told[why].hidden);
        gate->told[why].at = now;
        gate->told[why].hidden = 0;
        log_fields(LOG_WARNING, (const char *const[]) { "TOOLOO_EVENT=access-refused", NULL }, "Refused %s %s%s: %s",
                   why == ACCESS_USER || why == ACCESS_GONE ? "a connection" : "a request", strna(who), more, refusals[why].code);
}

/* --- Those who wait --- */

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

bool gate_is_crowded(const Gate *gate) {
        return gate->n_waiting >= WAITING_MAX;
}

/* --- Replies --- */

static bool add(struct MHD_Response *response, const char *name, const char *value) {
        return MHD_add_response_header(response, name, value) == MHD_YES;
}

/* The answer to "may I?", which a browser asks before it sends what a page of another origin wants to. */
static bool add_preflight(const HttpRequest *request, struct MHD_Response *response) {
        const char *headers = http_request_header(request, "Access-Control-Request-Headers");
        _cleanup_(freep) char *methods = methods_to_string(request->match.methods);

        return methods && add(response, "Access-Control-Allow-Methods", methods) &&
                (!headers || add(response, "Access-Control-Allow-Headers", headers)) &&
                add(response, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
}

int gate_add_headers(const HttpRequest *request, struct MHD_Response *response) {
        const AccessRules *rules = &request->server->gate->rules;
        const char *origin = request->head.n_origins == 1 ? request->head.origin : NULL;

        if (!rules->origins)
                return 0;
        if (!add(response, "Vary", "Origin"))
                return -ENOMEM;
        if (!origin || !access_origin_is_listed(rules, origin))
                return 0;
        if (!add(response, "Access-Control-Allow-Origin", origin))
                return -ENOMEM;
        if (request->method == METHOD_OPTIONS && request->match.methods != 0 &&
            http_request_header(request, "Access-Control-Request-Method") && !add_preflight(request, response))
                return -ENOMEM;
        return 0;
}
