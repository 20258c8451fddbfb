/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_ERROR_NO_SUCH_UNIT "org.freedesktop.systemd1.NoSuchUnit"
#define SYSTEMD_UNIT_PREFIX "/org/freedesktop/systemd1/unit"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"
#define SYSTEMD_UNIT SYSTEMD_NAME ".Unit"
#define SYSTEMD_SERVICE SYSTEMD_NAME ".Service"
#define SYSTEMD_SOCKET SYSTEMD_NAME ".Socket"

/* Connects to the bus of the user who runs this. On failure one line on stderr says what is missing (no user manager,
 * no bus, a foreign $XDG_RUNTIME_DIR) and what to do; the return value is a negative errno. */
int bus_open_user(sd_bus **ret);

/* The object path of a unit, loaded or not: systemd loads a unit when one of its properties is asked for. NULL
 * without memory; the caller frees. */
char *bus_unit_path(const char *unit);

/* A line that says why a call failed, in error's words where it has some. Points into error or to a constant. */
const char *bus_error_text(const sd_bus_error *error, int r);

/* Runs the connection until *pending, which handlers count down, is 0: 0 then, or -ETIMEDOUT from end (monotonic usec,
 * UINT64_MAX for never) on. For programs without an event loop. */
int bus_run_while(sd_bus *bus, const unsigned *pending, uint64_t end);

typedef struct BusBatch BusBatch;

/* error: 0, or the first negative value that a handler returned. From within, the batch may be ended by
 * bus_batch_done(), be given new calls (it calls back again then), or be freed. */
typedef void (*bus_batch_finished_t)(BusBatch *b, int error, void *userdata);

/* Several calls under way at once, waited for together. Start from BUS_BATCH_INIT(bus) and give it the cleanup
 * attribute bus_batch_done, which also cancels what has not been answered. Every call ends by its time-out at the
 * latest, or with an error when the bus is gone. */
struct BusBatch {
        sd_bus *bus;
        struct BusCall *calls;
        unsigned pending;
        int error;
        /* For an event loop, in place of bus_batch_wait(): called when the last answer is in. Never from within a
         * function of the batch; so not at all for a batch of which pending is 0 after its calls were made. */
        bus_batch_finished_t finished; /* NULL for none */
        void *userdata;
};

#define BUS_BATCH_INIT(b) { .bus = (b) }

/* Sends m without waiting. handler runs with the answer, errors included; what it returns, when negative, becomes the
 * result of the batch (the other answers are still gathered). timeout in usec, 0 for the usual. No call of a batch
 * starts the service that it is addressed to. */
int bus_batch_call(BusBatch *b, sd_bus_message *m, uint64_t timeout, sd_bus_message_handler_t handler,
                   void *userdata);

/* Runs the connection until every call of the batch has its answer. */
int bus_batch_wait(BusBatch *b);
void bus_batch_done(BusBatch *b);

/* Where a property goes: at offset in a struct, as char * (s, replaced), char ** (as, replaced), uint32_t (u),
 * uint64_t (t), bool (b), sd_id128_t (ay, null for none) or uint32_t ((uo), a job's id, 0 for none). Other types are
 * left to a handler of the caller's. */
typedef struct BusProperty {
        const char *interface; /* not looked at where all properties of one interface are asked for */
        const char *name;
        const char *type;
        size_t offset;
} BusProperty;

/* Asks systemd for count properties of the unit at path, one call each: asking for all of them costs systemd ten
 * times as much, because it has hundreds. A property that cannot be had leaves its field alone. target must outlive
 * the wait. */
int bus_batch_unit_properties(BusBatch *b, const char *path, const BusProperty *properties, size_t count,
                              void *target);

/* Has systemd read all unit files anew, and waits until it has. Negative errno after a line. */
int bus_reload_unit_files(sd_bus *bus);

/* Keeps a unit loaded until the connection ends. For one that may not be: what nothing refers to is loaded for a
 * question, dropped after it and read from disk again for the next, which for a stopped fleet makes a second and a
 * half. */
int bus_batch_hold_unit(BusBatch *b, const char *unit);

/* The properties in an answer to GetAll, or in PropertiesChanged after its first argument, that are in the list; the
 * others are skipped. */
int bus_read_properties(sd_bus_message *reply, const BusProperty *properties, size_t count, void *target);
