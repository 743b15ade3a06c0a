// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_save: FXSAVE, FXRSTOR, XSAVE, XSAVEC, XRSTOR: between the guest's memory and v->xsave, in C.
 *
 * The host's own instructions would check against the host's XCR0, write host addresses as the last x87
 * instruction's, and fault where the engine has no say. Of an area that is restored nothing is written: it
 * may be read-only. Addresses of the last x87 instruction read as zero, as after an instruction that raised
 * nothing on AMD's processors. Source: Intel SDM vol. 1, 10.5 (FXSAVE area), 13.4 (XSAVE area), 13.7, 13.8,
 * 13.10; AMD APM vol. 2, 11.4.4 (FFXSR).
 */
#include "cpu/soft/step.h"

#include "cpu/soft/arch.h"

/* Legacy region. */
#define MXCSR       24 /* and its mask */
#define ST          32
#define XMM         160
#define LEGACY_END  416
#define X87_HEAD    24
#define MXCSR_RESET 0x1f80u
#define FCW_RESET   0x37fu
/* Header. */
#define HEADER       512
#define HEADER_BYTES 64
#define XSTATE_BV    512
#define XCOMP_BV     520
#define YMMH         576
#define AREA         832
#define COMPACTED    (1ull << 63)

/* A guest's area, and how many XMM registers this mode has. */
struct area {
    uint8_t bytes[AREA];
    uint64_t va;
    unsigned xmm_bytes, size;
};

static uint64_t get64(const uint8_t *from)
{
    uint64_t val;
    copy_bytes(&val, from, sizeof(val));
    return val;
}

static uint32_t get32(const uint8_t *from)
{
    uint32_t val;
    copy_bytes(&val, from, sizeof(val));
    return val;
}

static void put64(uint8_t *to, uint64_t val)
{
    copy_bytes(to, &val, sizeof(val));
}

/* All of the guest's registers to v->xsave, those in their initial state too. */
static void registers_to_memory(struct vcpu *v)
{
    uint64_t all = v->soft->xsave_mask;
    if (!v->vec_live && (get64(v->xsave + XSTATE_BV) & all) == all)
        return;
    vec_restore(v);
    vec_save(v);
}

static void locate(struct vcpu *v, const struct insn *i, unsigned align, unsigned size, enum access access,
                   struct area *a)
{
    a->va = operand_linear(v, i, &i->ops[0], size, access);
    a->size = size;
    a->xmm_bytes = v->mode & MODE_LONG64 ? 256 : 128;
    if (a->va & (align - 1))
        soft_fault_code(v, EXC_GP, 0);
}

static void load_area(struct vcpu *v, struct area *a)
{
    mmu_read(v, a->va, a->bytes, a->size);
}

/* ---- registers to the area ---- */

static void put_x87(const struct vcpu *v, struct area *a)
{
    copy_bytes(a->bytes, v->xsave, X87_HEAD);
    copy_bytes(a->bytes + ST, v->xsave + ST, XMM - ST);
}

static void put_mxcsr(const struct vcpu *v, struct area *a)
{
    copy_bytes(a->bytes + MXCSR, v->xsave + MXCSR, 8);
}

static void put_xmm(const struct vcpu *v, struct area *a)
{
    copy_bytes(a->bytes + XMM, v->xsave + XMM, a->xmm_bytes);
}

static void put_avx(const struct vcpu *v, struct area *a)
{
    copy_bytes(a->bytes + YMMH, v->xsave + YMMH, a->xmm_bytes);
}

/* In 64-bit mode the kernel may leave the XMM registers out. */
static bool fast_fx(const struct vcpu *v)
{
    return v->efer & EFER_FFXSR && v->mode & MODE_LONG64 && !vcpu_cpl(v);
}

static void fxsave(struct vcpu *v, struct stepped *s)
{
    struct area a;
    native_check_vectors(v, NEED_X87);
    locate(v, &s->insn, 16, HEADER, ACCESS_WRITE, &a);
    mmu_probe_write(v, a.va, a.size);
    load_area(v, &a);
    registers_to_memory(v);
    put_x87(v, &a);
    put_mxcsr(v, &a);
    if (!fast_fx(v))
        put_xmm(v, &a);
    mmu_write(v, a.va, a.bytes, fast_fx(v) ? XMM : LEGACY_END);
    step_done(v, s);
}

