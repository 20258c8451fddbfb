/* SPDX-License-Identifier: MIT */
#include "why-judge.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "basic/string-util.h"

/* systemd.exec(5): what a child of systemd exits with before it becomes the program. */
#define EXIT_EXEC 203
#define EXIT_SYSTEMD_FIRST 200
#define EXIT_SYSTEMD_LAST 245
/* What our programs exit with when a person must put something right; their STATUS= then says what. */
#define EXIT_CONFIG 78

static const struct {
        const char *name, *heading;
} kinds[] = {
        [WHY_HEALTHY] = { "healthy", "is well" },
        [WHY_RUNNING] = { "running", "runs" },
        [WHY_STARTING] = { "starting", "is not up yet" },
        [WHY_STOPPING] = { "stopping", "is on its way down" },
        [WHY_ASLEEP] = { "asleep", "is not up yet" },
        [WHY_NEVER_STARTED] = { "never-started", "is down" },
        [WHY_STOPPED] = { "stopped", "is down" },
        [WHY_ENDED] = { "ended", "is down" },
        [WHY_MASKED] = { "masked", "is down" },
        [WHY_BAD_UNIT_FILE] = { "bad-unit-file", "is down" },
        [WHY_MISSING_EXECUTABLE] = { "missing-executable", "is down" },
        [WHY_SANDBOX] = { "sandbox", "is down" },
        [WHY_PORT_TAKEN] = { "port-taken", "is down" },
        [WHY_SOCKET_FAILED] = { "socket-failed", "is not well" },
        [WHY_DEPENDENCY_FAILED] = { "dependency-failed", "is down" },
        [WHY_CONDITION] = { "condition", "is down" },
        [WHY_CRASHED] = { "crashed", "is down" },
        [WHY_START_LIMIT] = { "start-limit", "is down" },
        [WHY_OOM_KILLED] = { "oom-killed", "is down" },
        [WHY_WATCHDOG] = { "watchdog", "is down" },
        [WHY_START_TIMEOUT] = { "start-timeout", "is down" },
        [WHY_STOP_TIMEOUT] = { "stop-timeout", "is down" },
        [WHY_NO_READY] = { "no-ready", "is not up yet" },
        [WHY_WEDGED] = { "wedged", "is not well" },
        [WHY_DEGRADED] = { "degraded", "is not well" },
        [WHY_MODULE_REJECTED] = { "module-rejected", "is not well" },
};

const char *why_kind_to_string(WhyKind kind) {
        return kinds[kind].name;
}

const char *why_heading(WhyKind kind) {
        return kinds[kind].heading;
}

bool why_blames_others(WhyKind kind) {
        switch (kind) {
        case WHY_STARTING:
        case WHY_DEPENDENCY_FAILED:
        case WHY_CRASHED:
        case WHY_START_LIMIT:
        case WHY_WATCHDOG:
        case WHY_START_TIMEOUT:
        case WHY_WEDGED:
        case WHY_DEGRADED:
                return true;
        default:
                return false;
        }
}

void why_verdict_done(WhyVerdict *v) {
        free(v->text);
        free(v->advice);
        free(v->command);
}

static bool is(const char *s, const char *word) {
        return s && streq(s, word);
}

static bool is_set(const char *s) {
        return s && *s;
}

/* --- What a state means ---------------------------------------------------------------------------------------- */

static bool crashes_again(const WhyFacts *f) {
        return is(f->active_state, "activating") && startswith(strempty(f->sub_state), "auto-restart");
}

/* From systemd 254 on there are states of their own between a crash and the next start. */
static bool is_between(const WhyFacts *f) {
        return crashes_again(f) || endswith(strempty(f->sub_state), "-before-auto-restart");
}

static bool limit_was_hit(const WhyFacts *f) {
        if (!is(f->active_state, "failed"))
                return is(f->socket_result, "service-start-limit-hit");
        return is(f->result, "start-limit-hit") || is(f->socket_result, "service-start-limit-hit") || f->gave_up ||
               (f->burst > 0 && f->restarts >= f->burst);
}

static bool killed(const WhyFacts *f) {
        return f->code == CLD_KILLED || f->code == CLD_DUMPED;
}

