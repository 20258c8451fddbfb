/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/socket.h>

#include "proxy/buffer.h"
#include "proxy/fields.h"

/* The two heads of a WebSocket handshake on its way through: what the client sent, rewritten for the service, and what
 * the service answers. Heads are read strictly: every line ends in CR LF, none is continued, names are tokens. */

#define HANDSHAKE_HEAD_MAX ((size_t) 16 * 1024)

/* The size of a complete head with its empty line, 0 while it is not complete. */
size_t head_size(const char *text, size_t size);

/* Rewrites the client's head for the service. text ends in a NUL at size and is taken apart. 0, -ENOMEM, or -EBADMSG:
 * *ret_why says what is wrong with it. */
int handshake_for_service(char *text, size_t size, const struct sockaddr *peer, const char *request_id, Buffer *ret,
                          const char **ret_why);

/* Rewrites the service's answer for the client: with 101 the connection becomes a tunnel; any other is the last on
 * its connection. *ret_length: bytes of the body behind it, -1 when only the connection's end tells. Errors as above. */
int handshake_for_client(char *text, size_t size, const char *request_id, Buffer *ret, unsigned *ret_status,
                         int64_t *ret_length, const char **ret_why);
