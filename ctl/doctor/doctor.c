/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include <assert.h>

#include "checks.h"
#include "shared/bus-util.h"
#include "shared/log.h"
#include "shared/strv.h"

/* In the order of checks.h. */
static const Check checks[] = {
        [CHECK_MANAGER] = { false, check_manager, NULL },
        [CHECK_LINGER] = { false, check_linger, fix_linger },
        [CHECK_JOURNAL] = { false, check_journal, NULL },
        [CHECK_CLOCK] = { false, check_clock, NULL },
        [CHECK_DISK] = { false, check_disk, NULL },
        [CHECK_INOTIFY] = { false, check_inotify, NULL },
        [CHECK_USER_NAMESPACES] = { false, check_user_namespaces, NULL },
        [CHECK_VERSIONS] = { true, check_versions, NULL },
        [CHECK_REGISTRY] = { true, check_registry, NULL },
        [CHECK_LOADED] = { true, check_loaded, fix_loaded },
        [CHECK_LEFT_OVER] = { true, check_left_over, fix_left_over },
        [CHECK_OVERRIDDEN] = { true, check_overridden, NULL },
        [CHECK_MEMBERS] = { true, check_members, NULL },
        [CHECK_PROVIDERS] = { false, check_providers, NULL },
        [CHECK_CREDENTIALS] = { true, check_credentials, fix_credentials },
        [CHECK_MODULES] = { true, check_modules, NULL },
        [CHECK_PORTS] = { true, check_ports, NULL },
        [CHECK_FAILED] = { true, check_failed, fix_failed },
        [CHECK_SANDBOX] = { true, check_sandbox, NULL },
        [CHECK_HOSTS] = { true, check_hosts, NULL },
        [CHECK_GENERATIONS] = { true, check_generations, fix_generations },
        [CHECK_FOLLOWING] = { true, check_following, fix_following },
};

static_assert(ELEMENTSOF(checks) == _CHECK_MAX, "each name has its functions");

const char *check_name(const Check *check) {
        return check_words[check - checks].word;
}

const char *check_title(const Check *check) {
        return check_words[check - checks].help;
}

const char *level_to_string(Level level) {
        static const char *const names[] = {
                [LEVEL_OK] = "ok",
                [LEVEL_NOTE] = "note",
                [LEVEL_WARNING] = "warning",
                [LEVEL_ERROR] = "error",
        };

        return names[level];
}

static void finding_done(Finding *f) {
        free(f->subject);
        free(f->what);
        free(f->why);
        free(f->mend);
}

void doctor_done(Doctor *d) {
        doctor_facts_done(d);
        for (size_t i = 0; i < d->n_findings; i++)
                finding_done(d->findings + i);
        free(d->findings);
        for (size_t i = 0; i < d->n_verdicts; i++)
                free(d->verdicts[i].problem);
        free(d->verdicts);
        strv_free(d->registry_said);
        registry_free(d->registry);
        free(d->bus_problem);
        (void) sd_bus_flush_close_unref(d->bus);
        *d = (Doctor) { .ctl = d->ctl };
}

int doctor_find(Doctor *d, unsigned level, const char *subject, char *what, char *why, char *mend) {
        Finding f = {
                .check = d->check,
                .level = level & ~(unsigned) FIXABLE,
                .fixable = level & FIXABLE,
                .subject = subject ? strdup(subject) : NULL,
                .what = what,
                .why = why,
                .mend = mend,
        };
        Finding *grown = NULL;

        if (what && why && (f.subject || !subject))
                grown = reallocarray(d->findings, d->n_findings + 1, sizeof(Finding));
        if (!grown) {
                finding_done(&f);
                return -ENOMEM;
        }
        d->findings = grown;
        d->findings[d->n_findings++] = f;
        return 0;
}

int doctor_split_advice(const char *line, char **ret_what, char **ret_mend) {
        _cleanup_(freep) char *what = NULL, *mend = NULL;
        const char *colon = NULL;

        for (const char *p = line; (p = strstr(p, ": ")); p++)
                colon = p;
        what = colon ? strndup(line, (size_t) (colon - line)) : strdup(line);
        mend = colon ? strdup(colon + 2) : NULL;
        if (!what || (colon && !mend))
                return -ENOMEM;
        *ret_what = TAKE_PTR(what);
        *ret_mend = TAKE_PTR(mend);
        return 0;
}

