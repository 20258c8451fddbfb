/* SPDX-License-Identifier: MIT */
#pragma once

#include "proxy/frames.h"
#include "proxy/handshake.h"
#include "proxy/proxy-internal.h"

/* A WebSocket on its way through: two connections and, once the handshake is over, bytes from each to the other. */

typedef enum TunnelState {
        TUNNEL_HEAD,       /* the client's head comes */
        TUNNEL_WAITING,    /* for the service to come back */
        TUNNEL_CONNECTING,
        TUNNEL_ASKING,     /* the head goes to the service, its answer comes */
        TUNNEL_OPEN,
        TUNNEL_LAST,       /* an answer other than 101 goes to the client */
        TUNNEL_CLOSING,    /* the client reads the last of it, and ends */
} TunnelState;

typedef struct Side {
        Tunnel *tunnel;
        int fd;
        sd_event_source *io;
        uint32_t events;
        Buffer out;       /* what it has not taken yet: the other side is not read meanwhile */
        bool read_ended;
        bool write_ended;
} Side;

struct Tunnel {
        Proxy *proxy;
        Upstream *upstream;
        bool probe, probe_told;
        TunnelState state;
        Side client, service;
        Buffer head, answer;
        int64_t left; /* TUNNEL_LAST: bytes of the answer that are still to come, -1: until the connection ends */
        Frames frames; /* to the client */
        char id[REQUEST_ID_MAX];
        struct sockaddr_storage peer;
        uint64_t begun, deadline, retry_at;
        LIST_ENTRY(Tunnel) entries;
};

/* tunnel-io.c */
int side_open(Side *side, Tunnel *t, int fd, sd_event_io_handler_t handler);
void side_close(Side *side);
/* Copies size bytes from data to what that side is sent. Negative errno when its connection is gone. */
int side_send(Side *side, const void *data, size_t size);
/* Sends what has waited. */
int side_flush(Side *side);
/* Nothing more will be sent to it. */
void side_end(Side *side);
/* 0 when nothing has come, -EPIPE at its end, which is noted, other negative errno when it broke off; else the bytes that
 * lie in the proxy's copy_buffer then. */
ssize_t side_receive(Side *side);
int side_watch(Side *side, uint32_t events);
#define COPY_SIZE ((size_t) 64 * 1024)
