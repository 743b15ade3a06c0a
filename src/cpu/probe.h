// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe: does KVM work here? That /dev/kvm exists does not mean it does: some hosts offer one that
 * emulates ring 0 slowly or dies at CMPXCHG16B. A throw-away machine finds out.
 */
#pragma once

#include <stdbool.h>

enum probe_verdict {
    PROBE_USABLE,
    PROBE_MISSING, /* no /dev/kvm */
    PROBE_DENIED,  /* it is there, but not for this user */
    PROBE_BROKEN,  /* it is there and does not run a kernel's instructions, or not in time */
};

struct probe_result {
    enum probe_verdict verdict;
    bool cached;
    char reason[160]; /* one line, for people: why, or how fast */
};

/*
 * Ask, at most 50 ms. cache: a file to remember the answer in for this boot of the host (NULL: none);
 * one that can't be read or written is no error. Forks; the caller's signal handling is not touched.
 */
void probe_kvm(const char *cache, struct probe_result *ret);
