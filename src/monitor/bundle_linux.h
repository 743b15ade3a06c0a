// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_linux: the part `linux` of a container's config.json, but for seccomp. */
#pragma once

#include "monitor/bundle.h"
#include "monitor/guest_security.h"

json_t *bundle_linux(const struct bundle *b, const struct guest_security *s); /* new reference */
json_t *bundle_annotations(const struct bundle *b);                           /* new reference */
