// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_fault: an instruction in translated code faulted natively: the guest's state at its start.
 *
 * Guest registers are in the host's, but for r9..r11, whose memory is written after the instruction only.
 * Flags that a check destroyed are those that nobody needs. Signal context: no locks.
 */
#include "cpu/soft/jit.h"

static unsigned guest_offset(const struct block *b, uint32_t host)
{
    unsigned n = 0;
    while (n + 1 < b->nr_sites && b->sites[n + 1].host <= host)
        n++;
    return b->sites[n].guest;
}

bool jit_host_fault(struct vcpu *v, const struct host_fault *f)
{
    struct jit *j = v->soft->jit;
    const struct block *b = j ? cache_at_code(j, f->pc) : NULL;
    if (!b || !b->nr_sites)
        return false;
    uint64_t off = f->pc - (uint64_t)(uintptr_t)j->rx - b->code;
    for (unsigned i = 0; i < 16; i++)
        if (i < R9 || i > R11)
            v->gpr[i] = f->gpr[i];
    v->rip = v->page_va + guest_offset(b, (uint32_t)off);
    v->rflags = (v->rflags & ~(uint64_t)(FL_ARITH | FL_DF)) | (f->rflags & (FL_ARITH | FL_DF));
    return true;
}
