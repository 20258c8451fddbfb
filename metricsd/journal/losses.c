/* SPDX-License-Identifier: MIT */
#include "losses.h"

#include <string.h>

#include "basic/string-util.h"

static void loss_done(JournalLoss *loss) {
        free(loss->why);
        free(loss->service);
        *loss = (JournalLoss) {};
}

int journal_losses_add(JournalLosses *losses, const JournalLoss *loss) {
        char *why = strdup(loss->why), *service = loss->service ? strdup(loss->service) : NULL;

        if (!why || (loss->service && !service)) {
                free(why);
                free(service);
                return -ENOMEM;
        }
        loss_done(losses->all + losses->next);
        losses->all[losses->next] = (JournalLoss) {
                .why = why, .service = service, .at = loss->at, .kept = loss->kept, .earlier = loss->earlier,
        };
        losses->next = (losses->next + 1) % JOURNAL_LOSSES_MAX;
        return 0;
}

void journal_losses_done(JournalLosses *losses) {
        for (size_t i = 0; i < JOURNAL_LOSSES_MAX; i++)
                loss_done(losses->all + i);
}

const JournalLoss *journal_losses_since(const JournalLosses *losses, const char *service, uint64_t since) {
        const JournalLoss *newest = NULL;

        for (size_t i = 0; i < JOURNAL_LOSSES_MAX; i++) {
                const JournalLoss *loss = losses->all + i;
                bool concerns = loss->why && (!service || !loss->service || streq(service, loss->service));

                if (concerns && loss->at >= since && (!newest || loss->at >= newest->at))
                        newest = loss;
        }
        return newest;
}

bool journal_losses_has(const JournalLosses *losses, const char *service, const char *why, uint64_t since) {
        for (size_t i = 0; i < JOURNAL_LOSSES_MAX; i++) {
                const JournalLoss *loss = losses->all + i;
                bool same_service = service && loss->service ? streq(service, loss->service) : service == loss->service;

                if (loss->why && !loss->earlier && loss->at >= since && same_service && streq(loss->why, why))
                        return true;
        }
        return false;
}
