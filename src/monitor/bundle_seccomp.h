// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_seccomp: the seccomp profile that containers get if nothing else is said. */
#pragma once

#include <stdint.h>

/*
 * The section linux.seccomp (OCI runtime-spec, config-linux.md) for a container with these capabilities, a
 * bit each; malloc'd, NULL: out of memory. The same text for the same capabilities, so that its compiled form
 * is found again.
 */
char *bundle_seccomp(uint64_t caps);
