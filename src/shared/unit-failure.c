/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "shared/bus-util.h"
#include "shared/unit-jobs.h"

typedef struct Failure {
        char *load_state;
        char *result;
        char *status_text;
        uint32_t code;   /* CLD_EXITED and so on; i on the bus, read as u */
        uint32_t status;
} Failure;

#define FIELD(f) offsetof(Failure, f)

/* What our programs exit with when a person must put something right; their STATUS= then says what. */
#define EXIT_CONFIG 78

static const BusProperty service_properties[] = {
        { SYSTEMD_UNIT, "LoadState", "s", FIELD(load_state) },
        { SYSTEMD_SERVICE, "Result", "s", FIELD(result) },
        { SYSTEMD_SERVICE, "StatusText", "s", FIELD(status_text) },
        { SYSTEMD_SERVICE, "ExecMainCode", "i", FIELD(code) },
        { SYSTEMD_SERVICE, "ExecMainStatus", "i", FIELD(status) },
};

static const BusProperty socket_properties[] = {
        { SYSTEMD_UNIT, "LoadState", "s", FIELD(load_state) },
        { SYSTEMD_SOCKET, "Result", "s", FIELD(result) },
};

static void failure_done(Failure *f) {
        free(f->load_state);
        free(f->result);
        free(f->status_text);
}

static bool says_why(const Failure *f) {
        return f->code == CLD_EXITED && f->status == EXIT_CONFIG && f->status_text && *f->status_text;
}

static char *describe_exit(const Failure *f) {
        if (f->code == CLD_KILLED || f->code == CLD_DUMPED)
                return str_printf("its process was killed by SIG%s", strna(sigabbrev_np((int) f->status)));
        /* From 200 on it is systemd's own word that the program was not even run; see systemd.exec(5). */
        if (f->status == 203)
                return strdup("its program cannot be executed (203/EXEC)");
        if (f->status == 217 || f->status == 218)
                return str_printf("this system gives it no user namespace, which its sandbox needs; see SANDBOX in "
                                  "tooloo-service(8) (%s)", f->status == 217 ? "217/USER" : "218/CAPABILITIES");
        if (f->status == 226)
                return strdup("its sandbox cannot be set up; see its ReadWritePaths= and the like (226/NAMESPACE)");
        if (f->status == 233)
                return strdup("its runtime directory cannot be set up; make it writable (233/RUNTIME_DIRECTORY)");
        if (f->status == 238)
                return strdup("its state directory cannot be set up; make it writable (238/STATE_DIRECTORY)");
        if (f->status > 200 && f->status < 245)
                return str_printf("systemd could not prepare its process (exit status %u, see systemd.exec(5))",
                                  f->status);
        return str_printf("its process exited with status %u", f->status);
}

static char *describe(const Failure *f) {
        static const struct {
                const char *result;
                const char *text;
        } texts[] = {
                { "start-limit-hit", "it crashed too often in a short time, so systemd gave up" },
                { "watchdog", "it stopped answering its watchdog" },
                { "timeout", "it did not answer in time" },
                { "oom-kill", "it ran out of memory" },
                { "protocol", "it ended before it was ready" },
                { "resources", "systemd lacked something that it needs" },
                { "exec-condition", "its ExecCondition= does not hold" },
                { "trigger-limit-hit", "it was triggered too often in a short time" },
                { "service-start-limit-hit", "its service crashed too often in a short time" },
        };

        if (f->load_state && !streq(f->load_state, "loaded"))
                return str_printf("its unit file is %s", f->load_state);
        if (!f->result || streq(f->result, "success"))
                return strdup("no reason given");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(texts[i].result, f->result))
                        return strdup(texts[i].text);
        return describe_exit(f);
}

int unit_failure_reason(sd_bus *bus, const char *unit, char **ret, char **ret_result) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(failure_done) Failure failure = {};
        _cleanup_(freep) char *path = NULL, *reason = NULL;
        bool is_socket = endswith(unit, ".socket");
        const BusProperty *properties = is_socket ? socket_properties : service_properties;
        int r;

        path = bus_unit_path(unit);
        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, properties, is_socket ? ELEMENTSOF(socket_properties) :
                                                                            ELEMENTSOF(service_properties), &failure);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r < 0)
                return r;
        if (says_why(&failure))
                reason = strdup(failure.status_text);
        else
                reason = describe(&failure);
        if (reason && !says_why(&failure) && failure.status_text && *failure.status_text)
                r = str_replace_printf(&reason, "%s (its last status: %s)", reason, failure.status_text);
        if (!reason || r < 0)
                return -ENOMEM;
        if (ret_result) {
                *ret_result = strdup(failure.result ? failure.result : "");
                if (!*ret_result)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(reason);
        return 0;
}
