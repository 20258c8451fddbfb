/* SPDX-License-Identifier: MIT */
#include "instance.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"
#include "shared/unit-file.h"

/* Read after all others. */
#define OVERRIDE_NAME "zz-tooloo-instance.conf"

void instance_done(Instance *i) {
        free(i->unit);
        free(i->socket);
}

int instance_init(Instance *i, const Service *s, const char *name) {
        i->unit = str_printf("tooloo-%s@%s.service", s->id, name);
        if (i->unit && streq(name, INSTANCE_TRIAL_NAME)) {
                i->socket = str_printf("tooloo-%s@%s.socket", s->id, name);
                return i->socket ? 0 : -ENOMEM;
        }
        return i->unit ? 0 : -ENOMEM;
}

static char *unit_file(const char *unit, const char *suffix, const char *name) {
        return str_printf("%s/systemd/user/%s%s%s%s", getenv("XDG_RUNTIME_DIR"), unit, suffix, name ? "/" : "",
                          name ? name : "");
}

static int write_text(const char *unit, const char *suffix, const char *name, const char *text) {
        _cleanup_(freep) char *path = unit_file(unit, suffix, name), *directory = NULL;
        char *slash;
        int r;

        directory = path ? strdup(path) : NULL;
        if (!directory)
                return log_errno(-ENOMEM, "cannot write %s", unit);
        slash = strrchr(directory, '/');
        *slash = '\0';
        r = mkdir_parents(directory, 0755);
        if (r >= 0)
                r = write_file_atomic(path, text, strlen(text), 0644);
        return r < 0 ? log_errno(r, "cannot write %s", path) : 0;
}

/* The folder of a unit's own drop-ins: those for all tooloo-*.service systemd applies to an instance by itself. */
static const char *own_drop_in(const char *unit, const char *path) {
        const char *name = strrchr(path, '/'), *folder = name;
        _cleanup_(freep) char *wanted = str_printf("/%s.d/", unit);

        while (folder && folder > path && folder[-1] != '/')
                folder--;
        return wanted && folder > path && startswith(folder - 1, wanted) ? name + 1 : NULL;
}

static bool has_name(char *const *paths, const char *name) {
        STRV_FOREACH(path, paths) {
                const char *base = strrchr(*path, '/');

                if (base && streq(base + 1, name))
                        return true;
        }
        return false;
}

/* A drop-in for many units that does not hold for this one is masked by its owner, and so it is for the instance. */
static int mask_others(const char *folder, char *const *effective, const char *unit) {
        DIR *d = opendir(folder);
        struct dirent *entry;
        int r = 0;

        if (!d)
                return 0;
        while (r >= 0 && (entry = readdir(d))) {
                _cleanup_(freep) char *path = NULL, *directory = NULL;

                if (!endswith(entry->d_name, ".conf") || has_name(effective, entry->d_name))
                        continue;
                path = unit_file(unit, ".d", entry->d_name);
                directory = unit_file(unit, ".d", NULL);
                r = path && directory ? mkdir_parents(directory, 0755) : -ENOMEM;
                if (r >= 0 && symlink("/dev/null", path) < 0 && errno != EEXIST)
                        r = -errno;
        }
        (void) closedir(d);
        return r;
}

static int on_unit_path(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        int r;

        if (sd_bus_message_is_method_error(m, NULL))
                return -EHOSTDOWN;
        r = sd_bus_message_enter_container(m, 'v', "as");
        return r < 0 ? r : sd_bus_message_read_strv(m, (char ***) userdata);
}

static int ask_unit_path(sd_bus *bus, char ***ret) {
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_MANAGER, "UnitPath");
        if (r >= 0)
                r = bus_batch_call(&batch, m, 0, on_unit_path, ret);
        return r < 0 ? r : bus_batch_wait(&batch);
}

static int mask_what_is_masked(sd_bus *bus, const char *type, char *const *effective, const char *unit) {
        _cleanup_(strv_freep) char **directories = NULL;
        int r = ask_unit_path(bus, &directories);

        STRV_FOREACH(directory, directories) {
                _cleanup_(freep) char *all = str_printf("%s/%s.d", *directory, type),
                                      *ours = str_printf("%s/tooloo-.%s.d", *directory, type);

                if (r >= 0)
                        r = all && ours ? mask_others(all, effective, unit) : -ENOMEM;
                if (r >= 0)
                        r = mask_others(ours, effective, unit);
        }
        return r < 0 ? log_errno(r, "cannot write the drop-ins of %s", unit) : 0;
}

/* Beside the one that each has by its full name: one with a name of its owner's is the service's, too. */
static bool names_directory(const char *text) {
        return strstr(text, "\nRuntimeDirectory=") != NULL;
}

