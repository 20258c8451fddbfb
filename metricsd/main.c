/* SPDX-License-Identifier: MIT */
#include "manager.h"
#include "shared/log.h"

/* systemd.exec(5) gives these two their meaning; the unit lists both in RestartPreventExitStatus=, for another try
 * would end as the first did. */
#define EXIT_INVALID_ARGUMENT 2
#define EXIT_CONFIG 78

int main(int argc, char *argv[]) {
        Options options = options_default();
        _cleanup_(manager_freep) Manager *manager = NULL;
        int r;

        log_setup("tooloo-metricsd", "metricsd");
        r = options_parse(&options, argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_INVALID_ARGUMENT : EXIT_SUCCESS;
        r = manager_new(&options, &manager);
        if (r == -EUCLEAN) /* what to put right was said */
                return EXIT_CONFIG;
        if (r >= 0)
                r = manager_run(manager);
        return r < 0 ? EXIT_FAILURE : r;
}