static uint64_t requested(const struct vcpu *v)
{
    return (gpr_read(v, RAX, 4) | v->gpr[RDX] << 32) & v->xcr0;
}

static unsigned area_size(uint64_t components)
{
    return components & XCR0_AVX ? AREA : YMMH;
}

/* Which components are not in their initial state; MXCSR counts as SSE's. */
static uint64_t in_use(const struct vcpu *v)
{
    uint64_t bv = get64(v->xsave + XSTATE_BV);
    return get32(v->xsave + MXCSR) == MXCSR_RESET ? bv : bv | XCR0_SSE;
}

static void xsave(struct vcpu *v, struct stepped *s)
{
    struct area a;
    native_check_vectors(v, NEED_XSAVE);
    uint64_t want = requested(v);
    locate(v, &s->insn, 64, area_size(want), ACCESS_WRITE, &a);
    mmu_probe_write(v, a.va, a.size);
    load_area(v, &a);
    registers_to_memory(v);
    if (want & XCR0_X87)
        put_x87(v, &a);
    if (want & (XCR0_SSE | XCR0_AVX))
        put_mxcsr(v, &a);
    if (want & XCR0_SSE)
        put_xmm(v, &a);
    if (want & XCR0_AVX)
        put_avx(v, &a);
    put64(a.bytes + XSTATE_BV, (get64(a.bytes + XSTATE_BV) & ~want) | (in_use(v) & want));
    mmu_write(v, a.va, a.bytes, a.size);
    step_done(v, s);
}

static bool has_xsavec(const struct vcpu *v)
{
    uint32_t regs[4];
    cpuid_lookup(&v->cpuid, 0xd, 1, regs);
    return regs[0] & 2;
}

/* AVX is the only extended component, so it stands where the standard form has it. */
static void xsavec(struct vcpu *v, struct stepped *s)
{
    struct area a;
    if (!has_xsavec(v))
        soft_fault(v, EXC_UD);
    native_check_vectors(v, NEED_XSAVE);
    uint64_t want = requested(v);
    registers_to_memory(v);
    uint64_t saved = in_use(v) & want;
    locate(v, &s->insn, 64, area_size(saved), ACCESS_WRITE, &a);
    mmu_probe_write(v, a.va, a.size);
    load_area(v, &a);
    if (saved & XCR0_X87)
        put_x87(v, &a);
    if (saved & XCR0_SSE) {
        put_mxcsr(v, &a);
        put_xmm(v, &a);
    }
    if (saved & XCR0_AVX)
        put_avx(v, &a);
    put64(a.bytes + XSTATE_BV, saved);
    put64(a.bytes + XCOMP_BV, want | COMPACTED);
    mmu_write(v, a.va, a.bytes, a.size);
    step_done(v, s);
}

/* ---- the area to registers ---- */

static bool mxcsr_ok(const struct vcpu *v, const struct area *a)
{
    uint32_t mask = get32(v->xsave + MXCSR + 4);
    return !(get32(a->bytes + MXCSR) & ~(mask ? mask : 0xffbf));
}

static void copy_in(struct vcpu *v, const struct area *a, unsigned at, unsigned bytes)
{
    copy_bytes(v->xsave + at, a->bytes + at, bytes);
}

static void take_x87(struct vcpu *v, const struct area *a)
{
    copy_in(v, a, 0, X87_HEAD);
    copy_in(v, a, ST, XMM - ST);
    zero_bytes(v->xsave + 6, 18); /* opcode and addresses */
}

static void reset_x87(struct vcpu *v)
{
    static const uint16_t fcw = FCW_RESET;
    zero_bytes(v->xsave, X87_HEAD);
    zero_bytes(v->xsave + ST, XMM - ST);
    copy_bytes(v->xsave, &fcw, sizeof(fcw));
}

