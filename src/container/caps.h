// SPDX-License-Identifier: GPL-2.0-or-later
/* caps: capabilities of the calling process, and becoming another user with them. */
#pragma once

#include "container/config.h"

/* Drop from the bounding set all that p does not name; before caps_become. */
int caps_bound(const struct process_config *p, struct err *e);
/*
 * Become the process' user and groups with the capabilities it asks for. What this host or namespace cannot
 * grant is left out and added to *ret_lacking (the specification: warn), a bit a capability.
 */
int caps_become(const struct process_config *p, bool set_groups, uint64_t *ret_lacking, struct err *e);
