// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * self: the runtime's own executable, kept out of reach of containers.
 *
 * A process in a container can reach the file that a runtime process runs from (/proc/PID/exe), and with
 * root's user id write to it (CVE-2019-5736). So the runtime starts itself again from a read-only, detached
 * copy of its mount, or, where that is not allowed, from a sealed copy in memory.
 */
#pragma once

/* Returns if there is nothing to protect, or nothing that could be done. */
void self_protect(char **argv);
