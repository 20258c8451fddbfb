/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "secret.h"

/* A provider's key, as systemd delivers it: a transient unit of its own has it by LoadCredential= and writes it into a
 * pipe of ours, so that neither a restart nor a reload of this service is needed for a key that is new. It is in no
 * environment, no command line and no file of ours. */
typedef struct CredentialReader CredentialReader;

#define CREDENTIAL_MAX 8192U

/* error 0: `key` is the caller's from now on. Else why, in a few words for people. The reader is over, and freed from
 * within if the caller likes. */
typedef void (*credential_done_t)(int error, const char *why, Secret *key, void *userdata);

/* bus is attached to event. Nothing waits; done is never called from within. */
int credential_read(sd_bus *bus, sd_event *event, const char *provider, const char *path, credential_done_t done,
                    void *userdata, CredentialReader **ret);
CredentialReader *credential_reader_free(CredentialReader *reader);
TL_DEFINE_CLEANUP(CredentialReader *, credential_reader_free)
