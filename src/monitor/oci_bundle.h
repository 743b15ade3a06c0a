// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_bundle: a container's bundle as the machine around it sees it: one shared folder with
 *
 *     config.json   what is left to do for the runtime inside       oci   that runtime (our hospes-oci)
 *     root          the container's root                            out   written by both sides
 *     m0, m1, ...   the source of each bind mount
 *
 * Namespaces, mounts, capabilities, limits of processes, seccomp are made inside; memory and CPUs are the
 * machine's, hooks of the runtime and cgroups the host's.
 */
#pragma once

#include "container/launch.h"
#include "host/share.h"

#define OCI_BUNDLE_TAG "hospes"

struct oci_bundle {
    struct share_export exports[SHARE_EXPORTS]; /* their descriptors are ours */
    char names[SHARE_EXPORTS][16];
    unsigned nr;
};

/*
 * Makes `out` and `guest.json` in the state's folder. -EOPNOTSUPP: something of the configuration cannot be
 * done in a machine; -ENOENT: a mount's source, or hospes-oci, is not there.
 */
int oci_bundle_make(const struct launch *l, struct oci_bundle *ret, struct err *e);
void oci_bundle_fini(struct oci_bundle *b);
#define OWN_OCI_BUNDLE __attribute__((cleanup(oci_bundle_fini))) struct oci_bundle
