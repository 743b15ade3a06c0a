// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_change: an `update` of a guest that runs, checked and ready to be done. */
#pragma once

#include "monitor/guest_dir.h"
#include "monitor/guest_update.h"
#include "monitor/port_change.h"

struct guest_change {
    struct guest_update update;
    struct guest_config before, after;
    json_t *fields; /* of the record, as they are to be */
};
int guest_change_parse(const struct guest_dir *d, const json_t *request, struct guest_change *ret,
                       struct err *e);
void guest_change_fini(struct guest_change *c);
#define OWN_CHANGE __attribute__((cleanup(guest_change_fini))) struct guest_change

/* Its ports, then its record: both or none. */
int guest_change_ports(const struct guest_change *c, const struct guest_dir *d, const struct port_ops *ops,
                       void *net, struct err *e);
