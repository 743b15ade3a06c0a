// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * power: how the guest goes down: whoever asked, everything gets time to end, disks are left clean.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum power_how { POWER_NONE, POWER_OFF, POWER_REBOOT };

/* Who brings the guest down: nobody (not in a guest), this program as its init, or the image's own init. */
enum power_role { POWER_ROLE_NONE, POWER_ROLE_INIT, POWER_ROLE_AGENT };

struct power {
    enum power_role role;
    enum power_how how;
    unsigned step;        /* of the way down */
    uint64_t deadline_ms; /* of this step */
};

/* Begin; asking again changes nothing. -ENOTSUP: not in a guest; the image's init cannot be told. */
int power_ask(struct power *p, enum power_how how, struct err *e);

/* As init: take the step that is due; does not return from the last one. True: terminals are to be hung up.
 */
bool power_step(struct power *p, uint64_t now_ms);
