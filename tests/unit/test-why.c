/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>

#include "../../ctl/why-judge.h"
#include "../../ctl/why-log.h"
#include "basic/string-util.h"

/* What all cases have that do not say otherwise. */
#define NAMES .id = "cup", .unit = "tooloo-cup.service"
#define UNIT NAMES, .load_state = "loaded"
#define RUNS UNIT, .active_state = "active", .sub_state = "running", .result = "success", .has_run = true, .pid = 7
#define FAILED UNIT, .active_state = "failed", .sub_state = "failed", .has_run = true
#define RESTS UNIT, .active_state = "inactive", .sub_state = "dead", .result = "success"
#define SOCKET(state) .socket = "tooloo-cup.socket", .socket_state = (state)
#define EXITED(n) .result = "exit-code", .code = CLD_EXITED, .status = (n)

static const struct {
        WhyFacts facts;
        WhyKind expected;
        const char *text; /* what must be in the sentence; NULL for nothing in particular */
} cases[] = {
        { { RUNS, .health = "healthy", .condition = "ok" }, WHY_HEALTHY, "nothing is wrong" },
        { { RUNS, .health = "healthy" }, WHY_HEALTHY, NULL },
        { { RUNS }, WHY_RUNNING, "not known" },
        { { RUNS, .health = "unknown", .condition = "starting" }, WHY_RUNNING, "not asked" },
        { { RUNS, .health = "degraded", .condition = "wedged", .problem = "no answer" }, WHY_WEDGED, "(PID 7)" },
        { { RUNS, .host_hangs = true }, WHY_WEDGED, "D-Bus" },
        { { RUNS, .health = "healthy", .condition = "ok", .host_hangs = true }, WHY_HEALTHY, NULL },
        { { RUNS, .health = "degraded", .condition = "degraded", .problem = "answers 500" }, WHY_DEGRADED, "it answers 500" },
        { { RUNS, .health = "degraded", .problem = "answers 500" }, WHY_DEGRADED, NULL },
        { { RUNS, .health = "healthy", .host_problem = "no init", .generation = 4 }, WHY_MODULE_REJECTED, "generation 4" },
        { { RUNS, .health = "healthy", .host_problem = "" }, WHY_HEALTHY, NULL },
        { { RUNS, .health = "healthy", SOCKET("failed"), .socket_result = "resources" }, WHY_SOCKET_FAILED, "refused" },
        { { UNIT, .active_state = "reloading", .health = "healthy" }, WHY_HEALTHY, NULL },
        { { UNIT, .active_state = "refreshing", .health = "healthy" }, WHY_HEALTHY, NULL },

        { { UNIT, .active_state = "activating", .sub_state = "start" }, WHY_STARTING, NULL },
        { { UNIT, .active_state = "activating", .sub_state = "start", .condition = "no-ready" }, WHY_NO_READY, "READY=1" },
        { { UNIT, .active_state = "deactivating", .sub_state = "stop-sigterm" }, WHY_STOPPING, NULL },
        { { UNIT, .active_state = "activating", .sub_state = "auto-restart", EXITED(1) }, WHY_CRASHED, "starts it again" },
        { { UNIT, .active_state = "failed", .sub_state = "failed-before-auto-restart", EXITED(1) }, WHY_CRASHED,
          "starts it again" },

        { { FAILED, EXITED(3) }, WHY_CRASHED, "exit status 3" },
        { { FAILED, EXITED(78), .status_text = "no module" }, WHY_CRASHED, "no module (exit status 78)" },
        { { FAILED, .result = "signal", .code = CLD_KILLED, .status = SIGKILL }, WHY_CRASHED, "killed by SIGKILL" },
        { { FAILED, .result = "core-dump", .code = CLD_DUMPED, .status = SIGSEGV }, WHY_CRASHED, "SIGSEGV and dumped core" },
        { { FAILED, .result = "protocol" }, WHY_CRASHED, "before it was ready" },
        { { FAILED, .result = "resources" }, WHY_CRASHED, "'resources'" },
        { { FAILED, .result = "start-limit-hit" }, WHY_START_LIMIT, "crash loop" },
        { { FAILED, EXITED(3), .gave_up = true }, WHY_START_LIMIT, "exit status 3" },
        { { FAILED, EXITED(3), .restarts = 5, .burst = 5 }, WHY_START_LIMIT, NULL },
        { { FAILED, EXITED(3), .restarts = 4, .burst = 5 }, WHY_CRASHED, NULL },
        { { FAILED, EXITED(3), .restarts = 9, .burst = 0 }, WHY_CRASHED, NULL },
        { { RESTS, .has_run = true, SOCKET("failed"), .socket_result = "service-start-limit-hit" }, WHY_START_LIMIT, NULL },
        /* The reason comes before the number of times. */
        { { FAILED, EXITED(203), .gave_up = true }, WHY_MISSING_EXECUTABLE, NULL },
        { { FAILED, EXITED(226) }, WHY_SANDBOX, "226" },
        { { FAILED, EXITED(246) }, WHY_CRASHED, NULL },
        { { FAILED, .result = "oom-kill", .code = CLD_KILLED, .status = SIGKILL, .gave_up = true }, WHY_OOM_KILLED, "memory" },
        { { FAILED, .result = "watchdog", .code = CLD_DUMPED, .status = SIGABRT }, WHY_WATCHDOG, NULL },
        { { FAILED, .result = "timeout" }, WHY_START_TIMEOUT, "ready" },
        { { FAILED, .result = "timeout", .was_ready = true }, WHY_STOP_TIMEOUT, "stop" },
        { { FAILED, .result = "exec-condition" }, WHY_CONDITION, NULL },

        { { RESTS, SOCKET("failed"), .socket_result = "resources", .port_owner = "port 1 is taken by PID 2 (nc)" },
          WHY_PORT_TAKEN, "PID 2" },
        { { FAILED, EXITED(1), .port_owner = "port 1 is taken by PID 2 (nc)" }, WHY_PORT_TAKEN, NULL },
        /* Its own socket listens there. */
        { { FAILED, EXITED(1), SOCKET("active"), .port_owner = "port 1 is taken by PID 2 (nc)" }, WHY_CRASHED, NULL },
        /* Whoever has the port of one that was stopped is nobody's fault. */
        { { RESTS, .has_run = true, .port_owner = "port 1 is taken by PID 2 (nc)", .job_type = "stop", .job_result = "done" },
          WHY_STOPPED, NULL },
        { { RESTS, SOCKET("failed"), .socket_result = "resources" }, WHY_SOCKET_FAILED, NULL },
        { { RESTS, .job_type = "start", .job_result = "dependency", .dependency = "a.service", .dependency_state = "failed" },
          WHY_DEPENDENCY_FAILED, "a.service, which it needs, is failed" },
        { { RESTS, .job_type = "start", .job_result = "dependency" }, WHY_DEPENDENCY_FAILED, NULL },
        { { NAMES, .load_state = "masked", .active_state = "inactive" }, WHY_MASKED, NULL },
        { { NAMES, .load_state = "masked", .active_state = "active", .health = "healthy" }, WHY_HEALTHY, NULL },
        { { NAMES, .load_state = "bad-setting", .active_state = "inactive" }, WHY_BAD_UNIT_FILE, "bad-setting" },
        { { NAMES, .load_state = "error", .active_state = "inactive", .load_error = "Denied" }, WHY_BAD_UNIT_FILE, "Denied" },
        { { RESTS }, WHY_NEVER_STARTED, NULL },
        { { RESTS, SOCKET("active") }, WHY_ASLEEP, NULL },
        { { RESTS, SOCKET("inactive") }, WHY_NEVER_STARTED, NULL },
        { { RESTS, .has_run = true, .job_type = "stop", .job_result = "done" }, WHY_STOPPED, NULL },
        { { RESTS, .has_run = true, .job_type = "start", .job_result = "done" }, WHY_ENDED, NULL },
        { { RESTS, .has_run = true }, WHY_STOPPED, NULL },
};

