/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "doctor.h"
#include "repair.h"
#include "shared/bus-util.h"
#include "shared/strv.h"

/* --- registry: what is wrong with the list and with settings in [X-Tooloo] ------------------------------------- */

static int find_line(Doctor *d, const char *line, const char *why, const char *instead) {
        char *what = NULL, *mend = NULL;
        int r;

        r = doctor_split_advice(line, &what, &mend);
        if (r < 0)
                return r;
        return doctor_find(d, LEVEL_WARNING, NULL, what, strdup(why), mend ? mend : strdup(instead));
}

int check_registry(Doctor *d) {
        int r = 0;

        if (d->registry->n_services == 0)
                return doctor_find(d, LEVEL_ERROR, NULL, strdup("no TooLoo service is installed for this user"),
                                   strdup("nothing named tooloo-ID.service with a socket lies in systemd's unit directories"),
                                   strdup("install TooLoo, or 'systemctl --user daemon-reload' if that was just done"));
        STRV_FOREACH(problem, d->registry->problems)
                if (r >= 0)
                        r = find_line(d, *problem, "the fleet is not what the unit files ask for", "toolooctl list");
        STRV_FOREACH(line, d->registry_said)
                if (r >= 0)
                        r = doctor_find(d, LEVEL_WARNING, NULL, strdup(*line),
                                        strdup("what is not understood there counts as not written"),
                                        strdup("man tooloo-service says what [X-Tooloo] may have"));
        return r;
}

/* --- loaded: what systemd has read is what lies on disk -------------------------------------------------------- */

int check_loaded(Doctor *d) {
        _cleanup_(strv_freep) char **changed = NULL;
        _cleanup_(freep) char *names = NULL;
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d)
                /* systemd 252 says it of each masked unit that has drop-ins, whatever one does. */
                if (r >= 0 && u->need_reload && streq(strna(u->load_state), "loaded"))
                        r = strv_extend(&changed, u->name);
        if (r < 0 || !changed)
                return r;
        names = strv_join(changed, ", ");
        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_WARNING | FIXABLE, NULL,
                           str_printf("unit files have changed since systemd read them: %s", names),
                           strdup("systemd goes by the old ones, also at the next start"),
                           strdup("systemctl --user daemon-reload"));
}

int fix_loaded(Doctor *d, const Finding *finding, char **ret_done) {
        int r = repair_daemon_reload(d, ret_done);

        if (r >= 0)
                *ret_done = strdup("systemd has read the unit files again (systemctl --user daemon-reload)");
        return r;
}

/* --- members: what the fleet starts ---------------------------------------------------------------------------- */

static int find_missing_member(Doctor *d, const UnitFacts *u) {
        bool packaged = startswith(strempty(u->fragment_path), TL_USER_UNIT_DIR "/");

        return doctor_find(d, packaged ? LEVEL_WARNING : LEVEL_NOTE, u->name,
                           str_printf("%s does not start with the fleet", u->service->id),
                           packaged ? strdup("its link in tooloo.target.wants is missing, which the installation makes")
                                    : strdup("tooloo.target does not want it: 'toolooctl start' leaves it alone"),
                           packaged ? strdup("install TooLoo anew")
                                    : str_printf("systemctl --user enable %s (with WantedBy=tooloo.target in its [Install])",
                                                 u->name));
}

int check_members(Doctor *d) {
        _cleanup_(strv_freep) char **wants = NULL;
        _cleanup_(freep) char *path = bus_unit_path(FLEET_TARGET);
        const UnitFacts *target = doctor_unit(d, FLEET_TARGET);
        int r;

        if (!path)
                return -ENOMEM;
        if (!target || !streq(strna(target->load_state), "loaded"))
                return doctor_find(d, LEVEL_ERROR, FLEET_TARGET, str_printf("%s is %s", FLEET_TARGET,
                                                                            target ? strna(target->load_state) : "not there"),
                                   strdup("the fleet is started and stopped by it"),
                                   strdup("systemctl --user unmask " FLEET_TARGET ", or install TooLoo anew"));
        r = sd_bus_get_property_strv(d->bus, SYSTEMD_NAME, path, SYSTEMD_UNIT, "Wants", NULL, &wants);
        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0 && u->service && streq(u->name, u->service->unit) && streq(strna(u->load_state), "loaded") &&
                    !strv_contains(wants, u->name))
                        r = find_missing_member(d, u);
        return r;
}

