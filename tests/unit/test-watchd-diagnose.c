/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

#include "watchd/diagnose.h"

/* What each output, line by line, is taken to have failed of. */
static void expect(const char *output, const char *wanted, unsigned rank) {
        Diagnosis d = { 0 };
        char *copy = strdup(output), *save = NULL;

        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                cr_assert_eq(diagnose_line(&d, line), 0);
        cr_expect_str_eq(d.line, wanted);
        cr_expect_eq(d.rank, rank, "%u for %s", d.rank, d.line);
        diagnosis_done(&d);
        free(copy);
}

Test(watchd_diagnose, compilers) {
        expect("ninja: Entering directory `build'\n[1/2] Compiling C object x.c.o\nFAILED: x.c.o \ncc -c ../src/x.c\n"
               "../src/x.c: In function 'f':\n../src/x.c:9:1: warning: unused error: x\n"
               "../src/x.c:12:3: error: expected ';'\n../src/x.c:13:3: error: and more\n"
               "ninja: build stopped: subcommand failed.\n",
               "../src/x.c:12:3: error: expected ';'", 3);
        expect("FAILED: x.c.o\n../src/x.c:1:10: fatal error: y.h: No such file or directory\n"
               "compilation terminated.\n",
               "../src/x.c:1:10: fatal error: y.h: No such file or directory", 3);
        expect("/usr/bin/ld: x.o: in function `f':\nx.c:12: undefined reference to `g'\n"
               "collect2: error: ld returned 1 exit status\n",
               "x.c:12: undefined reference to `g'", 3);
        expect("servers/web.ts(12,3): error TS2304: Cannot find name 'x'.\n",
               "servers/web.ts(12,3): error TS2304: Cannot find name 'x'.", 3);
}

Test(watchd_diagnose, tools) {
        expect("ninja: error: unknown target 'modules'\n", "ninja: error: unknown target 'modules'", 2);
        expect("sh: 1: foo: not found\n", "sh: 1: foo: not found", 2);
        expect("  File \"x.py\", line 1\nSyntaxError: invalid syntax\n", "SyntaxError: invalid syntax", 2);
        expect("make: *** [Makefile:2: x] Error 1\nmake: leaving\n", "make: *** [Makefile:2: x] Error 1", 1);
        expect("something\nsomething else\n", "something else", 0);
}

Test(watchd_diagnose, full_disk_beats_all) {
        expect("x.c:1:2: error: bad\ncc: error writing to /tmp/x.s: No space left on device\nx.c:2:2: error: worse\n",
               "cc: error writing to /tmp/x.s: No space left on device", 4);
}

static void expect_clean(const char *given, const char *wanted) {
        char *line = strdup(given);

        line_clean(line);
        cr_expect_str_eq(line, wanted);
        free(line);
}

Test(watchd_diagnose, clean) {
        cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
        expect_clean("\033[01m\033[Kx.c:1:\033[m\033[K \033[01;31merror:\033[0m bad", "x.c:1: error: bad");
        expect_clean("tab\there\r", "tab here");
        expect_clean("‘quoted’", "‘quoted’");
        expect_clean("\xff\xe2\x80", "???");
        expect_clean("\033", "");
        expect_clean("\033[", "");
        expect_clean("", "");
}

Test(watchd_diagnose, shorten) {
        cr_expect_str_eq(line_shorten("../src/x.c:1:2: error: y", "/home/me/tree"), "src/x.c:1:2: error: y");
        cr_expect_str_eq(line_shorten("../../src/x.c", "/home/me/tree"), "src/x.c");
        cr_expect_str_eq(line_shorten("/home/me/tree/src/x.c:1", "/home/me/tree"), "src/x.c:1");
        cr_expect_str_eq(line_shorten("/home/me/trees/x.c:1", "/home/me/tree"), "/home/me/trees/x.c:1");
        cr_expect_str_eq(line_shorten("src/x.c", "/home/me/tree"), "src/x.c");
}
