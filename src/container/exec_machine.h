// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec_machine: processes of a container that has a machine around it. The runtime inside (this one) makes
 * them; files that both read and write are in the state's folder `out`, which the guest has at MACHINE_OUT.
 */
#pragma once

#include "container/container.h"
#include "container/proxy.h"

#define MACHINE_RUNTIME "/share/oci" /* inside: this program, the bundle and what is exchanged */
#define MACHINE_BUNDLE  "/share"
#define MACHINE_OUT     "/share/out"
#define MACHINE_STATES  "/run/oci"

/* container_exec for such a container; dir is its state's folder, which has its descriptor. */
int exec_machine(const struct state *s, int dir, const struct exec_options *o, struct err *e);

/* A request for a command of the runtime inside; name: of its files NAME.pid and NAME.log in `out`. The
 * command's words are appended to "argv". New reference. */
json_t *machine_request(const char *command, const char *name, bool tty);
void machine_request_add(json_t *request, const char *word);

/* Why the runtime inside failed, from NAME.log, in e; or what e says already. */
void machine_why(int out_dir, const char *name, struct err *e);
