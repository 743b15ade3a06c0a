// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_place: where the monitor of a container's machine stands on the host, and what machine that is to be.
 */
#pragma once

#include "container/launch.h"
#include "monitor/guest.h"

/*
 * The machine that a configuration asks for: kernel, CPUs and memory of `vm`, or as many as the limits of the
 * container need. append is malloc'd; hostname is what ret_hostname holds afterwards. -ENOMEM: more memory
 * than this host has. Joins the uts namespace of the configuration, whose name is the machine's.
 */
int oci_place_guest(const struct launch *l, char ret_hostname[65], struct guest_config *ret, struct err *e);

/* Is it a setting of the network, which goes on the kernel's command line? "net.ipv4.ip_forward" */
bool oci_place_is_networks(const char *sysctl);

/*
 * Into the container's cgroups and network namespace, and a mount namespace of its own; hooks of the runtime
 * run then. Its terminal is made and handed over: *ret_slave, or -1.
 */
int oci_place_enter(const struct launch *l, int *ret_slave, struct err *e);

/* Away from the standard streams and all that was inherited; what is logged goes to monitor.log. */
int oci_place_leave(const struct launch *l, struct err *e);
