// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge_look: whether containers would get the bridge here, without making anything. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "host/subnet.h"

struct bridge_look {
    bool there;           /* hospes0 is made already */
    struct subnet subnet; /* its, or the one that the first container would choose */
};

/* -EPERM: it takes root's rights; -EOPNOTSUPP, -EPROTONOSUPPORT: no nftables; -EADDRINUSE. */
int bridge_look(struct bridge_look *ret, struct err *e);
