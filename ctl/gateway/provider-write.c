/* SPDX-License-Identifier: MIT */
#include "provider-options.h"

#include <json-c/json.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "ctl/table.h"
#include "shared/log.h"

#define SECRET_MODE 0600
#define SECRET_DIRECTORY_MODE 0700

char *provider_text(const ProviderFile *f) {
        _cleanup_(json_putp) json_object *json = provider_file_to_json(f);
        const char *text = json ? json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
                                : NULL;
        _cleanup_(provider_file_done) ProviderFile again = {};
        _cleanup_(freep) char *why = NULL;
        char *line = NULL;

        /* It is read as the gateway will read it, so that no wrong one is ever written. */
        if (text && provider_file_parse(f->name, text, strlen(text), &again, &why) >= 0)
                line = str_printf("%s\n", text);
        if (why)
                log_error("cannot write the provider: %s", why);
        else if (!line)
                (void) gateway_no_memory();
        return line;
}

/* Only this user may look into it, whoever made it. */
static int make_secret_directory(const char *path) {
        struct stat st;
        int r;

        r = mkdir_parents(path, SECRET_DIRECTORY_MODE);
        if (r >= 0 && stat(path, &st) < 0)
                r = -errno;
        if (r >= 0 && (st.st_mode & 077) != 0 && chmod(path, SECRET_DIRECTORY_MODE) < 0)
                r = -errno;
        return r;
}

static int write_key(const ProviderPaths *paths, const char *key) {
        int r = make_secret_directory(paths->credentials);

        if (r >= 0)
                r = write_file_atomic(paths->credential, key, strlen(key), SECRET_MODE);
        return r < 0 ? log_errno(r, "cannot write %s", paths->credential) : 0;
}

static void take_key_back(const ProviderPaths *paths, const char *before) {
        if (!before)
                (void) unlink(paths->credential);
        else if (write_key(paths, before) < 0)
                log_error("%s could not be written back to what it was", paths->credential);
}

int provider_write(const ProviderPaths *paths, const ProviderFile *f, KeyChange change, const char *key) {
        _cleanup_(freep) char *text = provider_text(f);
        _cleanup_(provider_key_freep) char *before = NULL;
        int r;

        if (!text)
                return CTL_FAILED;
        (void) read_file(paths->credential, PROVIDER_CREDENTIAL_MAX, &before, NULL);
        if (change == KEY_SET && write_key(paths, key) < 0)
                return CTL_FAILED;
        r = make_secret_directory(paths->directory);
        if (r >= 0)
                r = write_file_atomic(paths->file, text, strlen(text), SECRET_MODE);
        if (r < 0) {
                (void) log_errno(r, "cannot write %s", paths->file);
                if (change == KEY_SET)
                        take_key_back(paths, before);
                return CTL_FAILED;
        }
        if (change == KEY_NONE && unlink(paths->credential) < 0 && errno != ENOENT)
                log_warning("%s is of no use any more, but cannot be deleted (%s)", paths->credential, strerror(errno));
        return CTL_OK;
}
