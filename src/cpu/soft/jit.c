// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit: life of the translator and its dispatcher: find the code for rip, run it, see why it came back.
 *
 * Needs a processor with BMI2 (shifts that leave flags alone); without, jit_new gives none and the stepper
 * does everything. Threads: jit_run is the CPU's own; all CPUs share the code. Between jit_begin and jit_end
 * a CPU holds addresses of it, and whoever empties the cache waits for that to end.
 */
#include "cpu/soft/jit.h"

#include <stdlib.h>

#include "cpu/soft/arch.h"
#include "cpu/soft/jit_emit.h"
#include "cpu/soft/run.h"
#include "cpu/soft/seg.h"

void *jit_memory(struct vcpu *v, uint64_t va, uint64_t what);

/* ---- life ---- */

static bool host_suits(void)
{
    uint32_t a = 7, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b >> 8 & 1;
}

/* jmp [rip] with the address behind it: C may be farther away than 2 GiB. */
static uint32_t far_jump(struct jit *j, void (*to)(void))
{
    struct emit e = {j->rw + j->used};
    uint32_t at = j->used;
    uint64_t address = (uint64_t)(uintptr_t)to;
    e_byte(&e, 0xff), e_byte(&e, 0x25);
    e_u32(&e, 0);
    e_u32(&e, (uint32_t)address);
    e_u32(&e, (uint32_t)(address >> 32));
    j->used = (uint32_t)(e.p - j->rw + 15) & ~15u;
    return at;
}

static void fixed_stubs(struct jit *j)
{
    j->exit_link = far_jump(j, jit_exit_link);
    j->exit_jump = far_jump(j, jit_exit_jump);
    j->exit_step = far_jump(j, jit_exit_step);
    j->exit_poll = far_jump(j, jit_exit_poll);
    j->exit_vec = far_jump(j, jit_exit_vec);
    j->slow = far_jump(j, jit_slow);
    j->exit_dead = j->used;
    struct emit e = {j->rw + j->used};
    e_mov_imm32(&e, R10, 0);
    e_jump(&e, JMP, j->rw + j->exit_jump);
    j->used = j->start = (uint32_t)(e.p - j->rw + 15) & ~15u;
}

static void own_jit(struct jit **j)
{
    jit_free(*j);
}

int jit_new(struct soft *s, struct jit **ret, struct err *e)
{
    *ret = NULL;
    if (!host_suits())
        return 0;
    __attribute__((cleanup(own_jit))) struct jit *j = calloc(1, sizeof(*j));
    if (!j)
        return err_code(e, -ENOMEM, "translator");
    j->soft = s;
    int r = cache_new(j, e);
    if (!r)
        r = tr_new(&j->tr, e);
    if (r)
        return r;
    fixed_stubs(j);
    *ret = take(j);
    return 0;
}

void jit_free(struct jit *j)
{
    if (!j)
        return;
    cache_free(j);
    tr_free(j->tr);
    free(j);
}

/* ---- in and out ---- */

/* The store of in_code and the load of epoch are in order: the other side is jit_flush_all. */
void jit_begin(struct vcpu *v)
{
    struct jit *j = v->soft->jit;
    if (!j)
        return;
    for (;;) {
        atomic_store(&v->in_code, true);
        uint64_t epoch = atomic_load(&j->epoch);
        if (!(epoch & 1)) {
            if (epoch != v->jit_epoch)
                jit_jcache_clear(v, true);
            v->jit_epoch = epoch;
            return;
        }
        atomic_store(&v->in_code, false);
        jit_quiesce(v);
    }
}

void jit_end(struct vcpu *v)
{
    atomic_store_explicit(&v->in_code, false, memory_order_release);
}

static void make_room(struct vcpu *v)
{
    jit_end(v);
    jit_flush_all(v->soft);
    jit_begin(v);
}

/* ---- finding code ---- */

/* The block at rip; NULL: not in RAM. Faults. */
static struct block *find_block(struct vcpu *v, struct jit *j, uint32_t mode)
{
    uint64_t gpa = mmu_fetch_gpa(v, v->rip);
    if (gpa == UINT64_MAX)
        return NULL;
    jit_lock(j);
    while (cache_full_locked(j)) {
        jit_unlock(j);
        make_room(v);
        jit_lock(j);
    }
    struct jpage *p = cache_page_locked(j, gpa, true);
    unsigned off = gpa & (RAM_PAGE - 1);
    struct block *b = p ? cache_find_locked(p, off, mode) : NULL;
    if (p && !b)
        b = block_translate_locked(v, j, p, off, mode);
    jit_unlock(j);
    return b;
}

static uint64_t code_of(const struct jit *j, const struct block *b)
{
    return (uint64_t)(uintptr_t)(j->rx + b->code);
}

/* Past the jump cache: it has no code for rip, or that of a block that is dead. */
static uint64_t find_anew(struct vcpu *v, struct jit *j)
{
    struct block *b = find_block(v, j, v->mode);
    if (!b)
        return 0;
    jcache_insert(v, v->rip, code_of(j, b));
    return code_of(j, b);
}

static uint64_t find_code(struct vcpu *v, struct jit *j)
{
    uint64_t code = jcache_find(v, v->rip);
    return code ? code : find_anew(v, j);
}

