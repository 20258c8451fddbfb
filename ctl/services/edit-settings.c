/* SPDX-License-Identifier: MIT */
#include "edit.h"

#include "basic/string-util.h"
#include "check.h"
#include "ctl/command-line.h"
#include "services.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "unit-document.h"
#include "unit-quote.h"

int edit_no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot change the service");
        return CTL_FAILED;
}

int edit_set(Edit *e, const char *section, const char *key, char *const *values) {
        e->restarts = e->restarts || (streq(section, "Service") && !streq(key, "ExecReload"));
        return own_file_set(&e->files, &e->files.unit, section, key, values) < 0 ? edit_no_memory() : CTL_OK;
}

int edit_set_one(Edit *e, const char *section, const char *key, char *value) {
        int status = value ? edit_set(e, section, key, (char *[]) { value, NULL }) : edit_no_memory();

        free(value);
        return status;
}

static int set_words(Edit *e, const char *section, const char *key, char *const *words, char *(*quote)(const char *s),
                     bool one_line) {
        _cleanup_(strv_freep) char **lines = NULL;

        return spec_quote_list(words, quote, one_line, &lines) < 0 ? edit_no_memory() : edit_set(e, section, key, lines);
}

/* The values of an option that stand in place of those that there are: a single empty one for none. */
static int new_values(Edit *e, int option, char ***ret) {
        int status = services_values(e->ctl, option, ret);

        if (status == CTL_OK && strv_length(*ret) == 1 && streq((*ret)[0], ""))
                *ret = strv_free(*ret);
        return status;
}

/* --- The environment --------------------------------------------------------------------------------------------- */

typedef struct Variable {
        const char *name;
        size_t length;
        bool shared; /* stands in a line with others */
} Variable;

static bool is_assignment_of(const char *word, const Variable *v) {
        return strncmp(word, v->name, v->length) == 0 && (word[v->length] == '=' || word[v->length] == '\0');
}

/* Environment= may have several in a line when somebody wrote it by hand. */
static int match_variable(const char *value, void *userdata) {
        _cleanup_(strv_freep) char **words = NULL;
        Variable *v = userdata;
        bool found = false;

        if (strv_extend_words(&words, value, SIZE_MAX) < 0)
                return false;
        STRV_FOREACH(word, words)
                found = found || is_assignment_of(*word, v);
        v->shared = v->shared || (found && strv_length(words) > 1);
        return found && strv_length(words) == 1;
}

