/* SPDX-License-Identifier: MIT */
#include "watchd/status.h"

#include <systemd/sd-daemon.h>

#include "basic/string-util.h"

static void send_line(const Status *s) {
        _cleanup_(freep) char *line = NULL;

        if (s->source)
                line = strdup(s->source);
        else if (s->n_services > 0)
                line = str_printf("Watching the files of %zu service%s", s->n_services, s->n_services == 1 ? "" : "s");
        else
                line = strdup("Nothing to watch: no service has Watch=, and no source tree is followed");
        if (line)
                (void) sd_notifyf(0, "STATUS=%s%s%s", line, s->services ? "; " : "",
                                  s->services ? s->services : ""); /* nobody may be listening */
}

void status_set_source(Status *s, const char *format, ...) {
        char *text;
        va_list ap;

        va_start(ap, format);
        text = str_vprintf(format, ap);
        va_end(ap);
        if (!text)
                return;
        free(s->source);
        s->source = text;
        send_line(s);
}

void status_clear_source(Status *s) {
        free(TAKE_PTR(s->source));
        send_line(s);
}

void status_set_services(Status *s, size_t n, const char *trouble) {
        char *copy = trouble ? strdup(trouble) : NULL;

        if (trouble && !copy)
                return;
        free(s->services);
        s->services = copy;
        s->n_services = n;
        send_line(s);
}

void status_done(Status *s) {
        free(s->source);
        free(s->services);
}
