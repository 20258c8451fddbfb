/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "program.h"
#include "shared/log.h"
#include "shared/port-owner.h"
#include "shared/strv.h"
#include "unit-quote.h"

#define PORT_LAST 65535
#define ARGUMENTS_MAX 256
#define DESCRIPTION_MAX 120

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot check what was asked for");
        return CTL_FAILED;
}

int check_id(const Ctl *ctl, const char *id) {
        const Service *s;

        if (!service_id_valid(id))
                return verb_usage(ctl, "'%s' is no id: a small letter, then small letters, digits and '-', at most 32 in all",
                                      id);
        if (service_id_reserved(id))
                return verb_usage(ctl, "'%s' is a name that TooLoo itself uses: take another id", id);
        s = registry_find(ctl->registry, id);
        if (s) {
                log_error("there is a service '%s' already (%s): take another id, or change that one with 'toolooctl edit %s'",
                          id, strna(s->fragment_path), id);
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* --- Ports ------------------------------------------------------------------------------------------------------- */

static const Service *claimant(const Ctl *ctl, unsigned port, const char *of) {
        const Registry *registry = ctl->registry;

        for (size_t i = 0; i < registry->n_services; i++) {
                const Service *s = registry->services + i;

                if (s->port == port && !service_is_masked(s) && !(of && streq(s->id, of)))
                        return s;
        }
        return NULL;
}

/* Below it only root may listen, and a program in the sandbox not even as root. */
static unsigned first_unprivileged(void) {
        _cleanup_(freep) char *text = NULL;
        unsigned long port = 1024;

        if (read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text, NULL) < 0)
                return (unsigned) port;
        text[strcspn(text, "\n")] = '\0';
        (void) parse_uint(text, 0, PORT_LAST + 1, &port);
        return (unsigned) port;
}

int check_port(const Ctl *ctl, unsigned port, bool socket, const char *of) {
        const Service *s = claimant(ctl, port, of), *own = of ? registry_find(ctl->registry, of) : NULL;
        _cleanup_(freep) char *taken = NULL;

        if (s) {
                log_error("port %u belongs to %s (%s): take another, or none to get a free one", port, s->id,
                          s->socket ? s->socket : s->unit);
                return CTL_FAILED;
        }
        if (port < first_unprivileged() && (getuid() != 0 || !socket)) {
                log_error("port %u is one that only root may listen on: take one from %u on", port, first_unprivileged());
                return CTL_FAILED;
        }
        if (own && own->port == port)
                return CTL_OK; /* who listens there is itself */
        taken = port_owner_describe(port);
        if (taken) {
                log_error("%s: end that, or take another port", taken);
                return CTL_FAILED;
        }
        return CTL_OK;
}

unsigned find_port(const Ctl *ctl, unsigned first) {
        PortOwner owner;

        for (unsigned port = first; port <= PORT_LAST; port++)
                if (!claimant(ctl, port, NULL) && port_owner_find(port, &owner) == 0)
                        return port;
        log_error("no port from %u on is free; name one with --port", first);
        return 0;
}

/* --- Settings ---------------------------------------------------------------------------------------------------- */

int check_routes(const Ctl *ctl, char *const *routes, const char *of) {
        const Registry *registry = ctl->registry;

        for (; routes && *routes; routes++) {
                if (!service_route_valid(*routes))
                        return verb_usage(ctl, "'%s' is no route: a path that begins with '/' and does not end in it", *routes);
                for (size_t i = 0; i < registry->n_services; i++) {
                        const Service *s = registry->services + i;

                        if ((of && streq(s->id, of)) || service_is_masked(s) || !strv_contains(s->settings.routes, *routes))
                                continue;
                        log_error("the route %s belongs to %s (%s): take another", *routes, s->id, s->unit);
                        return CTL_FAILED;
                }
        }
        return CTL_OK;
}

int check_health(const Ctl *ctl, const char *path) {
        if (path && !service_path_valid(path))
                return verb_usage(ctl, "--health takes a path that begins with '/', not '%s'", path);
        return CTL_OK;
}

static bool variable_name_valid(const char *name, size_t n) {
        if (n == 0 || (*name >= '0' && *name <= '9'))
                return false;
        return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") >= n;
}

/* systemd drops a variable with a control character in it. */
static bool variable_value_valid(const char *value) {
        for (const char *c = value; *c; c++)
                if (((unsigned char) *c < ' ' && *c != '\t' && *c != '\n') || *c == 0x7f)
                        return false;
        return unit_text_valid(value);
}

int check_env(const Ctl *ctl, char *const *env) {
        for (; env && *env; env++) {
                const char *equals = strchr(*env, '=');

                if (!equals || !variable_name_valid(*env, (size_t) (equals - *env)))
                        return verb_usage(ctl, "--env takes NAME=VALUE, NAME of letters, digits and '_', not '%s'", *env);
                if (!variable_value_valid(equals + 1))
                        return verb_usage(ctl, "the value of %.*s is not UTF-8, or has control characters in it",
                                              (int) (equals - *env), *env);
        }
        return CTL_OK;
}

int check_after(const Ctl *ctl, char *const *ids) {
        for (; ids && *ids; ids++) {
                const char *nearest;

                if (registry_find(ctl->registry, *ids))
                        continue;
                nearest = registry_nearest(ctl->registry, *ids);
                log_error("--after=%s: there is no such service%s%s%s", *ids, nearest ? ". Did you mean '" : "",
                          nearest ? nearest : "", nearest ? "'?" : "; 'toolooctl list' shows those that are");
                return CTL_FAILED;
        }
        return CTL_OK;
}

int check_category(const Ctl *ctl, const char *name) {
        _cleanup_(freep) char *slice = name ? str_printf("tooloo-%s.slice", name) : NULL;

        if (!name)
                return CTL_OK;
        if (!slice)
                return no_memory();
        if (!service_category_from_slice(slice))
                return verb_usage(ctl, "--category is infrastructure, core, extended, integration or control, not '%s'", name);
        return CTL_OK;
}

int check_description(const Ctl *ctl, const char *text) {
        if (text && (!unit_value_valid(text) || strlen(text) > DESCRIPTION_MAX))
                return verb_usage(ctl, "--description takes one line of at most %d bytes of UTF-8", DESCRIPTION_MAX);
        return CTL_OK;
}

/* --- What lies in the file system -------------------------------------------------------------------------------- */

int check_command_line(const Ctl *ctl, char *const *command, char ***ret) {
        _cleanup_(strv_freep) char **made = NULL;
        _cleanup_(freep) char *program = NULL;
        int r;

        if (strv_length(command) > ARGUMENTS_MAX)
                return verb_usage(ctl, "the command has more than %d words: put them into a script", ARGUMENTS_MAX);
        r = program_find(command[0], &program);
        if (r == -ENOMEM)
                return no_memory();
        if (r < 0) {
                log_error("%s cannot be run: %s", command[0], r == -ENOENT ? "there is no such program (PATH was searched for it)"
                                                              : r == -EACCES ? "it is no program that you may execute"
                                                                             : strerror(-r));
                return CTL_FAILED;
        }
        if (path_is_private(program)) {
                log_error("%s cannot be run: each service has a /tmp of its own and does not see this one; move it elsewhere",
                          program);
                return CTL_FAILED;
        }
        r = strv_extend(&made, program);
        for (char *const *word = command + 1; *word && r >= 0; word++)
                r = strv_extend(&made, *word);
        if (r < 0)
                return no_memory();
        STRV_FOREACH(word, made)
                if (!unit_text_valid(*word))
                        return verb_usage(ctl, "'%s' is not UTF-8, and systemd takes nothing else", *word);
        if (!unit_value_valid(made[0]) || strchr(made[0], '$'))
                return verb_usage(ctl, "%s has a character in its path that systemd does not take", made[0]);
        *ret = TAKE_PTR(made);
        return CTL_OK;
}

int check_directory(const Ctl *ctl, const char *option, bool file, const char *directory, char **ret) {
        _cleanup_(freep) char *path = realpath(directory, NULL);
        struct stat st;

        if (!path && errno == ENOMEM)
                return no_memory();
        if (!path || stat(path, &st) < 0) {
                log_error("%s%s: %s", option, directory, strerror(errno));
                return CTL_FAILED;
        }
        if (!S_ISDIR(st.st_mode) && !(file && S_ISREG(st.st_mode))) {
                log_error("%s%s: it is no directory", option, directory);
                return CTL_FAILED;
        }
        if (!unit_value_valid(path)) {
                log_error("%s%s: its path has a character at its end or in it that no unit file can hold", option, directory);
                return CTL_FAILED;
        }
        if (path_is_private(path)) {
                log_error("%s%s: each service has a /tmp of its own and does not see this one; move it elsewhere", option,
                          directory);
                return CTL_FAILED;
        }
        *ret = TAKE_PTR(path);
        return CTL_OK;
}
