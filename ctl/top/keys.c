/* SPDX-License-Identifier: MIT */
#include <curses.h>

#include "basic/time-util.h"
#include "top.h"

#define KEY_ESCAPE 27
#define PAGE_LEAST 1

/* --- Actions ----------------------------------------------------------------------------------------------------- */

static void on_action_done(int status, const char *last, void *userdata) {
        const char *rest = startswith(last, "toolooctl: ");
        Top *t = userdata;

        last = rest ? rest : last;
        if (status == CTL_OK)
                top_say(t, "done: %s", *last ? last : strempty(t->wanted));
        else
                top_say(t, "%s", *last ? last : "failed; 'toolooctl logs' may say why");
        t->action = action_free(t->action);
}

static void act(Top *t) {
        const char *arguments[] = { "toolooctl", t->wanted, t->wanted_id, NULL };
        int r;

        r = action_start(t->live->event, arguments, false, on_action_done, t, &t->action);
        if (r < 0)
                top_say(t, "cannot %s %s: %s", t->wanted, t->wanted_id, strerror(-r));
        else
                top_say(t, "%s %s ...", t->wanted, t->wanted_id);
}

/* The row under the bar now; false, and said, when there is none, or the hands are full. */
static bool take_selected(Top *t, const char *verb) {
        const Row *row = top_selected(t);

        if (t->action)
                top_say(t, "%s %s is under way", strempty(t->wanted), strempty(t->wanted_id));
        else if (!row)
                top_say(t, "no service is selected");
        if (t->action || !row || str_replace(&t->wanted_id, row->id) < 0)
                return false;
        t->wanted = verb;
        return true;
}

/* What takes a service away for a while is asked about. */
static void want(Top *t, const char *verb, bool ask) {
        if (!take_selected(t, verb))
                return;
        if (ask)
                t->mode = MODE_CONFIRM;
        else
                act(t);
}

void top_come_back(Top *t) {
        t->away = t->waits_for_key = false;
        screen_return(t->screen);
        (void) sd_event_source_set_enabled(t->keys, SD_EVENT_ON);
        top_outdate(t);
}

static void on_guest_done(int status, const char *last, void *userdata) {
        Top *t = userdata;

        t->action = action_free(t->action);
        if (!t->waits_for_key) {
                top_come_back(t);
                return;
        }
        (void) printf("\n-- Enter goes back --");
        (void) fflush(stdout);
        (void) sd_event_source_set_enabled(t->keys, SD_EVENT_ON);
}

/* Something else gets the terminal. */
static void give_terminal(Top *t, const char *verb, const char *option, bool stays) {
        const char *arguments[] = { "toolooctl", verb, NULL, option, NULL };
        int r;

        if (!take_selected(t, verb))
                return;
        arguments[2] = t->wanted_id;
        screen_leave(t->screen);
        t->away = true;
        t->waits_for_key = stays;
        (void) sd_event_source_set_enabled(t->keys, SD_EVENT_OFF);
        r = action_start(t->live->event, arguments, true, on_guest_done, t, &t->action);
        if (r < 0) {
                top_come_back(t);
                top_say(t, "cannot run toolooctl %s: %s", verb, strerror(-r));
        }
}

/* --- Keys by mode ------------------------------------------------------------------------------------------------ */

static void select_place(Top *t, size_t place) {
        if (t->rows.n_shown == 0)
                return;
        (void) str_replace(&t->selected, t->rows.shown[MIN(place, t->rows.n_shown - 1)]->id);
}

static void move_by(Top *t, long by) {
        size_t place = top_place(t);

        if (by < 0)
                place -= MIN(place, (size_t) -by);
        else
                place += (size_t) by;
        select_place(t, place);
}

static void sort_by(Top *t, SortKey key) {
        t->key = key;
        t->reverse = false;
}

static long page(const Top *t) {
        size_t height = screen_height(t->screen);

        return height > 6 ? (long) height - 6 : PAGE_LEAST;
}

static bool key_moves(Top *t, int key) {
        switch (key) {
        case 'j':
        case KEY_DOWN:
                move_by(t, 1);
                return true;
        case 'k':
        case KEY_UP:
                move_by(t, -1);
                return true;
        case KEY_NPAGE:
                move_by(t, page(t));
                return true;
        case KEY_PPAGE:
                move_by(t, -page(t));
                return true;
        case 'g':
        case KEY_HOME:
                select_place(t, 0);
                return true;
        case 'G':
        case KEY_END:
                select_place(t, SIZE_MAX);
                return true;
        default:
                return false;
        }
}

static bool key_acts(Top *t, int key) {
        switch (key) {
        case 'r':
                want(t, "restart", true);
                return true;
        case 'x':
                want(t, "stop", true);
                return true;
        case 'e':
                want(t, "reload", false);
                return true;
        case 't':
                want(t, "start", false);
                return true;
        case 'l':
        case '\r':
        case '\n':
                give_terminal(t, "logs", "--follow", false);
                return true;
        case 'w':
                give_terminal(t, "why", NULL, true);
                return true;
        default:
                return false;
        }
}

static void key_in_list(Top *t, int key) {
        free(TAKE_PTR(t->message));
        if (key_moves(t, key) || key_acts(t, key))
                return;
        switch (key) {
        case 'q':
                live_end(t->live, CTL_OK);
                break;
        case '?':
        case 'h':
                t->mode = MODE_HELP;
                break;
        case '/':
                t->mode = MODE_FILTER;
                break;
        case 's':
                sort_by(t, (t->key + 1) % _SORT_MAX);
                break;
        case 'S':
                t->reverse = !t->reverse;
                break;
        case 'M':
                sort_by(t, SORT_MEMORY);
                break;
        case 'P':
                sort_by(t, SORT_CPU);
                break;
        default:
                break;
        }
}

static void key_in_filter(Top *t, int key) {
        size_t n = strlen(t->filter);

        if (key == '\r' || key == '\n' || key == KEY_ENTER)
                t->mode = MODE_LIST;
        else if (key == KEY_ESCAPE) {
                *t->filter = '\0';
                t->mode = MODE_LIST;
        } else if (key == KEY_BACKSPACE || key == 127 || key == '\b')
                t->filter[n - MIN(n, (size_t) 1)] = '\0';
        else if (key >= ' ' && key < 127 && n + 1 < sizeof(t->filter)) {
                t->filter[n] = (char) key;
                t->filter[n + 1] = '\0';
        }
}

void top_key(Top *t, int key) {
        if (!top_settle(t)) /* several keys may come before it is drawn */
                return;
        switch (t->mode) {
        case MODE_LIST:
                key_in_list(t, key);
                break;
        case MODE_FILTER:
                key_in_filter(t, key);
                break;
        case MODE_CONFIRM:
                t->mode = MODE_LIST;
                if (key == 'y' || key == 'Y')
                        act(t);
                else
                        top_say(t, "not done");
                break;
        case MODE_HELP:
                t->mode = MODE_LIST;
                break;
        }
        if (!t->away)
                top_outdate(t);
}