/* Components that v->xsave holds from now on, and such that are back in their initial state. */
static void note(struct vcpu *v, uint64_t loaded, uint64_t initial)
{
    put64(v->xsave + XSTATE_BV, (get64(v->xsave + XSTATE_BV) & ~initial) | loaded);
}

static void fxrstor(struct vcpu *v, struct stepped *s)
{
    struct area a;
    native_check_vectors(v, NEED_X87);
    locate(v, &s->insn, 16, HEADER, ACCESS_READ, &a);
    load_area(v, &a);
    registers_to_memory(v);
    if (!mxcsr_ok(v, &a))
        soft_fault_code(v, EXC_GP, 0);
    take_x87(v, &a);
    copy_in(v, &a, MXCSR, 4);
    if (!fast_fx(v))
        copy_in(v, &a, XMM, a.xmm_bytes);
    note(v, XCR0_X87 | XCR0_SSE, 0);
    step_done(v, s);
}

static bool header_ok(const struct vcpu *v, const struct area *a)
{
    uint64_t bv = get64(a->bytes + XSTATE_BV), comp = get64(a->bytes + XCOMP_BV);
    for (unsigned at = XCOMP_BV + 8; at < HEADER + HEADER_BYTES; at += 8)
        if (get64(a->bytes + at))
            return false;
    if (!(comp & COMPACTED))
        return !comp && !(bv & ~v->xcr0);
    return !(comp & ~COMPACTED & ~v->xcr0) && !(bv & ~comp) && !(bv & COMPACTED);
}

static void xrstor(struct vcpu *v, struct stepped *s)
{
    struct area a;
    native_check_vectors(v, NEED_XSAVE);
    uint64_t want = requested(v);
    locate(v, &s->insn, 64, YMMH, ACCESS_READ, &a);
    load_area(v, &a);
    uint64_t bv = get64(a.bytes + XSTATE_BV);
    bool compacted = get64(a.bytes + XCOMP_BV) & COMPACTED;
    if ((compacted && !has_xsavec(v)) || !header_ok(v, &a))
        soft_fault_code(v, EXC_GP, 0);
    if (want & bv & XCR0_AVX)
        mmu_read(v, a.va + YMMH, a.bytes + YMMH, AREA - YMMH);
    registers_to_memory(v);
    bool loads_mxcsr = compacted ? want & bv & XCR0_SSE : want & (XCR0_SSE | XCR0_AVX);
    if (loads_mxcsr && !mxcsr_ok(v, &a))
        soft_fault_code(v, EXC_GP, 0);
    if (want & bv & XCR0_X87)
        take_x87(v, &a);
    else if (want & XCR0_X87)
        reset_x87(v);
    if (loads_mxcsr)
        copy_in(v, &a, MXCSR, 4);
    else if (want & XCR0_SSE)
        copy_bytes(v->xsave + MXCSR, &(uint32_t){MXCSR_RESET}, 4);
    if (want & bv & XCR0_SSE)
        copy_in(v, &a, XMM, a.xmm_bytes);
    else if (want & XCR0_SSE)
        zero_bytes(v->xsave + XMM, a.xmm_bytes);
    if (want & bv & XCR0_AVX)
        copy_in(v, &a, YMMH, a.xmm_bytes);
    else if (want & XCR0_AVX)
        zero_bytes(v->xsave + YMMH, a.xmm_bytes);
    if (v->mode & MODE_LONG64)
        note(v, want & bv, want & ~bv);
    else /* the upper eight registers are as they were */
        note(v, want, 0);
    step_done(v, s);
}

step_fn *save_handler(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
        return fxsave;
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
        return fxrstor;
    case ZYDIS_MNEMONIC_XSAVE:
    case ZYDIS_MNEMONIC_XSAVE64:
        return xsave;
    case ZYDIS_MNEMONIC_XSAVEC:
    case ZYDIS_MNEMONIC_XSAVEC64:
        return xsavec;
    case ZYDIS_MNEMONIC_XRSTOR:
    case ZYDIS_MNEMONIC_XRSTOR64:
        return xrstor;
    default:
        return NULL;
    }
}
