/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "basic/time-util.h"
#include "ctl/text.h"
#include "top.h"

#define METRICSD_ID "metricsd"

static const char *const help[] = {
        "j k, arrows, PgUp PgDn, g G   select a service",
        "r   restart it        e   reload it",
        "t   start it          x   stop it",
        "l   its log           w   why it is how it is",
        "/   filter: part of an id, a name, a state; empty for all",
        "s   sort by the next column    S   the other way round",
        "M   by memory         P   by cpu",
        "?   this help         q   quit",
        "",
        "The same outside: toolooctl restart ID, reload, start, stop, logs -f, why.",
};

/* --- The head ---------------------------------------------------------------------------------------------------- */

/* Why there is nothing new of metricsd, and what to do; NULL when there is. */
static const char *trouble(const Top *t) {
        if (t->connected)
                return NULL;
        switch (t->live->metrics) {
        case LIVE_METRICS_ASKED:
                return "looking for metricsd";
        case LIVE_METRICS_ABSENT:
                return fleet_is_loaded(t->live->fleet) && !fleet_find(t->live->fleet, METRICSD_ID) ?
                               "metricsd is not installed: there are states alone" :
                               "metricsd does not run: 'toolooctl start metricsd' starts it";
        case LIVE_METRICS_THERE:
        case LIVE_METRICS_MUTE:
                break;
        }
        return "no connection to metricsd: trying again";
}

static char *freshness(const Top *t) {
        char span[TIMESPAN_MAX];
        uint64_t age;

        if (t->connected && t->updated_at > 0)
                return strdup("live");
        if (t->updated_at == 0)
                return strdup("no figures yet");
        age = now_usec() - t->updated_at;
        return str_printf("figures are %s old", format_timespan(span, age - age % USEC_PER_SEC));
}

static size_t draw_head(Top *t) {
        _cleanup_(freep) char *verdict = rows_verdict(&t->rows), *fresh = freshness(t), *line = NULL;
        bool well = rows_all_well(&t->rows) && t->connected;
        const char *why = trouble(t);

        line = str_printf("%s | %s | by %s%s%s%s", strempty(verdict), strempty(fresh), sort_key_to_string(t->key),
                          t->reverse ? ", reversed" : "", *t->filter ? " | /" : "", t->filter);
        screen_put(t->screen, 0, well ? LOOK_GOOD : LOOK_BOLD, false, line ? line : strempty(verdict));
        if (why)
                screen_put(t->screen, 1, LOOK_WARN, false, why);
        return why ? 2 : 1;
}

/* --- The rows ---------------------------------------------------------------------------------------------------- */

static Look look_of(const Row *row) {
        switch (row_sign(row)) {
        case SIGN_CHANGING:
        case SIGN_DEGRADED:
                return LOOK_WARN;
        case SIGN_OFFLINE:
        case SIGN_FAILED:
                return LOOK_BAD;
        case SIGN_STOPPED:
                return LOOK_FAINT;
        case SIGN_HEALTHY:
        case SIGN_UNKNOWN:
        case _SIGN_MAX:
                break;
        }
        return LOOK_PLAIN;
}

/* The line at *s, which is ended there; *s goes to the next. */
static char *next_line(char **s) {
        char *line = *s, *end = strchrnul(line, '\n');

        *s = *end ? end + 1 : end;
        *end = '\0';
        return line;
}

/* So that the one selected is on the screen. */
static void scroll_to(Top *t, size_t place, size_t room) {
        if (place < t->first)
                t->first = place;
        else if (room > 0 && place >= t->first + room)
                t->first = place - room + 1;
        t->first = MIN(t->first, t->rows.n_shown - MIN(t->rows.n_shown, room));
}

/* The table is laid out as a whole, so that columns stay where they are while it is scrolled. */
static void draw_rows(Top *t, size_t at, size_t room) {
        size_t place = top_place(t), width = screen_width(t->screen);
        _cleanup_(freep) char *text = NULL;
        char *rest;

        if (table_to_string(top_columns, n_top_columns, (const void *const *) t->rows.shown, t->rows.n_shown, width + 1,
                            &text) < 0 || !text)
                return;
        rest = text;
        screen_put(t->screen, at, LOOK_HEADING, false, next_line(&rest));
        if (t->rows.n_shown == 0)
                screen_put(t->screen, at + 1, LOOK_FAINT, false, *t->filter ? "nothing has that in it; / changes it" :
                                                                               "no service");
        scroll_to(t, place, room);
        for (size_t i = 0; i < t->rows.n_shown; i++) {
                char *line = next_line(&rest);

                if (i >= t->first && i - t->first < room)
                        screen_put(t->screen, at + 1 + i - t->first, look_of(t->rows.shown[i]), i == place, line);
        }
}

/* --- The foot ---------------------------------------------------------------------------------------------------- */

static void draw_selected(Top *t, size_t line) {
        const Row *row = top_selected(t);
        _cleanup_(freep) char *text = NULL;

        if (!row)
                return;
        text = row->problem && row_sign(row) != SIGN_HEALTHY ? str_printf("%s: %s", row->id, row->problem) :
                                                              str_printf("%s: %s", row->id, strempty(row->name));
        screen_put(t->screen, line, LOOK_PLAIN, false, strempty(text));
}

static void draw_bottom(Top *t, size_t line) {
        _cleanup_(freep) char *text = NULL;

        if (t->mode == MODE_FILTER)
                text = str_printf("/%s_", t->filter);
        else if (t->mode == MODE_CONFIRM)
                text = str_printf("%s %s? y: yes, any other key: no", strempty(t->wanted), strempty(t->wanted_id));
        screen_put(t->screen, line, t->mode == MODE_LIST ? LOOK_PLAIN : LOOK_BOLD, false,
                   text ? text : t->message ? t->message :
                   "q quit  ? help  / filter  s sort  r restart  e reload  l logs  w why");
}

static void draw_help(Top *t) {
        screen_put(t->screen, 0, LOOK_HEADING, false, "toolooctl top: any key goes back");
        for (size_t i = 0; i < ELEMENTSOF(help); i++)
                screen_put(t->screen, i + 1, LOOK_PLAIN, false, help[i]);
}

void top_draw(Top *t) {
        size_t height = screen_height(t->screen), at;

        if (!top_settle(t))
                return; /* the next time there may be memory */
        screen_begin(t->screen);
        if (t->mode == MODE_HELP)
                draw_help(t);
        else {
                at = draw_head(t);
                /* Heading and two lines of foot; on a small screen the rows come first. */
                draw_rows(t, at, height > at + 3 ? height - at - 3 : height > at + 2 ? height - at - 2 : 0);
                if (height > at + 3)
                        draw_selected(t, height - 2);
                if (height > 1)
                        draw_bottom(t, height - 1);
        }
        screen_end(t->screen);
}
