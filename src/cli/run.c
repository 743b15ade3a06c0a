// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: makes a guest and starts it. In the foreground the command's streams and status are ours, and the
 * guest ends with the command; detached, the guest stays. Without an image, with --console stdio, the monitor
 * is this very process.
 */
#include "cli/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/exec_command.h"
#include "cli/verbs.h"
#include "monitor/client.h"
#include "monitor/spawn.h"
