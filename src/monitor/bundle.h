// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bundle: from a guest's configuration to config.json of a container (OCI runtime-spec 1.2), with what hospes
 * itself sets: no new privileges, a seccomp profile, hidden and read-only files of /proc and /sys, few
 * capabilities, a limit of processes, recursively read-only mounts.
 */
#pragma once

#include "monitor/container_ids.h"
#include "monitor/guest.h"

struct bundle_user {
    unsigned uid, gid;
    unsigned groups[64], nr_groups;
    char home[256];
};

struct bundle_device;
struct bundle {
    const struct guest_config *guest; /* its name is set */
    const char *root;                 /* the container's root, mounted */
    const char *files; /* folder with hosts, resolv.conf and hostname, which it sees in /etc; NULL: it keeps
                          its own */
    const struct bundle_user *user;
    const char *const *volumes;    /* folders of the root that can be written to even if it cannot; or NULL */
    const char *shell;             /* what runs if there is no command */
    const char *netns;             /* a network namespace to join, or NULL */
    bool rootless;                 /* in a user namespace of the monitor's */
    struct container_ids ids;      /* whom that has */
    struct bundle_device *devices; /* bundle_config finds them */
    unsigned nr_devices;
};

/* The text, malloc'd. -EINVAL: says what is wrong; errno of a seccomp profile's file. */
int bundle_config(const struct bundle *b, char **ret, struct err *e);

/*
 * USER[:GROUP], names or numbers, looked up in the image's own /etc/passwd and /etc/group, which may hold
 * anything; NULL: root. root: descriptor of the container's root. -ENOENT: no such user or group.
 */
int bundle_user_find(int root, const char *text, struct bundle_user *ret, struct err *e);
/* One more group, by name or number. -ENOENT; -E2BIG: there are too many. */
int bundle_user_join(int root, const char *group, struct bundle_user *u, struct err *e);
