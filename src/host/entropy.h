// SPDX-License-Identifier: GPL-2.0-or-later
/* entropy: random bytes for guests, from the host's kernel. */
#pragma once

#include "board/port.h"

/* Stateless; copy it or point at a copy. Threads: any. */
struct entropy_port entropy_host(void);
