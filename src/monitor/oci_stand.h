// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_stand: a child of the monitor's that stands for the container's process: it has the standard streams,
 * waits for `start`, and talks to the machine as `exec` does. Made before the monitor has any thread.
 */
#pragma once

#include "container/launch.h"

/*
 * The child's pid; -errno. control: the name of the monitor's socket in the state's folder, which has to be
 * there already. slave: of the terminal, or -1. The child ends with the process' status, or with 126 after it
 * said why over `start` or l->sync.
 */
pid_t oci_stand(const struct launch *l, const char *control, int slave, struct err *e);
