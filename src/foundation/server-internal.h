/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the files of the server alone. */

#include <microhttpd.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "foundation/access.h"
#include "foundation/forward.h"
#include "foundation/server.h"
#include "foundation/websocket.h"

#define SERVER_LISTENERS_MAX 8
/* What libmicrohttpd may use of memory for one connection: a head larger than that is 431. */
#define CONNECTION_MEMORY ((size_t) 16 * 1024)

/* What a connection waits for. Each state has one time limit, so the connections of a state, kept in the order in
 * which they entered it, are also in the order of their deadlines: one timer for the first of each list is enough. */
typedef enum ConnState {
        CONN_NEW,      /* accepted; first bytes not looked at yet (for long only where WebSockets are served) */
        CONN_ANSWERED, /* a request has just ended, see peer_has_ended() */
        CONN_IDLE,     /* between requests */
        CONN_HEAD,     /* a request has begun */
        CONN_BODY,     /* its head is complete */
        CONN_WORKING,  /* a handler has it; no limit of ours */
        CONN_SENDING,  /* the answer is on its way */
        _CONN_STATE_MAX,
} ConnState;

typedef struct Conn {
        Server *server;
        int fd; /* MHD's once mhd is set */
        ConnState state;
        uint64_t deadline;   /* monotonic usec */
        uint64_t idle_since; /* CONN_NEW, CONN_ANSWERED, CONN_IDLE */
        uint64_t bytes_seen; /* TCP bytes received (sent in CONN_SENDING) when last looked at */
        sd_event_source *peek_source;
        HttpRequest *request; /* the one that is being answered */
        uid_t uid;            /* whose it is */
        bool waits;           /* at the gate */
        uint64_t waits_until; /* monotonic usec, 0 before it first had to wait */
        LIST_ENTRY(Conn) waiting;
        TAILQ_ENTRY(Conn) entries;
} Conn;

typedef TAILQ_HEAD(ConnList, Conn) ConnList;

typedef struct Gate Gate;
typedef struct Refused Refused;

typedef struct Listener {
        Server *server;
        int fd;
        sd_event_source *source;
} Listener;

struct Server {
        sd_event *event;
        ServerTimeouts timeouts;
        struct MHD_Daemon *mhd;
        sd_event_source *mhd_source;
        sd_event_source *mhd_again; /* runs MHD once more in this turn of the loop */
        sd_event_source *mhd_later; /* the same, but a little later */
        unsigned mhd_idle_runs;     /* since MHD has last called us: shows whether they get anything done */
        bool mhd_running;

        Listener listeners[SERVER_LISTENERS_MAX];
        size_t n_listeners;
        sd_event_source *accept_retry;
        ConnList conns[_CONN_STATE_MAX];
        unsigned n_conns;
        sd_event_source *sweep;
        Conn *adopting; /* given to MHD_add_connection, until MHD has it */
        Gate *gate;
        TAILQ_HEAD(RefusedList, Refused) refused;
        unsigned n_refused;

        RouteSet *routes;
        LIST_HEAD(StreamList, HttpStream) streams;
        const WsOps *ws_ops;
        Ws *ws;

        const ProxyOps *proxy_ops;
        Proxy *proxy;
        bool proxying; /* the module wants it */
        bool held;
        sd_event_source *proxy_load_timer;

        Stats *stats;
        char *id, *name, *version, *reason;
        bool ready;
        uint64_t started; /* monotonic usec */
        uint64_t next_request_id;
        uint64_t request_id_prefix;

        bool draining;
        sd_event_source *drain_timer;
        void (*drained)(void *userdata);
        void *drained_userdata;
};

/* connection.c */
Conn *conn_new(Server *server, int fd);
void conn_free(Conn *conn);
void conn_enter(Conn *conn, ConnState state);
void conn_abort(Conn *conn);
void conn_close_idle(Server *server);

/* listener.c */
void listeners_pause(Server *server);
/* Unless there is another reason for the pause. */
void listeners_resume(Server *server);
int conn_hand_to_mhd(Conn *conn);
/* A connection that has waited at the gate and is nobody's yet but ours. */
void conn_look_again(Conn *conn);

/* request.c */

/* Callbacks of MHD. */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_continue(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *upload_data, size_t *upload_size, void **con_cls);
void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode why);

struct HttpRequest {
        Server *server;
        Conn *conn;
        struct MHD_Connection *mhd;
        RouteSet *set;
        RouteMatch match;
        unsigned method;
        const char *method_name;
        char *path; /* as sent, without the query */
        char *target; /* as sent, with the query; where requests are forwarded */
        size_t target_size; /* of the request target, which the path is a part of */
        char *authority;    /* of a target in absolute form, else NULL */
        AccessHead head;
        Access access;
        bool settled; /* it is known whether it may, and whose it is */
        char id[REQUEST_ID_MAX];
        uint64_t begun; /* monotonic usec */
        uint64_t taken; /* usec to the reply: what comes after is the client's speed, or a stream's length */
        char *body;
        size_t body_size, body_space;
        unsigned status; /* of the reply, 0 before it */
        bool seen;       /* the head has been judged */
        bool too_large;
        bool called; /* the handler has had it */
        bool suspended;
        HttpStream *stream; /* of the reply */
        Exchange *exchange; /* of one that is forwarded */
        sd_event_source *hangup;
        bool http_1_0;
        bool head_over; /* what is forwarded can no more be answered before its body has been read */
        bool aborted;
        void (*on_gone)(HttpRequest *request, void *userdata); /* of the module, NULL for none, or when it was called */
        void *on_gone_userdata;
        sd_event_source *gone_source;
        bool gone; /* as the handler was told */
        struct ReplyHeader {
                char *name, *value;
        } headers[HTTP_REPLY_HEADERS_MAX];
        size_t n_headers;
};

/* The request runs no code of the module any more. */
void request_leave_set(HttpRequest *request);

/* request-gone.c */

/* Nobody is told any more that the client is gone. */
void request_forget_gone(HttpRequest *request);
/* The service ends: tells those who wanted to know that nobody waits for their reply any more. */
void requests_give_up(Server *server);

/* reply.c */

/* Takes over response. */
int request_queue_response(HttpRequest *request, unsigned status, struct MHD_Response *response);
/* For a reply that cannot be made: returns r, and sees to it that a request that waits for one is not left
 * waiting. */
int request_reply_failed(HttpRequest *request, int r);
/* Lets MHD go on with a suspended one. */
void request_wake(HttpRequest *request);

/* guard.c: 0, or the status to refuse with; then *ret_why says what is wrong with the head. Notes in request->head what
 * the gate asks for. */
unsigned guard_request(HttpRequest *request, const char *method, const char *version, const char **ret_why);

/* forward.c */

/* As begin() of ProxyOps. */
int forward_begin(HttpRequest *request, const char *service, const char *target);
/* request_continue() of a request that has an exchange; negative errno closes the connection. */
int forward_continue(HttpRequest *request, const char *data, size_t *size);
void forward_release(HttpRequest *request);

/* stream.c */
void stream_detach(HttpStream *stream);
void streams_rebind(Server *server, RouteSet *set);
void streams_end_all(Server *server);

void connection_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);

/* server.c */
void server_run_mhd_soon(Server *server);
void server_check_drained(Server *server);
