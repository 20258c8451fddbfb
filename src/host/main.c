/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "config.h"
#include "host/host.h"
#include "shared/log.h"

/* systemd's EXIT_CONFIG: a restart would not mend it (RestartPreventExitStatus=). */
#define EXIT_CONFIG 78
#define EXIT_USAGE 2

typedef struct Options {
        const char *id;
        const char *modules;
        const char *check;
        bool stopped;
        unsigned long trial_ms, prove_ms;
        ServerTimeouts timeouts;
} Options;

static void print_help(void) {
        (void) printf("tooloo-service [OPTIONS...] ID\n"
                      "\n"
                      "Runs the module of one service on the sockets that systemd hands over.\n"
                      "\n"
                      "  -h --help                Show this help\n"
                      "     --version             Show the version\n"
                      "     --modules=DIR         Where ID.so lies [" TL_MODULES_DIR "]\n"
                      "     --trial-timeout=MS    How long a new module may take to load and initialise\n"
                      "                           in its trial, 10..60000 [5000]\n"
                      "     --prove-after=MS      How long a module must run before it is the one to fall\n"
                      "                           back to, 100..600000 [10000]\n"
                      "     --head-timeout=MS     Limits for slow clients: from the first byte of a request to\n"
                      "     --body-timeout=MS     the end of its head, from there to the end of its body, between\n"
                      "     --idle-timeout=MS     two requests, and for reading an answer, 10..3600000\n"
                      "     --send-timeout=MS     [10000, 60000, 75000, 60000]\n"
                      "     --drain-timeout=MS    How long idle connections may ask once more at a stop [500]\n"
                      "     --check FILE ID       Load FILE as the module of ID, initialise it, say why it fails\n"
                      "     --stopped ID          For ExecStopPost=: note whether the module was to blame\n"
                      "\n"
                      "SIGHUP reloads the module, SIGTERM ends the service after the requests in flight.\n"
                      "Exit status: 0 ended as asked, 1 failure, 2 wrong usage, 78 nothing to run (no module,\n"
                      "a module of another ABI, no sockets).\n");
}

enum {
        ARG_VERSION = 0x100,
        ARG_MODULES,
        ARG_CHECK,
        ARG_STOPPED,
        ARG_TRIAL,
        ARG_PROVE,
        ARG_HEAD,
        ARG_BODY,
        ARG_IDLE,
        ARG_SEND,
        ARG_DRAIN,
};

static const struct option long_options[] = {
        { "help",          no_argument,       NULL, 'h'         },
        { "version",       no_argument,       NULL, ARG_VERSION },
        { "modules",       required_argument, NULL, ARG_MODULES },
        { "check",         required_argument, NULL, ARG_CHECK   },
        { "stopped",       no_argument,       NULL, ARG_STOPPED },
        { "trial-timeout", required_argument, NULL, ARG_TRIAL   },
        { "prove-after",   required_argument, NULL, ARG_PROVE   },
        { "head-timeout",  required_argument, NULL, ARG_HEAD    },
        { "body-timeout",  required_argument, NULL, ARG_BODY    },
        { "idle-timeout",  required_argument, NULL, ARG_IDLE    },
        { "send-timeout",  required_argument, NULL, ARG_SEND    },
        { "drain-timeout", required_argument, NULL, ARG_DRAIN   },
        { NULL },
};

/* Milliseconds of an option; *ret_usec gets them as microseconds when it is not NULL. */
static int parse_ms(const char *option, unsigned long min, unsigned long max, unsigned long *ret_ms, uint64_t *ret_usec) {
        unsigned long ms;

        if (parse_uint(optarg, min, max, &ms) < 0) {
                log_error("--%s=%s: a number of milliseconds in %lu..%lu is expected", option, optarg, min, max);
                return -EINVAL;
        }
        if (ret_ms)
                *ret_ms = ms;
        if (ret_usec)
                *ret_usec = ms * USEC_PER_MSEC;
        return 0;
}

