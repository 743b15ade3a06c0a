// SPDX-License-Identifier: GPL-2.0-or-later
/* command: what a detached guest runs: started when its agent is up, heard on the console and in its log. */
#pragma once

#include "monitor/console.h"
#include "monitor/guest.h"
#include "vm/agent.h"

struct command;
/* ended(ctx, status) is called once, on the loop; 126: it could not be started. All are borrowed. */
int command_start(struct agent *a, struct loop *loop, const struct guest_config *g, struct console *console,
                  void (*ended)(void *ctx, int status), void *ctx, struct command **ret, struct err *e);
void command_free(struct command *c); /* hangs it up if it runs; ended is not called */
