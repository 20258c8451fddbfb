/* SPDX-License-Identifier: MIT */

/* tooloo-backoff UNIT FILE: what systemd runs after each end of a service (ExecStopPost=).
 *
 * After an end that nobody asked for it waits, and the restart with it: 100 ms after a crash, twice that after the
 * next one within 30 s, and so on. Meanwhile connections queue at the socket unit. FILE keeps the count, in the
 * unit's runtime directory. RestartSec= is 0 beside it, for systemd may let that timer be a quarter of a second
 * late.
 *
 * After an end that somebody asked for it does not wait, and takes the start that follows off the unit's start
 * limit, for systemd counts those too. Who stops or restarts the unit during a wait ends the wait. */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "shared/log.h"

#define EXIT_USAGE 2

#define FIRST_WAIT_USEC (100 * USEC_PER_MSEC)
#define CRASHES_MAX 5
#define CALM_USEC (30 * USEC_PER_SEC)
/* A manager that does not answer must not hold a stop up for long. */
#define CALL_TIMEOUT_USEC (2 * USEC_PER_SEC)

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"

typedef enum End {
        END_UNASKED,
        END_STOP,
        END_RESTART,
} End;

static bool ended_well(void) {
        const char *result = getenv("SERVICE_RESULT");

        return result && streq(result, "success");
}

static int read_job(sd_bus *bus, const char *unit_path, char **ret_type) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *type = NULL;
        const char *job;
        uint32_t id;
        int r;

        r = sd_bus_get_property(bus, SYSTEMD_NAME, unit_path, SYSTEMD_NAME ".Unit", "Job", NULL, &reply, "(uo)");
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "(uo)", &id, &job);
        if (r < 0)
                return r;
        if (id != 0) {
                r = sd_bus_get_property_string(bus, SYSTEMD_NAME, job, SYSTEMD_NAME ".Job", "JobType", NULL, &type);
                if (r < 0)
                        return r;
        }
        *ret_type = TAKE_PTR(type);
        return 0;
}

/* The unit's job tells a crash from an order: there is none for a process that went by itself. $SERVICE_RESULT
 * alone does not, for many programs exit with an error when they are told to stop. A start that follows an orderly
 * stop before that is over takes the place of the stop job; after a crash it is a connection's or another unit's
 * wish, no order. */
static int find_order(sd_bus *bus, const char *unit, End *ret) {
        _cleanup_(freep) char *path = NULL, *type = NULL;
        int r;

        r = sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path);
        if (r < 0)
                return r;
        r = read_job(bus, path, &type);
        if (r == -EBADR) /* replaced between the two questions */
                r = read_job(bus, path, &type);
        if (r < 0)
                return r;
        if (type && streq(type, "stop"))
                *ret = END_STOP;
        else if (type && (endswith(type, "restart") || (streq(type, "start") && ended_well())))
                *ret = END_RESTART;
        else
                *ret = END_UNASKED;
        return 0;
}

/* reset-failed is what empties systemd's count of starts. It also wipes the result off, which must stay readable
 * when the unit is not about to start again. */
static int forget(sd_bus *bus, const char *unit, const char *file, End end) {
        if (unlink(file) < 0 && errno != ENOENT)
                return log_errno(-errno, "Cannot remove %s", file);
        if (end == END_STOP && !ended_well())
                return 0;
        return sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "ResetFailedUnit", NULL, NULL,
                                  "s", unit);
}

/* How often the unit has ended unasked, this time included, with never more than CALM_USEC between. */
static int count(const char *file, unsigned *ret) {
        _cleanup_(freep) char *text = NULL;
        char line[64];
        uint64_t last, now = now_usec();
        unsigned n;
        int r;

        r = read_file(file, sizeof(line), &text, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r < 0 || sscanf(text, "%u %" SCNu64, &n, &last) != 2 || now - last > CALM_USEC)
                n = 0;
        n = MIN(n + 1, CRASHES_MAX);
        r = snprintf(line, sizeof(line), "%u %" PRIu64 "\n", n, now);
        r = write_file_atomic(file, line, (size_t) r, 0600);
        if (r < 0)
                return r;
        *ret = n;
        return 0;
}

typedef struct Wait {
        const char *unit;
        bool look;
} Wait;

/* Not by arg2= of the match: sd-bus does not look behind an argument that is no string. */
static int on_job(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *error) {
        Wait *wait = userdata;
        const char *unit;
        int r;

        r = sd_bus_message_read(message, "uos", NULL, NULL, &unit);
        if (r < 0)
                return r;
        if (streq(unit, wait->unit))
                wait->look = true;
        return 0;
}

/* Waits, but no longer than until the unit is told to stop or restart. */
static int wait_for_order(sd_bus *bus, const char *unit, uint64_t usec, End *ret) {
        Wait wait = { .unit = unit, .look = true }; /* once at first, for an order that came before the match */
        uint64_t until = now_usec() + usec;
        End end = END_UNASKED;
        int r;

        r = sd_bus_match_signal(bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobNew", on_job, &wait);
        if (r < 0)
                return r;
        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL, NULL);
        if (r < 0)
                return r;
        for (;;) {
                uint64_t now = now_usec();

                if (wait.look) {
                        wait.look = false;
                        r = find_order(bus, unit, &end);
                        if (r < 0)
                                return r;
                }
                if (end != END_UNASKED || now >= until)
                        break;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, until - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        *ret = end;
        return 0;
}

static int run(const char *unit, const char *file) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        End end = END_UNASKED;
        unsigned n;
        int r;

        r = sd_bus_open_user(&bus);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        if (r >= 0)
                r = find_order(bus, unit, &end);
        if (r < 0)
                return log_errno(r, "Cannot ask systemd why %s ended; it restarts without a longer wait", unit);
        if (end == END_UNASKED) {
                r = count(file, &n);
                if (r < 0)
                        return log_errno(r, "Cannot count in %s; %s restarts without a longer wait", file, unit);
                r = wait_for_order(bus, unit, FIRST_WAIT_USEC << (n - 1), &end);
                if (r < 0)
                        return log_errno(r, "Cannot wait; %s restarts at once", unit);
        }
        if (end != END_UNASKED) {
                r = forget(bus, unit, file, end);
                if (r < 0)
                        return log_errno(r, "%s: this start counts against its start limit", unit);
        }
        return 0;
}

static const char help[] =
        "tooloo-backoff UNIT FILE\n"
        "\n"
        "For ExecStopPost=: waits before UNIT restarts after a crash, twice as long after each\n"
        "further one. FILE keeps the count.\n"
        "\n"
        "  -h --help     Show this help\n"
        "     --version  Show the version";

int main(int argc, char *argv[]) {
        static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                                 { "version", no_argument, NULL, 'v' },
                                                 { NULL, 0, NULL, 0 } };
        int c;

        log_setup("tooloo-backoff", NULL);
        c = getopt_long(argc, argv, "h", options, NULL);
        if (c == 'h')
                return puts(help) < 0;
        if (c == 'v')
                return puts("tooloo " TL_VERSION) < 0;
        if (c != -1 || argc - optind != 2) {
                log_error("UNIT and FILE are expected; see --help");
                return EXIT_USAGE;
        }
        return run(argv[optind], argv[optind + 1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
