/* SPDX-License-Identifier: MIT */
#include "reload-changed.h"

#include <inttypes.h>
#include <stdalign.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <systemd/sd-event.h>

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "config.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/service-bus.h"

/* This runs between a save and the new code, started by a path unit, and a path unit loses what changes while the
 * service that it started runs. So the hosts are asked again until a whole round of answers is "unchanged", and then
 * the process is gone at once: what is not seen by that round must change in the few milliseconds until systemd
 * watches again.
 *
 * When a host is slow to answer, the changes of the others must not wait for it: then the directory is watched as
 * well, and each change leads to a question at once. Not from the start, because to close an inotify instance, which
 * the end of the process does too, costs the kernel up to 20 ms (it waits until no processor can be looking at the
 * watch any more).
 *
 * Whom to ask comes from the bus alone: the registry would take longer than all of the rest. */

/* A host checks the module in a child process, with a time limit of its own well under this. */
#define RELOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* Several times what a sound module takes. */
#define SLOW_USEC (200 * USEC_PER_MSEC)

typedef struct Host {
        char *id;
        bool asked;       /* a call is under way */
        uint64_t asked_at; /* monotonic usec */
        bool ask_again;   /* the file changed after that call was sent */
        struct Reloader *reloader;
        struct Host *next;
} Host;

typedef struct Reloader {
        const Ctl *ctl;
        const char *modules;
        sd_bus *bus;
        sd_event *event;
        sd_event_source *directory;
        sd_event_source *slow;
        sd_event_source *end;
        Host *hosts;
        unsigned under_way;
        bool once_more; /* something was loaded in this round */
        int status;
} Reloader;

static void reloader_done(Reloader *r) {
        (void) sd_event_source_disable_unref(r->directory);
        (void) sd_event_source_disable_unref(r->slow);
        (void) sd_event_source_disable_unref(r->end);
        (void) sd_bus_flush_close_unref(r->bus);
        (void) sd_event_unref(r->event);
        while (r->hosts) {
                Host *h = r->hosts;

                r->hosts = h->next;
                free(h->id);
                free(h);
        }
}

static int ask(Host *h);

static void say_failed(Reloader *r, const char *id, const sd_bus_error *error) {
        log_error("%s keeps its old code: %s", id, bus_error_text(error, -EIO));
        r->status = CTL_FAILED;
}

/* It was restarted, by an upgrade say, before it had answered. Which file the next one has loaded, that one says. A host that
 * hangs is the same error, but later. */
static bool has_gone(const Host *h, sd_bus_message *m) {
        return sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY) &&
                now_usec() - h->asked_at < RELOAD_TIMEOUT_USEC / 2;
}

static int on_reloaded(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *outcome = NULL;
        uint64_t generation = 0;
        Host *h = userdata;
        Reloader *reloader = h->reloader;
        int r = 0;

        h->asked = false;
        reloader->under_way--;
        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                log_debug("%s does not run", h->id); /* and will load the new file when it starts */
        else if (has_gone(h, m))
                reloader->once_more = true;
        else if (sd_bus_message_is_method_error(m, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(m);

                say_failed(reloader, h->id, error);
                /* What was rejected is "unchanged" in the next round; other errors would only come again. */
                if (sd_bus_error_has_name(error, SERVICE_BUS_ERROR_REJECTED))
                        reloader->once_more = true;
                else
                        h->ask_again = false;
        }
        else
                r = sd_bus_message_read(m, "stt", &outcome, &generation, NULL);
        if (r >= 0 && outcome && streq(outcome, "reloaded")) {
                ctl_say(reloader->ctl, "%s: generation %" PRIu64, h->id, generation);
                reloader->once_more = true;
        }
        if (r >= 0 && h->ask_again)
                r = ask(h);
        if (r >= 0 && reloader->under_way == 0)
                r = sd_event_source_set_enabled(reloader->end, SD_EVENT_ONESHOT);
        return r < 0 ? sd_event_exit(reloader->event, r) : 0;
}

static int ask(Host *h) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *name = NULL;
        Reloader *reloader = h->reloader;
        int r;

        h->ask_again = h->asked;
        if (h->asked)
                return 0;
        name = str_printf("%s%s", SERVICE_BUS_NAME_PREFIX, h->id);
        if (!name)
                return -ENOMEM;
        r = sd_bus_message_new_method_call(reloader->bus, &m, name, SERVICE_BUS_PATH, SERVICE_BUS_INTERFACE,
                                           "Reload");
        if (r >= 0)
                r = sd_bus_message_append(m, "b", true);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0)
                r = sd_bus_call_async(reloader->bus, NULL, m, on_reloaded, h, RELOAD_TIMEOUT_USEC);
        if (r < 0)
                return r;
        h->asked = true;
        h->asked_at = now_usec();
        reloader->under_way++;
        return 0;
}

