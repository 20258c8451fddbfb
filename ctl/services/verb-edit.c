/* SPDX-License-Identifier: MIT */
#include "await.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "check.h"
#include "manager.h"
#include "own-files.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "unit-quote.h"

typedef struct Edit {
        Ctl *ctl;
        char *const *command; /* NULL for none */
        const Service *service;
        OwnFiles files;
        unsigned port;        /* that it has then */
        bool becomes_socket;  /* it had none */
        bool restarts;        /* something changes that a process has from its start */
} Edit;

static void edit_done(Edit *e) {
        own_files_done(&e->files);
}

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot change the service");
        return CTL_FAILED;
}

static int set(Edit *e, const char *section, const char *key, char *const *values) {
        e->restarts = e->restarts || (streq(section, "Service") && !streq(key, "ExecReload"));
        return own_file_set(&e->files, &e->files.unit, section, key, values) < 0 ? no_memory() : CTL_OK;
}

/* Takes value over. */
static int set_one(Edit *e, const char *section, const char *key, char *value) {
        int status = value ? set(e, section, key, (char *[]) { value, NULL }) : no_memory();

        free(value);
        return status;
}

static int set_words(Edit *e, const char *section, const char *key, char *const *words, char *(*quote)(const char *s),
                     bool one_line) {
        _cleanup_(strv_freep) char **lines = NULL;

        return spec_quote_list(words, quote, one_line, &lines) < 0 ? no_memory() : set(e, section, key, lines);
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

/* NAME=VALUE sets a variable, NAME alone takes it out; those that are not named stay. */
static int set_variable(Edit *e, const char *given) {
        Variable v = { .name = given, .length = strcspn(given, "=") };
        _cleanup_(freep) char *quoted = given[v.length] ? unit_quote_word(given) : NULL;

        e->restarts = true;
        if (given[v.length] && !quoted)
                return no_memory();
        if (unit_document_set_some(&e->files.unit.document, "Service", "Environment", (char *[]) { quoted, NULL },
                                   unit_comment("Service", "Environment"), match_variable, &v) < 0)
                return no_memory();
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
                        return no_memory();
        }
        if (status == CTL_OK)
                status = check_env(e->ctl, whole);
        for (char **variable = env; variable && *variable && status == CTL_OK; variable++)
                status = set_variable(e, *variable);
        return status;
}

/* --- The port ---------------------------------------------------------------------------------------------------- */

/* Of one address of a socket unit: where it has the old port, it gets the new one. */
static char *move_address(const Edit *e, const char *address) {
        const char *colon = strrchr(address, ':');

        if (service_port_from_address(address) != e->service->port)
                return strdup(address);
        return colon ? str_printf("%.*s:%u", (int) (colon - address), address, e->port) : str_printf("%u", e->port);
}

static int move_own_socket(Edit *e) {
        _cleanup_(strv_freep) char **before = NULL, **after = NULL;
        UnitDocument *d = &e->files.socket.document;

        if (unit_document_get(d, "Socket", "ListenStream", &before) < 0)
                return no_memory();
        STRV_FOREACH(address, before) {
                _cleanup_(freep) char *moved = move_address(e, *address);

                if (!moved || strv_extend(&after, moved) < 0)
                        return no_memory();
        }
        return unit_document_set(d, "Socket", "ListenStream", after, "") < 0 ? no_memory() : CTL_OK;
}

typedef struct Listen {
        Edit *edit;
        char **streams, **netlinks;
        bool more; /* of other kinds */
} Listen;

static void listen_done(Listen *l) {
        strv_free(l->streams);
        strv_free(l->netlinks);
}

static int on_listen(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *type, *address;
        Listen *l = userdata;
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return -sd_bus_message_get_errno(m);
        r = sd_bus_message_enter_container(m, 'v', "a(ss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &type, &address)) > 0) {
                _cleanup_(freep) char *moved = NULL;

                if (streq(type, "Stream")) {
                        moved = move_address(l->edit, address);
                        r = moved ? strv_extend(&l->streams, moved) : -ENOMEM;
                } else if (streq(type, "Netlink"))
                        r = strv_extend(&l->netlinks, address);
                else
                        l->more = true;
        }
        return r;
}

