// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_caps: the capabilities that a container's root has. */
#pragma once

#include "monitor/guest.h"

#define CAPS_NR 64

uint64_t bundle_caps(const struct guest_container *c); /* a bit each */