/* Its socket could not listen, or it has none and whoever has its port was there before it. */
static bool lost_its_port(const WhyFacts *f) {
        return f->port_owner && (f->socket ? is(f->socket_state, "failed") : !is(f->result, "success"));
}

static WhyKind judge_running(const WhyFacts *f) {
        if (is(f->condition, "wedged") || (!f->condition && f->host_hangs))
                return WHY_WEDGED;
        if (is(f->socket_state, "failed"))
                return WHY_SOCKET_FAILED;
        if (is_set(f->host_problem))
                return WHY_MODULE_REJECTED;
        if (is(f->condition, "degraded") || is(f->health, "degraded"))
                return WHY_DEGRADED;
        return is(f->health, "healthy") ? WHY_HEALTHY : WHY_RUNNING;
}

/* What it ended of, by its Result= and its process; the reason comes before the number of times. */
static WhyKind judge_result(const WhyFacts *f) {
        if (is(f->result, "oom-kill"))
                return WHY_OOM_KILLED;
        if (is(f->result, "watchdog"))
                return WHY_WATCHDOG;
        if (is(f->result, "timeout"))
                return f->was_ready ? WHY_STOP_TIMEOUT : WHY_START_TIMEOUT;
        if (is(f->result, "exec-condition"))
                return WHY_CONDITION;
        if (f->code == CLD_EXITED && f->status == EXIT_EXEC)
                return WHY_MISSING_EXECUTABLE;
        if (f->code == CLD_EXITED && f->status >= EXIT_SYSTEMD_FIRST && f->status <= EXIT_SYSTEMD_LAST)
                return WHY_SANDBOX;
        return limit_was_hit(f) ? WHY_START_LIMIT : WHY_CRASHED;
}

static WhyKind judge_down(const WhyFacts *f) {
        if (lost_its_port(f))
                return WHY_PORT_TAKEN;
        if (is(f->active_state, "failed") || is_between(f))
                return judge_result(f);
        /* What stopped it, or kept it from its start, was the last that happened to it. */
        if (is(f->job_result, "dependency"))
                return WHY_DEPENDENCY_FAILED;
        if (is(f->socket_state, "failed"))
                return limit_was_hit(f) ? WHY_START_LIMIT : WHY_SOCKET_FAILED;
        if (is(f->result, "exec-condition"))
                return WHY_CONDITION;
        if (!f->has_run)
                return is(f->socket_state, "active") ? WHY_ASLEEP : WHY_NEVER_STARTED;
        return is(f->job_type, "start") || is(f->job_type, "restart") ? WHY_ENDED : WHY_STOPPED;
}

static WhyKind judge(const WhyFacts *f) {
        const char *active = strempty(f->active_state);

        if (streq(active, "active") || streq(active, "reloading") || streq(active, "refreshing"))
                return judge_running(f);
        if (is(f->load_state, "masked"))
                return WHY_MASKED;
        if (f->load_state && !streq(f->load_state, "loaded"))
                return WHY_BAD_UNIT_FILE;
        if (streq(active, "deactivating"))
                return WHY_STOPPING;
        if (streq(active, "activating") && !crashes_again(f))
                return is(f->condition, "no-ready") ? WHY_NO_READY : WHY_STARTING;
        return judge_down(f);
}

/* --- What is said of it ---------------------------------------------------------------------------------------- */

/* How its process ended, with the word of systemd for it. */
static char *describe_end(const WhyFacts *f) {
        if (killed(f))
                return str_printf("killed by SIG%s%s", strna(sigabbrev_np((int) f->status)),
                                  f->code == CLD_DUMPED ? " and dumped core" : "");
        if (f->code == CLD_EXITED && f->status == EXIT_CONFIG && is_set(f->status_text))
                return str_printf("%s (exit status %u)", f->status_text, f->status);
        if (is(f->result, "protocol"))
                return strdup("ended before it was ready");
        if (f->code == CLD_EXITED && f->status > 0)
                return str_printf("exit status %u", f->status);
        return str_printf("systemd says '%s'", strna(f->result));
}

