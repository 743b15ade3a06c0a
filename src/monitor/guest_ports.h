// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_ports: published ports in JSON, and what `hospes update` changes of them. */
#pragma once

#include "monitor/guest.h"

/* {"protocol", "host_ip", "host_port", "guest_port"}; of a list named key, or none. -EINVAL. */
json_t *guest_port_json(const struct guest_forward *f);
int guest_ports_parse(const json_t *j, const char *key, struct guest_forward ret[GUEST_FORWARDS],
                      unsigned *ret_nr, struct err *e);
json_t *guest_ports_json(const struct guest_forward *list, unsigned nr);

/*
 * The "ports" of guest.json (about, borrowed) with the request's "unpublish" taken away and its "publish"
 * added; *ret: a new reference. Of what is taken away guest_port says nothing. -ENOENT, -EEXIST.
 */
int guest_ports_merge(const json_t *request, const json_t *about, json_t **ret, struct err *e);
