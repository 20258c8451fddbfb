/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "ctl/ctl.h"
#include "own-files.h"

/* A change of a service's unit files by "toolooctl edit": first all settings in memory, then the files at once (verb-edit.c). */
typedef struct Edit {
        Ctl *ctl;
        char *const *command; /* NULL for none */
        const Service *service;
        OwnFiles files;
        unsigned port;        /* that it has then */
        bool becomes_socket;  /* it had none */
        bool restarts;        /* something changes that a process has from its start */
} Edit;

/* Each of these returns an exit status, after a line when it is not CTL_OK, and changes nothing on disk. */

/* All that the options name, the port too. */
int edit_settings(Edit *e);

/* --- edit-port.c --- */

/* --port: the socket's address, an override of an installed socket, or PORT= of a program that listens itself. */
int edit_port(Edit *e);

/* --socket, for a service that had none. */
int edit_make_socket(Edit *e);

/* --- edit-settings.c --- */

/* Puts values (NULL for none) in place of those that the key has in the service's file. */
int edit_set(Edit *e, const char *section, const char *key, char *const *values);

/* The same for one value, which it takes over; NULL is what is left of it without memory. */
int edit_set_one(Edit *e, const char *section, const char *key, char *value);

/* NAME=VALUE sets a variable, NAME alone takes it out; those that are not named stay. */
int edit_set_variable(Edit *e, const char *given);

/* CTL_FAILED, and its line. */
int edit_no_memory(void);
