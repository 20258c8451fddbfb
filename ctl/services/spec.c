/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include "basic/string-util.h"
#include "shared/strv.h"
#include "unit-document.h"
#include "unit-quote.h"

#define DEFAULT_CATEGORY "extended"

void service_spec_done(ServiceSpec *s) {
        free(s->id);
        free(s->description);
        free(s->category);
        free(s->health);
        free(s->directory);
        strv_free(s->routes);
        strv_free(s->watch);
        strv_free(s->env);
        strv_free(s->env_files);
        strv_free(s->after);
        strv_free(s->write);
        strv_free(s->command);
        *s = (ServiceSpec) {};
}

/* Said of the key, not of its value, so that it stays true when somebody changes that. */
static const struct {
        const char *section, *key, *text;
} comments[] = {
        { "Unit", "Description", "What it is called in lists and on the dashboard." },
        { "Unit", "After", "It starts after these." },
        { "Unit", "Wants", "What it starts along with itself: what it needs, and the watcher of the directories in Watch=." },
        { "Service", "Type", "It counts as started once its program runs; whether it serves is asked at HealthPath=." },
        { "Service", "Sockets", "The program takes over the listening socket from there, as descriptor 3." },
        { "Service", "WorkingDirectory", "Where the program runs." },
        { "Service", "ExecStart", "The program and its arguments; no shell reads this line." },
        { "Service", "ExecReload", "How it is told to load anew what it is made of." },
        { "Service", "Environment", "The program's environment, beside what systemd puts there." },
        { "Service", "EnvironmentFile", "More of its environment, read at each start." },
        { "Service", "ReadWritePaths", "Its sandbox lets it read the file system, and write in its state directory, /tmp and here." },
        { "Service", "Slice", "Its category: tooloo-infrastructure, -core, -extended, -integration or -control." },
        { "X-Tooloo", "Port", "The port that the program listens on." },
        { "X-Tooloo", "HealthPath", "Asked every few seconds; the service is well when the answer is 2xx or 3xx." },
        { "X-Tooloo", "Routes", "Port 3000 sends requests here whose path begins so." },
        { "X-Tooloo", "Watch", "A change below these directories makes it do what OnChange= says." },
        { "X-Tooloo", "OnChange",
          "restart: connections wait or are refused meanwhile; swap: the new one takes over once it is healthy;\n"
          "reload: the program does it itself (ExecReload=); none: nothing." },
        { "Socket", "ListenStream", "systemd listens here for the program; what comes during a restart waits." },
        { "Socket", "FileDescriptorName", "By this name the program can tell it from other sockets ($LISTEN_FDNAMES)." },
        { "Socket", "Slice", "Its category, as in the service." },
        { "Install", "WantedBy", "It starts and stops with the fleet." },
};

const char *unit_comment(const char *section, const char *key) {
        for (size_t i = 0; i < ELEMENTSOF(comments); i++)
                if (streq(comments[i].section, section) && streq(comments[i].key, key))
                        return comments[i].text;
        return "";
}

/* --- Lines ------------------------------------------------------------------------------------------------------- */

static int set(UnitDocument *d, const char *section, const char *key, char *const *values) {
        return unit_document_set(d, section, key, values, unit_comment(section, key));
}

/* Takes value over; NULL is a lack of memory. */
static int set_one(UnitDocument *d, const char *section, const char *key, char *value) {
        int r = value ? set(d, section, key, (char *[]) { value, NULL }) : -ENOMEM;

        free(value);
        return r;
}

int spec_quote_list(char *const *words, char *(*quote)(const char *s), bool one_line, char ***ret) {
        _cleanup_(strv_freep) char **lines = NULL;
        _cleanup_(freep) char *line = NULL;
        int r = 0;

        for (; words && *words && r >= 0; words++) {
                _cleanup_(freep) char *quoted = quote(*words);

                if (!quoted)
                        return -ENOMEM;
                if (one_line)
                        r = str_replace_printf(&line, "%s%s%s", line ? line : "", line ? " " : "", quoted);
                else
                        r = strv_extend(&lines, quoted);
        }
        if (r >= 0 && line)
                r = strv_extend(&lines, line);
        if (r >= 0)
                *ret = TAKE_PTR(lines);
        return r;
}

static int set_words(UnitDocument *d, const char *section, const char *key, char *const *words,
                     char *(*quote)(const char *s), bool one_line) {
        _cleanup_(strv_freep) char **lines = NULL;
        int r;

        r = spec_quote_list(words, quote, one_line, &lines);
        return r < 0 ? r : set(d, section, key, lines);
}

/* --- The service's file ------------------------------------------------------------------------------------------ */

static int set_order(UnitDocument *d, const ServiceSpec *s) {
        _cleanup_(strv_freep) char **units = NULL, **wanted = NULL;
        int r = 0;

        for (char **id = s->after; id && *id && r >= 0; id++) {
                _cleanup_(freep) char *unit = str_printf("tooloo-%s.service", *id);

                r = unit ? strv_extend(&units, unit) : -ENOMEM;
                if (r >= 0)
                        r = strv_extend(&wanted, unit);
        }
        if (r >= 0 && s->watch)
                r = strv_extend(&wanted, WATCHER_UNIT);
        if (r >= 0)
                r = set_words(d, "Unit", "After", units, unit_quote_word, true);
        return r < 0 ? r : set_words(d, "Unit", "Wants", wanted, unit_quote_word, true);
}

