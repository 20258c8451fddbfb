/* SPDX-License-Identifier: MIT */
#pragma once

#include "history.h"

/* Opens h->path, and makes what is not there. What is damaged is set aside first. On failure h->db is NULL and h->open_error
 * says why: -EPROTONOSUPPORT for what a newer version has made, said in one line. */
int database_open(History *h);

/* Lets go of all that hangs on the connection. */
void database_close(History *h);

/* For statements that are used once. */
int database_execute(History *h, const char *sql);
