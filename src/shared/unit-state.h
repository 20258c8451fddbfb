/* SPDX-License-Identifier: MIT */
#pragma once

/* The state of a service in one word for people: running, active, starting, restarting, stopping, stopped, waiting (its
 * socket listens and the next connection starts it), failed, masked. A constant, or active itself. Each is systemd's
 * word; socket is the active state of its socket. NULL is the same as "". */
const char *unit_state_word(const char *load, const char *active, const char *sub, const char *socket);
