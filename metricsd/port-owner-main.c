/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "basic/string-util.h"
#include "shared/log.h"
#include "shared/port-owner.h"

/* tooloo-port-owner PORT: logs who listens there. metricsd has it started when a service has failed and its port is taken:
 * from within metricsd's sandbox the descriptors of other processes cannot be seen. */
int main(int argc, char *argv[]) {
        _cleanup_(freep) char *who = NULL, *field = NULL, *reason = NULL;
        unsigned long port;

        log_setup("tooloo-port-owner", NULL);
        if (argc != 2 || parse_uint(argv[1], 1, UINT16_MAX, &port) < 0) {
                log_error("Usage: tooloo-port-owner PORT");
                return 2;
        }
        who = port_owner_describe((unsigned) port);
        if (!who) {
                log_info("port %lu is free by now", port);
                return EXIT_SUCCESS;
        }
        field = str_printf("TOOLOO_PORT=%lu", port);
        reason = str_printf("TOOLOO_REASON=%s", who);
        /* Without memory the fields end early, and the line is still said. */
        log_fields(LOG_NOTICE, (const char *const[]) { "TOOLOO_EVENT=port-owner", field, reason, NULL }, "%s", who);
        return EXIT_SUCCESS;
}
