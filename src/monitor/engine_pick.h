// SPDX-License-Identifier: GPL-2.0-or-later
/* engine_pick: which engine runs a guest here. */
#pragma once

#include "cpu/cpu.h"
#include "monitor/guest.h"

/*
 * *ret_why: one line, malloc'd, NULL if there is nothing to tell: auto chose soft although /dev/kvm is there.
 * KVM is probed at most once a boot of the host. -ENOTSUP: kvm was asked for and does not work, says why.
 */
int engine_pick(enum guest_engine wanted, const struct engine_ops **ret, char **ret_why, struct err *e);
