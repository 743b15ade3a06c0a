// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_program: the static program of guest/, as it was built, inside ours. */
#pragma once

#include <stdint.h>

extern const uint8_t guest_program[], guest_program_end[];
