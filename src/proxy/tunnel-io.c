/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "proxy/tunnel-internal.h"
#include "shared/log.h"

int side_open(Side *side, Tunnel *t, int fd, sd_event_io_handler_t handler) {
        int r;

        side->tunnel = t;
        side->fd = fd;
        side->read_ended = side->write_ended = false;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int)) < 0)
                log_debug("Cannot set TCP_NODELAY: %s", strerror(errno));
        r = sd_event_add_io(t->proxy->event, &side->io, fd, 0, handler, side);
        if (r < 0)
                return r;
        side->events = 0;
        return sd_event_source_set_enabled(side->io, SD_EVENT_OFF);
}

void side_close(Side *side) {
        side->io = sd_event_source_disable_unref(side->io);
        safe_close(TAKE_FD(side->fd));
        buffer_done(&side->out);
        side->read_ended = side->write_ended = true;
}

int side_watch(Side *side, uint32_t events) {
        int r;

        if (!side->io || side->events == events)
                return 0;
        side->events = events;
        /* Off rather than without events, for the end of a connection is reported whatever is asked for. */
        if (events == 0)
                return sd_event_source_set_enabled(side->io, SD_EVENT_OFF);
        r = sd_event_source_set_io_events(side->io, events);
        return r < 0 ? r : sd_event_source_set_enabled(side->io, SD_EVENT_ON);
}

/* How much of it was sent. */
static ssize_t send_some(Side *side, const void *data, size_t size) {
        ssize_t n = send(side->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0)
                return n;
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int side_send(Side *side, const void *data, size_t size) {
        ssize_t n = 0;

        if (size == 0)
                return 0;
        if (buffer_size(&side->out) == 0)
                n = send_some(side, data, size);
        if (n < 0)
                return (int) n;
        if ((size_t) n < size)
                return buffer_append(&side->out, (const char *) data + n, size - (size_t) n, 4096);
        return 0;
}

int side_flush(Side *side) {
        ssize_t n;

        if (buffer_size(&side->out) == 0)
                return 0;
        n = send_some(side, side->out.bytes + side->out.begin, buffer_size(&side->out));
        if (n < 0)
                return (int) n;
        side->out.begin += (size_t) n;
        if (buffer_size(&side->out) == 0)
                buffer_done(&side->out); /* most tunnels are idle most of the time */
        return 0;
}

void side_end(Side *side) {
        if (side->write_ended || buffer_size(&side->out) > 0)
                return;
        side->write_ended = true;
        (void) shutdown(side->fd, SHUT_WR); /* ENOTCONN: the other end was quicker */
}

ssize_t side_receive(Side *side) {
        Proxy *proxy = side->tunnel->proxy;
        ssize_t n;

        if (!proxy->copy_buffer) {
                proxy->copy_buffer = malloc(COPY_SIZE);
                if (!proxy->copy_buffer)
                        return -ENOMEM;
        }
        n = recv(side->fd, proxy->copy_buffer, COPY_SIZE, MSG_DONTWAIT);
        if (n > 0)
                return n;
        if (n == 0) {
                side->read_ended = true;
                return -EPIPE;
        }
        return errno == EAGAIN || errno == EINTR ? 0 : errno == EPIPE ? -ECONNRESET : -errno;
}
