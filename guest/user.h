// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user: who a command runs as, from the guest's own /etc/passwd and /etc/group. Read by hand: a static
 * program has no name service switch.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

#define USER_GROUPS 64

struct user {
    uid_t uid;
    gid_t gid;
    gid_t groups[USER_GROUPS];
    size_t nr_groups;
    char name[64], home[256], shell[256]; /* name may be empty: a number that nobody has */
};

/*
 * who: NAME, UID, NAME:GROUP or UID:GID. passwd and group: paths of the two files. -ENOENT: no such user or
 * group, -EINVAL. A uid that is in no file is fine: home "/", shell /bin/sh, group 0.
 */
int user_find(const char *who, const char *passwd, const char *group, struct user *ret, struct err *e);

int user_become(const struct user *u); /* of the calling process, for good; -errno */
