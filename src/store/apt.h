// SPDX-License-Identifier: GPL-2.0-or-later
/* apt: what this host's package management is set to, as far as a Debian made here should be set the same. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* VERSION_CODENAME of the host if it is a Debian, else "stable"; malloc'd or NULL (out of memory). */
char *apt_host_suite(void);

/*
 * The host's Debian sources as sources.list lines for `suite`, malloc'd. If the host has none of that suite,
 * those of its own suite under the other name; "" if it has none at all: mmdebstrap's own default is right
 * then.
 */
int apt_sources(const char *suite, char **ret, struct err *e);

/* Its proxy and trust in old mirrors as apt.conf lines, malloc'd, maybe "". */
int apt_settings(char **ret, struct err *e);

/* One line of apt's "REPO_URI|RELEASE|COMPONENT" turned into a sources.list line for suite, malloc'd; NULL:
 * of another suite. */
char *apt_source_line(const char *target, const char *from_suite, const char *suite);
