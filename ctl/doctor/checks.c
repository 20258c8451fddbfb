/* SPDX-License-Identifier: MIT */
#include "checks.h"

const VerbWord check_words[_CHECK_MAX + 1] = {
        [CHECK_MANAGER] = { "manager", "The user's systemd and D-Bus answer" },
        [CHECK_LINGER] = { "linger", "The fleet lives on without a login" },
        [CHECK_JOURNAL] = { "journal", "The journal can be read, and is kept" },
        [CHECK_CLOCK] = { "clock", "The clock is right" },
        [CHECK_DISK] = { "disk", "There is room on the disk" },
        [CHECK_INOTIFY] = { "inotify", "There are inotify instances and watches enough" },
        [CHECK_USER_NAMESPACES] = { "user-namespaces", "The kernel gives the sandbox its user namespaces" },
        [CHECK_VERSIONS] = { "versions", "All programs are of one installation, and what runs is what is installed" },
        [CHECK_REGISTRY] = { "registry", "The unit files agree with each other" },
        [CHECK_LOADED] = { "loaded", "systemd goes by the unit files as they are" },
        [CHECK_LEFT_OVER] = { "left-over", "No swap has left units behind" },
        [CHECK_OVERRIDDEN] = { "overridden", "No installed unit is masked or changed" },
        [CHECK_MEMBERS] = { "members", "The fleet starts each of its services" },
        [CHECK_PROVIDERS] = { "providers", "Every provider of models can be used" },
        [CHECK_CREDENTIALS] = { "credentials", "Every credential is there, and closed to others" },
        [CHECK_MODULES] = { "modules", "Every module is there and fit for its service" },
        [CHECK_PORTS] = { "ports", "Every port is free or the fleet's own" },
        [CHECK_FAILED] = { "failed", "Nothing has failed or crashes" },
        [CHECK_SANDBOX] = { "sandbox", "Every service runs in the sandbox that its unit asks for" },
        [CHECK_HOSTS] = { "hosts", "Every native service answers on D-Bus" },
        [CHECK_GENERATIONS] = { "generations", "Every native service runs the module on disk" },
        [CHECK_FOLLOWING] = { "following", "What is saved and built is loaded" },
};
