/* SPDX-License-Identifier: MIT */
#include "cause.h"

#include "basic/string-util.h"

const char *restart_cause(const RunEnd *end) {
        /* What systemd brings back nobody has asked for; its word says what happened to it. A restart that was asked for
         * can end the old run badly, too: a process that does not stop in time is killed. */
        if (end->automatic) {
                if (streq(end->result, "oom-kill"))
                        return "oom";
                return streq(end->result, "watchdog") ? "watchdog" : "crash";
        }
        if (end->by_metricsd)
                return "metricsd";
        return end->for_change ? "reload" : "person";
}

const char *restart_cause_words(const char *cause) {
        static const struct {
                const char *cause, *words;
        } table[] = {
                { "crash", "by systemd, for its process ended by itself" },
                { "oom", "by systemd, for the machine or its slice ran out of memory" },
                { "watchdog", "by systemd, for it no longer petted its watchdog" },
                { "metricsd", "by metricsd, as an alert rule says" },
                { "reload", "for a changed file" },
                { "person", "as somebody asked" },
        };

        for (unsigned i = 0; i < ELEMENTSOF(table); i++)
                if (streq(table[i].cause, cause))
                        return table[i].words;
        return "while metricsd did not look";
}
