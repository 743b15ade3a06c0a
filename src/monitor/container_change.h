// SPDX-License-Identifier: GPL-2.0-or-later
/* container_change: `update` of a container that runs: its cgroups, its mounts, its ports, its record. */
#pragma once

#include "base/json.h"
#include "monitor/guest_dir.h"
#include "monitor/port_change.h"

struct container_change {
    const struct guest_dir *dir;
    const char *states, *id; /* as the runtime knows it */
    pid_t pid;               /* of its first process, a child of ours */
    const struct port_ops *ports;
    void *net; /* theirs */
};

/* The request as guest_update.h has it. All of it is done, or nothing. */
int container_change(const struct container_change *c, const json_t *request, struct err *e);
