// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent: the loop that serves the host: connections, ended children, signals to init, the power button.
 */
#pragma once

#include "guest/power.h"

struct agent_setup {
    int listen;  /* a listening socket; becomes the agent's */
    int button;  /* input event device of the power button, or -1 */
    int initctl; /* initctl.h, or -1 */
    enum power_role role;
};

int agent_listen_vsock(struct err *e); /* the host's port; a descriptor or -errno */

_Noreturn void agent_run(const struct agent_setup *s);
