// SPDX-License-Identifier: GPL-2.0-or-later
/* container_files: what a container finds in its /etc about names and addresses. */
#pragma once

#include "monitor/container_net.h"
#include "monitor/guest_dir.h"

/*
 * hosts, resolv.conf and hostname in the guest's run folder, where they go with the rest. Once more when the
 * address is known: the same files, which the container has mounted by then.
 */
int container_files_write(const struct guest_dir *d, const struct guest_config *c,
                          const struct container_net *n, struct err *e);
