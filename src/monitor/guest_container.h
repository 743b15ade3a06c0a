// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_container: the part of a guest's configuration that only containers have (guest.h). */
#pragma once

#include "monitor/guest.h"

#define GUEST_PIDS_MAX 4194304 /* the kernel's own limit */

int guest_container_check(const struct guest_config *c, struct err *e);
json_t *guest_container_json(const struct guest_container *c);
/* Lists go to c->lists[2] and on. */
int guest_container_parse(const json_t *guest, struct guest_config *c, struct err *e);

/* "FROM:TO[:OPTION[,OPTION]]", options ro, rw, nosuid, nodev, noexec; absolute paths. */
struct guest_mount {
    char *from, *to;
    bool read_only, nosuid, nodev, noexec;
};
int guest_mount_parse(const char *text, struct guest_mount *ret, struct err *e);
void guest_mount_fini(struct guest_mount *m);
#define OWN_MOUNT __attribute__((cleanup(guest_mount_fini))) struct guest_mount

/* What --security-opt said. */
struct guest_security {
    bool new_privileges; /* may be gained by exec */
    bool unmasked;       /* nothing of /proc and /sys is hidden */
    bool seccomp_off;
    const char *seccomp;          /* a file with a profile (borrowed), or NULL: ours */
    const char *apparmor, *label; /* borrowed, or NULL */
};
int guest_security_parse(const char *const *options, struct guest_security *ret, struct err *e);
