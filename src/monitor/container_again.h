// SPDX-License-Identifier: GPL-2.0-or-later
/* container_again: whether and when a container's command is run again after its end (`--restart`). */
#pragma once

#include "base/loop.h"
#include "monitor/guest.h"
#include "monitor/guest_option.h"

struct container_again {
    struct guest_restart policy;
    struct loop_timer timer; /* the owner's */
    unsigned times;          /* that it was run again */
    unsigned failures;       /* in a row, each soon after the start */
    uint64_t began_ns, delay_ns;
};

void container_again_init(struct container_again *a, const struct guest_config *c);
/* It has ended with this status; true: after delay_ns it is to run again. */
bool container_again_wanted(struct container_again *a, int status);
