/* SPDX-License-Identifier: MIT */
#include "basic/string-util.h"
#include "import.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
/* What a shell takes for itself in a line without these is nothing. */
#define PLAIN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:,@%+= "

/* Variables are the shell's, and a line that begins with an assignment is. */
static bool is_plain(const char *command) {
        size_t first = strcspn(command, " ");

        return strspn(command, PLAIN_CHARACTERS) == strlen(command) && !memchr(command, '=', first);
}

/* foreman gives every process a PORT; who asks for it listens there, and so does "web" by custom. */
static bool wants_port(const char *name, const char *command) {
        return streq(name, "web") || strstr(command, "$PORT") || strstr(command, "${PORT");
}

static int take_command(ImportedService *s, const char *command) {
        s->wants_port = wants_port(s->name, command);
        if (is_plain(command))
                return import_split(command, &s->command);
        s->shell = strdup(command);
        return s->shell ? 0 : -ENOMEM;
}

static int take_line(Import *import, char *text, unsigned line, char **problem) {
        size_t n = strspn(text, NAME_CHARACTERS);
        char *command = text + n + 1, *end;
        ImportedService *s;

        if (n == 0 || text[n] != ':') {
                *problem = strdup("not of the form 'NAME: COMMAND'");
                return *problem ? -EINVAL : -ENOMEM;
        }
        text[n] = '\0';
        command += strspn(command, " \t");
        end = command + strlen(command);
        while (end > command && strchr(" \t\r", end[-1]))
                *--end = '\0';
        if (!*command)
                return import_note(import, text, line, "it has no command");
        if (streq(text, "release"))
                return import_note(import, text, line, "it runs once before a deployment, which is no service: run '%s' by hand",
                                   command);
        for (size_t i = 0; i < import->n_services; i++)
                if (streq(import->services[i].name, text)) {
                        *problem = str_printf("'%s' is there already, in line %u", text, import->services[i].line);
                        return *problem ? -EINVAL : -ENOMEM;
                }
        if (import->n_services == IMPORT_SERVICES_MAX) {
                *problem = str_printf("more than %d services", IMPORT_SERVICES_MAX);
                return *problem ? -EINVAL : -ENOMEM;
        }
        s = import_add(import, text, line);
        return s ? take_command(s, command) : -ENOMEM;
}

int procfile_read(const char *text, Import *ret, unsigned *ret_line, char **ret_problem) {
        _cleanup_(import_done) Import import = {};

        for (unsigned line = 1; *text; line++) {
                size_t n = strcspn(text, "\n");
                _cleanup_(freep) char *copy = strndup(text, n);
                const char *begin = copy ? copy + strspn(copy, " \t\r") : NULL;
                int r = copy ? 0 : -ENOMEM;

                text += n + (text[n] == '\n');
                if (r >= 0 && *begin && *begin != '#')
                        r = take_line(&import, copy + (begin - copy), line, ret_problem);
                if (r < 0) {
                        *ret_line = line;
                        return r;
                }
        }
        *ret = import;
        import = (Import) {};
        return 0;
}