/* A drop-in can only take off all that a socket listens on, and must say all of it anew then. */
static int move_installed_socket(Edit *e) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(e->ctl->bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(listen_done) Listen l = { .edit = e };
        _cleanup_(freep) char *path = bus_unit_path(e->service->socket);
        UnitDocument *d = &e->files.socket.document;
        int r;

        r = path ? sd_bus_message_new_method_call(e->ctl->bus, &m, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties", "Get")
                 : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_SOCKET, "Listen");
        if (r >= 0)
                r = bus_batch_call(&batch, m, 0, on_listen, &l);
        if (r >= 0)
                r = bus_batch_wait(&batch);
        if (r >= 0)
                r = own_file_set(&e->files, &e->files.socket, "Socket", "ListenStream", l.streams);
        if (r >= 0)
                r = unit_document_set(d, "Socket", "ListenNetlink", l.netlinks, "");
        if (r < 0) {
                (void) log_errno(r, "cannot find out where %s listens", e->service->socket);
                return CTL_FAILED;
        }
        if (l.more) {
                log_error("%s listens on more than TCP ports: change it with 'systemctl --user edit %s'", e->service->socket,
                          e->service->socket);
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int edit_port(Edit *e) {
        const char *given = e->ctl->given[OPTION_PORT];
        unsigned long port;
        int status;

        if (!given)
                return CTL_OK;
        if (parse_uint(given, 1, UINT16_MAX, &port) < 0)
                return verb_usage(e->ctl, "--port takes a number from 1 to 65535, not '%s'", given);
        e->port = (unsigned) port;
        status = check_port(e->ctl, e->port, e->service->socket != NULL || e->becomes_socket, e->service->id);
        if (status != CTL_OK || e->becomes_socket)
                return status;
        if (e->service->socket)
                return e->files.own ? move_own_socket(e) : move_installed_socket(e);
        status = set_one(e, "X-Tooloo", "Port", str_printf("%u", e->port));
        if (status == CTL_OK) {
                _cleanup_(freep) char *variable = str_printf("PORT=%u", e->port);

                status = variable ? set_variable(e, variable) : no_memory();
        }
        return status;
}

/* A socket in place of the port: what was made for the port goes. */
static int make_socket(Edit *e) {
        ServiceSpec spec = { .id = (char *) e->service->id, .category = e->service->category, .port = e->port, .socket = true,
                             .directory = (char *) "/", .command = (char *[]) { (char *) "/", NULL } };
        _cleanup_(freep) char *service = NULL, *socket = NULL;
        int status;

        if (!e->becomes_socket)
                return CTL_OK;
        if (!e->files.own) {
                log_error("%s is not your own file: a socket for it can only come with it", strna(e->service->fragment_path));
                return CTL_FAILED;
        }
        if (service_spec_format(&spec, &service, &socket) < 0 ||
            unit_document_parse(socket, &e->files.socket.document) < 0)
                return no_memory();
        status = set_one(e, "Service", "Sockets", strdup(e->files.socket_unit));
        if (status == CTL_OK)
                status = set(e, "X-Tooloo", "Port", NULL);
        return status != CTL_OK ? status : set_variable(e, "PORT");
}

/* --- The other settings ------------------------------------------------------------------------------------------ */

static int edit_text(Edit *e, int option, const char *section, const char *key, int (*check)(const Ctl *ctl, const char *value)) {
        const char *value = e->ctl->given[option];
        int status;

        if (!value)
                return CTL_OK;
        status = check(e->ctl, value);
        return status != CTL_OK ? status : set_one(e, section, key, unit_quote_value(value));
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
                int status = set_one(e, "Service", "ExecReload", strdup(EXEC_RELOAD));

                if (status != CTL_OK)
                        return status;
        }
        return set_one(e, "X-Tooloo", "OnChange", strdup(given));
}

static int edit_category(Edit *e) {
        const char *given = e->ctl->given[OPTION_CATEGORY];
        _cleanup_(freep) char *slice = given ? str_printf("tooloo-%s.slice", given) : NULL;
        int status = check_category(e->ctl, given);

        if (!given || status != CTL_OK)
                return status;
        if (!slice)
                return no_memory();
        status = set(e, "Service", "Slice", (char *[]) { slice, NULL });
        if (status != CTL_OK || (!e->service->socket && !e->becomes_socket))
                return status;
        return own_file_set(&e->files, &e->files.socket, "Socket", "Slice", (char *[]) { slice, NULL }) < 0 ? no_memory() : CTL_OK;
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
                        return no_memory();
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
                return no_memory();
        STRV_FOREACH(line, lines)
                if (strv_extend_words(ret, *line, SIZE_MAX) < 0)
                        return no_memory();
        return CTL_OK;
}

static int add_word(char ***words, const char *word) {
        return strv_contains(*words, word) || strv_extend(words, word) >= 0 ? CTL_OK : no_memory();
}

/* systemd lets no drop-in take a dependency off: there only more can be said. */
static int set_units(Edit *e, const char *key, char *const *units) {
        _cleanup_(strv_freep) char **lines = NULL;

        if (spec_quote_list(units, unit_quote_word, true, &lines) < 0 ||
            unit_document_set(&e->files.unit.document, "Unit", key, lines, unit_comment("Unit", key)) < 0)
                return no_memory();
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

                status = unit ? add_word(&units, unit) : no_memory();
                if (status == CTL_OK)
                        status = add_word(&wanted, unit);
        }
        if (status == CTL_OK && watches)
                status = add_word(&wanted, WATCHER_UNIT);
        if (status == CTL_OK && e->ctl->given[OPTION_AFTER])
                status = set_units(e, "After", units);
        return status != CTL_OK ? status : set_units(e, "Wants", wanted);
}

