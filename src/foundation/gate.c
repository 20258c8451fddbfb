/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <string.h>

#include "foundation/gate-internal.h"
#include "foundation/router.h"
#include "shared/log.h"
#include "shared/strv.h"

#define PREFLIGHT_SECONDS "600"

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
