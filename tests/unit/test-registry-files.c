/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "shared/registry-files.h"
#include "shared/strv.h"

static char base[] = "/tmp/tooloo-registry-files-XXXXXX", *high, *low, *directories[3];

static void set_up(void) {
        cr_assert_not_null(mkdtemp(base));
        high = str_printf("%s/high", base);
        low = str_printf("%s/low", base);
        directories[0] = high;
        directories[1] = low;
}

static void tear_down(void) {
        _cleanup_(freep) char *command = str_printf("rm -r %s", base);

        cr_assert_eq(system(command), 0);
        free(high);
        free(low);
}

/* At a path below base; NULL for a link to /dev/null. */
static void put(const char *path, const char *text) {
        _cleanup_(freep) char *whole = str_printf("%s/%s", base, path), *parent = strdup(whole);

        *strrchr(parent, '/') = '\0';
        cr_assert_geq(mkdir_parents(parent, 0755), 0);
        if (!text)
                cr_assert_eq(symlink("/dev/null", whole), 0);
        else
                cr_assert_geq(write_file_atomic(whole, text, strlen(text), 0644), 0);
}

/* What holds for unit, below base. */
static char *drop_ins(const char *unit) {
        _cleanup_(drop_ins_done) DropIns d = {};
        _cleanup_(strv_freep) char **paths = NULL, **rest = NULL;

        cr_assert_geq(drop_ins_scan(directories, &d), 0);
        cr_assert_geq(drop_ins_of(&d, unit, &paths), 0);
        STRV_FOREACH(p, paths)
                cr_assert_geq(strv_extend(&rest, *p + strlen(base) + 1), 0);
        return strv_join(rest, " ");
}

static void expect(const char *unit, const char *wanted) {
        _cleanup_(freep) char *said = drop_ins(unit);

        cr_expect_str_eq(said, wanted, "%s: %s", unit, said);
}

Test(registry_files, drop_ins, .init = set_up, .fini = tear_down) {
        expect("tooloo-a.service", "");
        put("low/tooloo-.service.d/10-x.conf", "[Service]\n");
        put("low/tooloo-.service.d/notes.txt", "none\n");
        put("low/tooloo-.socket.d/10-x.conf", "[Socket]\n");
        put("low/service.d/05-all.conf", "[Service]\n");
        put("low/tooloo-a.service.d/20-own.conf", "[Service]\n");
        expect("tooloo-a.service", "low/service.d/05-all.conf low/tooloo-.service.d/10-x.conf low/tooloo-a.service.d/20-own.conf");
        expect("tooloo-a.socket", "low/tooloo-.socket.d/10-x.conf");
        expect("tooloo-ab.service", "low/service.d/05-all.conf low/tooloo-.service.d/10-x.conf");
        /* The same name: the directory of higher priority, but before that the name that says more. */
        put("high/tooloo-.service.d/10-x.conf", "[Service]\n");
        expect("tooloo-b.service", "low/service.d/05-all.conf high/tooloo-.service.d/10-x.conf");
        put("low/tooloo-b.service.d/10-x.conf", "[Service]\n");
        expect("tooloo-b.service", "low/service.d/05-all.conf low/tooloo-b.service.d/10-x.conf");
        put("low/tooloo-b-.service.d/10-x.conf", "[Service]\n");
        expect("tooloo-b-c.service", "low/service.d/05-all.conf low/tooloo-b-.service.d/10-x.conf");
        /* Masks, by a link or by an empty file. */
        put("high/service.d/05-all.conf", NULL);
        put("high/tooloo-b.service.d/10-x.conf", "");
        expect("tooloo-b.service", "");
}

static int read_all(const char *id, Candidate *ret) {
        _cleanup_(drop_ins_done) DropIns d = {};
        static Scan scan;

        scan_done(&scan);
        cr_assert_geq(scan_unit_directories(directories, &scan), 0);
        cr_assert_geq(drop_ins_scan(directories, &d), 0);
        *ret = (Candidate) {};
        for (size_t i = 0; i < scan.n_entries; i++)
                if (streq(scan.entries[i].id, id))
                        cr_assert_geq(candidate_init(ret, scan.entries + i), 0);
        cr_assert_not_null(ret->files);
        ret->service.load_state = strdup("loaded");
        if (ret->service.socket)
                ret->service.socket_state = strdup("active");
        return candidate_read_all(ret, &d);
}

Test(registry_files, a_service, .init = set_up, .fini = tear_down) {
        Candidate c;

        put("low/tooloo-a.service", "[Service]\nSlice=tooloo-core.slice\nExecReload=true\n[X-Tooloo]\nRoutes=/a\n");
        put("low/tooloo-a.socket", "[Socket]\nListenStream=127.0.0.1:3001\nListenStream=[::1]:3002\n");
        cr_assert_eq(read_all("a", &c), 1);
        cr_expect(candidate_is_service(&c));
        cr_expect_str_eq(c.slice, "tooloo-core.slice");
        cr_expect(c.service.port == 3001 && c.service.can_reload && c.service.on_change == ON_CHANGE_RELOAD);
        cr_expect(strv_contains(c.service.settings.routes, "/a") && strv_length(c.service.settings.routes) == 1);
        cr_expect(endswith(c.service.fragment_path, "/low/tooloo-a.service"));
        candidate_done(&c);

        put("high/tooloo-a.socket.d/port.conf", "[Socket]\nListenStream=\nListenStream=127.0.0.1:4000\n");
        put("high/tooloo-a.service.d/own.conf", "[Service]\nExecReload=\nSlice=tooloo-extended.slice\n[X-Tooloo]\nRoutes=/b\n");
        cr_assert_eq(read_all("a", &c), 1);
        cr_expect(c.service.port == 4000 && !c.service.can_reload && c.service.on_change == ON_CHANGE_RESTART);
        cr_expect_str_eq(c.slice, "tooloo-extended.slice");
        cr_expect(strv_contains(c.service.settings.routes, "/b") && strv_length(c.service.settings.routes) == 2);
        cr_expect(strv_length(c.service.drop_in_paths) == 1);
        candidate_done(&c);
}

/* And then nothing of it is left in the candidate. */
static void expect_asked(const char *id) {
        Candidate c;

        cr_expect_eq(read_all(id, &c), 0, "%s", id);
        cr_expect(!c.slice && !c.service.drop_in_paths && c.service.port == 0 && !c.service.fragment_path, "%s", id);
        candidate_done(&c);
}

Test(registry_files, what_only_systemd_can_tell, .init = set_up, .fini = tear_down) {
        Candidate c;

        put("low/tooloo-slice.service", "[Service]\nSlice=tooloo-%j.slice\n");
        expect_asked("slice");
        put("low/tooloo-type.service", "[Service]\nSlice=tooloo-core.slice\nType=notify-reload\n");
        expect_asked("type");
        put("low/tooloo-port.service", "[Service]\nSlice=tooloo-core.slice\n");
        put("low/tooloo-port.socket", "[Socket]\nListenStream=%t/x\n");
        expect_asked("port");
        put("low/tooloo-masked.service", "[Service]\nSlice=tooloo-core.slice\n");
        put("low/tooloo-masked.socket", NULL);
        expect_asked("masked");
        /* Of what is none of ours not even a wrong setting is said. */
        put("low/tooloo-other.service", "[Service]\nSlice=app.slice\n[X-Tooloo]\nRoutes=/x\nPort=77\n");
        cr_expect_eq(read_all("other", &c), 1);
        cr_expect(!candidate_is_service(&c) && !c.service.settings.routes && c.service.port == 0);
        candidate_done(&c);
}
