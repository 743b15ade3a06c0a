// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit: the dispatcher between the run loop and translated code.
 *
 * Threads: a CPU's own; see jit.h for the lock.
 */
#include "cpu/soft/jit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "cpu/soft/copy.h"
#include "cpu/soft/jit_block.h"
#include "cpu/soft/run.h"
#include "cpu/soft/seg.h"

_Static_assert(VCPU_OFF(self) == 0x138 && VCPU_OFF(jit_retry) == 0x150 && VCPU_OFF(jit_tmp) == 0x160 &&
                   VCPU_OFF(jit_flags) == 0x15c,
               "jit_enter.S");

int jit_new(struct soft *s, struct jit **ret, struct err *e)
{
    struct jit *j = calloc(1, sizeof(*j));
    if (!j)
        return err_code(e, -ENOMEM, "translator");
    j->soft = s;
    j->bmi2 = __builtin_cpu_supports("bmi2");
    j->work = mmap(NULL, sizeof(*j->work), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r = j->work == MAP_FAILED ? err_sys(e, "translator") : call_new(j, e);
    if (!r)
        r = cache_new(j, e);
    if (r) {
        jit_free(j);
        return r;
    }
    *ret = j;
    return 0;
}

void jit_free(struct jit *j)
{
    if (!j)
        return;
    cache_free(j);
    call_free(j);
    if (j->work && j->work != MAP_FAILED)
        munmap(j->work, sizeof(*j->work));
    free(j);
}

/* ---- blocks ---- */

/* Marks the page; false: who wrote to it before may still do so unheard, so nothing that depends on its bytes
 * may wake up or be made yet. (A CPU would run what another has changed, for as long as that one is not
 * scheduled.) */
static bool is_settled(struct jit *j, struct vcpu *v, uint64_t gpa)
{
    cache_watch_page(j, v, gpa & ~0xfffull);
    return smc_settled(j->soft);
}

static uint32_t find(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode)
{
    uint32_t n = cache_find(j, gpa, mode);
    return n ? n : page_wake(j, v, gpa, mode);
}

/* The block at a guest-physical address, 0: one step first; lock held. */
static uint32_t find_or_make(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode)
{
    uint32_t n = cache_find(j, gpa, mode);
    if (n || !is_settled(j, v, gpa))
        return n;
    n = find(j, v, gpa, mode);
    if (n)
        return n;
    while (cache_full(j)) {
        vec_save(v);
        cache_make_room(j, v);
        n = find(j, v, gpa, mode); /* the lock was given up meanwhile */
        if (n)
            return n;
    }
    if (!j->beyond[BANK_KERNEL])
        block_make_shared(j, v);
    return block_translate(j, v, gpa, mode);
}

static uint32_t find_or_make_across(struct jit *j, struct vcpu *v, uint64_t gpa, uint64_t next, uint32_t mode)
{
    while (cache_full(j)) {
        vec_save(v);
        cache_make_room(j, v);
    }
    uint32_t n = cache_find_across(j, gpa, next, mode | MODE_ACROSS);
    if (n || !is_settled(j, v, gpa) || !is_settled(j, v, next))
        return n;
    return block_translate_across(j, v, gpa, next, mode | MODE_ACROSS);
}

/* What was found, into the jump cache; gives up the lock. */
static const void *found(struct jit *j, struct vcpu *v, uint32_t block, uint64_t last, bool keep)
{
    const struct block *b = &j->blocks[block];
    const void *code = !block || b->step ? NULL : cache_code(j, b->entry);
    if (code && keep && atomic_load(&j->generation) == v->code_generation)
        jcache_add(v, v->rip, last, code);
    jit_unlock(j);
    if (!block)
        soft_yield(); /* to who is awaited */
    return code;
}

/* The instruction at v->rip goes on in the next page; a block cannot stand twice in the list of one. */
static const void *look_up_across(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t extra)
{
    uint64_t last = (v->rip | 0xfff) + 1, next = va_canonical(last) ? mmu_fetch_gpa(v, last) : UINT64_MAX;
    if (next == UINT64_MAX || (next & ~0xfffull) == (gpa & ~0xfffull))
        return NULL;
    jit_lock(j);
    return found(j, v, find_or_make_across(j, v, gpa, next, v->mode | extra), last, !extra);
}

const void *jit_look_up(struct jit *j, struct vcpu *v, uint32_t extra)
{
    uint64_t gpa = mmu_fetch_gpa(v, v->rip);
    cpu_count(&v->stats.lookups);
    if (gpa == UINT64_MAX)
        return NULL;
    jit_lock(j);
    uint32_t n = find_or_make(j, v, gpa, v->mode | extra);
    if (!j->blocks[n].cut)
        return found(j, v, n, v->rip, !extra);
    jit_unlock(j);
    return look_up_across(j, v, gpa, extra);
}

/* The code at v->rip left through an exit: what it leads to, linked from now on. */
static void follow(struct jit *j, struct vcpu *v, uint32_t number)
{
    jit_lock(j);
    if (atomic_load(&j->generation) == v->code_generation) {
        const struct exit *x = &j->exits[number];
        uint64_t page = j->blocks[x->block].gpa & ~0xfffull;
        uint32_t n = find_or_make(j, v, page | x->target, v->mode | (x->apart ? MODE_NO_GROUPS : 0));
        if (n && atomic_load(&j->generation) == v->code_generation)
            cache_link(j, number, n);
    }
    jit_unlock(j);
}

/* ---- in and out ---- */

static void set_arith(struct vcpu *v, uint64_t flags)
{
    v->rflags = (v->rflags & ~(uint64_t)FL_ARITH) | (flags & FL_ARITH);
}

/* While in_code is set the cache's tables stay what they are. */
static void set_rip(const struct jit *j, struct vcpu *v)
{
    uint32_t number = SITE_NUMBER(v->jit_site);
    if (SITE_REASON(v->jit_site) == LEAVE_LINK)
        v->rip = v->page_va + j->exits[number].target;
    else if (SITE_REASON(v->jit_site) != LEAVE_LOOKUP)
        v->rip = v->page_va + number;
}

static void enter(const struct jit *j, struct vcpu *v, const void *code)
{
    jit_ready(v);
    v->jit_flags = FLAGS_SLOT((uint32_t)v->rflags);
    jit_enter(v, code);
    set_rip(j, v);
    atomic_store_explicit(&v->in_code, false, memory_order_release);
    set_arith(v, SLOT_FLAGS(v->jit_site & SITE_IN_SLOT ? v->jit_flags : (uint32_t)v->scratch[1]));
}

static void prepare(struct jit *j, struct vcpu *v)
{
    uint32_t generation = atomic_load(&j->generation);
    if (v->code_generation != generation) {
        jit_jcache_clear(v);
        v->code_generation = generation;
    }
}

static const void *find_code(struct jit *j, struct vcpu *v, uint32_t extra)
{
    const void *code = extra ? NULL : jcache_find(v, v->rip);
    return code ? code : jit_look_up(j, v, extra);
}

bool jit_run(struct vcpu *v)
{
    struct jit *j = v->soft->jit;
    v->self = (uint64_t)(uintptr_t)v;
    v->jit_leave = (uint64_t)(uintptr_t)jit_leave_entry;
    v->jit_miss = (uint64_t)(uintptr_t)jit_miss_entry;
    uint32_t extra = 0;
    v->jit_call = (uint64_t)(uintptr_t)jit_call_entry;
    while (!v->request) {
        if (!(v->mode & MODE_LONG64))
            return true;
        prepare(j, v);
        const void *code = find_code(j, v, extra);
        extra = 0;
        if (!code)
            return true;
        if (!cache_enter(j, v))
            continue;
        enter(j, v, code);
        switch (SITE_REASON(v->jit_site)) {
        case LEAVE_STEP:
            return true;
        case LEAVE_LINK:
            if (!(v->soft->debug & CPU_DEBUG_NO_CHAIN))
                follow(j, v, SITE_NUMBER(v->jit_site));
            break;
        case LEAVE_APART:
            extra = MODE_NO_GROUPS;
            break;
        case LEAVE_STALE:
            jcache_drop(v, v->rip);
            break;
        case LEAVE_REQUEST:
            return false; /* or an interrupt waits for IF, see emit_sti */
        default:
            if (run_is_interrupted(v))
                return false;
        }
    }
    return false;
}

/* ---- helpers of translated code ---- */

/* Leave to the dispatcher. */
static int leave(struct vcpu *v, enum leave why, unsigned off)
{
    v->scratch[1] = FLAGS_SLOT((uint32_t)v->rflags);
    v->jit_site = SITE(why, off, false);
    return TO_DISPATCHER;
}

static void look_up_target(struct vcpu *v, void *arg)
{
    const void **code = arg;
    *code = jit_look_up(v->soft->jit, v, 0);
}

/* The check of a call's push has been made, perhaps; it does not hold any more if the target lies in the page
 * of the stack. */
static bool may_push(const struct vcpu *v)
{
    uint64_t to = v->gpr[RSP] - 8;
    const struct tlb_entry *e = &v->tlb[v->mode & MODE_USER ? BANK_USER : BANK_KERNEL].write[TLB_INDEX(to)];
    return to - e->tag <= RAM_PAGE - 8;
}

/* A jump's target is to get into the jump cache. Nothing of it has happened yet: if the target's page is not
 * there, the stepper does what comes before that. */
static int find_target(struct vcpu *v, const struct site *s)
{
    uint64_t target = v->jit_tmp[0];
    const void *code = NULL;
    uint32_t slot = v->jit_flags;
    v->rip = target;
    atomic_store_explicit(&v->in_code, false, memory_order_release);
    bool found = va_canonical(target) && soft_try(v, look_up_target, &code) && code && jcache_find(v, target);
    v->rip = v->page_va + s->off;
    set_arith(v, SLOT_FLAGS(slot));
    if (!found || (s->write && !may_push(v)) || !cache_enter(v->soft->jit, v))
        return leave(v, LEAVE_STEP, s->off);
    jit_ready(v);
    v->jit_flags = slot;
    return TO_RETRY;
}

/* Fill the TLB; faults. What is left to do if it can't hold the page. */
static enum leave mend(struct vcpu *v, const struct site *s, uint64_t va)
{
    bool one_page = (va & 0xfff) + s->bytes <= RAM_PAGE;
    if (!va_canonical(va) || v->soft->debug & CPU_DEBUG_NO_TLB)
        return s->group ? LEAVE_APART : LEAVE_STEP;
    if (!s->group)
        return one_page && mmu_fill(v, va, s->write ? ACCESS_WRITE : ACCESS_READ) ? LEAVE_MISS : LEAVE_STEP;
    if (!one_page)
        return LEAVE_APART;
    if (mmu_try_fill(v, va, s->write ? ACCESS_WRITE : ACCESS_READ))
        return LEAVE_MISS;
    if (s->ahead)
        return LEAVE_APART;
    mmu_fill(v, va + s->first_at,
             s->first_write ? ACCESS_WRITE : ACCESS_READ); /* if it faults, then at once */
    return LEAVE_APART;
}

/* The instruction's block without groups, if there is one already. */
static int go_apart(struct jit *j, struct vcpu *v, uint32_t slot, uint32_t site, uint64_t va)
{
    uint64_t gpa = mmu_fetch_gpa(v, v->rip);
    bool moving = j->sites[site].moving;
    v->apart_left = moving ? LOOP_ROUNDS : APART_ROUNDS;
    jit_lock(j);
    if ((va & 0xfff) + j->sites[site].bytes > RAM_PAGE && !moving)
        split_note(j, site, va);
    uint32_t n = gpa == UINT64_MAX ? 0 : cache_find(j, gpa, v->mode | MODE_NO_GROUPS);
    const struct block *b = &j->blocks[n];
    bool ready = n && !b->step;
    v->jit_retry = (uint64_t)(uintptr_t)cache_code(j, b->entry);
    if (ready)
        __atomic_store_n(&j->sites[site].apart, b->entry, __ATOMIC_RELAXED);
    jit_unlock(j);
    if (!ready || !cache_enter(j, v))
        return leave(v, LEAVE_APART, (unsigned)(v->rip & 0xfff));
    jit_ready(v);
    v->jit_flags = slot;
    return TO_ENTRY;
}

/* A group that crosses a page's end, for which there is a block without already: most of the time at once.
 * Its entry is good until the cache is emptied, even if the block is dead by then. */
static bool crosses_again(struct vcpu *v, const struct site *s, uint64_t va)
{
    if (!s->apart || (va & 0xfff) + s->bytes <= RAM_PAGE || !va_canonical(va) ||
        ++v->crossings % APART_LOOKS == 0)
        return false;
    v->apart_left = s->moving ? LOOP_ROUNDS : APART_ROUNDS;
    v->jit_retry = (uint64_t)(uintptr_t)cache_code(v->soft->jit, s->apart);
    return true;
}

int jit_slow(struct vcpu *v)
{
    struct jit *j = v->soft->jit;
    uint32_t why = v->jit_site;
    const struct site s = j->sites[SITE_NUMBER(why)];
    v->jit_retry = (uint64_t)(uintptr_t)cache_code(j, s.retry);
    if (SITE_REASON(why) == LEAVE_VEC) {
        vec_restore(v);
        return TO_RETRY;
    }
    if (SITE_REASON(why) == LEAVE_TARGET)
        return find_target(v, &s);
    uint64_t va = v->jit_tmp[s.addr - R9];
    v->rip = v->page_va + s.off;
    if (crosses_again(v, &s, va))
        return TO_ENTRY;
    if (why & SITE_IN_SLOT)
        set_arith(v, SLOT_FLAGS(v->jit_flags));
    uint32_t slot = v->jit_flags;
    enum leave todo = mend(v, &s, va); /* who flushes waits for this: nothing in it waits for a flush */
    if (todo == LEAVE_APART)
        return go_apart(j, v, slot, SITE_NUMBER(why), va);
    if (todo != LEAVE_MISS)
        return leave(v, todo, s.off);
    jit_ready(v);
    v->jit_flags = slot;
    return TO_RETRY;
}

/* ---- native faults ---- */

bool jit_host_fault(struct vcpu *v, const struct host_fault *f)
{
    const struct jit *j = v->soft->jit;
    uint64_t at = j ? f->pc - (uint64_t)(uintptr_t)j->rx : UINT64_MAX;
    if (at >= JIT_CODE_BYTES)
        return false;
    uint32_t low = 0, high = j->nr_marks;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (j->marks[mid].code <= at)
            low = mid;
        else
            high = mid;
    }
    for (unsigned r = 0; r < 16; r++)
        if (r < R9 || r > R11)
            v->gpr[r] = f->gpr[r];
    v->rip = v->page_va + j->marks[low].off;
    set_arith(v, j->marks[low].in_slot ? SLOT_FLAGS(v->jit_flags) : f->rflags);
    atomic_store(&v->in_code, false);
    return true;
}

void jit_flush_all(struct soft *s)
{
    if (!s->jit)
        return;
    jit_lock(s->jit);
    cache_flush(s->jit, NULL);
    jit_unlock(s->jit);
}
