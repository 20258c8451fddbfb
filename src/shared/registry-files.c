/* SPDX-License-Identifier: MIT */
#include "shared/registry-files.h"

#include <dirent.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

/* --- One file: what of it matters here ------------------------------------------------------------------------- */

typedef struct Assignment {
        char *section, *key, *value;
        unsigned line;
} Assignment;

typedef struct UnitText {
        Assignment *list;
        size_t n;
} UnitText;

static void unit_text_done(UnitText *t) {
        for (size_t i = 0; i < t->n; i++) {
                free(t->list[i].section);
                free(t->list[i].key);
                free(t->list[i].value);
        }
        free(t->list);
        *t = (UnitText) {};
}

static bool matters(const char *section, const char *key) {
        if (streq(section, "Service"))
                return streq(key, "Slice") || streq(key, "ExecReload") || streq(key, "Type");
        return streq(section, "X-Tooloo") || (streq(section, "Socket") && streq(key, "ListenStream"));
}

static int keep(const char *section, const char *key, const char *value, const char *path, unsigned line, void *userdata) {
        UnitText *t = userdata;
        Assignment *a;

        if (!matters(section, key))
                return 0;
        a = reallocarray(t->list, t->n + 1, sizeof(Assignment));
        if (!a)
                return -ENOMEM;
        t->list = a;
        a += t->n++;
        *a = (Assignment) { strdup(section), strdup(key), strdup(value), line };
        return a->section && a->key && a->value ? 0 : -ENOMEM;
}

/* A file that cannot be read is the service's trouble, not that of the others. */
static int unit_text_read(const char *path, UnitText *ret) {
        int r = unit_file_read(path, keep, ret);

        if (r == -ENOMEM || r >= 0)
                return r;
        log_warning("%s cannot be read (%s); its settings are ignored", path, strerror(-r));
        return 0;
}

/* --- Drop-ins ---------------------------------------------------------------------------------------------------- */

struct DropInFile {
        char *path;
        char *directory;  /* "tooloo-.service.d" */
        const char *name; /* into path: "10-defaults.conf" */
        bool mask;
        bool was_read;
        UnitText text;
};

static void close_directory(DIR *d) {
        (void) closedir(d); /* was only read */
}
TL_DEFINE_CLEANUP(DIR *, close_directory)

void drop_ins_done(DropIns *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->files[i].path);
                free(d->files[i].directory);
                unit_text_done(&d->files[i].text);
        }
        free(d->files);
        *d = (DropIns) {};
}