static int write_service(sd_bus *bus, const Service *s, InstanceKind kind, const char *unit) {
        _cleanup_(freep) char *text = NULL, *override = NULL;
        bool keep;
        int r;

        r = instance_service_text(kind, s->fragment_path, &text);
        if (r < 0)
                return log_errno(r, "cannot read %s", s->fragment_path);
        keep = names_directory(text);
        r = write_text(unit, "", NULL, text);
        STRV_FOREACH(path, s->drop_in_paths) {
                _cleanup_(freep) char *drop_in = NULL;
                const char *name = own_drop_in(s->unit, *path);

                if (r < 0 || !name)
                        continue;
                r = instance_service_text(kind, *path, &drop_in);
                keep = keep || (r >= 0 && names_directory(drop_in));
                r = r < 0 ? log_errno(r, "cannot read %s", *path) : write_text(unit, ".d", name, drop_in);
        }
        if (r >= 0)
                r = mask_what_is_masked(bus, "service", s->drop_in_paths, unit);
        if (r < 0)
                return r;
        r = instance_override_text(kind, s->id, s->name, keep, &override);
        return r < 0 ? log_errno(r, "cannot write %s", unit) : write_text(unit, ".d", OVERRIDE_NAME, override);
}

int instance_write(sd_bus *bus, const Service *s, InstanceKind kind, const char *name) {
        _cleanup_(instance_done) Instance i = {};
        int r;

        r = instance_init(&i, s, name);
        if (r < 0)
                return log_errno(r, "cannot write the units of %s", s->id);
        instance_remove(s, name); /* a drop-in that is not there any more must not hold on */
        r = write_service(bus, s, kind, i.unit);
        if (r < 0)
                instance_remove(s, name);
        return r;
}

typedef struct SocketFiles {
        char *fragment;
        char **drop_ins;
} SocketFiles;

static void socket_files_done(SocketFiles *f) {
        free(f->fragment);
        strv_free(f->drop_ins);
}

static int ask_socket_files(sd_bus *bus, const Service *s, SocketFiles *ret) {
        static const BusProperty properties[] = {
                { SYSTEMD_UNIT, "FragmentPath", "s", offsetof(SocketFiles, fragment) },
                { SYSTEMD_UNIT, "DropInPaths", "as", offsetof(SocketFiles, drop_ins) },
        };
        _cleanup_(bus_batch_done) BusBatch batch = BUS_BATCH_INIT(bus);
        _cleanup_(freep) char *path = bus_unit_path(s->socket);
        int r;

        if (!path)
                return -ENOMEM;
        r = bus_batch_unit_properties(&batch, path, properties, ELEMENTSOF(properties), ret);
        return r < 0 ? r : bus_batch_wait(&batch);
}

static int write_socket_file(const Service *s, const char *unit, const char *path, const char *name, TrialPorts *ports) {
        _cleanup_(freep) char *text = NULL;
        int r = trial_socket_text(path, ports, &text);

        if (r == -EOPNOTSUPP) {
                log_error("%s cannot swap: %s of its socket unit has no private counterpart for a trial; set "
                          "OnChange=restart", s->id, strna(ports->problem));
                return r;
        }
        if (r < 0)
                return log_errno(r, "cannot make a private socket from %s", path);
        return name ? write_text(unit, ".d", name, text) : write_text(unit, "", NULL, text);
}

int instance_write_socket(sd_bus *bus, const Service *s, TrialPorts *ports) {
        _cleanup_(socket_files_done) SocketFiles files = {};
        _cleanup_(instance_done) Instance i = {};
        int r;

        r = instance_init(&i, s, INSTANCE_TRIAL_NAME);
        if (r >= 0)
                r = ask_socket_files(bus, s, &files);
        if (r >= 0 && !files.fragment)
                r = -ENOENT;
        if (r < 0)
                return log_errno(r, "cannot find the file of %s", s->socket);
        r = write_socket_file(s, i.socket, files.fragment, NULL, ports);
        STRV_FOREACH(path, files.drop_ins) {
                const char *name = own_drop_in(s->socket, *path);

                if (r >= 0 && name)
                        r = write_socket_file(s, i.socket, *path, name, ports);
        }
        return r < 0 ? r : mask_what_is_masked(bus, "socket", files.drop_ins, i.socket);
}

static void remove_files(const char *unit) {
        _cleanup_(freep) char *path = unit_file(unit, "", NULL);
        int r = path ? unit_file_remove(path) : -ENOMEM;

        if (r < 0) /* the next run finds it, and so does the doctor */
                log_debug("Cannot remove the files of %s: %s", unit, strerror(-r));
}

void instance_remove(const Service *s, const char *name) {
        _cleanup_(instance_done) Instance i = {};

        if (instance_init(&i, s, name) < 0)
                return;
        remove_files(i.unit);
        if (i.socket)
                remove_files(i.socket);
}
