// SPDX-License-Identifier: GPL-2.0-or-later
/* port_change: published ports of a guest that runs, from those of one configuration to those of another. */
#pragma once

#include "host/net_forward.h"
#include "monitor/guest.h"

struct port_ops {
    int (*publish)(void *net, const struct net_forward *f, struct err *e);
    int (*unpublish)(void *net, const struct net_forward *f, struct err *e);
};

/* All of it is done, or nothing. Connections through a port that goes may live on. */
int port_change(const struct port_ops *ops, void *net, const struct guest_config *before,
                const struct guest_config *after, struct err *e);
