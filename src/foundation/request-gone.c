/* SPDX-License-Identifier: MIT */
#include "foundation/server-internal.h"

/* MHD does not watch a suspended connection, so that the client of a request that is answered later has gone away would be
 * noticed when the answer is sent, and all the work for it done in vain. */

void request_forget_gone(HttpRequest *request) {
        request->gone_source = sd_event_source_disable_unref(request->gone_source);
        request->on_gone = NULL;
}

static void tell(HttpRequest *request) {
        void (*on_gone)(HttpRequest *request, void *userdata) = request->on_gone;

        request_forget_gone(request);
        request->gone = true;
        on_gone(request, request->on_gone_userdata);
}

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        tell(userdata);
        return 0;
}

int http_request_on_gone(HttpRequest *request, void (*gone)(HttpRequest *request, void *userdata), void *userdata) {
        int r;

        if (request->status > 0 || request->exchange || request->on_gone || request->gone)
                return -EALREADY;
        r = sd_event_add_io(request->server->event, &request->gone_source, request->conn->fd, EPOLLRDHUP, on_hangup,
                            request);
        if (r < 0)
                return r;
        request->on_gone = gone;
        request->on_gone_userdata = userdata;
        return 0;
}

static HttpRequest *first_to_tell(const Server *server) {
        Conn *conn;

        for (unsigned i = 0; i < _CONN_STATE_MAX; i++)
                TAILQ_FOREACH(conn, &server->conns[i], entries)
                        if (conn->request && conn->request->on_gone)
                                return conn->request;
        return NULL;
}

/* From the beginning after each, for the module may reply to others meanwhile, whose connections change their lists. */
void requests_give_up(Server *server) {
        HttpRequest *request;

        while ((request = first_to_tell(server)))
                tell(request);
}