static void take_line(int priority, const char *line, void *userdata) {
        char ***lines = userdata;

        if (priority < LOG_DEBUG)
                (void) strv_extend(lines, line); /* without memory the check itself fails, too */
}

/* What stands in the way is a finding here, not the end, and what the registry complains of as well. */
static int doctor_connect(Doctor *d) {
        _cleanup_(strv_freep) char **said = NULL;
        int r;

        log_divert(take_line, &said);
        r = bus_open_user(&d->bus);
        if (r >= 0)
                r = registry_load(d->bus, &d->registry);
        log_divert(NULL, NULL);
        if (r == -ENOMEM)
                return r;
        if (r >= 0) {
                r = doctor_gather(d);
                if (r == -ENOMEM)
                        return r;
        }
        if (r >= 0) {
                d->registry_said = TAKE_PTR(said);
                return 0;
        }
        doctor_facts_done(d);
        d->registry = registry_free(d->registry);
        d->bus = sd_bus_close_unref(d->bus);
        d->bus_problem = said ? strdup(*said) : str_printf("the user's systemd does not answer (%s)", strerror(-r));
        return d->bus_problem ? 0 : -ENOMEM;
}

static int run_check(Doctor *d, const Check *check, Verdict *v) {
        size_t before = d->n_findings;
        int r;

        *v = (Verdict) { .check = check };
        if (check->needs_bus && !d->bus) {
                v->problem = strdup("the user's systemd cannot be asked");
                return v->problem ? 0 : -ENOMEM;
        }
        d->check = check;
        r = check->run(d);
        if (r == -ENOMEM)
                return r;
        v->made = r >= 0;
        v->problem = r < 0 ? strdup(strerror(-r)) : NULL;
        for (size_t i = before; i < d->n_findings; i++)
                v->level = MAX(v->level, d->findings[i].level);
        return v->made || v->problem ? 0 : -ENOMEM;
}

const char *doctor_unknown_check(char *const *names) {
        for (; names && *names; names++) {
                size_t i = 0;

                while (i < ELEMENTSOF(checks) && !streq(check_words[i].word, *names))
                        i++;
                if (i == ELEMENTSOF(checks))
                        return *names;
        }
        return NULL;
}

int doctor_run(Doctor *d) {
        int r;

        d->verdicts = calloc(ELEMENTSOF(checks), sizeof(Verdict));
        if (!d->verdicts)
                return -ENOMEM;
        r = doctor_connect(d);
        for (size_t i = 0; i < ELEMENTSOF(checks) && r >= 0; i++)
                if (!d->ctl->names || strv_contains(d->ctl->names, check_words[i].word))
                        r = run_check(d, checks + i, d->verdicts + d->n_verdicts++);
        return r;
}

void repairs_done(Repairs *repairs) {
        for (size_t i = 0; i < repairs->n; i++) {
                free(repairs->list[i].subject);
                free(repairs->list[i].what);
        }
        free(repairs->list);
        *repairs = (Repairs) {};
}

static int repair(Doctor *d, const Finding *f, Repair *ret) {
        _cleanup_(freep) char *what = NULL;
        int r;

        r = f->check->fix(d, f, &what);
        if (r < 0 && !what)
                what = str_printf("%s: %s", f->what, strerror(-r));
        *ret = (Repair) {
                .check = f->check,
                .subject = f->subject ? strdup(f->subject) : NULL,
                .what = TAKE_PTR(what),
                .done = r >= 0,
        };
        return ret->what && (ret->subject || !f->subject) ? 0 : -ENOMEM;
}

int doctor_fix(Doctor *d, Repairs *ret) {
        int r = 0;

        ret->list = calloc(d->n_findings + 1, sizeof(Repair));
        if (!ret->list)
                return -ENOMEM;
        for (size_t i = 0; i < d->n_findings && r >= 0; i++)
                if (d->findings[i].fixable && d->findings[i].level >= LEVEL_WARNING)
                        r = repair(d, d->findings + i, ret->list + ret->n++);
        return r;
}

Level doctor_worst(const Doctor *d) {
        Level worst = LEVEL_OK;

        for (size_t i = 0; i < d->n_findings; i++)
                worst = MAX(worst, d->findings[i].level);
        return worst;
}
