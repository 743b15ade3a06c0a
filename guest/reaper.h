// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reaper: the first process of a container that wants one (`hospes run --init`): it starts the command,
 * passes signals on to it, reaps what others leave behind, and ends as the command does.
 */
#pragma once

/* argv: FILE ARGV0 ..., NULL at the end. */
_Noreturn void reaper_run(char **argv);