/* A jump within a page came to its stub: link it for the next time. */
static uint64_t follow_link(struct vcpu *v, struct jit *j)
{
    struct link *l = cache_link_of(j, (uint32_t)v->scratch[S_INFO]);
    uint64_t epoch = v->jit_epoch;
    v->rip = v->page_va + l->off;
    struct block *b = find_block(v, j, v->mode);
    if (!b)
        return 0;
    if (v->jit_epoch != epoch || v->soft->debug & CPU_DEBUG_NO_CHAIN)
        return code_of(j, b);
    struct block *from = &j->blocks[(uint32_t)v->scratch[S_INFO] / 2];
    jit_lock(j);
    if (!from->dead && !b->dead && !l->to && from->page == b->page &&
        (from->mode & ~MODE_NO_GROUPS) == b->mode)
        cache_link_locked(j, l, b);
    jit_unlock(j);
    return code_of(j, b);
}

/* ---- running ---- */

static unsigned enter(struct vcpu *v, uint64_t code)
{
    const uint64_t mask = FL_ARITH | FL_DF;
    if (v->mode & MODE_USER)
        vec_restore(v);
    unsigned why = jit_enter(v, code, (v->rflags & mask) | 0x202);
    v->rflags = (v->rflags & ~mask) | (v->scratch[S_FLAGS] & mask);
    return why;
}

/* An indirect jump to where nothing can be is a fault of the jump itself: back to its start. */
static bool undone(struct vcpu *v)
{
    uint32_t info = (uint32_t)v->scratch[S_INFO];
    if (!(info & UNDO) || va_canonical(v->rip))
        return false;
    uint64_t by = info >> 12 & 0x1ffff;
    v->gpr[RSP] += info & UNDO_CALL ? by : -by;
    v->rip = v->page_va + (info & 0xfff);
    return true;
}

static void forget_mode(struct vcpu *v)
{
    if ((v->mode & ~MODE_USER) == v->jcache_mode)
        return;
    jit_jcache_clear(v, true);
    v->jcache_mode = v->mode & ~MODE_USER;
}

bool jit_run(struct vcpu *v)
{
    struct jit *j = v->soft->jit;
    if (!(v->mode & MODE_LONG64))
        return true;
    forget_mode(v);
    uint32_t mode = v->mode;
    uint64_t code = find_code(v, j);
    while (code) {
        switch ((enum jit_exit)enter(v, code)) {
        case EXIT_LINK:
            code = follow_link(v, j);
            break;
        case EXIT_JUMP:
            if (undone(v))
                return true;
            code = find_anew(v, j);
            break;
        case EXIT_STEP: {
            uint32_t info = (uint32_t)v->scratch[S_INFO];
            v->rip = v->page_va + (info & 0xfff);
            if (!jit_sys_run(v, info >> 16, info >> 12 & 15))
                return true;
            if (run_pause(v) || (v->mode ^ mode) & ~MODE_USER)
                return false;
            code = find_code(v, j);
            break;
        }
        case EXIT_POLL:
            v->rip = v->page_va + (v->scratch[S_INFO] & 0xfff);
            return false;
        case EXIT_NO_GROUPS: {
            v->rip = v->page_va + (v->scratch[S_INFO] & 0xfff);
            const struct block *b = find_block(v, j, v->mode | MODE_NO_GROUPS);
            code = b ? code_of(j, b) : 0;
            break;
        }
        case EXIT_VEC:
            v->rip = v->page_va + (v->scratch[S_INFO] & 0xfff);
            vec_restore(v);
            code = find_code(v, j);
            break;
        }
        if (v->request)
            return false;
    }
    return true;
}

static void *fill(struct vcpu *v, uint64_t va, unsigned size, bool write)
{
    if ((va & (RAM_PAGE - 1)) + size > RAM_PAGE || !va_canonical(va))
        return NULL;
    return mmu_fill(v, va, write ? ACCESS_WRITE : ACCESS_READ);
}

/* The first access of a group as it is, then what the TLB has for all of them: see group_info of jit_mem.c.
 */
static void *fill_group(struct vcpu *v, uint64_t va, uint64_t what)
{
    unsigned size = what >> 16 & 0xfff, first = what >> 32 & 0xfff, first_size = what >> 44 & 0xfff;
    if ((va & (RAM_PAGE - 1)) + size > RAM_PAGE || !fill(v, va + first, first_size, what >> 60 & 1))
        return NULL;
    const struct tlb *tlb = &v->tlb[v->mode & MODE_USER ? BANK_USER : BANK_KERNEL];
    const struct tlb_entry *e = what & 0x1000 ? &tlb->write[TLB_INDEX(va)] : &tlb->read[TLB_INDEX(va)];
    uint64_t t = va - e->tag;
    return t < RAM_PAGE ? (void *)(uintptr_t)(e->host + t) : NULL;
}

/* From translated code: host address of an access that the TLB does not know. NULL: for the stepper, or a
 * block without groups. Faults. */
void *jit_memory(struct vcpu *v, uint64_t va, uint64_t what)
{
    const uint64_t mask = FL_ARITH | FL_DF;
    v->rip = v->page_va + (what & 0xfff);
    v->rflags = (v->rflags & ~mask) | (v->scratch[S_FLAGS] & mask);
    if (what & 1u << 31)
        return fill_group(v, va, what);
    return fill(v, va, what >> 16 & 0xfff, what & 0x1000);
}
