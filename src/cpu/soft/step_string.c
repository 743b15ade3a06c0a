// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_string: MOVS, STOS, LODS, CMPS, SCAS, with and without REP.
 *
 * A repeated MOVS or STOS that goes upwards moves as much at once as lies in one page of RAM; all else
 * element by element. Between such pieces the CPU looks for requests, and a fault leaves the registers as of
 * the last finished element, as the processor does. Source: Intel SDM vol. 2: REP, MOVS, STOS, LODS, CMPS,
 * SCAS.
 */
#include "cpu/soft/step.h"

struct string {
    struct vcpu *v;
    const struct insn *i;
    unsigned bytes, addr;
    unsigned src_seg;
    bool rep;
};

static uint64_t dst_va(const struct string *t, unsigned bytes, enum access access)
{
    return mmu_linear(t->v, SEG_ES, gpr_read(t->v, RDI, t->addr), bytes, access);
}

static uint64_t src_va(const struct string *t, unsigned bytes)
{
    return mmu_linear(t->v, t->src_seg, gpr_read(t->v, RSI, t->addr), bytes, ACCESS_READ);
}

static void advance(const struct string *t, unsigned reg, uint64_t elements)
{
    uint64_t by = elements * t->bytes;
    gpr_write(t->v, reg, t->addr, t->v->gpr[reg] + (t->v->rflags & FL_DF ? -by : by));
}

/* How many elements from va on lie in its page. */
static uint64_t room(const struct string *t, uint64_t va)
{
    return (RAM_PAGE - (va & (RAM_PAGE - 1))) / t->bytes;
}

static void copy_up(void *to, const void *from, uint64_t n, unsigned bytes)
{
    switch (bytes) {
    case 1:
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        break;
    case 2:
        __asm__ volatile("rep movsw" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        break;
    case 4:
        __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        break;
    default:
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    }
}

static void fill_up(void *to, uint64_t val, uint64_t n, unsigned bytes)
{
    switch (bytes) {
    case 1:
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(val) : "memory");
        break;
    case 2:
        __asm__ volatile("rep stosw" : "+D"(to), "+c"(n) : "a"(val) : "memory");
        break;
    case 4:
        __asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(val) : "memory");
        break;
    default:
        __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(val) : "memory");
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many elements can be done at once at offset reg of a segment: none that the limit forbids. */
static uint64_t bulk(const struct string *t, uint64_t count, uint64_t va)
{
    if (t->v->rflags & (FL_DF | FL_TF) || !(t->v->mode & MODE_FLAT) || t->addr == 2)
        return 1;
    uint64_t n = least(count, room(t, va));
    return n ? n : 1;
}

static uint64_t movs(const struct string *t, uint64_t count)
{
    uint64_t from = src_va(t, t->bytes), to = dst_va(t, t->bytes, ACCESS_WRITE);
    uint64_t n = least(bulk(t, count, from), bulk(t, count, to));
    void *src = mmu_host(t->v, from, (unsigned)(n * t->bytes), ACCESS_READ);
    void *dst = mmu_host(t->v, to, (unsigned)(n * t->bytes), ACCESS_WRITE);
    if (src && dst) {
        copy_up(dst, src, n, t->bytes);
    } else {
        uint64_t val;
        n = 1;
        mmu_probe_write(t->v, to, t->bytes);
        mmu_read(t->v, from, &val, t->bytes);
        mmu_write(t->v, to, &val, t->bytes);
    }
    advance(t, RSI, n);
    advance(t, RDI, n);
    return n;
}

static uint64_t stos(const struct string *t, uint64_t count)
{
    uint64_t to = dst_va(t, t->bytes, ACCESS_WRITE), n = bulk(t, count, to), val = t->v->gpr[RAX];
    void *dst = mmu_host(t->v, to, (unsigned)(n * t->bytes), ACCESS_WRITE);
    if (dst) {
        fill_up(dst, val, n, t->bytes);
    } else {
        n = 1;
        mmu_write(t->v, to, &val, t->bytes);
    }
    advance(t, RDI, n);
    return n;
}

static uint64_t lods(const struct string *t, uint64_t count)
{
    uint64_t val = 0;
    (void)count;
    mmu_read(t->v, src_va(t, t->bytes), &val, t->bytes);
    gpr_write(t->v, RAX, t->bytes, val);
    advance(t, RSI, 1);
    return 1;
}

