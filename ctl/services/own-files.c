/* SPDX-License-Identifier: MIT */
#include "own-files.h"

#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "manager.h"
#include "shared/log.h"
#include "shared/strv.h"

#define UNIT_FILE_MAX (256 * 1024)

static void own_file_done(OwnFile *file) {
        free(file->path);
        free(file->before);
        unit_document_done(&file->document);
}

void own_files_done(OwnFiles *f) {
        free(f->directory);
        free(f->socket_unit);
        own_file_done(&f->unit);
        own_file_done(&f->socket);
        *f = (OwnFiles) {};
}

static bool lies_in(const char *path, const char *directory) {
        const char *rest = path ? startswith(path, directory) : NULL;

        return rest && *rest == '/' && !strchr(rest + 1, '/');
}

static int open_file(const OwnFiles *f, const char *unit, OwnFile *file) {
        int r;

        file->path = f->own ? str_printf("%s/%s", f->directory, unit)
                            : str_printf("%s/%s.d/" EDIT_DROP_IN, f->directory, unit);
        if (!file->path)
                return log_errno(-ENOMEM, "cannot read the unit files");
        r = read_file(file->path, UNIT_FILE_MAX, &file->before, NULL);
        if (r >= 0)
                r = unit_document_parse(file->before, &file->document);
        else if (r == -ENOENT)
                r = f->own ? 0 : unit_document_parse("# Written by \"toolooctl edit\". Without this file it is as it was "
                                                     "installed.\n", &file->document);
        return r < 0 ? log_errno(r, "cannot read %s", file->path) : 0;
}

int own_files_open(Ctl *ctl, const Service *service, OwnFiles *ret) {
        _cleanup_(own_files_done) OwnFiles f = { .service = service };

        if (service_is_masked(service)) {
                log_error("%s is masked; take the mask off with 'systemctl --user unmask %s'", service->unit, service->unit);
                return CTL_FAILED;
        }
        if (manager_unit_directory(ctl->bus, &f.directory) < 0)
                return CTL_FAILED;
        f.own = lies_in(service->fragment_path, f.directory);
        f.socket_unit = str_printf("tooloo-%s.socket", service->id);
        if (!f.socket_unit) {
                (void) log_errno(-ENOMEM, "cannot read the unit files");
                return CTL_FAILED;
        }
        if (open_file(&f, service->unit, &f.unit) < 0 || open_file(&f, f.socket_unit, &f.socket) < 0)
                return CTL_FAILED;
        *ret = f;
        f = (OwnFiles) {};
        return CTL_OK;
}

int own_file_set(const OwnFiles *f, OwnFile *file, const char *section, const char *key, char *const *values) {
        _cleanup_(strv_freep) char **lines = NULL;
        int r = 0;

        if (f->own)
                return unit_document_set(&file->document, section, key, values, unit_comment(section, key));
        r = strv_extend(&lines, "");
        for (; values && *values && r >= 0; values++)
                r = strv_extend(&lines, *values);
        return r < 0 ? r : unit_document_set(&file->document, section, key, lines, unit_comment(section, key));
}

/* A drop-in of nothing but its first line need not be. */
static bool is_empty(const OwnFile *file) {
        return strv_length(file->document.lines) <= 1;
}

int own_file_changed(const OwnFile *file) {
        _cleanup_(freep) char *text = unit_document_format(&file->document);

        if (!text)
                return -ENOMEM;
        return file->before ? !streq(text, file->before) : !is_empty(file);
}

static int write_text(const char *path, const char *text) {
        _cleanup_(freep) char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));
        int r;

        r = directory ? mkdir_parents(directory, 0755) : -ENOMEM;
        return r < 0 ? r : write_file_atomic(path, text, strlen(text), 0644);
}

static int write_file(const OwnFile *file) {
        _cleanup_(freep) char *text = unit_document_format(&file->document);
        int r;

        r = text ? write_text(file->path, text) : -ENOMEM;
        return r < 0 ? log_errno(r, "cannot write %s", file->path) : 0;
}

static void take_back(const OwnFile *file) {
        if (!file->before)
                (void) unlink(file->path);
        else if (write_text(file->path, file->before) < 0)
                log_error("%s could not be written back to what it was", file->path);
}

int own_files_write(OwnFiles *f) {
        int unit = own_file_changed(&f->unit), socket = own_file_changed(&f->socket);

        if (unit < 0 || socket < 0) {
                (void) log_errno(-ENOMEM, "cannot write the unit files");
                return CTL_FAILED;
        }
        if (socket && write_file(&f->socket) < 0)
                return CTL_FAILED;
        if (unit && write_file(&f->unit) < 0) {
                if (socket)
                        take_back(&f->socket);
                return CTL_FAILED;
        }
        return CTL_OK;
}

int own_files_print(const OwnFiles *f) {
        const OwnFile *const files[] = { &f->unit, &f->socket };
        bool first = true;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_(freep) char *text = unit_document_format(&files[i]->document);
                int changed = own_file_changed(files[i]);

                if (changed < 0 || !text) {
                        (void) log_errno(-ENOMEM, "cannot print the unit files");
                        return CTL_FAILED;
                }
                if (changed > 0)
                        (void) printf("%s# %s\n%s", first ? "" : "\n", files[i]->path, text);
                first = first && changed == 0;
        }
        return CTL_OK;
}
