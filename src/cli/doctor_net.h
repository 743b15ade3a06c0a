// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor_net: the check of what network containers get. */
#pragma once

#include "cli/doctor_check.h"

void doctor_look_bridge(struct finding *f);
