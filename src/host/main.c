/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "basic/signal-util.h"
#include "basic/string-util.h"
#include "host/host.h"
#include "host/options.h"
#include "shared/log.h"

/* systemd's EXIT_CONFIG: a restart would not mend it (RestartPreventExitStatus=). */
#define EXIT_CONFIG 78
#define EXIT_USAGE 2

/* The first of a colon-separated list, as $STATE_DIRECTORY may be one. The caller frees. */
static char *first_directory(const char *variable) {
        const char *list = getenv(variable);

        return list && *list ? strndup(list, strcspn(list, ":")) : NULL;
}

/* The unit's own, StateDirectory=tooloo-ID: systemd sorts the list, and what services share may come before it. The first where
 * none has that name. The caller frees. */
static char *state_directory(const char *id) {
        _cleanup_(freep) char *name = str_printf("/tooloo-%s", id), *one = NULL;
        const char *list = getenv("STATE_DIRECTORY");

        while (name && list && *list) {
                size_t n = strcspn(list, ":");

                free(one);
                one = strndup(list, n);
                if (!one || endswith(one, name))
                        return TAKE_PTR(one);
                list += n + (list[n] == ':');
        }
        return name ? first_directory("STATE_DIRECTORY") : NULL;
}

static int record_stop(const char *id) {
        _cleanup_(freep) char *state = state_directory(id), *reason = NULL;
        const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"), *status = getenv("EXIT_STATUS");
        Proven proven;
        int r;

        r = proven_init(&proven, state);
        if (r < 0)
                return log_errno(r, "Cannot look at the state directory");
        r = proven_judge_end(&proven, result ? result : "success", code ? code : "exited", status ? status : "0",
                             &reason);
        if (r < 0)
                (void) log_errno(r, "Cannot write to %s: a module that crashes would be loaded again", strna(state));
        else if (r > 0)
                log_error("%s; %s", reason, proven_has_good(&proven) ? "the next start runs the last good one"
                                                                     : "there is no earlier one to fall back to");
        proven_done(&proven);
        return r < 0 ? r : 0;
}

static void host_done(Host *host) {
        host->stopping = true;
        host_reload_stop(host);
        host->status_post = sd_event_source_disable_unref(host->status_post);
        host->status_timer = sd_event_source_disable_unref(host->status_timer);
        host->ports = fleet_ports_free(host->ports);
        host->bus_slot = sd_bus_slot_unref(host->bus_slot);
        host->bus = sd_bus_flush_close_unref(host->bus);
        /* With its route set goes the current generation. */
        host->server = server_free(host->server);
        host_free_generations(host);
        proven_done(&host->proven);
        free(host->id);
        free(host->name);
        free(host->module_path);
        free(host->runtime_directory);
        free(host->rejected_path);
        free(host->current_copy);
        free(host->last_problem);
        free(host->unit_path);
        free(host->fragment_path);
        sd_event_unref(host->event);
}

/* What one program rejects, another may run: after an upgrade the module was of an ABI that the old one did not know. So each
 * has a path of its own. */
static char *rejected_path(const char *directory) {
        struct stat st;

        if (stat("/proc/self/exe", &st) < 0)
                return NULL;
        return str_printf("%s/rejected-%jx-%jx-%jx", directory, (uintmax_t) st.st_dev, (uintmax_t) st.st_ino,
                          (uintmax_t) st.st_ctim.tv_sec);
}

static int host_init(Host *host, const Options *o) {
        _cleanup_(freep) char *state = state_directory(o->id);
        int r;

        *host = (Host) { .next_generation = 1, .trial_timeout_usec = o->trial, .prove_usec = o->prove };
        STAILQ_INIT(&host->running);
        STAILQ_INIT(&host->queued);
        LIST_INIT(&host->retired);
        host->runtime_directory = first_directory("RUNTIME_DIRECTORY");
        if (!host->runtime_directory)
                return -ENOENT;
        host->id = strdup(o->id);
        host->name = strdup(o->id);
        host->module_path = str_printf("%s/%s.so", o->modules, o->id);
        host->rejected_path = rejected_path(host->runtime_directory);
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
        host_unit_ask(userdata);
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
        host_reload_stop(host);
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Answering what is in flight");
        server_drain(host->server, on_drained, host);
        return 0;
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
        (void) sd_notifyf(false, "STATUS=%s", why);
        return EXIT_CONFIG;
}

/* READY=1 says that a client is served as it should be. 1 when the program ends meanwhile. */
static int wait_prepared(Host *host) {
        while (!server_is_prepared(host->server)) {
                int r = sd_event_run(host->event, UINT64_MAX);

                if (r < 0)
                        return r;
                if (sd_event_get_state(host->event) == SD_EVENT_FINISHED)
                        return 1;
        }
        return 0;
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
        host_unit_start(host);
        /* Before the module is on trial, for it is not to blame for this. */
        r = server_take_sockets(host->server);
        if (r == 0)
                return cannot_serve(host->id, "systemd handed over no listening socket: start it through its socket"
                                              " unit");
        if (r < 0) {
                log_errno(r, "Cannot take the listening sockets");
                return EXIT_FAILURE;
        }
        r = host_load_first(host, &reason);
        if (r < 0)
                return cannot_serve(host->id, strna(reason));
        r = wait_prepared(host);
        if (r > 0)
                return EXIT_SUCCESS;
        if (r >= 0)
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

int main(int argc, char *argv[]) {
        Options o = options_default();
        Host host;
        int r;

        log_setup("tooloo-service", NULL);
        r = options_parse(&o, argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
        log_setup("tooloo-service", o.id);
        if (o.check)
                return trial_main(o.check, o.id);
        if (o.stopped)
                return record_stop(o.id) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        /* Fails for what is no signal alone. */
        (void) block_signals((const int[]) { SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 });
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
