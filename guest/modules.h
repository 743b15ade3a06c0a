// SPDX-License-Identifier: GPL-2.0-or-later
/* modules: the kernel modules that the host put beside this program, in the order in which they load. */
#pragma once

void modules_load(const char *folder); /* folder/order names them; what does not load is told */