static char *describe_crash(const WhyFacts *f, WhyKind kind) {
        _cleanup_(freep) char *end = describe_end(f);

        if (!end)
                return NULL;
        if (kind == WHY_START_LIMIT && (is(f->result, "success") || is(f->result, "start-limit-hit")))
                return strdup("crash loop, systemd gave up");
        if (kind == WHY_START_LIMIT)
                return str_printf("crash loop, systemd gave up; %s", end);
        return str_printf("it crashed, %s%s", end, is_between(f) ? "; systemd starts it again" : "");
}

static char *describe_dependency(const WhyFacts *f) {
        if (!f->dependency)
                return strdup("a unit that it needs did not start");
        return str_printf("%s, which it needs, is %s", f->dependency, strna(f->dependency_state));
}

/* Kinds of which nothing is to be said but the same sentence each time. */
static const char *plain_text(WhyKind kind) {
        switch (kind) {
        case WHY_STARTING:
                return "it is starting, and systemd waits until it is ready";
        case WHY_STOPPING:
                return "it is stopping";
        case WHY_ASLEEP:
                return "it has not run yet, and the next connection starts it";
        case WHY_NEVER_STARTED:
                return "it has not been started";
        case WHY_STOPPED:
                return "it was stopped through systemd, by a person or a program";
        case WHY_ENDED:
                return "its process ended by itself, without an error";
        case WHY_MASKED:
                return "it is masked, so nothing can start it";
        case WHY_CONDITION:
                return "a condition of its unit file (ExecCondition=) does not hold";
        case WHY_OOM_KILLED:
                return "it ran out of memory, and the kernel killed it";
        case WHY_WATCHDOG:
                return "it hung: no sign of life for its watchdog, so systemd ended it";
        case WHY_START_TIMEOUT:
                return "it started, but was not ready in time, so systemd ended it";
        case WHY_STOP_TIMEOUT:
                return "it did not stop in time, so systemd killed it";
        case WHY_NO_READY:
                return "it answers, but has not told systemd that it is ready (READY=1), and systemd will end it";
        case WHY_MISSING_EXECUTABLE:
                return "its program is missing or cannot be executed (203/EXEC)";
        default:
                return NULL;
        }
}

static char *describe(const WhyFacts *f, WhyKind kind) {
        const char *plain = plain_text(kind);

        if (plain)
                return strdup(plain);
        switch (kind) {
        case WHY_HEALTHY:
                return strdup("nothing is wrong, healthy");
        case WHY_RUNNING:
                return strdup(f->health ? "nothing is wrong so far, but metricsd has not asked it for its health yet" :
                                          "whether it answers is not known, for metricsd does not say");
        case WHY_BAD_UNIT_FILE:
                /* Of a bad setting systemd says here no more than that; the line of the journal does. */
                if (streq(f->load_state, "bad-setting") || !is_set(f->load_error))
                        return str_printf("its unit file is not valid (%s)", f->load_state);
                return str_printf("its unit file cannot be read (%s): %s", f->load_state, f->load_error);
        case WHY_SANDBOX:
                return str_printf("systemd could not prepare its process (exit status %u, see systemd.exec(5))", f->status);
        case WHY_PORT_TAKEN:
                return strdup(f->port_owner);
        case WHY_SOCKET_FAILED:
                return str_printf("its socket failed (%s), so new connections are refused%s%s", strna(f->socket_result),
                                  f->port_owner ? "; " : "", strempty(f->port_owner));
        case WHY_DEPENDENCY_FAILED:
                return describe_dependency(f);
        case WHY_WEDGED:
                return str_printf("its process (PID %u) runs, but does not answer%s%s", f->pid, is_set(f->problem) ? ": " : "",
                                  is_set(f->problem) ? f->problem : f->host_hangs ? ", not on D-Bus either" : "");
        case WHY_DEGRADED:
                return str_printf("it %s", is_set(f->problem) ? f->problem : "answers wrongly or late");
        case WHY_MODULE_REJECTED:
                return str_printf("it serves its old code (generation %" PRIu64 "), the new was not taken: %s", f->generation,
                                  f->host_problem);
        case WHY_CRASHED:
        case WHY_START_LIMIT:
        default:
                return describe_crash(f, kind);
        }
}

