// SPDX-License-Identifier: GPL-2.0-or-later
/* unit: cmocka with all that it needs included first. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
