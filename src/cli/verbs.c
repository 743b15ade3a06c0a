// SPDX-License-Identifier: GPL-2.0-or-later
/* verbs: see verbs.h; in the order in which the help shows them. */
#include "cli/verbs.h"

const struct verb *const verbs[] = {
    &verb_run,    &verb_ps,          &verb_top,          &verb_exec,     &verb_console,       &verb_logs,
    &verb_stop,   &verb_start,       &verb_restart,      &verb_kill,     &verb_pause,         &verb_resume,
    &verb_fork,   &verb_snapshot,    &verb_restore,      &verb_wait,     &verb_inspect,       &verb_rm,
    &verb_update, &verb_image_build, &verb_image_import, &verb_image_ls, &verb_image_inspect, &verb_image_rm,
    &verb_doctor, &verb_man,         &verb_completion,   NULL,
};
