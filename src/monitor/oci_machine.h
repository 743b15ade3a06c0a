// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_machine: the monitor of a machine around an OCI container. Its process is the container's for the host:
 * the pid in its state; what is sent to it, goes to the container's process; it ends with that one's status.
 */
#pragma once

struct launch;

/*
 * In a process of its own, in the place of a container's first one: answers over l->sync like init_main,
 * READY when the machine is up (`create`) or the program runs (`run`). Does not return.
 */
void oci_machine_run(struct launch *l);