/* The flags of CMP a, b, from the processor itself. */
static void compare(struct vcpu *v, uint64_t a, uint64_t b, unsigned bytes)
{
    uint64_t flags;
    switch (bytes) {
    case 1:
        __asm__("cmpb %b2, %b1; pushfq; popq %0" : "=r"(flags) : "q"(a), "q"(b) : "cc");
        break;
    case 2:
        __asm__("cmpw %w2, %w1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
        break;
    case 4:
        __asm__("cmpl %k2, %k1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
        break;
    default:
        __asm__("cmpq %2, %1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
    }
    v->rflags = (v->rflags & ~(uint64_t)FL_ARITH) | (flags & FL_ARITH);
}

static uint64_t cmps(const struct string *t, uint64_t count)
{
    uint64_t a = 0, b = 0;
    (void)count;
    mmu_read(t->v, src_va(t, t->bytes), &a, t->bytes);
    mmu_read(t->v, dst_va(t, t->bytes, ACCESS_READ), &b, t->bytes);
    compare(t->v, a, b, t->bytes);
    advance(t, RSI, 1);
    advance(t, RDI, 1);
    return 1;
}

static uint64_t scas(const struct string *t, uint64_t count)
{
    uint64_t b = 0;
    (void)count;
    mmu_read(t->v, dst_va(t, t->bytes, ACCESS_READ), &b, t->bytes);
    compare(t->v, t->v->gpr[RAX], b, t->bytes);
    advance(t, RDI, 1);
    return 1;
}

static struct string describe(struct vcpu *v, const struct insn *i)
{
    struct string t = {.v = v, .i = i, .addr = i->addr_bytes, .src_seg = SEG_DS};
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY) {
            t.bytes = i->ops[n].size / 8;
            if (i->ops[n].mem.base == ZYDIS_REGISTER_RSI || i->ops[n].mem.base == ZYDIS_REGISTER_ESI ||
                i->ops[n].mem.base == ZYDIS_REGISTER_SI)
                t.src_seg = operand_seg(i->ops[n].mem.segment);
        }
    t.rep = i->z.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
    return t;
}

/* stop_zf: REPE ends at ZF = 0, REPNE at ZF = 1; -1 for those that look at no flag. */
static void run(struct vcpu *v, struct stepped *s, uint64_t (*some)(const struct string *, uint64_t),
                int stop_zf)
{
    struct string t = describe(v, &s->insn);
    if (!t.rep) {
        some(&t, 1);
        step_done(v, s);
        return;
    }
    for (;;) {
        uint64_t count = gpr_read(v, RCX, t.addr);
        if (!count)
            break;
        count -= some(&t, count);
        gpr_write(v, RCX, t.addr, count);
        if (!count || (stop_zf >= 0 && !(v->rflags & FL_ZF) == !stop_zf))
            break;
        if (v->request || v->rflags & FL_TF)
            return; /* rip stays here: goes on after the request or trap */
    }
    step_done(v, s);
}

bool string_plain(struct vcpu *v, bool is_movs, unsigned bytes, bool rep, unsigned len)
{
    struct string t = {.v = v, .bytes = bytes, .addr = 8, .src_seg = SEG_DS, .rep = rep};
    uint64_t (*some)(const struct string *, uint64_t) = is_movs ? movs : stos;
    if (!rep)
        some(&t, 1);
    while (rep && v->gpr[RCX]) {
        v->gpr[RCX] -= some(&t, v->gpr[RCX]);
        if (v->gpr[RCX] && v->request)
            return true; /* rip stays here */
    }
    v->rip += len;
    return true;
}

static void run_movs(struct vcpu *v, struct stepped *s)
{
    run(v, s, movs, -1);
}

static void run_stos(struct vcpu *v, struct stepped *s)
{
    run(v, s, stos, -1);
}

static void run_lods(struct vcpu *v, struct stepped *s)
{
    run(v, s, lods, -1);
}

static int stop_of(const struct insn *i)
{
    return i->z.attributes & ZYDIS_ATTRIB_HAS_REPNE ? 1 : 0;
}

static void run_cmps(struct vcpu *v, struct stepped *s)
{
    run(v, s, cmps, stop_of(&s->insn));
}

static void run_scas(struct vcpu *v, struct stepped *s)
{
    run(v, s, scas, stop_of(&s->insn));
}

step_fn *string_handler(const struct insn *i)
{
    if (i->z.meta.isa_ext != ZYDIS_ISA_EXT_BASE && i->z.meta.isa_ext != ZYDIS_ISA_EXT_LONGMODE)
        return NULL; /* SSE has a MOVSD and a CMPSD of its own */
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_MOVSB:
    case ZYDIS_MNEMONIC_MOVSW:
    case ZYDIS_MNEMONIC_MOVSD:
    case ZYDIS_MNEMONIC_MOVSQ:
        return run_movs;
    case ZYDIS_MNEMONIC_STOSB:
    case ZYDIS_MNEMONIC_STOSW:
    case ZYDIS_MNEMONIC_STOSD:
    case ZYDIS_MNEMONIC_STOSQ:
        return run_stos;
    case ZYDIS_MNEMONIC_LODSB:
    case ZYDIS_MNEMONIC_LODSW:
    case ZYDIS_MNEMONIC_LODSD:
    case ZYDIS_MNEMONIC_LODSQ:
        return run_lods;
    case ZYDIS_MNEMONIC_CMPSB:
    case ZYDIS_MNEMONIC_CMPSW:
    case ZYDIS_MNEMONIC_CMPSD:
    case ZYDIS_MNEMONIC_CMPSQ:
        return run_cmps;
    case ZYDIS_MNEMONIC_SCASB:
    case ZYDIS_MNEMONIC_SCASW:
    case ZYDIS_MNEMONIC_SCASD:
    case ZYDIS_MNEMONIC_SCASQ:
        return run_scas;
    default:
        return NULL;
    }
}
