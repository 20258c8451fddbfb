/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Who listens on a TCP port of this machine (network namespace), whatever the address. */
typedef struct PortOwner {
        uid_t uid;
        pid_t pid;     /* 0 when it cannot be seen: processes of other users hide their descriptors */
        char name[16]; /* the process's name as in /proc/PID/comm, "" without pid */
} PortOwner;

/* 1 when somebody does, 0 when nobody does, negative errno when it cannot be found out. */
int port_owner_find(unsigned port, PortOwner *ret);

/* "port 3005 is taken by PID 59 (python3)". The caller frees; NULL when nobody is seen to listen there. */
char *port_owner_describe(unsigned port);

/* The server's end of a TCP connection within this network namespace. 1 when there is such a connection; *ret_inode is its
 * socket's then, 0 while nobody has accepted it. 0 when there is none, negative errno when it cannot be found out. */
int port_owner_connection(unsigned port, unsigned client_port, unsigned long *ret_inode);

/* True when the process has that socket open; false, too, when it does not let us see. */
bool port_owner_process_holds(pid_t pid, unsigned long inode);

/* A port at which a process of this unit of the user's listens: 1 with *ret_port, and *ret_ipv6 when that is an IPv6 address; 0
 * when none is seen to. For a person who wonders why nothing answers: it looks at all processes. */
int port_owner_of_unit(const char *unit, unsigned *ret_port, bool *ret_ipv6);
