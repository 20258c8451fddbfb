/* SPDX-License-Identifier: MIT */
#pragma once

#include "basic/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* The terminal, by ncurses: lines of text. What does not fit is left out, so no size is too small. */
typedef struct Screen Screen;

typedef enum Look {
        LOOK_PLAIN,
        LOOK_BOLD,
        LOOK_HEADING, /* reverse */
        LOOK_GOOD,
        LOOK_WARN,
        LOOK_BAD,
        LOOK_FAINT,
} Look;

/* Takes the terminal, and stderr, which would write across it. On failure a line was said: stdin or stdout is no terminal, or
 * one that cannot be written anywhere. */
int screen_new(Screen **ret);
Screen *screen_free(Screen *screen);
TL_DEFINE_CLEANUP(Screen *, screen_free)

/* What was said on stderr meanwhile can be read here. */
int screen_errors_fd(const Screen *screen);

/* Lets something else have the terminal and stderr, and takes them back. */
void screen_leave(Screen *screen);
void screen_return(Screen *screen);

/* The terminal has another size now. */
void screen_resize(Screen *screen);

size_t screen_width(const Screen *screen);
size_t screen_height(const Screen *screen);

void screen_begin(Screen *screen);
/* A line; text is UTF-8 without control characters. One that is outside of the screen is left out. */
void screen_put(Screen *screen, size_t line, Look look, bool selected, const char *text);
void screen_end(Screen *screen);

/* The next key that was typed, as ncurses says it; -1 for none. */
int screen_key(Screen *screen);