/* 1 to go on, 0 when done (help, version), negative errno after an error that has been said. */
static int parse_option(Options *o, int c) {
        switch (c) {
        case 'h':
                print_help();
                return 0;
        case ARG_VERSION:
                (void) printf("tooloo " TL_VERSION "\n");
                return 0;
        case ARG_MODULES:
                o->modules = optarg;
                return 1;
        case ARG_CHECK:
                o->check = optarg;
                return 1;
        case ARG_STOPPED:
                o->stopped = true;
                return 1;
        case ARG_TRIAL:
                return parse_ms("trial-timeout", 10, 60000, &o->trial_ms, NULL) < 0 ? -EINVAL : 1;
        case ARG_PROVE:
                return parse_ms("prove-after", 100, 600000, &o->prove_ms, NULL) < 0 ? -EINVAL : 1;
        case ARG_HEAD:
                return parse_ms("head-timeout", 10, 3600000, NULL, &o->timeouts.head) < 0 ? -EINVAL : 1;
        case ARG_BODY:
                return parse_ms("body-timeout", 10, 3600000, NULL, &o->timeouts.body) < 0 ? -EINVAL : 1;
        case ARG_IDLE:
                return parse_ms("idle-timeout", 10, 3600000, NULL, &o->timeouts.idle) < 0 ? -EINVAL : 1;
        case ARG_SEND:
                return parse_ms("send-timeout", 10, 3600000, NULL, &o->timeouts.send) < 0 ? -EINVAL : 1;
        case ARG_DRAIN:
                return parse_ms("drain-timeout", 0, 3600000, NULL, &o->timeouts.drain) < 0 ? -EINVAL : 1;
        default:
                return -EINVAL;
        }
}

static int parse_argv(Options *o, int argc, char *argv[]) {
        int c, r;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                r = parse_option(o, c);
                if (r <= 0)
                        return r;
        }
        if (optind != argc - 1 || !service_id_valid(argv[optind])) {
                log_error("One service id ([a-z][a-z0-9-]*, at most 32 characters) is expected; see --help");
                return -EINVAL;
        }
        o->id = argv[optind];
        return 1;
}

/* The first of a colon-separated list, as $STATE_DIRECTORY may be one. The caller frees. */
static char *first_directory(const char *variable) {
        const char *list = getenv(variable);

        return list && *list ? strndup(list, strcspn(list, ":")) : NULL;
}

static int record_stop(const char *id) {
        _cleanup_(freep) char *state = first_directory("STATE_DIRECTORY"), *reason = NULL;
        const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"), *status = getenv("EXIT_STATUS");
        Proven proven;
        int r;

        r = proven_init(&proven, state);
        if (r < 0)
                return log_errno(r, "Cannot look at the state directory");
        r = proven_judge_end(&proven, result ? result : "success", code ? code : "exited", status ? status : "0", &reason);
        if (r < 0)
                (void) log_errno(r, "Cannot write to %s: a module that crashes would be loaded again", strna(state));
        else if (r > 0)
                log_error("%s; the next start runs the last good one", reason);
        proven_done(&proven);
        return r < 0 ? r : 0;
}

static void host_done(Host *host) {
        host->stopping = true;
        host_reload_done(host);
        host->status_post = sd_event_source_disable_unref(host->status_post);
        host->status_timer = sd_event_source_disable_unref(host->status_timer);
        host->bus_slot = sd_bus_slot_unref(host->bus_slot);
        host->bus = sd_bus_flush_close_unref(host->bus);
        /* Its last route set lets go of the current generation. */
        host->server = server_free(host->server);
        proven_done(&host->proven);
        free(host->id);
        free(host->name);
        free(host->module_path);
        free(host->runtime_directory);
        free(host->rejected_path);
        free(host->current_copy);
        free(host->last_problem);
        sd_event_unref(host->event);
}

