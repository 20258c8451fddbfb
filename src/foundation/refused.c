/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "foundation/gate.h"
#include "shared/log.h"

/* A user who is not let in gets the same words whatever they ask, so nothing of the service shows; and as their request
 * is not read, nothing of it can do harm. */

#define REFUSED_MAX 64
#define REFUSED_USEC (2 * USEC_PER_SEC)
/* Of what they send is thrown away this much: what is left unread when a socket is closed resets the connection, and the
 * client might not get to read the answer. */
#define THROWN_AWAY_MAX ((size_t) 256 * 1024)

struct Refused {
        Server *server;
        int fd;
        sd_event_source *io, *timer;
        bool answered;
        size_t thrown_away;
        TAILQ_ENTRY(Refused) entries;
};

static void refused_free(Refused *refused) {
        sd_event_source_disable_unref(refused->io);
        sd_event_source_disable_unref(refused->timer);
        safe_close(refused->fd);
        TAILQ_REMOVE(&refused->server->refused, refused, entries);
        refused->server->n_refused--;
        free(refused);
}

void refused_close_all(Server *server) {
        while (!TAILQ_EMPTY(&server->refused))
                refused_free(TAILQ_FIRST(&server->refused));
}

/* A new connection's buffer has room for it. */
static void send_refusal(const Refused *refused, bool with_body) {
        char body[512], answer[1024], now[ISO8601_MAX];
        const char *id = refused->server->id;
        int n;

        n = snprintf(body, sizeof(body),
                     "{\"ok\":false,\"error\":\"%s\",\"code\":\"%s\",\"service\":%s%s%s,\"timestamp\":\"%s\"}",
                     access_sentence(ACCESS_USER), access_code(ACCESS_USER), id ? "\"" : "", id ? id : "null",
                     id ? "\"" : "", format_iso8601(now, now_realtime_usec()));
        n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 403 Forbidden\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %d\r\n"
                     "Connection: close\r\n\r\n%s",
                     n, with_body ? body : "");
        (void) send(refused->fd, answer, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT); /* who is gone is gone */
        (void) shutdown(refused->fd, SHUT_WR);
}

static int on_bytes(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Refused *refused = userdata;
        char bytes[16 * 1024];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0 && !refused->answered) {
                send_refusal(refused, n < 5 || memcmp(bytes, "HEAD ", 5) != 0);
                refused->answered = true;
        }
        refused->thrown_away += n > 0 ? (size_t) n : 0;
        if (n <= 0 || refused->thrown_away > THROWN_AWAY_MAX)
                refused_free(refused);
        return 0;
}

static int on_time_over(sd_event_source *source, uint64_t usec, void *userdata) {
        refused_free(userdata);
        return 0;
}

void refused_take(Server *server, int fd) {
        Refused *refused;
        int r;

        if (server->n_refused >= REFUSED_MAX)
                refused_free(TAILQ_FIRST(&server->refused));
        refused = calloc(1, sizeof(Refused));
        if (!refused) {
                safe_close(fd);
                return;
        }
        refused->server = server;
        refused->fd = fd;
        TAILQ_INSERT_TAIL(&server->refused, refused, entries);
        server->n_refused++;
        /* Not before they ask: some clients take an answer that comes before the question for a fault. */
        r = sd_event_add_io(server->event, &refused->io, fd, EPOLLIN, on_bytes, refused);
        if (r >= 0)
                r = sd_event_add_time_relative(server->event, &refused->timer, CLOCK_MONOTONIC, REFUSED_USEC, 0,
                                               on_time_over, refused);
        if (r < 0) {
                log_errno(r, "Cannot answer a connection that is refused");
                refused_free(refused);
        }
}
