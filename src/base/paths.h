// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * paths: where hospes keeps what lasts (images, guests) and what lives only as long as a monitor.
 *
 * $HOSPES_ROOT, if set, holds both: data/ and run/. Else root has /var/lib/hospes and /run/hospes; others
 * have $XDG_DATA_HOME/hospes (~/.local/share/hospes) and $XDG_RUNTIME_DIR/hospes (/tmp/hospes-UID).
 */
#pragma once

#include "base/err.h"

/* The folder for what lasts, absolute, malloc'd; it need not exist. NULL: out of memory. */
char *paths_data(void);

/*
 * The folder for sockets and locks, absolute, malloc'd, made if missing (0700). -EPERM: it is there but
 * another user's or open to others, so not to be trusted.
 */
int paths_run(char **ret, struct err *e);
