// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step: execute the instruction at rip, whatever it is.
 *
 * Instructions are decoded once and kept by address; the bytes are fetched and compared every time, so a
 * change of code needs no notice. Privileged ones go to sys_execute, jumps, stack and string instructions run
 * in C, all others natively. Threads: a stepper belongs to its CPU.
 */
#include "cpu/soft/step.h"
#include "cpu/soft/copy.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two mappings of new memory, in the place of those that are there. */
static int map_code(struct stepper *s, struct err *e)
{
    const size_t bytes = STEP_ENTRIES * STEP_CODE_BYTES;
    int fixed = s->code_rw ? MAP_FIXED : 0;
    OWN_FD fd = memfd_create("hospes-step", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)bytes))
        return err_sys(e, "stepper's code");
    s->code_rw = mmap(s->code_rw, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | fixed, fd, 0);
    s->code_rx = mmap(s->code_rx, bytes, PROT_READ | PROT_EXEC, MAP_SHARED | fixed, fd, 0);
    if (s->code_rw == MAP_FAILED || s->code_rx == MAP_FAILED)
        return err_sys(e, "stepper's code");
    return 0;
}

int step_new(struct vcpu *v, struct err *e)
{
    struct stepper *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return err_sys(e, "stepper");
    v->stepper = s;
    return map_code(s, e);
}

/* Its slots would be written by both processes: the child begins without. */
int step_after_fork(struct vcpu *v, struct err *e)
{
    struct stepper *s = v->stepper;
    uintptr_t from = (uintptr_t)s->entries, to = from + sizeof(s->entries);
    uintptr_t first = (from + RAM_PAGE - 1) & ~(uintptr_t)(RAM_PAGE - 1),
              last = to & ~(uintptr_t)(RAM_PAGE - 1);
    madvise((void *)first, last - first, MADV_DONTNEED); /* zeros, and no copies of what is forgotten */
    zero_bytes((void *)from, first - from);
    zero_bytes((void *)last, to - last);
    return map_code(s, e);
}

void step_free(struct vcpu *v)
{
    const size_t bytes = STEP_ENTRIES * STEP_CODE_BYTES;
    struct stepper *s = v->stepper;
    if (!s)
        return;
    if (s->code_rw && s->code_rw != MAP_FAILED)
        munmap(s->code_rw, bytes);
    if (s->code_rx && s->code_rx != MAP_FAILED)
        munmap(s->code_rx, bytes);
    munmap(s, sizeof(*s));
}

bool step_host_fault(struct vcpu *v, const struct host_fault *f)
{
    const struct stepper *s = v->stepper;
    return s && f->pc - (uint64_t)(uintptr_t)s->code_rx < STEP_ENTRIES * STEP_CODE_BYTES;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static void decode(struct vcpu *v, struct stepped *s, uint64_t va, const uint8_t *bytes, unsigned n,
                   unsigned slot)
{
    bool need_more;
    vec_save(v);
    s->va = UINT64_MAX;
    if (!insn_decode(v->mode, bytes, n, &s->insn, &need_more)) {
        if (need_more && n < 15)
            mmu_fetch_gpa(v, va + n); /* the next page faults */
        if (need_more)                /* longer than 15 bytes */
            soft_fault_code(v, EXC_GP, 0);
        soft_fault(v, EXC_UD);
    }
    s->mode = v->mode & (MODE_LONG64 | MODE_CODE32);
    s->run = flow_handler(&s->insn);
    if (!s->run)
        s->run = string_handler(&s->insn);
    if (!s->run)
        s->run = rare_handler(&s->insn);
    if (!s->run)
        s->run = save_handler(&s->insn);
    if (!s->run) {
        s->run = native_run;
        native_prepare(v, s, slot);
    }
    s->va = va;
}

void step(struct vcpu *v)
{
    uint8_t bytes[15];
    uint64_t va = v->rip;
    if (!(v->mode & MODE_LONG64))
        va = mmu_linear(v, SEG_CS, v->rip, 1, ACCESS_FETCH);
    unsigned n = mmu_fetch(v, va, bytes), slot = (unsigned)((va ^ va >> 10) % STEP_ENTRIES);
    struct stepped *s = &stepper_of(v)->entries[slot];
    if (s->va != va || !s->insn.len || s->mode != (v->mode & (MODE_LONG64 | MODE_CODE32)) ||
        s->insn.len > n || !same_bytes(bytes, s->insn.bytes, s->insn.len))
        decode(v, s, va, bytes, n, slot);
    step_count(v, s->insn.mnemonic);
    if (!sys_execute(v, &s->insn))
        s->run(v, s);
}