static int add_file(DropIns *d, const char *parent, const char *directory, const char *name) {
        struct DropInFile *f = reallocarray(d->files, d->n + 1, sizeof(struct DropInFile));
        struct stat st;

        if (!f)
                return -ENOMEM;
        d->files = f;
        f += d->n++;
        *f = (struct DropInFile) { .path = str_printf("%s/%s/%s", parent, directory, name), .directory = strdup(directory) };
        if (!f->path || !f->directory)
                return -ENOMEM;
        f->name = strrchr(f->path, '/') + 1;
        /* A link to /dev/null, or an empty file. */
        f->mask = stat(f->path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0;
        return 0;
}

static int scan_directory(DropIns *d, const char *parent, const char *directory) {
        _cleanup_(freep) char *path = str_printf("%s/%s", parent, directory);
        _cleanup_(close_directoryp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (!path)
                return -ENOMEM;
        dir = opendir(path);
        while (dir && r >= 0 && (entry = readdir(dir)))
                if (endswith(entry->d_name, ".conf"))
                        r = add_file(d, parent, directory, entry->d_name);
        return r;
}

static bool is_drop_in_directory(const char *name) {
        return (startswith(name, "tooloo-") && (endswith(name, ".service.d") || endswith(name, ".socket.d"))) ||
                streq(name, "service.d") || streq(name, "socket.d");
}

int drop_ins_scan(char *const *directories, DropIns *ret) {
        int r = 0;

        for (; directories && *directories && r >= 0; directories++) {
                _cleanup_(close_directoryp) DIR *dir = opendir(*directories);
                struct dirent *entry;

                while (dir && r >= 0 && (entry = readdir(dir)))
                        if (is_drop_in_directory(entry->d_name))
                                r = scan_directory(ret, *directories, entry->d_name);
        }
        return r;
}

/* How well a directory's name fits the unit's: 0 not at all, 1 by its type, above that by so many characters. */
static size_t fits(const char *directory, const char *unit) {
        const char *type = strrchr(unit, '.'), *suffix = strrchr(directory, '.'); /* ".d" */
        size_t n = (size_t) (suffix - directory);

        if (n == strlen(type + 1) && strncmp(directory, type + 1, n) == 0)
                return 1;
        if (n == strlen(unit) && strncmp(directory, unit, n) == 0)
                return SIZE_MAX;
        /* "tooloo-a-" of "tooloo-a-b.service". */
        if (n <= strlen(type) || strncmp(directory + n - strlen(type), type, strlen(type)) != 0)
                return 0;
        n -= strlen(type);
        return directory[n - 1] == '-' && n <= (size_t) (type - unit) && strncmp(directory, unit, n) == 0 ? n + 1 : 0;
}

static int by_name(const void *a, const void *b) {
        return strcmp((*(struct DropInFile *const *) a)->name, (*(struct DropInFile *const *) b)->name);
}

/* The files that hold, an array of n pointers that the caller frees. */
static int find_files(const DropIns *d, const char *unit, struct DropInFile ***ret, size_t *ret_n) {
        struct DropInFile **found = calloc(d->n + 1, sizeof(struct DropInFile *));
        size_t n = 0;

        if (!found)
                return -ENOMEM;
        for (size_t i = 0; i < d->n; i++) {
                struct DropInFile *f = d->files + i;
                size_t k = 0, fit = fits(f->directory, unit);

                if (fit == 0)
                        continue;
                while (k < n && !streq(found[k]->name, f->name))
                        k++;
                if (k == n)
                        found[n++] = f;
                else if (fit > fits(found[k]->directory, unit))
                        found[k] = f;
        }
        qsort(found, n, sizeof(struct DropInFile *), by_name);
        *ret = found;
        *ret_n = n;
        return 0;
}

int drop_ins_of(const DropIns *d, const char *unit, char ***ret) {
        _cleanup_(freep) struct DropInFile **found = NULL;
        size_t n = 0;
        int r;

        r = find_files(d, unit, &found, &n);
        for (size_t i = 0; i < n && r >= 0; i++)
                if (!found[i]->mask)
                        r = strv_extend(ret, found[i]->path);
        return r;
}

/* --- One service --------------------------------------------------------------------------------------------------- */

/* What its files and those of its socket say, in order. */
typedef struct Reader {
        Candidate *candidate;
        bool settings;   /* the second time over: [X-Tooloo], once it is known to be a service of ours */
        bool specifiers; /* "%i" in what matters */
} Reader;

static int take(Reader *r, const Assignment *a, const char *path) {
        Service *s = &r->candidate->service;

        if (streq(a->section, "X-Tooloo"))
                return r->settings ? service_settings_assign(a->section, a->key, a->value, path, a->line, &s->settings) : 0;
        if (r->settings)
                return 0;
        if (streq(a->key, "ExecReload"))
                s->can_reload = *a->value;
        else if (streq(a->key, "Type")) /* this one reloads without a command */
                r->specifiers = r->specifiers || streq(a->value, "notify-reload");
        else if (streq(a->key, "Slice")) {
                r->specifiers = r->specifiers || strchr(a->value, '%');
                return str_replace(&r->candidate->slice, a->value);
        } else if (!*a->value)
                s->port = 0;
        else if (s->port == 0) {
                r->specifiers = r->specifiers || strchr(a->value, '%');
                s->port = service_port_from_address(a->value);
        }
        return 0;
}

static int take_text(Reader *r, const UnitText *text, const char *path) {
        int e = 0;

        for (size_t i = 0; i < text->n && e >= 0; i++)
                e = take(r, text->list + i, path);
        return e;
}

static int take_drop_ins(Reader *reader, DropIns *d, const char *unit, char ***paths) {
        _cleanup_(freep) struct DropInFile **found = NULL;
        size_t n = 0;
        int r;

        r = find_files(d, unit, &found, &n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (found[i]->mask)
                        continue;
                if (!found[i]->was_read)
                        r = unit_text_read(found[i]->path, &found[i]->text);
                found[i]->was_read = true;
                if (r >= 0)
                        r = take_text(reader, &found[i]->text, found[i]->path);
                if (r >= 0 && paths)
                        r = strv_extend(paths, found[i]->path);
        }
        return r;
}

static int take_unit(Reader *reader, DropIns *d, const char *unit, const char *path, const UnitText *text, char ***paths) {
        int r = take_text(reader, text, path);

        return r < 0 ? r : take_drop_ins(reader, d, unit, paths);
}

static int read_socket(Reader *reader, DropIns *d) {
        _cleanup_(unit_text_done) UnitText text = {};
        const Candidate *c = reader->candidate;
        int r;

        if (!c->service.socket)
                return 0;
        r = unit_text_read(c->files->socket_path, &text);
        return r < 0 ? r : take_unit(reader, d, c->service.socket, c->files->socket_path, &text, NULL);
}

static int read_service(Reader *reader, DropIns *d) {
        _cleanup_(unit_text_done) UnitText text = {};
        Candidate *c = reader->candidate;
        const char *path = c->files->service_path;
        int r;

        r = unit_text_read(path, &text);
        if (r >= 0)
                r = take_unit(reader, d, c->service.unit, path, &text, &c->service.drop_in_paths);
        reader->settings = c->slice && service_category_from_slice(c->slice);
        if (r >= 0 && reader->settings)
                r = take_unit(reader, d, c->service.unit, path, &text, NULL);
        return r;
}

/* Only what is loaded, service and socket, and from the file that has the highest priority: no mask before it. */
static bool is_plain(const Candidate *c) {
        const Service *s = &c->service;

        return s->load_state && streq(s->load_state, "loaded") && c->files->service_path &&
                (!s->socket || (s->socket_state && c->files->socket_path));
}

/* As before, so that systemd can be asked. */
static void forget(Candidate *c) {
        Service *s = &c->service;

        free(TAKE_PTR(c->slice));
        s->drop_in_paths = strv_free(s->drop_in_paths);
        service_settings_done(&s->settings);
        s->settings = (ServiceSettings) {};
        s->can_reload = false;
        s->port = 0;
}

int candidate_read_all(Candidate *c, DropIns *d) {
        Reader reader = { .candidate = c };
        Service *s = &c->service;
        int r;

        if (!is_plain(c))
                return 0;
        r = read_socket(&reader, d);
        if (r >= 0)
                r = read_service(&reader, d);
        if (r < 0)
                return r;
        if (reader.specifiers) {
                forget(c);
                return 0;
        }
        candidate_settle(c);
        s->fragment_path = strdup(c->files->service_path);
        return s->fragment_path ? 1 : -ENOMEM;
}
