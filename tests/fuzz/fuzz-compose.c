/* SPDX-License-Identifier: MIT */

/* Any bytes as a compose file: what is read of it is within the limits, and of what is not read a line says why. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "basic/string-util.h"
#include "ctl/services/import.h"
#include "shared/strv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some are set. */
static const char *variable(const char *name, void *userdata) {
        return *name < 'N' ? "value" : NULL;
}

static void check(const Import *import) {
        assert(import->n_services <= IMPORT_SERVICES_MAX);
        for (size_t i = 0; i < import->n_services; i++) {
                const ImportedService *s = import->services + i;

                assert(s->name && s->line > 0 && !s->shell && s->port <= UINT16_MAX);
                assert(s->refused || s->command);
                STRV_FOREACH(assignment, s->env)
                        assert(strchr(*assignment, '='));
        }
        for (size_t i = 0; i < import->n_notes; i++)
                assert(import->notes[i].text && import->notes[i].line > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(import_done) Import import = {};
        _cleanup_(freep) char *problem = NULL;
        unsigned line = 0;
        int r;

        r = compose_read((const char *) data, size, variable, NULL, &import, &line, &problem);
        assert(r == 0 || r == -EINVAL);
        if (r < 0)
                assert(problem && line > 0 && import.n_services == 0 && import.n_notes == 0);
        else
                check(&import);
        return 0;
}