static int host_init(Host *host, const Options *o) {
        _cleanup_(freep) char *state = first_directory("STATE_DIRECTORY");
        int r;

        *host = (Host) { .next_generation = 1, .trial_timeout_usec = o->trial_ms * USEC_PER_MSEC,
                         .prove_usec = o->prove_ms * USEC_PER_MSEC };
        STAILQ_INIT(&host->running);
        STAILQ_INIT(&host->queued);
        host->runtime_directory = first_directory("RUNTIME_DIRECTORY");
        if (!host->runtime_directory)
                return -ENOENT;
        host->id = strdup(o->id);
        host->name = strdup(o->id);
        host->module_path = str_printf("%s/%s.so", o->modules, o->id);
        host->rejected_path = str_printf("%s/rejected", host->runtime_directory);
        if (!host->id || !host->name || !host->module_path || !host->rejected_path)
                return -ENOMEM;
        r = proven_init(&host->proven, state);
        if (r < 0)
                return r;
        r = sd_event_default(&host->event);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(host->event, true);
        if (r < 0)
                return r;
        r = server_new(host->event, &o->timeouts, &host->server);
        if (r < 0)
                return r;
        return server_set_info(host->server, &(ServerInfo) { .id = host->id, .name = host->name,
                                                             .reason = "the module is being loaded" });
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        host_reload(userdata, false, NULL, NULL);
        return 0;
}

static void on_drained(void *userdata) {
        Host *host = userdata;
        int r = sd_event_exit(host->event, EXIT_SUCCESS);

        if (r < 0)
                log_errno(r, "Cannot leave the event loop");
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Host *host = userdata;

        host->stopping = true;
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Answering what is in flight");
        server_drain(host->server, on_drained, host);
        return 0;
}

/* Whatever systemd hands over that listens is ours to serve. */
static int take_sockets(Host *host) {
        int n = sd_listen_fds(true), served = 0;

        if (n < 0)
                return n;
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                int r;

                if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, true) <= 0) {
                        safe_close(fd);
                        continue;
                }
                r = server_add_listener(host->server, fd);
                if (r < 0)
                        return r;
                served++;
        }
        return served;
}

static int add_signals(Host *host) {
        int r;

        r = sd_event_add_signal(host->event, NULL, SIGTERM, on_terminate, host);
        if (r >= 0)
                r = sd_event_add_signal(host->event, NULL, SIGINT, on_terminate, host);
        if (r >= 0)
                r = sd_event_add_signal(host->event, NULL, SIGHUP, on_hangup, host);
        return r;
}

/* Says why nothing can be served, to the journal and to systemctl status. */
static int cannot_serve(const char *id, const char *why) {
        log_error("Cannot serve '%s': %s", id, why);
        (void) sd_notifyf(false, "STATUS=Cannot serve: %s", why);
        return EXIT_CONFIG;
}

static int serve(Host *host) {
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = add_signals(host);
        if (r < 0) {
                log_errno(r, "Cannot watch signals");
                return EXIT_FAILURE;
        }
        /* Before the module is read: whoever publishes one afterwards finds the name, and asks for a reload. */
        r = host_bus_open(host);
        if (r < 0)
                log_warning("No user bus (%s): reload by SIGHUP works, 'toolooctl reload' does not", strerror(-r));
        r = host_load_first(host, &reason);
        if (r < 0)
                return cannot_serve(host->id, strna(reason));
        r = take_sockets(host);
        if (r == 0)
                return cannot_serve(host->id, "systemd handed over no listening socket: start it through its socket unit");
        if (r < 0) {
                log_errno(r, "Cannot take the listening sockets");
                return EXIT_FAILURE;
        }
        r = host_status_start(host);
        if (r >= 0)
                r = sd_notify(false, "READY=1");
        if (r >= 0)
                r = sd_event_loop(host->event);
        if (r < 0) {
                log_errno(r, "The event loop failed");
                return EXIT_FAILURE;
        }
        return r;
}

static void block_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL); /* fails for a wrong first argument alone */
        (void) signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char *argv[]) {
        Options o = { .modules = TL_MODULES_DIR, .trial_ms = 5000, .prove_ms = 10000, .timeouts = server_timeouts_default };
        Host host;
        int r;

        log_setup("tooloo-service", NULL);
        r = parse_argv(&o, argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
        log_setup("tooloo-service", o.id);
        if (o.check)
                return trial_main(o.check, o.id);
        if (o.stopped)
                return record_stop(o.id) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        block_signals();
        r = host_init(&host, &o);
        if (r == -ENOENT) {
                log_error("There is no $RUNTIME_DIRECTORY: run it as a unit with RuntimeDirectory=");
                r = EXIT_CONFIG;
        } else if (r < 0) {
                log_errno(r, "Cannot start");
                r = EXIT_FAILURE;
        } else
                r = serve(&host);
        host_done(&host);
        return r;
}
