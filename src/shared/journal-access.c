/* SPDX-License-Identifier: MIT */
#include "shared/journal-access.h"

#include <systemd/sd-id128.h>

#include "basic/string-util.h"

/* access(2) on the system's journal in that place. */
static int try_journal(const char *place, int mode) {
        _cleanup_(freep) char *path = NULL;
        char machine[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        r = sd_id128_get_machine(&id);
        if (r < 0)
                return r;
        path = str_printf("%s/log/journal/%s/system.journal", place, sd_id128_to_string(id, machine));
        if (!path)
                return -ENOMEM;
        return access(path, mode) < 0 ? -errno : 0;
}

bool journal_sees_notices(void) {
        return try_journal("/var", R_OK) >= 0 || try_journal("/run", R_OK) >= 0;
}

bool journal_is_hidden(void) {
        return try_journal("/run", R_OK) == -EACCES;
}
