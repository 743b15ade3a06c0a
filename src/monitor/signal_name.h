// SPDX-License-Identifier: GPL-2.0-or-later
/* signal_name: signals as they are typed. */
#pragma once

#include "base/err.h"

/* "HUP", "SIGHUP", "1", "RTMIN+3". -EINVAL. */
int signal_by_name(const char *text, int *ret, struct err *e);
