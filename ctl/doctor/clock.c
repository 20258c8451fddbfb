/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <sys/timex.h>
#include <systemd/sd-journal.h>

#include "basic/time-util.h"
#include "clock.h"
#include "ctl/journal.h"
#include "doctor.h"

/* The same as timedated and ntpd have it: an error of more than 16 s is a clock that nobody sets. */
#define MAX_ERROR_USEC 16000000

/* The entry that was written last, whoever wrote it. 0 when there is none that can be seen. */
static uint64_t last_entry(void) {
        _cleanup_(journal_closep) sd_journal *j = NULL;
        uint64_t time;

        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0 || sd_journal_seek_tail(j) < 0 || sd_journal_previous(j) <= 0 ||
            sd_journal_get_realtime_usec(j, &time) < 0)
                return 0;
        return time;
}

/* What timedated says, without the question over the bus that would start it. */
static bool is_synchronised(void) {
        struct timex t = {};

        return adjtimex(&t) >= 0 && t.maxerror < MAX_ERROR_USEC;
}

static uint64_t built(void) {
        struct stat st;

        return stat("/proc/self/exe", &st) < 0 ? 0 : (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC;
}

int check_clock(Doctor *d) {
        const ClockFacts facts = {
                .now = now_realtime_usec(),
                .built = built(),
                .last_entry = last_entry(),
                .synchronised = is_synchronised(),
        };
        char now[ISO8601_MAX], then[ISO8601_MAX];

        (void) format_iso8601(now, facts.now);
        switch (clock_judge(&facts)) {
        case CLOCK_BEFORE_BUILD:
                return doctor_find(d, LEVEL_ERROR, "clock", str_printf("the clock says %s, before toolooctl was installed (%s)",
                                                                       now, format_iso8601(then, facts.built)),
                                   strdup("history, alerts and builds go by time: figures land in the wrong place, and "
                                          "what has changed looks old"),
                                   strdup("sudo timedatectl set-ntp true"));
        case CLOCK_BEHIND_JOURNAL:
                return doctor_find(d, LEVEL_WARNING, "clock", str_printf("the clock says %s, but the journal goes on to %s", now,
                                                                         format_iso8601(then, facts.last_entry)),
                                   strdup("it was set back: what is logged from now on is shown before what was logged "
                                          "then, and history waits or has double entries"),
                                   strdup("sudo timedatectl set-ntp true"));
        case CLOCK_FREE:
                return doctor_find(d, LEVEL_NOTE, "clock", strdup("nothing sets the clock by the network"),
                                   strdup("it drifts some seconds a day; when it is set by hand, history shows a step"),
                                   strdup("sudo timedatectl set-ntp true"));
        case CLOCK_SOUND:
                break;
        }
        return 0;
}
