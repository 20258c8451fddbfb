/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <langinfo.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "basic/string-util.h"

#define WIDTH_DEFAULT 80
#define HEIGHT_DEFAULT 24
#define SIZE_LIMIT 10000

static int terminal = STDOUT_FILENO;

void terminal_is(int fd) {
        terminal = fd;
}

/* 1 and 0 for colours wanted and not, -1 when the variable decides nothing. */
static int systemd_colors(void) {
        static const char *const on[] = { "1", "yes", "y", "true", "t", "on", "16", "256", "24bit" };
        static const char *const off[] = { "0", "no", "n", "false", "f", "off" };
        const char *value = getenv("SYSTEMD_COLORS");

        for (size_t i = 0; value && i < ELEMENTSOF(on); i++)
                if (strcasecmp(value, on[i]) == 0)
                        return 1;
        for (size_t i = 0; value && i < ELEMENTSOF(off); i++)
                if (strcasecmp(value, off[i]) == 0)
                        return 0;
        return -1;
}

bool terminal_colors(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
        int wanted = systemd_colors();

        if (wanted >= 0)
                return wanted;
        return (!no_color || !*no_color) && term && !streq(term, "dumb") && isatty(terminal);
}

bool terminal_colors_256(void) {
        const char *said = getenv("SYSTEMD_COLORS"), *term = getenv("TERM"), *more = getenv("COLORTERM");

        if (systemd_colors() == 1 && said)
                return streq(said, "256") || strcasecmp(said, "24bit") == 0;
        return (term && endswith(term, "256color")) || (more && (streq(more, "truecolor") || streq(more, "24bit")));
}

/* What the variable says, else what the terminal does, else the default; 0 without a terminal. */
static size_t terminal_size(const char *variable, size_t otherwise) {
        const char *said = getenv(variable);
        unsigned long size;
        struct winsize ws;
        bool width = streq(variable, "COLUMNS");

        if (!isatty(terminal))
                return 0;
        if (said && parse_uint(said, 1, SIZE_LIMIT, &size) >= 0)
                return size;
        if (ioctl(terminal, TIOCGWINSZ, &ws) < 0)
                return otherwise;
        size = width ? ws.ws_col : ws.ws_row;
        return size > 0 ? size : otherwise;
}

size_t terminal_width(void) {
        return terminal_size("COLUMNS", WIDTH_DEFAULT);
}

size_t terminal_height(void) {
        return terminal_size("LINES", HEIGHT_DEFAULT);
}

bool terminal_utf8(void) {
        return streq(nl_langinfo(CODESET), "UTF-8");
}