Test(why, verdicts) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(why_verdict_done) WhyVerdict v = {};

                cr_assert_eq(why_judge(&cases[i].facts, &v), 0);
                cr_expect_eq(v.kind, cases[i].expected, "case %zu: %s instead of %s", i, why_kind_to_string(v.kind),
                             why_kind_to_string(cases[i].expected));
                cr_expect(!cases[i].text || strstr(v.text, cases[i].text), "case %zu: %s", i, v.text);
                cr_expect_eq(v.well, v.kind == WHY_HEALTHY || v.kind == WHY_RUNNING);
                cr_expect(v.command || v.kind == WHY_HEALTHY || v.kind == WHY_RUNNING || v.kind == WHY_STOPPING);
        }
}

Test(why, every_verdict_has_a_case) {
        for (WhyKind kind = 0; kind < _WHY_MAX; kind++) {
                size_t n = 0;

                for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                        n += cases[i].expected == kind;
                cr_expect_gt(n, 0, "none for %s", why_kind_to_string(kind));
                cr_expect(why_heading(kind) && *why_heading(kind));
        }
}

#define OWN(p, text) { .message = (char *) (text), .priority = (p), .own = true, .this_run = true }
#define SYSTEMDS(p, text) { .message = (char *) (text), .priority = (p) }
#define JOB(type, outcome, text)                                                                                   \
        { .message = (char *) (text), .priority = 6, .job_type = (char *) (type), .job_result = (char *) (outcome) }

static void expect_line(const WhyLine *lines, size_t n, bool from_systemd, const char *expected) {
        const WhyLine *line = why_pick_line(lines, n, from_systemd);

        cr_expect(expected ? line && streq(line->message, expected) : !line, "%s instead of %s", line ? line->message : "none",
                  expected ? expected : "none");
}
#define expect_own(lines, expected) expect_line(lines, ELEMENTSOF(lines), false, expected)

