// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_mounts: the part `mounts` of a container's config.json: the kernel's file systems, files of /etc,
 * what was asked for. */
#pragma once

#include "monitor/bundle.h"

int bundle_mounts(const struct bundle *b, json_t **ret, struct err *e); /* new reference */