static const char *advice_of(const WhyFacts *f, WhyKind kind) {
        switch (kind) {
        case WHY_BAD_UNIT_FILE:
                return "correct the unit file, then";
        case WHY_MISSING_EXECUTABLE:
                return "install the program or correct ExecStart=, then";
        case WHY_SANDBOX:
                return "correct what the log names, then";
        case WHY_PORT_TAKEN:
        case WHY_SOCKET_FAILED:
                return f->port_owner ? "end that process, then" : NULL;
        case WHY_CRASHED:
        case WHY_START_LIMIT:
                return "correct what the log says, then";
        case WHY_OOM_KILLED:
                return "give it more memory (MemoryMax=) or find what takes it, then";
        case WHY_NO_READY:
                return "send READY=1 (sd_notify) or set Type=exec, then";
        case WHY_MODULE_REJECTED:
                return "correct the module and build it, then";
        default:
                return NULL;
        }
}

static char *command_of(const WhyFacts *f, WhyKind kind) {
        switch (kind) {
        case WHY_HEALTHY:
        case WHY_STOPPING:
                return NULL;
        case WHY_RUNNING:
                return f->health ? NULL : strdup("toolooctl start metricsd");
        case WHY_STARTING:
                return str_printf("toolooctl wait %s", f->id);
        case WHY_ASLEEP:
        case WHY_NEVER_STARTED:
        case WHY_STOPPED:
        case WHY_ENDED:
        case WHY_PORT_TAKEN:
                return str_printf("toolooctl start %s", f->id);
        case WHY_MASKED:
                return str_printf("systemctl --user unmask %s%s%s && toolooctl start %s", f->unit, f->socket ? " " : "",
                                  strempty(f->socket), f->id);
        case WHY_BAD_UNIT_FILE:
                return str_printf("systemctl --user daemon-reload && toolooctl start %s", f->id);
        case WHY_DEPENDENCY_FAILED:
                return str_printf("systemctl --user start %s && toolooctl start %s", strna(f->dependency), f->id);
        case WHY_MODULE_REJECTED:
                return str_printf("toolooctl reload %s", f->id);
        default:
                return str_printf("toolooctl restart %s", f->id);
        }
}

static WhyWords words_of(const WhyFacts *f, WhyKind kind) {
        switch (kind) {
        case WHY_PORT_TAKEN: /* without a socket it was the program itself that could not have it */
                return f->socket ? WHY_WORDS_SYSTEMDS : WHY_WORDS_OWN;
        case WHY_BAD_UNIT_FILE:
        case WHY_MISSING_EXECUTABLE:
        case WHY_SANDBOX:
        case WHY_SOCKET_FAILED:
        case WHY_DEPENDENCY_FAILED:
        case WHY_CONDITION:
                return WHY_WORDS_SYSTEMDS;
        case WHY_CRASHED:
        case WHY_START_LIMIT:
        case WHY_OOM_KILLED:
        case WHY_WATCHDOG:
        case WHY_START_TIMEOUT:
        case WHY_STOP_TIMEOUT:
        case WHY_WEDGED:
        case WHY_DEGRADED:
        case WHY_MODULE_REJECTED:
                return WHY_WORDS_OWN;
        default:
                return WHY_WORDS_NONE;
        }
}

static bool has_command(const WhyFacts *f, WhyKind kind) {
        return kind != WHY_HEALTHY && kind != WHY_STOPPING && !(kind == WHY_RUNNING && f->health);
}

int why_judge(const WhyFacts *f, WhyVerdict *ret) {
        WhyKind kind = judge(f);
        const char *advice = advice_of(f, kind);
        WhyVerdict v = {
                .kind = kind,
                .well = kind == WHY_HEALTHY || kind == WHY_RUNNING,
                .words = words_of(f, kind),
                .text = describe(f, kind),
                .advice = advice ? strdup(advice) : NULL,
                .command = command_of(f, kind),
        };

        if (!v.text || (advice && !v.advice) || (has_command(f, kind) && !v.command)) {
                why_verdict_done(&v);
                return -ENOMEM;
        }
        *ret = v;
        return 0;
}
