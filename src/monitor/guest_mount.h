// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_mount: a folder or file of the host in a container, as it is typed. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* An absolute path without "..", and more than "/". */
bool guest_path_inside(const char *path);

/* "FROM:TO[:OPTION[,OPTION]]", options ro, rw, nosuid, nodev, noexec; absolute paths. */
struct guest_mount {
    char *from, *to;
    bool read_only, nosuid, nodev, noexec;
};
int guest_mount_parse(const char *text, struct guest_mount *ret, struct err *e);
void guest_mount_fini(struct guest_mount *m);
#define OWN_MOUNT __attribute__((cleanup(guest_mount_fini))) struct guest_mount
