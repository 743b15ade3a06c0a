// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_container: the part of a guest's configuration that only containers have (guest.h). */
#pragma once

#include "monitor/guest.h"

#define GUEST_PIDS_MAX 4194304 /* the kernel's own limit */

int guest_container_check(const struct guest_config *c, struct err *e);
json_t *guest_container_json(const struct guest_container *c);
/* Lists go to c->lists[2] and on. */
int guest_container_parse(const json_t *guest, struct guest_config *c, struct err *e);
