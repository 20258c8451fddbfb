/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "ctl/services/import.h"
#include "shared/strv.h"

static const char *no_variable(const char *name, void *userdata) {
        return streq(name, "SET") ? "set" : streq(name, "EMPTY") ? "" : NULL;
}

static void expect_words(char *const *words, const char *expected) {
        _cleanup_(freep) char *joined = strdup("");

        for (; words && *words; words++)
                cr_assert_eq(str_replace_printf(&joined, "%s<%s>", joined, *words), 0);
        cr_expect_str_eq(joined, expected);
}

static bool has_note(const Import *import, unsigned line, const char *words) {
        for (size_t i = 0; i < import->n_notes; i++)
                if (import->notes[i].line == line && strstr(import->notes[i].text, words))
                        return true;
        return false;
}

/* --- Words ------------------------------------------------------------------------------------------------------- */

Test(import, words) {
        static const struct {
                const char *line, *expected;
        } cases[] = {
                { "", "" },
                { "  a  b\t", "<a><b>" },
                { "a 'b  c' \"d e\"f", "<a><b  c><d ef>" },
                { "a\\ b 'c\\d' \"e\\\"f\\g\"", "<a b><c\\d><e\"f\\g>" },
                { "'' \"\"", "<><>" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(strv_freep) char **words = NULL;

                cr_assert_eq(import_split(cases[i].line, &words), 0, "%s", cases[i].line);
                expect_words(words, cases[i].expected);
        }
}

Test(import, no_words) {
        char line[2 * 257 + 1] = "";
        _cleanup_(strv_freep) char **words = NULL, **more = NULL;

        cr_expect_eq(import_split("a 'b", &more), -EINVAL);
        for (size_t i = 0; i < 257; i++)
                memcpy(line + 2 * i, "a ", 3);
        cr_expect_eq(import_split(line, &more), -EINVAL);
        line[sizeof(line) - 3] = '\0';
        cr_expect_eq(import_split(line, &words), 0);
        cr_expect_eq(strv_length(words), 256u);
}

/* --- Procfile ---------------------------------------------------------------------------------------------------- */

Test(import, procfile) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;

        cr_assert_eq(procfile_read("# what runs\n\nweb: node server.js -p $PORT\r\n  worker:node worker.js --queue=a  \n"
                                   "release: ./migrate\nempty:\nA_b-1: X=1 node\n", &import, &line, &problem), 0);
        cr_assert_eq(import.n_services, 3u);
        cr_expect_str_eq(import.services[0].shell, "node server.js -p $PORT");
        cr_expect(import.services[0].wants_port);
        cr_expect_str_eq(import.services[1].name, "worker");
        cr_expect_eq(import.services[1].line, 4u);
        cr_expect_not(import.services[1].wants_port);
        expect_words(import.services[1].command, "<node><worker.js><--queue=a>");
        cr_expect_str_eq(import.services[2].shell, "X=1 node");
        cr_expect(has_note(&import, 5, "by hand"));
        cr_expect(has_note(&import, 6, "no command"));
}

static void expect_procfile_problem(const char *text, unsigned expected, const char *words) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;

        cr_assert_eq(procfile_read(text, &import, &line, &problem), -EINVAL, "%s", text);
        cr_expect_eq(line, expected);
        cr_expect(strstr(problem, words), "%s", problem);
}

Test(import, procfile_that_is_none) {
        expect_procfile_problem("a: b\nc d\n", 2, "NAME: COMMAND");
        expect_procfile_problem(": b\n", 1, "NAME: COMMAND");
        expect_procfile_problem("a: b\na: c\n", 2, "in line 1");
}

Test(import, procfile_limit) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *text = strdup(""), *problem = NULL;
        unsigned line = 0;

        for (unsigned i = 0; i < IMPORT_SERVICES_MAX; i++)
                cr_assert_eq(str_replace_printf(&text, "%sa%u: b\n", text, i), 0);
        cr_expect_eq(procfile_read(text, &import, &line, &problem), 0);
        cr_assert_eq(str_replace_printf(&text, "%sx: b\n", text), 0);
        expect_procfile_problem(text, IMPORT_SERVICES_MAX + 1, "more than 100");
}

/* --- Compose ----------------------------------------------------------------------------------------------------- */

static void read_compose(const char *text, Import *ret) {
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;

        cr_assert_eq(compose_read(text, strlen(text), no_variable, NULL, ret, &line, &problem), 0, "%s", strna(problem));
}

static void expect_compose_problem(const char *text, const char *words) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;

        cr_assert_eq(compose_read(text, strlen(text), no_variable, NULL, &import, &line, &problem), -EINVAL);
        cr_expect(line > 0 && strstr(problem, words), "%u: %s", line, problem);
}

