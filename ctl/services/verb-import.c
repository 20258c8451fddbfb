/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "check.h"
#include "import.h"
#include "install.h"
#include "shared/log.h"
#include "shared/strv.h"

#define ENV_FILE ".env"
#define ENV_FILE_MAX (64 * 1024)

typedef struct Job {
        Ctl *ctl;
        const char *path;  /* as it was given */
        char *directory;   /* where it lies */
        char **env;        /* of the .env file beside it */
        bool has_env_file;
        Import import;
        ServiceSpec *specs; /* as many as services; without an id where there can be none */
} Job;

static void job_done(Job *j) {
        for (size_t i = 0; j->specs && i < j->import.n_services; i++)
                service_spec_done(j->specs + i);
        free(j->specs);
        free(j->directory);
        strv_free(j->env);
        import_done(&j->import);
}

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot import");
        return CTL_FAILED;
}

/* --- Reading ----------------------------------------------------------------------------------------------------- */

/* Lines NAME=VALUE, a value perhaps in quotes. What else stands there is systemd's to judge when the service starts. */
static int read_env_file(Job *j) {
        _cleanup_(freep) char *path = str_printf("%s/" ENV_FILE, j->directory), *text = NULL;
        int r = path ? read_file(path, ENV_FILE_MAX, &text, NULL) : -ENOMEM;
        char *rest, *line;

        if (r == -ENOENT)
                return CTL_OK;
        if (r < 0) {
                (void) log_errno(r, "cannot read %s", path);
                return CTL_FAILED;
        }
        j->has_env_file = true;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                char *value = strchr(line, '=');
                size_t n = value ? strlen(value + 1) : 0;

                if (!value || *line == '#')
                        continue;
                if (n > 0 && value[n] == '\r')
                        value[n--] = '\0';
                if (n > 1 && strchr("\"'", value[1]) && value[n] == value[1]) {
                        value[n] = '\0';
                        memmove(value + 1, value + 2, n - 1);
                }
                if (strv_extend(&j->env, line) < 0)
                        return no_memory();
        }
        return CTL_OK;
}

/* The shell's own come first, as compose has it. */
static const char *variable(const char *name, void *userdata) {
        const Job *j = userdata;
        const char *value = getenv(name);

        for (char **line = j->env; !value && line && *line; line++) {
                const char *rest = startswith(*line, name);

                value = rest && *rest == '=' ? rest + 1 : NULL;
        }
        return value;
}

