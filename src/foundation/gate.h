/* SPDX-License-Identifier: MIT */
#pragma once

/* Who and what is let in: the rules of access.h and peer.h for one server, those who wait for a rule that is not known
 * yet, and one line in the journal for those who are refused. Shared by the files of the server alone. */

#include "foundation/access.h"
#include "foundation/server-internal.h"

int gate_new(Server *server, Gate **ret);
/* Before the connections are freed; those that wait are let go of. */
void gate_close(Gate *gate);
void gate_free(Gate *gate);

/* Takes over a netlink socket that systemd has opened. */
int gate_take_diag(Gate *gate, int fd);
/* A listening socket of ours: its port is one whose pages may ask. */
int gate_add_listener(Gate *gate, int fd);
/* Sees whether the kernel answers questions about connections, and says so if not. */
void gate_try_diag(Gate *gate);

/* A connection that was just accepted; *ret_uid for gate_judge_user(). */
Access gate_judge_peer(Gate *gate, int fd, uid_t *ret_uid);
/* ACCESS_WAIT while the rules are not known that might let this user in. */
Access gate_judge_user(Gate *gate, uid_t uid);
/* ACCESS_WAIT: call gate_wait(), and judge again when woken. */
Access gate_judge_head(Conn *conn, const AccessHead *head);
/* For a reply: headers that open it to a page of a listed origin (CORS). */
int gate_add_headers(const HttpRequest *request, struct MHD_Response *response);

/* gate-wait.c */

/* Until it is known, or for some seconds; then conn_look_again() or request_wake() is called. */
void gate_wait(Conn *conn);
void gate_forget(Conn *conn);
bool gate_is_overdue(const Conn *conn);
/* True while so many wait that no more strangers should. */
bool gate_is_crowded(const Gate *gate);

/* gate-refusal.c */

/* One line in the journal now and then, for ACCESS_USER and what follows it. who is what was refused, in words. */
void gate_tell(Gate *gate, Access why, const char *format, ...) _printf_(3, 4);
/* Status, code and sentence of a refusal. */
unsigned access_status(Access why);
const char *access_code(Access why);
const char *access_sentence(Access why);

/* refused.c: Takes over the connection of a user who is not let in: tells them, and has done with them shortly. They
 * count nowhere, and displace none but each other. */
void refused_take(Server *server, int fd);
void refused_close_all(Server *server);
