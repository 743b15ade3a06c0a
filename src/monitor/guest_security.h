// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_security: what is kept from a container, by the words of --security-opt. */
#pragma once

#include "monitor/guest.h"

/* What --security-opt said. */
struct guest_security {
    bool new_privileges; /* may be gained by exec */
    bool unmasked;       /* nothing of /proc and /sys is hidden */
    bool seccomp_off, landlock_off;
    const char *seccomp;          /* a file with a profile (borrowed), or NULL: ours */
    const char *apparmor, *label; /* borrowed, or NULL */
};
int guest_security_parse(const char *const *options, struct guest_security *ret, struct err *e);
/* The same, and what --privileged means. */
int guest_security_of(const struct guest_container *c, struct guest_security *ret, struct err *e);
