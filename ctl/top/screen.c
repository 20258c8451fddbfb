/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <curses.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#undef lines /* of term.h: a word that others need */
#undef columns

#include "basic/string-util.h"
#include "ctl/terminal.h"
#include "ctl/text.h"
#include "shared/log.h"

#define ESCAPE_MSEC 25 /* within which the rest of a key's sequence comes */

struct Screen {
        SCREEN *curses;
        int errors;     /* the end of a pipe in place of stderr */
        int errors_in;
        int own_stderr;
        bool colors;
};

static int say_no_terminal(const char *what) {
        log_error("%s; 'toolooctl top --once' prints one table, 'toolooctl status' another", what);
        return -ENOTTY;
}

static int check_terminal(void) {
        const char *term = getenv("TERM");
        bool able;
        int error;

        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
                return say_no_terminal("top needs a terminal for its keys and its screen");
        if (!term || !*term || setupterm(NULL, STDOUT_FILENO, &error) == ERR)
                return say_no_terminal("nothing is known of this terminal ($TERM)");
        able = cursor_address && clear_screen;
        (void) del_curterm(cur_term); /* curses makes its own */
        if (!able)
                return say_no_terminal("this terminal ($TERM) cannot be written to everywhere");
        return 0;
}

/* Not with the program's own buffer of stdout: what is drawn goes out at once. */
static int open_curses(Screen *s) {
        s->curses = newterm(NULL, stdout, stdin);
        if (!s->curses)
                return say_no_terminal("this terminal ($TERM) cannot be written to everywhere");
        (void) cbreak();
        (void) noecho();
        (void) nonl();
        (void) set_escdelay(ESCAPE_MSEC);
        (void) keypad(stdscr, TRUE);
        (void) nodelay(stdscr, TRUE);
        (void) curs_set(0); /* some have no way to hide it */
        s->colors = terminal_colors() && has_colors() && start_color() == OK;
        if (!s->colors)
                return 0;
        (void) use_default_colors();
        (void) init_pair(LOOK_GOOD, COLOR_GREEN, -1);
        (void) init_pair(LOOK_WARN, COLOR_YELLOW, -1);
        (void) init_pair(LOOK_BAD, COLOR_RED, -1);
        return 0;
}

static void take_stderr(Screen *s) {
        (void) fflush(stderr);
        (void) dup2(s->errors_in, STDERR_FILENO);
}

int screen_new(Screen **ret) {
        _cleanup_(screen_freep) Screen *s = calloc(1, sizeof(Screen));
        int ends[2], r;

        if (!s)
                return log_errno(-ENOMEM, "cannot show anything");
        s->errors = s->errors_in = s->own_stderr = -EBADF;
        r = check_terminal();
        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return log_errno(-errno, "cannot make a pipe");
        s->errors = ends[0];
        s->errors_in = ends[1];
        s->own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (s->own_stderr < 0)
                return log_errno(-errno, "cannot keep stderr");
        r = open_curses(s);
        if (r < 0)
                return r;
        take_stderr(s);
        *ret = TAKE_PTR(s);
        return 0;
}

/* What came last may be why it ends. */
static void return_stderr(Screen *s) {
        char rest[4096];
        ssize_t n;

        if (s->own_stderr < 0)
                return;
        (void) dup2(s->own_stderr, STDERR_FILENO);
        while ((n = read(s->errors, rest, sizeof(rest))) > 0)
                (void) fwrite(rest, 1, (size_t) n, stderr);
}

Screen *screen_free(Screen *s) {
        if (!s)
                return NULL;
        if (s->curses) {
                (void) endwin();
                delscreen(s->curses);
        }
        return_stderr(s);
        safe_close(s->errors);
        safe_close(s->errors_in);
        safe_close(s->own_stderr);
        free(s);
        return NULL;
}

int screen_errors_fd(const Screen *s) {
        return s->errors;
}

void screen_leave(Screen *s) {
        (void) endwin();
        return_stderr(s);
}

void screen_return(Screen *s) {
        take_stderr(s);
        screen_resize(s); /* it may have changed meanwhile */
        (void) clearok(stdscr, TRUE);
        (void) refresh();
}

void screen_resize(Screen *s) {
        struct winsize size;

        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_row > 0 && size.ws_col > 0)
                (void) resizeterm(size.ws_row, size.ws_col);
}

size_t screen_width(const Screen *s) {
        return (size_t) MAX(COLS, 0);
}

size_t screen_height(const Screen *s) {
        return (size_t) MAX(LINES, 0);
}

void screen_begin(Screen *s) {
        (void) erase();
}

static attr_t attributes(const Screen *s, Look look) {
        switch (look) {
        case LOOK_BOLD:
                return A_BOLD;
        case LOOK_HEADING:
                return A_REVERSE;
        case LOOK_GOOD:
        case LOOK_WARN:
                return s->colors ? (attr_t) COLOR_PAIR(look) : A_NORMAL;
        case LOOK_BAD:
                return A_BOLD | (s->colors ? (attr_t) COLOR_PAIR(look) : A_NORMAL);
        case LOOK_FAINT:
                return A_DIM;
        case LOOK_PLAIN:
                break;
        }
        return A_NORMAL;
}

/* What the locale has no characters for is one question mark a byte. */
static void to_locale(char *text) {
        for (; !terminal_utf8() && *text; text++)
                if ((unsigned char) *text >= 0x80)
                        *text = '?';
}

void screen_put(Screen *s, size_t line, Look look, bool selected, const char *text) {
        _cleanup_(freep) char *local = strdup(text), *cut = NULL;
        size_t width = screen_width(s);

        if (!local || line >= screen_height(s))
                return;
        to_locale(local);
        cut = text_ellipsize(local, width);
        if (!cut)
                return;
        (void) attrset((int) (attributes(s, look) | (selected ? A_REVERSE : A_NORMAL)));
        (void) mvaddstr((int) line, 0, cut);
        /* A bar to the end of the line. */
        for (size_t at = text_width(cut); (selected || look == LOOK_HEADING) && at < width; at++)
                (void) addch(' ');
        (void) attrset(A_NORMAL);
}

void screen_end(Screen *s) {
        (void) refresh();
}

int screen_key(Screen *s) {
        int key = getch();

        return key == ERR ? -1 : key;
}