Test(why_log, says_most) {
        static const WhyLine python[] = {
                OWN(6, "serving on 8000"), OWN(6, "Traceback (most recent call last):"), OWN(6, "  File \"x.py\", line 1"),
                OWN(6, "    raise ValueError('error')"), OWN(6, "ValueError: boom"),
        };
        static const WhyLine node[] = {
                OWN(6, "/srv/x.js:3"), OWN(6, "Error: boom"), OWN(6, "    at error (/srv/x.js:3:7)"), OWN(6, ""),
                OWN(6, "Node.js v18.19.0"), SYSTEMDS(5, "Main process exited, code=exited, status=1/FAILURE"),
        };
        static const WhyLine by_priority[] = { OWN(3, "cannot open the store"), OWN(6, "error count: 0"), OWN(6, "bye") };
        static const WhyLine of_another_run[] = {
                { .message = (char *) "Error: old", .priority = 3, .own = true }, OWN(6, "started"),
        };
        static const WhyLine silent[] = {
                SYSTEMDS(5, "Main process exited, code=killed, status=9/KILL"), SYSTEMDS(4, "Failed with result 'signal'."),
                SYSTEMDS(4, "Start request repeated too quickly."), JOB("start", "failed", "Failed to start Cup."),
        };

        expect_own(python, "ValueError: boom");
        expect_own(node, "Error: boom");
        expect_own(by_priority, "cannot open the store");
        expect_own(of_another_run, "started");
        expect_own(silent, "Main process exited, code=killed, status=9/KILL");
        expect_line(NULL, 0, false, NULL);
        expect_line(node, ELEMENTSOF(node), true, "Main process exited, code=exited, status=1/FAILURE");
        expect_line(python, ELEMENTSOF(python), true, "ValueError: boom"); /* better than nothing */
}

Test(why_log, only_what_systemd_said_last) {
        static const WhyLine lines[] = {
                { .time = 1, .message = (char *) "old and grave", .priority = 3 },
                { .time = 60 * USEC_PER_SEC, .message = (char *) "Failed to create listening socket", .priority = 3 },
                { .time = 60 * USEC_PER_SEC + 1, .message = (char *) "Failed to listen", .priority = 3 },
        };

        expect_line(lines, ELEMENTSOF(lines), true, "Failed to create listening socket");
}

Test(why_log, jobs_and_changes) {
        static const WhyLine lines[] = {
                { .time = 1, .message = (char *) "Started", .job_type = (char *) "start", .job_result = (char *) "done" },
                { .time = 2, .message = (char *) "Reloaded", .own = true, .event = (char *) "reloaded" },
                { .time = 3, .message = (char *) "Scheduled restart job, restart counter is at 1." },
                { .time = 4, .message = (char *) "Stopped", .job_type = (char *) "restart", .job_result = (char *) "done" },
                { .time = 5, .message = (char *) "Started", .job_type = (char *) "start", .job_result = (char *) "done" },
                { .time = 6, .message = (char *) "Listening", .of_socket = true, .job_type = (char *) "start",
                  .job_result = (char *) "done" },
                { .time = 7, .message = (char *) "Refused access", .own = true, .event = (char *) "access-refused" },
        };
        size_t n = ELEMENTSOF(lines);

        cr_expect_eq(why_last_job(lines, n), lines + 4);
        cr_expect_eq(why_last_change(lines, n, 7), lines + 1);
        cr_expect_eq(why_last_change(lines, n, 1), lines);
        cr_expect_null(why_last_change(lines, n, 0));
        cr_expect_null(why_last_job(lines, 0));
}

/* After a crash loop somebody starts it anew. */
Test(why_log, start_after_a_failure) {
        static const WhyLine lines[] = {
                SYSTEMDS(4, "Failed with result 'exit-code'."), SYSTEMDS(6, "Scheduled restart job, restart counter is at 5."),
                SYSTEMDS(4, "Start request repeated too quickly."), SYSTEMDS(4, "Failed with result 'exit-code'."),
                JOB("start", "failed", "Failed to start"), JOB("start", "done", "Started"),
        };

        cr_expect_eq(why_last_change(lines, ELEMENTSOF(lines), 0), lines + 5);
        cr_expect_null(why_last_change(lines, 5, 0));
}

Test(why_log, gives_up) {
        static const WhyLine lines[] = {
                JOB("start", "done", "Started"), SYSTEMDS(4, "cup.service: Start request repeated too quickly."),
                JOB("start", "failed", "Failed to start"), JOB("start", "done", "Started"),
        };

        cr_expect_not(why_gave_up(lines, 1));
        cr_expect(why_gave_up(lines, 2));
        cr_expect(why_gave_up(lines, 3));
        cr_expect_not(why_gave_up(lines, 4)); /* that is over */
}
