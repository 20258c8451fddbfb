/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-event.h>

#include "basic/macro.h"

/* Asks the user manager to start tooloo-reload.service a moment after modules were published. A path unit loses a
 * change that comes while the service it triggers is about to end; this second look is a no-op when nothing was
 * lost. Without a user bus it does nothing: watching and building need none. */

typedef struct Poke Poke;

/* The caller frees. */
int poke_new(sd_event *event, Poke **ret);
void poke_free(Poke *p);
TL_DEFINE_CLEANUP(Poke *, poke_free);

/* Starts the wait anew. */
int poke_soon(Poke *p);