Test(import, compose_command) {
        _cleanup_(import_done) Import import = {};

        read_compose("services:\n"
                     "  a: {entrypoint: [run], command: 'x \"y z\"'}\n"
                     "  b: {image: postgres}\n"
                     "  c: {command: {d: e}}\n", &import);
        cr_assert_eq(import.n_services, 3u);
        expect_words(import.services[0].command, "<run><x><y z>");
        cr_expect(import.services[1].refused && has_note(&import, 3, "postgres cannot run here"));
        cr_expect(import.services[2].refused && has_note(&import, 4, "neither words nor a list"));
}

Test(import, compose_variables) {
        _cleanup_(import_done) Import import = {};

        read_compose("services:\n"
                     "  a:\n"
                     "    command: [a, '$SET-${SET}', '$$SET', '${NONE:-x y}', '${EMPTY:-x}', '${EMPTY-x}', 'a$', '${SET', '$NONE.']\n",
                     &import);
        expect_words(import.services[0].command, "<a><set-set><$SET><x y><x><><a$><${SET><.>");
        cr_expect(has_note(&import, 3, "NONE is not set"));
}

Test(import, compose_ports) {
        static const struct {
                const char *ports;
                unsigned port;
        } cases[] = {
                { "['80']", 80 }, { "[3000:3000]", 3000 }, { "['127.0.0.1:8080:80/tcp']", 80 }, { "['53:53/udp']", 0 },
                { "['3000-3005']", 0 }, { "['65536']", 0 }, { "['0']", 0 }, { "[{target: 80, published: '8080'}]", 80 },
                { "['81', '82']", 81 }, { "80", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(import_done) Import import = {};
                _cleanup_(freep) char *text = str_printf("services:\n  a:\n    command: a\n    ports: %s\n", cases[i].ports);

                read_compose(text, &import);
                cr_expect_eq(import.services[0].port, cases[i].port, "%s", cases[i].ports);
                cr_expect(cases[i].port > 0 || import.n_notes > 0, "%s", cases[i].ports);
        }
}

Test(import, compose_environment_and_more) {
        _cleanup_(import_done) Import import = {};

        read_compose("x-all: &all {A: '1', B: }\n"
                     "services:\n"
                     "  a:\n"
                     "    command: a\n"
                     "    environment: {<<: *all, SET: ~, C: 2}\n"
                     "    env_file: [one, {path: two}]\n"
                     "    depends_on: [b]\n"
                     "    healthcheck: {test: curl -f http://localhost/up?x || exit 1}\n"
                     "    volumes: [./a:/b, ./c:/d:ro, e:/f]\n"
                     "    tty: true\n", &import);
        expect_words(import.services[0].env_files, "<one><two>");
        expect_words(import.services[0].after, "<b>");
        expect_words(import.services[0].write, "<./a>");
        cr_expect_str_eq(import.services[0].health, "/up");
        cr_expect(strv_contains(import.services[0].env, "A=1") && has_note(&import, 5, "B is not set"));
        cr_expect(strv_contains(import.services[0].env, "SET=set") && strv_contains(import.services[0].env, "C=2"));
        cr_expect(has_note(&import, 10, "tty"));
}

Test(import, compose_that_is_none) {
        expect_compose_problem("", "no map 'services'");
        expect_compose_problem("services: []", "no map 'services'");
        expect_compose_problem("services: {a: b}", "a name with a map");
        expect_compose_problem("services: [", "no YAML");
        expect_compose_problem("services: *nobody", "no YAML");
        expect_compose_problem("services: &a {b: *a}", "levels deep");
}

Test(import, compose_limits) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *text = strdup("services:\n"), *laughs = strdup("a0: &a0 [1,2,3,4,5,6,7,8,9,0]\n");

        for (unsigned i = 0; i < IMPORT_SERVICES_MAX; i++)
                cr_assert_eq(str_replace_printf(&text, "%s  a%u: {command: b}\n", text, i), 0);
        read_compose(text, &import);
        cr_expect_eq(import.n_services, (size_t) IMPORT_SERVICES_MAX);
        cr_assert_eq(str_replace_printf(&text, "%s  x: {command: b}\n", text), 0);
        expect_compose_problem(text, "more than 100 services");

        for (unsigned i = 1; i < 10; i++)
                cr_assert_eq(str_replace_printf(&laughs, "%sa%u: &a%u [*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u,*a%u]\n", laughs, i, i, i - 1,
                                                i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1), 0);
        expect_compose_problem(laughs, "more than 10000 values");

        import_done(&import);
        read_compose("services: {}\nx: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", &import);
        expect_compose_problem("services: {}\nx: [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "more than 16 levels");
}