static int parse(Job *j, const char *name, const char *text, size_t size) {
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;
        int r;

        if (startswith(name, "Procfile"))
                r = procfile_read(text, &j->import, &line, &problem);
        else
                r = compose_read(text, size, variable, j, &j->import, &line, &problem);
        if (r == -EINVAL)
                log_error("%s:%u: %s; nothing was changed", j->path, line, strna(problem));
        else if (r < 0)
                return no_memory();
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int read_all(Job *j) {
        _cleanup_(freep) char *text = NULL, *whole = NULL;
        const char *name;
        size_t size;
        int r, status;

        name = strrchr(j->path, '/') ? strrchr(j->path, '/') + 1 : j->path;
        if (!startswith(name, "Procfile") && !endswith(name, ".yaml") && !endswith(name, ".yml"))
                return verb_usage(j->ctl, "%s is neither named Procfile nor something.yaml", j->path);
        r = read_file(j->path, IMPORT_SIZE_MAX, &text, &size);
        if (r >= 0 && memchr(text, '\0', size))
                r = -EBADMSG;
        if (r < 0) {
                (void) log_errno(r, "cannot read %s", j->path);
                return CTL_FAILED;
        }
        whole = realpath(j->path, NULL);
        if (!whole)
                return no_memory();
        *strrchr(whole, '/') = '\0';
        status = check_directory(j->ctl, "", false, *whole ? whole : "/", &j->directory);
        if (status == CTL_OK)
                status = read_env_file(j);
        return status != CTL_OK ? status : parse(j, name, text, size);
}

/* --- Names ------------------------------------------------------------------------------------------------------- */

static char *as_id(const char *name) {
        char *id = strdup(name);

        for (char *c = id; c && *c; c++)
                *c = *c == '_' || *c == '.' || *c == ' ' ? '-' : (char) tolower((unsigned char) *c);
        return id;
}

/* One that somebody has installed, the fleet's "web" say, is not this one: that is told apart by the project's name. */
static bool is_taken(const Job *j, const char *id) {
        const Service *s = registry_find(j->ctl->registry, id);
        const char *home = getenv("HOME");

        return service_id_reserved(id) || !service_id_valid(id) || (s && !(home && startswith(strna(s->fragment_path), home)));
}

static int find_id(Job *j, const ImportedService *s, ServiceSpec *spec) {
        _cleanup_(freep) char *id = as_id(s->name), *project = as_id(strrchr(j->directory, '/') + 1);

        if (!id || !project)
                return no_memory();
        if (is_taken(j, id) && str_replace_printf(&id, "%s-%s", project, id) < 0)
                return no_memory();
        spec->id = TAKE_PTR(id);
        return check_id(j->ctl, spec->id);
}

/* --- One service ------------------------------------------------------------------------------------------------- */

static int remark(Job *j, const ImportedService *s, const char *text, const char *what) {
        return import_note(&j->import, s->name, s->line, "%s %s", what, text) < 0 ? no_memory() : CTL_OK;
}

/* What a container calls its directories is not here. */
static int take_directory(Job *j, const ImportedService *s, ServiceSpec *spec) {
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        if (s->directory) {
                path = *s->directory == '/' ? strdup(s->directory) : str_printf("%s/%s", j->directory, s->directory);
                if (!path)
                        return no_memory();
                if (stat(path, &st) >= 0)
                        return check_directory(j->ctl, "", false, path, &spec->directory);
        }
        spec->directory = strdup(j->directory);
        if (!spec->directory)
                return no_memory();
        return s->directory ? remark(j, s, "is not here: it runs where the file lies", s->directory) : CTL_OK;
}

static int take_paths(Job *j, const ImportedService *s, char *const *given, bool file, char ***ret) {
        for (; given && *given; given++) {
                _cleanup_(freep) char *path = **given == '/' ? strdup(*given) : str_printf("%s/%s", j->directory, *given);
                _cleanup_(freep) char *whole = NULL;
                struct stat st;
                int status;

                if (!path)
                        return no_memory();
                if (stat(path, &st) < 0)
                        status = remark(j, s, "is not here, so it is left out", *given);
                else
                        status = check_directory(j->ctl, "", file, path, &whole);
                if (status != CTL_OK)
                        return status;
                if (whole && strv_extend(ret, whole) < 0)
                        return no_memory();
        }
        return CTL_OK;
}

static int take_command(Job *j, const ImportedService *s, ServiceSpec *spec) {
        char *shell[] = { (char *) "/bin/sh", (char *) "-c", s->shell, NULL };

        if (chdir(spec->directory) < 0) { /* where "./run" is looked for */
                (void) log_errno(-errno, "cannot change to %s", spec->directory);
                return CTL_FAILED;
        }
        return check_command_line(j->ctl, s->shell ? shell : s->command, &spec->command);
}

static int copy_env(Job *j, const ImportedService *s, ServiceSpec *spec) {
        char *const beside[] = { (char *) ENV_FILE, NULL };
        int status;

        status = check_env(j->ctl, s->env);
        STRV_FOREACH(assignment, s->env)
                if (strv_extend(&spec->env, *assignment) < 0)
                        return no_memory();
        /* foreman's processes get it; of compose's it is only what the file itself is made of. */
        if (status == CTL_OK && j->has_env_file && (s->shell || s->wants_port || startswith(j->path, "Procfile")))
                status = take_paths(j, s, beside, true, &spec->env_files);
        return status != CTL_OK ? status : take_paths(j, s, s->env_files, true, &spec->env_files);
}

static int take_service(Job *j, const ImportedService *s, ServiceSpec *spec) {
        int status;

        status = find_id(j, s, spec);
        if (status == CTL_OK && !streq(spec->id, s->name))
                status = remark(j, s, spec->id, "is called");
        if (status == CTL_OK)
                status = take_directory(j, s, spec);
        if (status == CTL_OK)
                status = take_paths(j, s, s->write, false, &spec->write);
        if (status == CTL_OK)
                status = copy_env(j, s, spec);
        if (status == CTL_OK)
                status = check_health(j->ctl, s->health);
        if (status == CTL_OK && s->health && str_replace(&spec->health, s->health) < 0)
                return no_memory();
        return status != CTL_OK ? status : take_command(j, s, spec);
}

/* --- All of them ------------------------------------------------------------------------------------------------- */

static int give_up(Job *j, size_t i, int status) {
        const ImportedService *s = j->import.services + i;

        service_spec_done(j->specs + i);
        log_error("%s:%u: %s was not made", j->path, s->line, s->name);
        return status;
}

static bool has_port(const Job *j, unsigned port) {
        for (size_t i = 0; i < j->import.n_services; i++)
                if (j->specs[i].id && j->specs[i].port == port)
                        return true;
        return false;
}

/* First the ports that stand in the file, so that none of those that are found is one of them. */
static int take_ports(Job *j) {
        unsigned next = FIRST_OWN_PORT;
        int result = CTL_OK;

        for (size_t i = 0; i < j->import.n_services; i++) {
                unsigned port = j->import.services[i].port;
                int status = CTL_OK;

                if (!j->specs[i].id || port == 0)
                        continue;
                if (has_port(j, port)) {
                        log_error("port %u is another service's of this file", port);
                        status = CTL_FAILED;
                } else
                        status = check_port(j->ctl, port, false, NULL);
                if (status != CTL_OK)
                        result = give_up(j, i, CTL_FAILED);
                else
                        j->specs[i].port = port;
        }
        for (size_t i = 0; i < j->import.n_services; i++) {
                if (!j->specs[i].id || !j->import.services[i].wants_port)
                        continue;
                do
                        next = find_port(j->ctl, next);
                while (next > 0 && has_port(j, next) && next++);
                if (next == 0)
                        return CTL_FAILED;
                j->specs[i].port = next;
        }
        return result;
}

static const char *id_of(const Job *j, const char *name) {
        for (size_t i = 0; i < j->import.n_services; i++)
                if (j->specs[i].id && streq(j->import.services[i].name, name))
                        return j->specs[i].id;
        return NULL;
}

static int take_order(Job *j) {
        for (size_t i = 0; i < j->import.n_services; i++) {
                const ImportedService *s = j->import.services + i;

                if (!j->specs[i].id)
                        continue;
                STRV_FOREACH(name, s->after) {
                        const char *id = id_of(j, *name);

                        if (!id && remark(j, s, "which it needs, was not made", *name) != CTL_OK)
                                return CTL_FAILED;
                        if (id && strv_extend(&j->specs[i].after, id) < 0)
                                return no_memory();
                }
        }
        return CTL_OK;
}

static int take_all(Job *j) {
        int result = CTL_OK, status;

        j->specs = calloc(j->import.n_services + 1, sizeof(ServiceSpec));
        if (!j->specs)
                return no_memory();
        for (size_t i = 0; i < j->import.n_services; i++)
                if (j->import.services[i].refused || take_service(j, j->import.services + i, j->specs + i) != CTL_OK)
                        result = give_up(j, i, CTL_FAILED);
        status = take_ports(j);
        if (status != CTL_OK)
                result = status;
        for (size_t i = 0; i < j->import.n_services; i++)
                if (j->specs[i].id && service_spec_complete(j->specs + i) < 0)
                        return no_memory();
        status = take_order(j);
        return status != CTL_OK ? status : result;
}

static int print_units(const ServiceSpec *spec) {
        _cleanup_(freep) char *service = NULL, *socket = NULL;

        if (service_spec_format(spec, &service, &socket) < 0)
                return no_memory();
        (void) printf("# tooloo-%s.service\n%s\n", spec->id, service);
        return CTL_OK;
}

/* All are written before the first starts, for one may want another. */
static int install_all(Job *j, uint64_t timeout) {
        _cleanup_(freep) Installed *installed = calloc(j->import.n_services + 1, sizeof(Installed));
        int result = installed ? CTL_OK : no_memory();

        for (size_t i = 0; installed && i < j->import.n_services; i++)
                if (j->specs[i].id && install_units(j->ctl, j->specs + i, installed + i) != CTL_OK)
                        result = give_up(j, i, CTL_FAILED);
        for (size_t i = 0; installed && i < j->import.n_services; i++) {
                if (j->specs[i].id && install_start(j->ctl, j->specs + i, installed + i, timeout) != CTL_OK)
                        result = CTL_FAILED;
                else if (j->specs[i].id)
                        install_say(j->ctl, j->specs + i, installed + i);
                installed_done(installed + i);
        }
        return result;
}

static int by_line(const void *a, const void *b) {
        const ImportNote *x = a, *y = b;

        return x->line < y->line ? -1 : x->line > y->line;
}

static void say_notes(Job *j) {
        if (j->import.n_notes > 0)
                qsort(j->import.notes, j->import.n_notes, sizeof(ImportNote), by_line);
        for (size_t i = 0; i < j->import.n_notes; i++) {
                const ImportNote *n = j->import.notes + i;

                ctl_say(j->ctl, "%s:%u: %s%s%s", j->path, n->line, strempty(n->name), n->name ? ": " : "", n->text);
        }
}

int services_import(Ctl *ctl) {
        _cleanup_(job_done) Job j = { .ctl = ctl, .path = ctl->names[0] };
        int status, result;
        uint64_t timeout;

        status = services_timeout(ctl, &timeout);
        if (status == CTL_OK)
                status = services_connect(ctl);
        if (status == CTL_OK)
                status = read_all(&j);
        if (status != CTL_OK)
                return status;
        result = take_all(&j);
        if (ctl->given[OPTION_DRY_RUN])
                for (size_t i = 0; j.specs && i < j.import.n_services; i++)
                        status = j.specs[i].id ? print_units(j.specs + i) : status;
        else if (j.specs)
                status = install_all(&j, timeout);
        say_notes(&j);
        return result != CTL_OK ? result : status;
}