static int set_process(UnitDocument *d, const ServiceSpec *s) {
        int r;

        r = set_one(d, "Service", "Type", strdup("exec"));
        if (r >= 0 && s->socket)
                r = set_one(d, "Service", "Sockets", str_printf("tooloo-%s.socket", s->id));
        if (r >= 0)
                r = set_one(d, "Service", "WorkingDirectory", unit_quote_value(s->directory));
        if (r >= 0)
                r = set_words(d, "Service", "ExecStart", s->command, unit_quote_argument, true);
        if (r >= 0 && s->on_change == ON_CHANGE_RELOAD)
                r = set_one(d, "Service", "ExecReload", strdup(EXEC_RELOAD));
        if (r >= 0)
                r = set_words(d, "Service", "Environment", s->env, unit_quote_word, false);
        if (r >= 0)
                r = set_words(d, "Service", "EnvironmentFile", s->env_files, unit_quote_value, false);
        if (r >= 0)
                r = set_words(d, "Service", "ReadWritePaths", s->write, unit_quote_word, false);
        if (r >= 0)
                r = set_one(d, "Service", "Slice", str_printf("tooloo-%s.slice", s->category ? s->category : DEFAULT_CATEGORY));
        return r;
}

static int set_settings(UnitDocument *d, const ServiceSpec *s) {
        OnChange change = s->on_change != ON_CHANGE_UNSET ? s->on_change : ON_CHANGE_RESTART;
        int r = 0;

        if (s->port > 0 && !s->socket)
                r = set_one(d, "X-Tooloo", "Port", str_printf("%u", s->port));
        if (r >= 0 && s->health)
                r = set_one(d, "X-Tooloo", "HealthPath", strdup(s->health));
        if (r >= 0)
                r = set_words(d, "X-Tooloo", "Routes", s->routes, unit_quote_own, true);
        if (r >= 0)
                r = set_words(d, "X-Tooloo", "Watch", s->watch, unit_quote_own, false);
        return r < 0 ? r : set_one(d, "X-Tooloo", "OnChange", strdup(on_change_to_string(change)));
}

static int begin(UnitDocument *d, const ServiceSpec *s) {
        _cleanup_(freep) char *text = NULL;

        text = str_printf("# Written by \"toolooctl add\", and yours to change: with \"toolooctl edit %s\", or with an editor and then\n"
                          "# \"systemctl --user daemon-reload\" and \"toolooctl restart %s\". There is no other record of it: without\n"
                          "# this file the service is gone (\"toolooctl remove %s\").\n", s->id, s->id, s->id);
        return text ? unit_document_parse(text, d) : -ENOMEM;
}

static int format_service(const ServiceSpec *s, char **ret) {
        _cleanup_(unit_document_done) UnitDocument d = {};
        int r;

        r = begin(&d, s);
        if (r >= 0)
                r = set_one(&d, "Unit", "Description", unit_quote_value(s->description ? s->description : s->id));
        if (r >= 0)
                r = set_order(&d, s);
        if (r >= 0)
                r = set_process(&d, s);
        if (r >= 0)
                r = set_settings(&d, s);
        if (r >= 0)
                r = set_one(&d, "Install", "WantedBy", strdup("tooloo.target"));
        if (r < 0)
                return r;
        *ret = unit_document_format(&d);
        return *ret ? 0 : -ENOMEM;
}

/* --- The socket's ------------------------------------------------------------------------------------------------ */

static int format_socket(const ServiceSpec *s, char **ret) {
        _cleanup_(unit_document_done) UnitDocument d = {};
        int r;

        r = begin(&d, s);
        if (r >= 0)
                r = set_one(&d, "Unit", "Description", str_printf("Socket of %s", s->id));
        if (r >= 0)
                r = set_one(&d, "Socket", "ListenStream", str_printf("127.0.0.1:%u", s->port));
        if (r >= 0)
                r = set_one(&d, "Socket", "FileDescriptorName", strdup("http"));
        if (r >= 0)
                r = set_one(&d, "Socket", "Slice", str_printf("tooloo-%s.slice", s->category ? s->category : DEFAULT_CATEGORY));
        if (r >= 0)
                r = set_one(&d, "Install", "WantedBy", strdup("tooloo.target"));
        if (r < 0)
                return r;
        *ret = unit_document_format(&d);
        return *ret ? 0 : -ENOMEM;
}

int service_spec_format(const ServiceSpec *s, char **ret_service, char **ret_socket) {
        _cleanup_(freep) char *service = NULL, *socket = NULL;
        int r;

        r = format_service(s, &service);
        if (r >= 0 && s->socket)
                r = format_socket(s, &socket);
        if (r < 0)
                return r;
        *ret_service = TAKE_PTR(service);
        *ret_socket = TAKE_PTR(socket);
        return 0;
}
