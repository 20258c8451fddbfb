/* SPDX-License-Identifier: MIT */
#include "shared/unit-failure.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "shared/bus-util.h"

struct UnitFailure {
        BusBatch batch;
        unit_failure_told_t told;
        void *userdata;
        char *load_state;
        char *result;
        char *status_text;
        uint32_t code;   /* CLD_EXITED and so on; i on the bus, read as u */
        uint32_t status;
};

#define FIELD(f) offsetof(UnitFailure, f)

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

UnitFailure *unit_failure_free(UnitFailure *f) {
        if (!f)
                return NULL;
        bus_batch_done(&f->batch);
        free(f->load_state);
        free(f->result);
        free(f->status_text);
        free(f);
        return NULL;
}

static bool says_why(const UnitFailure *f) {
        return f->code == CLD_EXITED && f->status == EXIT_CONFIG && f->status_text && *f->status_text;
}

static char *describe_exit(const UnitFailure *f) {
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

static char *describe(const UnitFailure *f) {
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

static char *make_sentence(const UnitFailure *f) {
        _cleanup_(freep) char *reason = says_why(f) ? strdup(f->status_text) : describe(f);

        if (reason && !says_why(f) && f->status_text && *f->status_text)
                return str_printf("%s (its last status: %s)", reason, f->status_text);
        return TAKE_PTR(reason);
}

int unit_failure_of_change(sd_bus_message *m, char **ret, char **ret_result) {
        _cleanup_(unit_failure_freep) UnitFailure *f = calloc(1, sizeof(UnitFailure));
        const char *interface;
        int r;

        if (!f)
                return -ENOMEM;
        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0 || !streq(interface, SYSTEMD_SERVICE))
                return MIN(r, 0);
        r = bus_read_properties(m, service_properties, ELEMENTSOF(service_properties), f);
        if (r < 0 || !f->result || streq(f->result, "success"))
                return MIN(r, 0);
        *ret = make_sentence(f);
        if (!*ret)
                return -ENOMEM;
        if (ret_result)
                *ret_result = TAKE_PTR(f->result);
        return 1;
}

static void on_properties(BusBatch *b, int error, void *userdata) {
        UnitFailure *f = userdata;
        _cleanup_(freep) char *reason = error < 0 ? NULL : make_sentence(f);

        if (error >= 0 && !reason)
                error = -ENOMEM;
        f->told(MIN(error, 0), reason, error < 0 ? NULL : f->result ? f->result : "", f->userdata);
}

int unit_failure_ask(sd_bus *bus, const char *unit, unit_failure_told_t told, void *userdata, UnitFailure **ret) {
        _cleanup_(unit_failure_freep) UnitFailure *f = calloc(1, sizeof(UnitFailure));
        _cleanup_(freep) char *path = bus_unit_path(unit);
        bool is_socket = endswith(unit, ".socket");
        int r;

        if (!f || !path)
                return -ENOMEM;
        f->batch = (BusBatch) { .bus = bus, .finished = on_properties, .userdata = f };
        f->told = told;
        f->userdata = userdata;
        r = bus_batch_unit_properties(&f->batch, path, is_socket ? socket_properties : service_properties,
                                      is_socket ? ELEMENTSOF(socket_properties) : ELEMENTSOF(service_properties), f);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

typedef struct Waiting {
        char *reason;
        char *result;
        unsigned pending;
        int error;
} Waiting;

static void waiting_done(Waiting *w) {
        free(w->reason);
        free(w->result);
}

static void on_told(int error, const char *reason, const char *result, void *userdata) {
        Waiting *w = userdata;

        *w = (Waiting) { .error = error };
        if (error < 0)
                return;
        w->reason = strdup(reason);
        w->result = strdup(result);
        if (!w->reason || !w->result)
                w->error = -ENOMEM;
}

int unit_failure_reason(sd_bus *bus, const char *unit, char **ret, char **ret_result) {
        _cleanup_(unit_failure_freep) UnitFailure *f = NULL;
        _cleanup_(waiting_done) Waiting w = { .pending = 1 };
        int r;

        r = unit_failure_ask(bus, unit, on_told, &w, &f);
        if (r >= 0)
                r = bus_run_while(bus, &w.pending, UINT64_MAX);
        if (r >= 0)
                r = w.error;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w.reason);
        if (ret_result)
                *ret_result = TAKE_PTR(w.result);
        return 0;
}
