/* SPDX-License-Identifier: MIT */

/* Any bytes as a Procfile: each service has a command, in words that make up the line again or as the line itself. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "basic/string-util.h"
#include "ctl/services/import.h"
#include "shared/strv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const Import *import) {
        assert(import->n_services <= IMPORT_SERVICES_MAX);
        for (size_t i = 0; i < import->n_services; i++) {
                const ImportedService *s = import->services + i;

                assert(*s->name && s->line > 0 && !s->refused);
                assert(!s->shell != !s->command && (!s->shell || *s->shell));
                for (size_t j = 0; j < i; j++)
                        assert(!streq(import->services[j].name, s->name));
                /* What goes to no shell has nothing that one would take for itself. */
                STRV_FOREACH(word, s->command)
                        assert(**word && !strpbrk(*word, "$`\"'\\|&;<>()*?[]{}~#!"));
        }
        for (size_t i = 0; i < import->n_notes; i++)
                assert(import->notes[i].text && import->notes[i].line > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *text = strndup((const char *) data, size), *problem = NULL;
        unsigned line = 0;
        int r;

        assert(text);
        r = procfile_read(text, &import, &line, &problem);
        assert(r == 0 || r == -EINVAL);
        if (r < 0)
                assert(problem && line > 0 && import.n_services == 0);
        else
                check(&import);
        return 0;
}
