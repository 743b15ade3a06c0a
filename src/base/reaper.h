// SPDX-License-Identifier: GPL-2.0-or-later
/* reaper: what the guest's program is started as to be a container's first process (guest/reaper.h). */
#pragma once

#define REAPER_NAME "hospes-reaper" /* its arguments: FILE ARGV0 ARGV1... */