int edit_set_variable(Edit *e, const char *given) {
        Variable v = { .name = given, .length = strcspn(given, "=") };
        _cleanup_(freep) char *quoted = given[v.length] ? unit_quote_word(given) : NULL;

        e->restarts = true;
        if (given[v.length] && !quoted)
                return edit_no_memory();
        if (unit_document_set_some(&e->files.unit.document, "Service", "Environment", (char *[]) { quoted, NULL },
                                   unit_comment("Service", "Environment"), match_variable, &v) < 0)
                return edit_no_memory();
        if (v.shared && !quoted) {
                log_error("%s has %.*s in a line with other variables: take it out there", e->files.unit.path, (int) v.length,
                          given);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int edit_env(Edit *e) {
        _cleanup_(strv_freep) char **env = NULL, **whole = NULL;
        int status;

        status = services_values(e->ctl, OPTION_ENV, &env);
        STRV_FOREACH(variable, env) {
                /* Of one that goes only the name is looked at. */
                _cleanup_(freep) char *assignment = str_printf("%s%s", *variable, strchr(*variable, '=') ? "" : "=");

                if (!assignment || strv_extend(&whole, assignment) < 0)
                        return edit_no_memory();
        }
        if (status == CTL_OK)
                status = check_env(e->ctl, whole);
        for (char **variable = env; variable && *variable && status == CTL_OK; variable++)
                status = edit_set_variable(e, *variable);
        return status;
}

/* --- The other settings ------------------------------------------------------------------------------------------ */

static int edit_text(Edit *e, int option, const char *section, const char *key, int (*check)(const Ctl *ctl, const char *value)) {
        const char *value = e->ctl->given[option];
        int status;

        if (!value)
                return CTL_OK;
        status = check(e->ctl, value);
        return status != CTL_OK ? status : edit_set_one(e, section, key, unit_quote_value(value));
}

static int edit_on_change(Edit *e) {
        const char *given = e->ctl->given[OPTION_ON_CHANGE];
        OnChange change = given ? on_change_from_string(given) : ON_CHANGE_UNSET;

        if (!given)
                return CTL_OK;
        if (change == ON_CHANGE_INVALID || change == ON_CHANGE_UNSET)
                return verb_usage(e->ctl, "--on-change is restart, swap, reload or none, not '%s'", given);
        if (change == ON_CHANGE_SWAP && !e->service->socket && !e->becomes_socket)
                return verb_usage(e->ctl, "a program that opens its port itself cannot be swapped: have it take the socket, and "
                                          "give --socket, too");
        if (change == ON_CHANGE_RELOAD && !e->service->can_reload) {
                int status = edit_set_one(e, "Service", "ExecReload", strdup(EXEC_RELOAD));

                if (status != CTL_OK)
                        return status;
        }
        return edit_set_one(e, "X-Tooloo", "OnChange", strdup(given));
}

static int edit_category(Edit *e) {
        const char *given = e->ctl->given[OPTION_CATEGORY];
        _cleanup_(freep) char *slice = given ? str_printf("tooloo-%s.slice", given) : NULL;
        int status = check_category(e->ctl, given);

        if (!given || status != CTL_OK)
                return status;
        if (!slice)
                return edit_no_memory();
        status = edit_set(e, "Service", "Slice", (char *[]) { slice, NULL });
        if (status != CTL_OK || (!e->service->socket && !e->becomes_socket))
                return status;
        return own_file_set(&e->files, &e->files.socket, "Socket", "Slice", (char *[]) { slice, NULL }) < 0 ? edit_no_memory() : CTL_OK;
}

static int edit_routes(Edit *e) {
        _cleanup_(strv_freep) char **routes = NULL;
        int status;

        if (!e->ctl->given[OPTION_ROUTE])
                return CTL_OK;
        status = new_values(e, OPTION_ROUTE, &routes);
        if (status == CTL_OK)
                status = check_routes(e->ctl, routes, e->service->id);
        return status != CTL_OK ? status : set_words(e, "X-Tooloo", "Routes", routes, unit_quote_own, true);
}

static int edit_directories(Edit *e, int option, const char *name, bool file, const char *section, const char *key,
                            char *(*quote)(const char *s)) {
        _cleanup_(strv_freep) char **given = NULL, **paths = NULL;
        int status;

        if (!e->ctl->given[option])
                return CTL_OK;
        status = new_values(e, option, &given);
        for (char **directory = given; directory && *directory && status == CTL_OK; directory++) {
                _cleanup_(freep) char *path = NULL;

                status = check_directory(e->ctl, name, file, *directory, &path);
                if (status == CTL_OK && !strv_contains(paths, path) && strv_extend(&paths, path) < 0)
                        return edit_no_memory();
        }
        return status != CTL_OK ? status : set_words(e, section, key, paths, quote, false);
}

static int edit_command(Edit *e) {
        _cleanup_(strv_freep) char **command = NULL;
        int status;

        if (!e->command)
                return CTL_OK;
        status = check_command_line(e->ctl, e->command, &command);
        return status != CTL_OK ? status : set_words(e, "Service", "ExecStart", command, unit_quote_argument, true);
}

/* --- What it starts with ----------------------------------------------------------------------------------------- */

static int words_of(Edit *e, const char *key, char ***ret) {
        _cleanup_(strv_freep) char **lines = NULL;

        if (unit_document_get(&e->files.unit.document, "Unit", key, &lines) < 0)
                return edit_no_memory();
        STRV_FOREACH(line, lines)
                if (strv_extend_words(ret, *line, SIZE_MAX) < 0)
                        return edit_no_memory();
        return CTL_OK;
}

static int add_word(char ***words, const char *word) {
        return strv_contains(*words, word) || strv_extend(words, word) >= 0 ? CTL_OK : edit_no_memory();
}

/* systemd lets no drop-in take a dependency off: there only more can be said. */
static int set_units(Edit *e, const char *key, char *const *units) {
        _cleanup_(strv_freep) char **lines = NULL;

        if (spec_quote_list(units, unit_quote_word, true, &lines) < 0 ||
            unit_document_set(&e->files.unit.document, "Unit", key, lines, unit_comment("Unit", key)) < 0)
                return edit_no_memory();
        return CTL_OK;
}

static int edit_order(Edit *e) {
        _cleanup_(strv_freep) char **ids = NULL, **after = NULL, **wants = NULL, **wanted = NULL, **units = NULL;
        bool watches = e->ctl->given[OPTION_WATCH] && *e->ctl->given[OPTION_WATCH];
        int status;

        if (!e->ctl->given[OPTION_AFTER] && !watches)
                return CTL_OK;
        status = words_of(e, "After", &after);
        if (status == CTL_OK)
                status = words_of(e, "Wants", &wants);
        if (status == CTL_OK && e->ctl->given[OPTION_AFTER])
                status = new_values(e, OPTION_AFTER, &ids);
        if (status == CTL_OK)
                status = check_after(e->ctl, ids);
        for (char **unit = wants; unit && *unit && status == CTL_OK; unit++)
                if (!e->ctl->given[OPTION_AFTER] || !strv_contains(after, *unit))
                        status = add_word(&wanted, *unit);
        for (char **id = ids; id && *id && status == CTL_OK; id++) {
                _cleanup_(freep) char *unit = str_printf("tooloo-%s.service", *id);

                status = unit ? add_word(&units, unit) : edit_no_memory();
                if (status == CTL_OK)
                        status = add_word(&wanted, unit);
        }
        if (status == CTL_OK && watches)
                status = add_word(&wanted, WATCHER_UNIT);
        if (status == CTL_OK && e->ctl->given[OPTION_AFTER])
                status = set_units(e, "After", units);
        return status != CTL_OK ? status : set_units(e, "Wants", wanted);
}

int edit_settings(Edit *e) {
        int status;

        status = edit_port(e);
        if (status == CTL_OK)
                status = edit_make_socket(e);
        if (status == CTL_OK)
                status = edit_text(e, OPTION_HEALTH, "X-Tooloo", "HealthPath", check_health);
        if (status == CTL_OK)
                status = edit_text(e, OPTION_DESCRIPTION, "Unit", "Description", check_description);
        if (status == CTL_OK)
                status = edit_on_change(e);
        if (status == CTL_OK)
                status = edit_category(e);
        if (status == CTL_OK)
                status = edit_routes(e);
        if (status == CTL_OK)
                status = edit_directories(e, OPTION_WATCH, "--watch=", true, "X-Tooloo", "Watch", unit_quote_own);
        if (status == CTL_OK)
                status = edit_directories(e, OPTION_WRITE, "--write=", false, "Service", "ReadWritePaths", unit_quote_word);
        if (status == CTL_OK)
                status = edit_env(e);
        if (status == CTL_OK)
                status = edit_order(e);
        return status != CTL_OK ? status : edit_command(e);
}
