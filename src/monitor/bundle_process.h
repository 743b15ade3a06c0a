// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_process: the part `process` of a container's config.json. */
#pragma once

#include "monitor/bundle.h"
#include "monitor/guest_security.h"

json_t *bundle_process(const struct bundle *b, const struct guest_security *s); /* new reference */

/* What the guest calls itself. */
const char *bundle_hostname(const struct guest_config *c);
