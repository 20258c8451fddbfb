/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/signal-util.h"
#include "basic/time-util.h"
#include "ctl/command-line.h"
#include "ctl/output.h"
#include "ctl/text.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "top.h"
#include "verb-top.h"

#define METRICSD_ID "metricsd"
#define ONCE_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define TICK_ACCURACY_USEC (50 * USEC_PER_MSEC)

static void top_done(Top *t) {
        action_free(t->action);
        (void) sd_event_source_disable_unref(t->keys);
        (void) sd_event_source_disable_unref(t->redraw);
        (void) sd_event_source_disable_unref(t->tick);
        feed_free(t->feed);
        live_free(t->live);
        screen_free(t->screen);
        rows_done(&t->rows);
        free(t->selected);
        free(t->wanted_id);
        free(t->message);
}

void top_outdate(Top *t) {
        if (t->redraw && !t->away)
                (void) sd_event_source_set_enabled(t->redraw, SD_EVENT_ONESHOT);
}

void top_say(Top *t, const char *format, ...) {
        _cleanup_(freep) char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        free(t->message);
        t->message = text ? text_clean(text, strlen(text)) : NULL;
        top_outdate(t);
}

bool top_settle(Top *t) {
        return rows_sort(&t->rows, t->filter, t->key, t->reverse, now_realtime_usec()) >= 0;
}

size_t top_place(const Top *t) {
        for (size_t i = 0; i < t->rows.n_shown; i++)
                if (t->selected && streq(t->rows.shown[i]->id, t->selected))
                        return i;
        return 0;
}

const Row *top_selected(const Top *t) {
        return t->rows.n_shown > 0 ? t->rows.shown[top_place(t)] : NULL;
}

/* --- What happens ------------------------------------------------------------------------------------------------ */

static int print_once(Top *t) {
        _cleanup_(freep) char *verdict = NULL;
        int r;

        verdict = rows_verdict(&t->rows);
        if (!top_settle(t) || !verdict)
                return log_errno(-ENOMEM, "cannot show the services");
        (void) printf("%s\n", verdict);
        r = table_print(top_columns, n_top_columns, (const void *const *) t->rows.shown, t->rows.n_shown, 0, NULL);
        return r < 0 ? log_errno(r, "cannot show the services") : 0;
}

static void look_once(Top *t) {
        if (t->screen || t->live->ended || !fleet_is_loaded(t->live->fleet))
                return;
        if (t->live->metrics == LIVE_METRICS_ABSENT) {
                log_error("metricsd does not run, and only it knows the figures; 'toolooctl start metricsd' starts it");
                live_end(t->live, CTL_FAILED);
        } else if (t->rows.figures)
                live_end(t->live, print_once(t) < 0 ? CTL_FAILED : CTL_OK);
}

/* Its port is for one that runs: a connection would start one that was stopped. */
static void settle_feed(Top *t) {
        const FleetUnit *unit = fleet_find(t->live->fleet, METRICSD_ID);
        bool runs = t->live->metrics == LIVE_METRICS_THERE || t->live->metrics == LIVE_METRICS_MUTE;

        feed_want(t->feed, unit && runs ? unit->service->port : 0);
}

static void take_fleet(Top *t) {
        if (rows_take_fleet(&t->rows, t->live->fleet) < 0)
                top_say(t, "out of memory");
        settle_feed(t);
        top_outdate(t);
        look_once(t);
}

static void on_loaded(Live *live, void *userdata) {
        take_fleet(userdata);
}

static void on_changed(Live *live, FleetUnit *unit, FleetCondition was, void *userdata) {
        if (fleet_is_loaded(live->fleet))
                take_fleet(userdata);
}

static void on_metrics(Live *live, void *userdata) {
        Top *t = userdata;

        if (live->metrics == LIVE_METRICS_ABSENT)
                rows_forget_health(&t->rows);
        settle_feed(t);
        top_outdate(t);
        look_once(t);
}

static const LiveEvents live_events = { .loaded = on_loaded, .changed = on_changed, .metrics = on_metrics };

static void on_message(json_object *message, void *userdata) {
        Top *t = userdata;
        int r;

        r = rows_take_update(&t->rows, message);
        if (r == -ENOMEM)
                top_say(t, "out of memory");
        if (r < 0)
                return;
        t->updated_at = now_usec();
        top_outdate(t);
        look_once(t);
}

