/* SPDX-License-Identifier: MIT */
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "manager.h"
#include "own-files.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

#define NFTW_FILES 8 /* that may be open at once */

/* What of a service lies in the user's unit directory and goes with it. */
typedef struct Removal {
        const Service *service;
        OwnFiles files;
} Removal;

typedef struct Removals {
        Removal *list;
        size_t n;
} Removals;

static void removals_done(Removals *r) {
        for (size_t i = 0; i < r->n; i++)
                own_files_done(&r->list[i].files);
        free(r->list);
}

static int no_memory(void) {
        (void) log_errno(-ENOMEM, "cannot remove services");
        return CTL_FAILED;
}

/* Whether "edit" has made something for it that can be taken back. */
static int refuse_foreign(const Removal *r) {
        const char *changed = r->files.unit.before ? r->files.unit.path : r->files.socket.before ? r->files.socket.path : NULL;

        if (r->files.own)
                return CTL_OK;
        if (changed)
                log_error("%s is not your own service (%s). To undo what 'toolooctl edit' did to it, delete %s and run 'systemctl "
                          "--user daemon-reload'", r->service->id, strna(r->service->fragment_path), changed);
        else
                log_error("%s is not your own service (%s). To stop it for good, run 'systemctl --user mask --now %s%s%s'",
                          r->service->id, strna(r->service->fragment_path), r->service->unit,
                          r->service->socket ? " " : "", strempty(r->service->socket));
        return CTL_FAILED;
}

static int collect(Ctl *ctl, Removals *ret) {
        ret->list = calloc(ctl->n_selected, sizeof(Removal));
        if (!ret->list)
                return no_memory();
        for (size_t i = 0; i < ctl->n_selected; i++) {
                Removal *r = ret->list + ret->n++;
                int status;

                r->service = ctl->selected[i];
                status = own_files_open(ctl, r->service, &r->files);
                if (status == CTL_OK)
                        status = refuse_foreign(r);
                if (status != CTL_OK)
                        return status;
        }
        return CTL_OK;
}

/* On a terminal a person says yes; a script says --yes. */
static int ask(const Ctl *ctl, const Removals *all) {
        char answer[16] = "";

        if (ctl->given[OPTION_YES])
                return CTL_OK;
        if (!isatty(STDIN_FILENO))
                return verb_usage(ctl, "nobody is here to be asked: give --yes, if that is what you want");
        for (size_t i = 0; i < all->n; i++)
                (void) fprintf(stderr, "%s%s", i == 0 ? "Stop and remove " : ", ", all->list[i].service->id);
        (void) fputs("? [y/N] ", stderr);
        if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
                log_error("nothing was removed");
                return CTL_FAILED;
        }
        return CTL_OK;
}

/* 1 when it was there. */
static int delete_file(const char *path) {
        if (unlink(path) >= 0)
                return 1;
        return errno == ENOENT ? 0 : log_errno(-errno, "cannot delete %s", path);
}

/* What "edit" would have made when the unit file was not there yet. */
static int delete_drop_in(const char *unit_path) {
        _cleanup_(freep) char *directory = str_printf("%s.d", unit_path), *path = NULL;
        int r;

        path = directory ? str_printf("%s/" EDIT_DROP_IN, directory) : NULL;
        if (!path)
                return -ENOMEM;
        r = delete_file(path);
        if (r > 0)
                (void) rmdir(directory); /* stays when somebody has more in it */
        return r;
}

static int delete_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

/* Runtime unit files of its instances, which would start from them again. */
static int delete_instances(const Removal *r) {
        _cleanup_(freep) char *pattern = NULL;
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(globfree) glob_t found = {};
        int result = 0;

        if (!runtime)
                return 0;
        pattern = str_printf("%s/systemd/user/tooloo-%s@*", runtime, r->service->id);
        if (!pattern)
                return -ENOMEM;
        if (glob(pattern, 0, NULL, &found) != 0)
                return 0;
        for (size_t i = 0; i < found.gl_pathc && result >= 0; i++)
                if (nftw(found.gl_pathv[i], delete_entry, NFTW_FILES, FTW_DEPTH | FTW_PHYS) != 0)
                        result = log_errno(-errno, "cannot delete %s", found.gl_pathv[i]);
        return result;
}

static int delete_all(const Removal *r) {
        const char *const paths[] = { r->files.socket.path, r->files.unit.path };
        int result = 0;

        for (size_t i = 0; i < ELEMENTSOF(paths) && result >= 0; i++) {
                result = delete_file(paths[i]);
                if (result >= 0)
                        result = delete_drop_in(paths[i]);
        }
        return result < 0 ? result : delete_instances(r);
}

static int remove_all(Ctl *ctl, const Removals *all) {
        _cleanup_(strv_freep) char **units = NULL;
        int status = CTL_OK, r = 0;

        for (size_t i = 0; i < all->n && r >= 0; i++) {
                r = strv_extend(&units, all->list[i].service->unit);
                if (r >= 0 && all->list[i].service->socket)
                        r = strv_extend(&units, all->list[i].service->socket);
        }
        if (r < 0)
                return no_memory();
        if (manager_disable(ctl->bus, units) < 0)
                return CTL_FAILED;
        for (size_t i = 0; i < all->n; i++)
                if (delete_all(all->list + i) < 0)
                        status = CTL_FAILED;
                else
                        ctl_say(ctl, "%s is removed (it was %s)", all->list[i].service->id, all->list[i].files.unit.path);
        if (bus_reload_unit_files(ctl->bus) < 0)
                return CTL_FAILED;
        (void) unit_reset_failed(ctl->bus, units); /* else what has failed is listed for ever */
        return status;
}

int services_remove(Ctl *ctl) {
        _cleanup_(removals_done) Removals all = {};
        int status;

        status = ctl_select(ctl, CTL_UNKNOWN);
        if (status == CTL_OK)
                status = collect(ctl, &all);
        if (status == CTL_OK)
                status = ask(ctl, &all);
        if (status == CTL_OK)
                status = ctl_stop_selected(ctl);
        return status != CTL_OK ? status : remove_all(ctl, &all);
}