static int edit_all(Edit *e) {
        int status;

        status = edit_port(e);
        if (status == CTL_OK)
                status = make_socket(e);
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

/* --- From then on ------------------------------------------------------------------------------------------------ */

static bool runs(const Service *s) {
        return !streq(strna(s->active_state), "inactive") || (s->socket_state && !streq(s->socket_state, "inactive"));
}

/* A socket that runs cannot be given another address. */
static int restart(Edit *e, bool socket_changed) {
        const char *const units[] = { e->becomes_socket || e->service->socket ? e->files.socket_unit : NULL, e->service->unit };
        const char *const old[] = { e->service->socket, e->service->unit };
        int status;

        status = ctl_reset(e->ctl, true);
        if (status != CTL_OK)
                return status;
        if (!socket_changed)
                return manager_run(e->ctl, UNIT_RESTART, old + 1, 1);
        status = manager_run(e->ctl, UNIT_STOP, old, ELEMENTSOF(old));
        return status != CTL_OK ? status : manager_run(e->ctl, UNIT_START, units, ELEMENTSOF(units));
}

static int not_healthy(Edit *e, const Await *what, const char *problem) {
        log_error("%s was changed and %s: %s. Mend it, or change it back with 'toolooctl edit %s'", what->id,
                  e->files.own ? "is not healthy" : "is not healthy with it", problem, what->id);
        await_print_journal(e->ctl, what);
        return CTL_FAILED;
}

static int wait_until_healthy(Edit *e, uint64_t since, uint64_t timeout) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        _cleanup_(freep) char *problem = NULL;
        const char *health = NULL;
        AwaitResult result;
        const Service *s;
        Await what;

        if (registry_load(e->ctl->bus, &registry) < 0)
                return CTL_FAILED;
        s = registry_find(registry, e->service->id);
        if (!s) {
                log_error("%s is no service of the fleet any more; see %s", e->service->id, e->files.unit.path);
                return CTL_FAILED;
        }
        what = (Await) { .id = s->id, .unit = s->unit, .port = s->port, .since = since, .timeout = timeout,
                         .health = s->settings.health_path ? s->settings.health_path : "/health" };
        if (await_healthy(e->ctl, &what, &result, &health, &problem) < 0)
                return CTL_FAILED;
        if (result != AWAIT_HEALTHY)
                return not_healthy(e, &what, problem);
        ctl_say(e->ctl, "%s is healthy at http://127.0.0.1:%u/", s->id, s->port);
        return CTL_OK;
}

static int apply(Edit *e, uint64_t timeout) {
        int unit_changed = own_file_changed(&e->files.unit), socket_changed = own_file_changed(&e->files.socket);
        char *units[] = { e->files.socket_unit, NULL };
        uint64_t since = now_realtime_usec();
        int status;

        if (unit_changed < 0 || socket_changed < 0)
                return no_memory();
        if (!unit_changed && !socket_changed) {
                ctl_say(e->ctl, "%s is that way already.", e->service->id);
                return CTL_OK;
        }
        status = own_files_write(&e->files);
        if (status == CTL_OK && e->becomes_socket && manager_enable(e->ctl->bus, units) < 0)
                status = CTL_FAILED;
        if (status == CTL_OK && bus_reload_unit_files(e->ctl->bus) < 0)
                status = CTL_FAILED;
        if (status != CTL_OK)
                return status;
        if (!runs(e->service)) {
                ctl_say(e->ctl, "%s is changed and stays stopped; 'toolooctl start %s' starts it.", e->service->id,
                        e->service->id);
                return CTL_OK;
        }
        status = e->restarts || socket_changed ? restart(e, socket_changed) : CTL_OK;
        return status != CTL_OK ? status : wait_until_healthy(e, since, timeout);
}

static bool has_setting(const Ctl *ctl) {
        for (size_t i = 0; i < ctl->n_options; i++) {
                int id = ctl->options[i].id;

                if (id != OPTION_DRY_RUN && id != OPTION_TIMEOUT && id != OPTION_QUIET)
                        return true;
        }
        return false;
}

int services_edit(Ctl *ctl) {
        _cleanup_(edit_done) Edit e = { .ctl = ctl, .command = ctl->names[1] ? ctl->names + 1 : NULL };
        char *name[] = { ctl->names[0], NULL };
        uint64_t timeout;
        int status;

        if (!e.command && !has_setting(ctl))
                return verb_usage(ctl, "nothing to change was named");
        status = services_timeout(ctl, &timeout);
        if (status != CTL_OK)
                return status;
        ctl->names = name;
        status = ctl_select(ctl, CTL_UNKNOWN);
        ctl->names = NULL;
        if (status != CTL_OK)
                return status;
        e.service = ctl->selected[0];
        e.port = e.service->port;
        e.becomes_socket = ctl->given[OPTION_SOCKET] && !e.service->socket;
        status = own_files_open(ctl, e.service, &e.files);
        if (status == CTL_OK)
                status = edit_all(&e);
        if (status == CTL_OK)
                status = ctl->given[OPTION_DRY_RUN] ? own_files_print(&e.files) : apply(&e, timeout);
        return status;
}