/* While nothing comes the age of what is shown grows, each second. */
static void settle_tick(Top *t) {
        if (!t->tick)
                return;
        (void) sd_event_source_set_time_relative(t->tick, USEC_PER_SEC);
        (void) sd_event_source_set_enabled(t->tick, t->connected ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void on_connected(bool connected, void *userdata) {
        Top *t = userdata;

        t->connected = connected;
        settle_tick(t);
        top_outdate(t);
}

static const FeedEvents feed_events = { .message = on_message, .connected = on_connected };

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        settle_tick(userdata);
        top_outdate(userdata);
        return 0;
}

static int on_redraw(sd_event_source *source, void *userdata) {
        Top *t = userdata;

        if (!t->away)
                top_draw(t);
        return 0;
}

static int on_keys(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Top *t = userdata;
        char line[256];
        int key;

        if (t->away) { /* Enter, to come back */
                if (read(fd, line, sizeof(line)) <= 0)
                        live_end(t->live, CTL_OK);
                else
                        top_come_back(t);
                return 0;
        }
        if (revents & (EPOLLHUP | EPOLLERR)) /* the terminal has gone */
                live_end(t->live, CTL_OK);
        while (!t->away && !t->live->ended && (key = screen_key(t->screen)) >= 0)
                top_key(t, key);
        return 0;
}

static int on_errors(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char text[1024];
        ssize_t n = read(fd, text, sizeof(text) - 1);
        char *line;

        if (n <= 0)
                return 0;
        text[n] = '\0';
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        line = strrchr(text, '\n');
        top_say(userdata, "%s", line ? line + 1 : text);
        return 0;
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Top *t = userdata;

        if (t->away)
                return 0;
        screen_resize(t->screen);
        top_outdate(t);
        return 0;
}

/* Interrupted with something else on the terminal, that one is meant. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Top *t = userdata;

        if (!t->away || info->ssi_signo != SIGINT)
                live_end(t->live, CTL_OK);
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Top *t = userdata;

        log_error("metricsd does not say anything; 'toolooctl logs metricsd' may say why");
        live_end(t->live, CTL_FAILED);
        return 0;
}

/* --- The whole --------------------------------------------------------------------------------------------------- */

static int add_sources(Top *t) {
        sd_event *event = t->live->event;
        int r;

        if (!t->screen)
                return sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, ONCE_TIMEOUT_USEC, 0, on_late, t);
        r = sd_event_add_io(event, &t->keys, STDIN_FILENO, EPOLLIN, on_keys, t);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, screen_errors_fd(t->screen), EPOLLIN, on_errors, t);
        if (r >= 0)
                r = sd_event_add_defer(event, &t->redraw, on_redraw, t);
        if (r >= 0) /* after all that has happened is known */
                r = sd_event_source_set_priority(t->redraw, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &t->tick, CLOCK_MONOTONIC, USEC_PER_SEC, TICK_ACCURACY_USEC, on_tick, t);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGWINCH, on_resize, t);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_end, t);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, on_end, t);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGHUP, on_end, t);
}

static int begin(Top *t) {
        int r;

        r = live_new(t->ctl->bus, &live_events, t, &t->live);
        if (r >= 0)
                r = feed_new(t->live->event, &feed_events, t, &t->feed);
        if (r >= 0)
                r = add_sources(t);
        return r < 0 ? log_errno(r, "cannot follow the services") : 0;
}

int verb_top(Ctl *ctl) {
        static const int signals[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGCHLD, 0 };
        static const int once_signals[] = { SIGCHLD, 0 };
        _cleanup_(top_done) Top t = { .ctl = ctl };
        const char *sort = ctl->given[OPTION_SORT];
        bool once = ctl->given[OPTION_ONCE];
        int key = sort ? sort_key_from_string(sort) : SORT_PORT;

        if (key < 0)
                return verb_usage(ctl, "--sort takes port, id, state, response, restarts, memory, cpu or age, not '%s'", sort);
        t.key = (SortKey) key;
        if (bus_open_user(&ctl->bus) < 0)
                return CTL_FAILED;
        if (block_signals(once ? once_signals : signals) < 0 || (!once && screen_new(&t.screen) < 0))
                return CTL_FAILED;
        if (begin(&t) < 0)
                return CTL_FAILED;
        return live_run(t.live);
}
