// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_caps: see bundle_caps.h. */
#include "monitor/bundle_caps.h"

#include <stdio.h>
#include <string.h>

#include "container/config.h"

static const char *const default_caps[] = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

static uint64_t cap_bits(const char *name)
{
    char full[64];
    if (strcmp(name, "ALL") == 0) {
        uint64_t all = 0;
        for (int i = 0; i < CAPS_NR && cap_name(i); i++)
            all |= 1ull << i;
        return all;
    }
    snprintf(full, sizeof(full), "%s%s", strncmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
    int n = cap_number(full);
    return n < 0 ? 0 : 1ull << n;
}

/* ALL first, so that the others are exceptions to it: --cap-drop ALL --cap-add CHOWN is CHOWN alone. */
uint64_t bundle_caps(const struct guest_container *c)
{
    uint64_t caps = c->privileged ? cap_bits("ALL") : 0;
    for (size_t i = 0; i < sizeof(default_caps) / sizeof(default_caps[0]); i++)
        caps |= cap_bits(default_caps[i]);
    for (int all = 1; all >= 0; all--) {
        for (const char *const *p = c->cap_drop; p && *p; p++)
            if ((strcmp(*p, "ALL") == 0) == all)
                caps &= ~cap_bits(*p);
        for (const char *const *p = c->cap_add; p && *p; p++)
            if ((strcmp(*p, "ALL") == 0) == all)
                caps |= cap_bits(*p);
    }
    return caps;
}