/* --- overridden: masks, and files of yours in front of installed ones ------------------------------------------- */

static int find_masks(Doctor *d) {
        _cleanup_(strv_freep) char **masked = NULL;
        _cleanup_(freep) char *names = NULL;
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0 && streq(strna(u->load_state), "masked"))
                        r = strv_extend(&masked, u->name);
        if (r < 0 || !masked)
                return r;
        names = strv_join(masked, " ");
        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_NOTE, NULL, str_printf("masked: %s", names),
                           strdup("systemd starts none of them, whoever asks"),
                           str_printf("systemctl --user unmask %s", names));
}

/* An installed unit whose file somebody put another one in front of. */
static int find_shadow(Doctor *d, const UnitFacts *u) {
        _cleanup_(freep) char *installed = str_printf(TL_USER_UNIT_DIR "/%s", u->name);

        if (!installed)
                return -ENOMEM;
        if (!streq(strna(u->load_state), "loaded") || !u->fragment_path || streq(u->fragment_path, installed) ||
            access(installed, F_OK) < 0)
                return 0;
        return doctor_find(d, LEVEL_NOTE, u->name, str_printf("%s hides the installed %s", u->fragment_path, u->name),
                           strdup("what an upgrade changes in the installed one has no effect"),
                           str_printf("systemctl --user revert %s, if that is not wanted", u->name));
}

/* One note a name of a drop-in, for the same one often stands in the directories of many units. */
typedef struct DropIn {
        const char *name;
        const char *path, *unit; /* the first of them */
        char **units;
} DropIn;

static const char *file_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int note_drop_in(DropIn *drop_ins, size_t *n, const char *path, const char *unit) {
        size_t i = 0;

        while (i < *n && !streq(drop_ins[i].name, file_name(path)))
                i++;
        if (i == *n)
                drop_ins[(*n)++] = (DropIn) { file_name(path), path, unit, NULL };
        return strv_contains(drop_ins[i].units, unit) ? 0 : strv_extend(&drop_ins[i].units, unit);
}

static int find_drop_in(Doctor *d, const DropIn *drop_in) {
        size_t n = strv_length(drop_in->units);
        _cleanup_(freep) char *names = strv_join(drop_in->units, ", ");

        if (!names)
                return -ENOMEM;
        return doctor_find(d, LEVEL_NOTE, drop_in->path,
                           n == 1 ? str_printf("%s changes %s", drop_in->path, names)
                                  : str_printf("%s and its like change %zu units: %s", drop_in->path, n, names),
                           strdup("what it sets beats the installed file, an upgraded one, too"),
                           str_printf("systemctl --user cat %s shows it", drop_in->unit));
}

/* Only of installed units: a service of one's own has drop-ins of one's own. "toolooctl dev" writes that of the watcher. */
static bool is_override(const UnitFacts *u, const char *path) {
        return startswith(strempty(u->fragment_path), TL_USER_UNIT_DIR "/") && !startswith(path, TL_USER_UNIT_DIR "/") &&
                !streq(u->name, WATCHD_UNIT);
}

static int find_drop_ins(Doctor *d) {
        _cleanup_(freep) DropIn *drop_ins = NULL;
        size_t n = 0, max = 0;
        int r = 0;

        DOCTOR_FOREACH_UNIT(u, d)
                max += strv_length(u->drop_in_paths);
        drop_ins = calloc(max + 1, sizeof(DropIn));
        if (!drop_ins)
                return -ENOMEM;
        DOCTOR_FOREACH_UNIT(u, d)
                STRV_FOREACH(path, u->drop_in_paths)
                        if (r >= 0 && is_override(u, *path))
                                r = note_drop_in(drop_ins, &n, *path, u->name);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = find_drop_in(d, drop_ins + i);
        for (size_t i = 0; i < n; i++)
                strv_free(drop_ins[i].units);
        return r;
}

int check_overridden(Doctor *d) {
        int r;

        r = find_masks(d);
        DOCTOR_FOREACH_UNIT(u, d)
                if (r >= 0)
                        r = find_shadow(d, u);
        return r < 0 ? r : find_drop_ins(d);
}