static int ask_id(Reloader *reloader, const char *id) {
        Host *h;

        for (h = reloader->hosts; h; h = h->next)
                if (streq(h->id, id))
                        return ask(h);
        h = calloc(1, sizeof(Host));
        if (!h)
                return -ENOMEM;
        h->id = strdup(id);
        h->reloader = reloader;
        h->next = reloader->hosts;
        reloader->hosts = h;
        return h->id ? ask(h) : -ENOMEM;
}

static int on_names(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Reloader *reloader = userdata;
        const char *name;
        int r;

        reloader->under_way--;
        if (sd_bus_message_is_method_error(m, NULL))
                return sd_event_exit(reloader->event, -sd_bus_message_get_errno(m));
        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &name)) > 0) {
                const char *id = startswith(name, SERVICE_BUS_NAME_PREFIX);

                if (id && service_id_valid(id))
                        r = ask_id(reloader, id);
        }
        if (r >= 0 && reloader->under_way == 0)
                r = sd_event_source_set_enabled(reloader->end, SD_EVENT_ONESHOT);
        return r < 0 ? sd_event_exit(reloader->event, r) : 0;
}

/* Every host, whether known or new. */
static int ask_all(Reloader *reloader) {
        int r;

        r = sd_bus_call_method_async(reloader->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", "ListNames", on_names, reloader, NULL);
        if (r < 0)
                return r;
        reloader->under_way++;
        return 0;
}

static int handle_change(Reloader *reloader, const struct inotify_event *event) {
        _cleanup_(freep) char *id = NULL;

        if (event->mask & IN_Q_OVERFLOW)
                return ask_all(reloader);
        if (event->len == 0 || !endswith(event->name, ".so"))
                return 0;
        id = strndup(event->name, strlen(event->name) - strlen(".so"));
        if (!id)
                return -ENOMEM;
        return service_id_valid(id) ? ask_id(reloader, id) : 0;
}

static int on_change(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        alignas(struct inotify_event) char buf[4096];
        Reloader *reloader = userdata;
        ssize_t n;
        int r = 0;

        n = read(fd, buf, sizeof(buf));
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : sd_event_exit(reloader->event, -errno);
        for (ssize_t at = 0; at < n && r >= 0;) {
                const struct inotify_event *event = (const struct inotify_event *) (buf + at);

                r = handle_change(reloader, event);
                at += (ssize_t) sizeof(*event) + event->len;
        }
        return r < 0 ? sd_event_exit(reloader->event, r) : 0;
}

static int watch(Reloader *reloader) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0 || inotify_add_watch(fd, reloader->modules,
                                        IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR) < 0)
                return -errno;
        r = sd_event_add_io(reloader->event, &reloader->directory, fd, EPOLLIN, on_change, reloader);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(reloader->directory, true);
        if (r >= 0)
                (void) TAKE_FD(fd); /* the source's now */
        return r;
}

/* In this order: whoever has answered already is asked again, for what changed before the watch was there. */
static int on_slow(sd_event_source *source, uint64_t usec, void *userdata) {
        Reloader *reloader = userdata;
        int r;

        r = watch(reloader);
        if (r < 0) {
                log_warning("cannot watch the module directory %s (%s): changes wait for the slowest service",
                            reloader->modules, strerror(-r));
                return 0;
        }
        r = ask_all(reloader);
        return r < 0 ? sd_event_exit(reloader->event, r) : 0;
}

/* Lowest priority: the loop has looked at everything else, the directory too, before it comes here. */
static int on_idle(sd_event_source *source, void *userdata) {
        Reloader *reloader = userdata;
        int r;

        if (reloader->under_way > 0)
                return 0;
        if (!reloader->once_more)
                return sd_event_exit(reloader->event, 0);
        reloader->once_more = false;
        r = ask_all(reloader);
        return r < 0 ? sd_event_exit(reloader->event, r) : 0;
}

static int set_up(Reloader *reloader) {
        int r;

        r = sd_event_new(&reloader->event);
        if (r >= 0)
                r = sd_bus_attach_event(reloader->bus, reloader->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_event_add_time_relative(reloader->event, &reloader->slow, CLOCK_MONOTONIC, SLOW_USEC,
                                               10 * USEC_PER_MSEC, on_slow, reloader);
        if (r >= 0)
                r = sd_event_add_defer(reloader->event, &reloader->end, on_idle, reloader);
        if (r >= 0)
                r = sd_event_source_set_enabled(reloader->end, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(reloader->end, SD_EVENT_PRIORITY_IDLE);
        return r;
}

int reload_changed(const Ctl *ctl) {
        _cleanup_(reloader_done) Reloader reloader = {
                .ctl = ctl,
                .modules = ctl->given[OPTION_MODULES] ? ctl->given[OPTION_MODULES] : TL_MODULES_DIR,
        };
        int r;

        if (bus_open_user(&reloader.bus) < 0)
                return CTL_FAILED;
        r = set_up(&reloader);
        if (r >= 0)
                r = ask_all(&reloader);
        if (r >= 0)
                r = sd_event_loop(reloader.event);
        if (r < 0) {
                (void) log_errno(r, "cannot ask the services to reload");
                return CTL_FAILED;
        }
        return reloader.status;
}
