/* SPDX-License-Identifier: MIT */
#include "command.h"

#include "command-line.h"

static const Command *find(const Ctl *ctl, const Command *commands, size_t n) {
        const char *name = ctl->names ? ctl->names[0] : NULL;

        if (!name)
                return commands;
        for (size_t i = 0; i < n; i++)
                if (streq(commands[i].name, name))
                        return commands + i;
        (void) verb_usage(ctl, "unknown command '%s %s'", ctl->verb->name, name);
        return NULL;
}

static bool has_option(const Command *c, int id) {
        for (const int *o = c->options; *o; o++)
                if (*o == id)
                        return true;
        for (const VerbOption *o = common_options; o->id; o++)
                if (o->id == id)
                        return true;
        return false;
}

static int check(const Ctl *ctl, const Command *c) {
        size_t n = 0;

        for (size_t i = 0; i < ctl->n_options; i++)
                if (!has_option(c, ctl->options[i].id))
                        return verb_usage(ctl, "--%s does not go with '%s %s'", option_find(ctl->options[i].id)->name,
                                          ctl->verb->name, c->name);
        while (ctl->names && ctl->names[n])
                n++;
        if (n < c->min || n > c->max)
                return verb_usage(ctl, "'%s %s' takes %s", ctl->verb->name, c->name, c->operands);
        return CTL_OK;
}

const Command *command_take(Ctl *ctl, const Command *commands, size_t n) {
        const Command *c = find(ctl, commands, n);

        if (c && ctl->names && ctl->names[0])
                ctl->names++;
        return c && check(ctl, c) == CTL_OK ? c : NULL;
}
