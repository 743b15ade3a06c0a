// SPDX-License-Identifier: GPL-2.0-or-later
/* config_check: fields that are right each by itself but not together. */
#include <string.h>

#include "container/config.h"

static bool fresh(const struct config *c, enum ns_kind kind)
{
    return c->ns[kind].there && !c->ns[kind].path;
}

static void check_names(struct config *c, const struct field *root)
{
    if ((c->hostname && *c->hostname) || (c->domainname && *c->domainname))
        c->changed |= 1u << NS_UTS;
    if (c->hostname && *c->hostname && !c->ns[NS_UTS].there)
        field_bad_key(root, "hostname", "needs an own uts namespace (linux.namespaces)");
    if (c->domainname && *c->domainname && !c->ns[NS_UTS].there)
        field_bad_key(root, "domainname", "needs an own uts namespace (linux.namespaces)");
    if (c->hostname && strlen(c->hostname) > 64)
        field_bad_key(root, "hostname", "is longer than 64 bytes");
    if (c->domainname && strlen(c->domainname) > 64)
        field_bad_key(root, "domainname", "is longer than 64 bytes");
}

static void check_user(const struct config *c, const struct field *linux_)
{
    if (fresh(c, NS_USER) && (!c->uid_maps.nr || !c->gid_maps.nr))
        field_bad_key(linux_, c->uid_maps.nr ? "gidMappings" : "uidMappings",
                      "is missing for the new user namespace");
    if (c->uid_maps.nr && !c->ns[NS_USER].there)
        field_bad_key(linux_, "uidMappings", "needs an own user namespace (linux.namespaces)");
    if (c->nr_time_offsets && !fresh(c, NS_TIME))
        field_bad_key(linux_, "timeOffsets", "needs a new time namespace (linux.namespaces)");
}

/* A list below a missing mount namespace would change the host's own mounts. */
static void check_mounts(const struct config *c, const struct field *root, const struct field *linux_)
{
    if (c->ns[NS_MNT].there)
        return;
    if (c->nr_mounts || c->masked_paths.nr || c->readonly_paths.nr || c->root_readonly ||
        c->rootfs_propagation)
        field_bad_key(linux_, "namespaces", "needs a mount namespace for the mounts of this configuration");
    (void)root;
}

struct scope {
    const char *prefix;
    enum ns_kind ns;
};

/* Which namespace holds a sysctl; the others are the host's own. */
static const struct scope scopes[] = {
    {"net.", NS_NET},
    {"fs.mqueue.", NS_IPC},
    {"kernel.msgmax", NS_IPC},
    {"kernel.msgmnb", NS_IPC},
    {"kernel.msgmni", NS_IPC},
    {"kernel.sem", NS_IPC},
    {"kernel.shmall", NS_IPC},
    {"kernel.shmmax", NS_IPC},
    {"kernel.shmmni", NS_IPC},
    {"kernel.shm_rmid_forced", NS_IPC},
    {"kernel.domainname", NS_UTS},
    {"kernel.hostname", NS_UTS},
    {"user.", NS_USER},
};

static void check_sysctl(struct config *c, const struct field *sysctl, const char *name)
{
    char dotted[256];
    snprintf(dotted, sizeof(dotted), "%s", name);
    for (char *p = dotted; *p; p++)
        if (*p == '/')
            *p = '.';
    if (strstr(dotted, "..")) {
        field_bad_key(sysctl, name, "is no name of a sysctl");
        return;
    }
    for (unsigned i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (strncmp(dotted, scopes[i].prefix, strlen(scopes[i].prefix)) != 0)
            continue;
        if (!c->ns[scopes[i].ns].there)
            field_bad_key(sysctl, name, "needs an own %s namespace (linux.namespaces)",
                          ns_name(scopes[i].ns));
        c->changed |= 1u << scopes[i].ns;
        return;
    }
    field_bad_key(sysctl, name, "is not of a namespace, it would change the host");
}

void config_check(struct config *c, const struct field *root)
{
    struct field linux_ = field_object(root, "linux"), sysctl = field_object(&linux_, "sysctl");
    check_names(c, root);
    check_user(c, &linux_);
    check_mounts(c, root, &linux_);
    for (unsigned i = 0; i < c->nr_sysctls; i++)
        check_sysctl(c, &sysctl, c->sysctls[i].name);
}
