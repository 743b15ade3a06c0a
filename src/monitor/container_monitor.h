// SPDX-License-Identifier: GPL-2.0-or-later
/* container_monitor: the process that supervises one container, from start to end. */
#pragma once

#include "monitor/monitor.h"

/* As monitor_run. */
int container_monitor_run(const struct monitor_config *c);
