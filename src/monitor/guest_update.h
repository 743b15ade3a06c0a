// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_update: what `hospes update` changes of a container, running or not, and what guest.json says then.
 *
 * As a request: {"memory", "cpus_milli", "pids": numbers, "mount": [FROM:TO[:ro]], "unmount": [TO],
 * "publish" and "unpublish": ports as in guest.json}; what is missing stays as it is.
 */
#pragma once

#include "monitor/guest.h"

struct guest_update {
    bool memory_said, cpus_said, pids_said;
    uint64_t memory, cpus_milli;   /* 0: no limit any more */
    unsigned pids;                 /* 0: GUEST_PIDS */
    const char **mount, **unmount; /* NULL-ended, malloc'd; NULL: none. Strings are the request's */
    const json_t *request;         /* borrowed; its ports: guest_ports.h */
};
void guest_update_fini(struct guest_update *u);
#define OWN_UPDATE __attribute__((cleanup(guest_update_fini))) struct guest_update

int guest_update_parse(const json_t *request, struct guest_update *ret, struct err *e);

/*
 * *ret: the fields of guest.json (about, borrowed) that change, for guest_dir_record. What comes of it is
 * checked as a whole. -EEXIST: TO is mounted on already; -ENOENT: FROM is not there, nothing is mounted on
 * TO or published there; -EOPNOTSUPP: a machine, of which only ports change.
 */
int guest_update_merge(const struct guest_update *u, const json_t *about, json_t **ret, struct err *e);
