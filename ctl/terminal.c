/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <langinfo.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "basic/string-util.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MAX 10000

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
        return (!no_color || !*no_color) && term && !streq(term, "dumb") && isatty(STDOUT_FILENO);
}

size_t terminal_width(void) {
        const char *columns = getenv("COLUMNS");
        unsigned long width;
        struct winsize ws;

        if (!isatty(STDOUT_FILENO))
                return 0;
        if (columns && parse_uint(columns, 1, WIDTH_MAX, &width) >= 0)
                return width;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) >= 0 && ws.ws_col > 0)
                return ws.ws_col;
        return WIDTH_DEFAULT;
}

bool terminal_utf8(void) {
        return streq(nl_langinfo(CODESET), "UTF-8");
}
