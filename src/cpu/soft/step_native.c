// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_native: an ordinary instruction runs as itself, on the guest's registers in the host's.
 *
 * Its memory operand becomes [reg], where reg is a low register that the instruction does not use, loaded
 * with the host address: of guest RAM, or of a bounce buffer for MMIO, page crossings and pages with
 * translated code. 16- and 32-bit code is re-encoded for the host's 64-bit mode: operand size prefix,
 * INC/DEC, moffs. Source: Intel SDM vol. 2A, 2.1 to 2.3 (encoding), vol. 3A, 13 (when SSE, AVX and x87
 * fault). Left out: EVEX (CPUID hides it); masked loads and stores that cross into a page that is not there.
 */
#include "cpu/soft/step.h"

void step_enter(struct vcpu *v, const void *code);

#define SCRATCH_ADDR 3

/* ---- which unit ---- */

static bool general_purpose(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_MOVNTI:
    case ZYDIS_MNEMONIC_LFENCE:
    case ZYDIS_MNEMONIC_MFENCE:
    case ZYDIS_MNEMONIC_SFENCE:
    case ZYDIS_MNEMONIC_POPCNT:
    case ZYDIS_MNEMONIC_CRC32:
        return true;
    default:
        return false;
    }
}

enum vec_need native_need(const struct insn *i)
{
    if (general_purpose(i))
        return NEED_NONE;
    if (i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX || i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_XOP ||
        i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX || i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW)
        return NEED_UD;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
        return NEED_X87;
    default:
        break;
    }
    switch (i->z.meta.isa_ext) {
    case ZYDIS_ISA_EXT_X87:
        return NEED_X87;
    case ZYDIS_ISA_EXT_MMX:
        return NEED_MMX;
    case ZYDIS_ISA_EXT_SSE:
    case ZYDIS_ISA_EXT_SSE2:
    case ZYDIS_ISA_EXT_SSE3:
    case ZYDIS_ISA_EXT_SSSE3:
    case ZYDIS_ISA_EXT_SSE4:
    case ZYDIS_ISA_EXT_AES:
    case ZYDIS_ISA_EXT_PCLMULQDQ:
    case ZYDIS_ISA_EXT_SHA:
        return NEED_SSE;
    case ZYDIS_ISA_EXT_GFNI:
        return i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX ? NEED_AVX : NEED_SSE;
    case ZYDIS_ISA_EXT_AVX:
    case ZYDIS_ISA_EXT_AVX2:
    case ZYDIS_ISA_EXT_AVX2GATHER:
    case ZYDIS_ISA_EXT_AVXAES:
    case ZYDIS_ISA_EXT_F16C:
    case ZYDIS_ISA_EXT_FMA:
    case ZYDIS_ISA_EXT_VAES:
    case ZYDIS_ISA_EXT_VPCLMULQDQ:
        return NEED_AVX;
    case ZYDIS_ISA_EXT_XSAVE:
    case ZYDIS_ISA_EXT_XSAVEC:
        return NEED_XSAVE;
    case ZYDIS_ISA_EXT_AMD3DNOW:
    case ZYDIS_ISA_EXT_AMX_BF16:
    case ZYDIS_ISA_EXT_AMX_INT8:
    case ZYDIS_ISA_EXT_AMX_TILE:
    case ZYDIS_ISA_EXT_AVX512VEX:
    case ZYDIS_ISA_EXT_AVX_VNNI:
    case ZYDIS_ISA_EXT_CLZERO:
    case ZYDIS_ISA_EXT_ENQCMD:
    case ZYDIS_ISA_EXT_FMA4:
    case ZYDIS_ISA_EXT_HRESET:
    case ZYDIS_ISA_EXT_KEYLOCKER:
    case ZYDIS_ISA_EXT_KEYLOCKER_WIDE:
    case ZYDIS_ISA_EXT_KNC:
    case ZYDIS_ISA_EXT_MOVDIR:
    case ZYDIS_ISA_EXT_PADLOCK:
    case ZYDIS_ISA_EXT_PT:
    case ZYDIS_ISA_EXT_SERIALIZE:
    case ZYDIS_ISA_EXT_SSE4A:
    case ZYDIS_ISA_EXT_TBM:
    case ZYDIS_ISA_EXT_TSX_LDTRK:
    case ZYDIS_ISA_EXT_UINTR:
    case ZYDIS_ISA_EXT_WAITPKG:
    case ZYDIS_ISA_EXT_XOP:
        return NEED_UD;
    default:
        return NEED_NONE;
    }
}

void native_check_vectors(struct vcpu *v, enum vec_need need)
{
    switch (need) {
    case NEED_NONE:
        return;
    case NEED_UD:
        soft_fault(v, EXC_UD);
    case NEED_X87:
        if (v->cr0 & (CR0_EM | CR0_TS))
            soft_fault(v, EXC_NM);
        return;
    case NEED_MMX:
        if (v->cr0 & CR0_EM)
            soft_fault(v, EXC_UD);
        break;
    case NEED_SSE:
        if (v->cr0 & CR0_EM || !(v->cr4 & CR4_OSFXSR))
            soft_fault(v, EXC_UD);
        break;
    case NEED_AVX:
        if (!(v->cr4 & CR4_OSXSAVE) || (v->xcr0 & (XCR0_SSE | XCR0_AVX)) != (XCR0_SSE | XCR0_AVX) ||
            real_like(v))
            soft_fault(v, EXC_UD);
        break;
    case NEED_XSAVE:
        if (!(v->cr4 & CR4_OSXSAVE))
            soft_fault(v, EXC_UD);
        break;
    }
    if (v->cr0 & CR0_TS)
        soft_fault(v, EXC_NM);
}

/* ---- code ---- */

struct out {
    uint8_t bytes[STEP_CODE_BYTES];
    unsigned len;
};

static void put(struct out *o, uint8_t byte)
{
    BUG_ON(o->len == sizeof(o->bytes));
    o->bytes[o->len++] = byte;
}

/* mov r64, gs:[off], for one of the eight low registers. */
static void put_load(struct out *o, unsigned reg, uint32_t off)
{
    static const uint8_t head[] = {0x65, 0x48, 0x8b};
    for (unsigned i = 0; i < sizeof(head); i++)
        put(o, head[i]);
    put(o, (uint8_t)(0x04 | reg << 3));
    put(o, 0x25);
    for (unsigned i = 0; i < 4; i++)
        put(o, (uint8_t)(off >> 8 * i));
}

static void put_leave(struct out *o)
{
    const uint32_t off = VCPU_OFF(scratch) + 8 * 2;
    static const uint8_t jmp[] = {0x65, 0xff, 0x24, 0x25};
    for (unsigned i = 0; i < sizeof(jmp); i++)
        put(o, jmp[i]);
    for (unsigned i = 0; i < 4; i++)
        put(o, (uint8_t)(off >> 8 * i));
}

static bool is_moffs(const struct insn *i)
{
    return i->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
           i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY && i->z.opcode >= 0xa0 && i->z.opcode <= 0xa3;
}

static bool is_short_inc(const struct insn *i)
{
    return i->z.machine_mode != ZYDIS_MACHINE_MODE_LONG_64 && i->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT &&
           i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY && (i->z.opcode & 0xf0) == 0x40;
}

/* Prefixes as the host wants them; in 64-bit code they stay but for those of the address. */
static void put_prefixes(struct out *o, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    bool resize = i->z.machine_mode != ZYDIS_MACHINE_MODE_LONG_64 &&
                  i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
                  (s->need == NEED_NONE || (s->need == NEED_X87 && i->z.meta.isa_ext == ZYDIS_ISA_EXT_X87)) &&
                  i->z.meta.isa_ext != ZYDIS_ISA_EXT_ADOX_ADCX;
    if (resize && i->op_bytes == 2)
        put(o, 0x66);
    for (unsigned n = 0; n < i->z.raw.prefix_count; n++) {
        uint8_t p = i->z.raw.prefixes[n].value;
        bool rex = i->z.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 && (p & 0xf0) == 0x40;
        bool segment = p == 0x26 || p == 0x2e || p == 0x36 || p == 0x3e || p == 0x64 || p == 0x65;
        if (rex || segment || p == 0x67 || (p == 0x66 && resize))
            continue;
        put(o, p);
    }
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_REX) {
        uint8_t rex = i->bytes[i->z.raw.rex.offset];
        put(o, s->has_mem ? rex & 0xfc : rex); /* no X, no B: the address register is a low one */
    }
}

static void put_modrm_and_rest(struct out *o, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    uint8_t modrm = i->bytes[i->z.raw.modrm.offset];
    if (!s->has_mem) {
        for (unsigned n = i->z.raw.modrm.offset; n < i->len; n++)
            put(o, i->bytes[n]);
        return;
    }
    put(o, (uint8_t)((modrm & 0x38) | s->addr_reg));
    unsigned rest = i->z.raw.modrm.offset + 1u + (i->z.raw.sib.offset ? 1 : 0) + i->z.raw.disp.size / 8u;
    for (unsigned n = rest; n < i->len; n++)
        put(o, i->bytes[n]);
}

static void put_vex(struct out *o, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned n = i->z.raw.vex.offset;
    put(o, i->bytes[n]);
    if (i->bytes[n] == 0xc4)
        put(o, s->has_mem ? i->bytes[n + 1] | 0x60 : i->bytes[n + 1]); /* X, B are inverted */
    n += i->bytes[n] == 0xc4 ? 2 : 1;
    for (; n < i->z.raw.modrm.offset || (!i->z.raw.modrm.offset && n < i->len); n++)
        put(o, i->bytes[n]);
    if (i->z.raw.modrm.offset)
        put_modrm_and_rest(o, s);
}

static void put_legacy(struct out *o, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    put_prefixes(o, s);
    if (is_short_inc(i)) {
        put(o, 0xff);
        put(o, (uint8_t)(0xc0 | (i->z.opcode & 15))); /* /0 INC, /1 DEC */
        return;
    }
    if (is_moffs(i)) {
        static const uint8_t as_mov[] = {0x8a, 0x8b, 0x88, 0x89};
        put(o, as_mov[i->z.opcode - 0xa0]);
        put(o, s->addr_reg);
        return;
    }
    unsigned n = i->z.raw.prefix_count; /* REX is among them */
    unsigned opcode_end = i->z.raw.modrm.offset ? i->z.raw.modrm.offset : i->len;
    for (; n < opcode_end; n++)
        put(o, n + 1 == opcode_end && i->z.opcode == 0x82 && i->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT
                   ? 0x80
                   : i->bytes[n]);
    if (i->z.raw.modrm.offset)
        put_modrm_and_rest(o, s);
}

static bool uses_memory(const ZydisDecodedOperand *op)
{
    return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.type == ZYDIS_MEMOP_TYPE_MEM &&
           (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
            op->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64);
}

static void find_memory(struct stepped *s)
{
    s->has_mem = false;
    for (unsigned n = 0; n < s->insn.z.operand_count; n++) {
        const ZydisDecodedOperand *op = &s->insn.ops[n];
        if (!uses_memory(op))
            continue;
        bool conditional = op->actions & (ZYDIS_OPERAND_ACTION_CONDWRITE | ZYDIS_OPERAND_ACTION_CONDREAD);
        s->has_mem = true;
        s->mem_op = (uint8_t)n;
        s->mem_bytes = op->size / 8;
        s->writes = op->actions & (ZYDIS_OPERAND_ACTION_WRITE | ZYDIS_OPERAND_ACTION_CONDWRITE);
        s->reads = op->actions & ZYDIS_OPERAND_ACTION_READ || conditional;
    }
}

/* The x87 unit remembers where its last instruction stood: code of the stepper. Source: Intel SDM vol.
 * 1, 8.1.10 (figures of the environment in memory). */
static void find_host_addresses(struct stepped *s)
{
    bool environment =
        s->insn.mnemonic == ZYDIS_MNEMONIC_FNSTENV || s->insn.mnemonic == ZYDIS_MNEMONIC_FNSAVE;
    s->hide_at = s->insn.op_bytes == 2 ? 6 : 12;
    s->hide_bytes = environment ? s->insn.op_bytes == 2 ? 8 : 16 : 0;
}

static uint8_t free_register(const struct insn *i)
{
    static const uint8_t candidates[] = {RSI, RDI, RBX, RDX, RCX, RAX};
    unsigned used = 0, bytes, shift;
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER)
            used |= 1u << operand_gpr(i->ops[n].reg.value, &bytes, &shift);
    for (unsigned n = 0; n < sizeof(candidates); n++)
        if (!(used >> candidates[n] & 1))
            return candidates[n];
    bug(__FILE__, __LINE__, "an instruction that uses all registers");
}

void native_prepare(struct vcpu *v, struct stepped *s, unsigned slot)
{
    struct stepper *st = stepper_of(v);
    struct out o = {.len = 0};
    s->need = native_need(&s->insn);
    find_memory(s);
    find_host_addresses(s);
    if (s->has_mem) {
        s->addr_reg = free_register(&s->insn);
        put_load(&o, s->addr_reg, VCPU_OFF(scratch) + 8 * SCRATCH_ADDR);
    }
    if (s->insn.z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX)
        put_vex(&o, s);
    else
        put_legacy(&o, s);
    if (s->has_mem)
        put_load(&o, s->addr_reg, 8u * s->addr_reg);
    put_leave(&o);
    copy_bytes(st->code_rw + slot * STEP_CODE_BYTES, o.bytes, o.len);
    s->code = st->code_rx + slot * STEP_CODE_BYTES;
}

/* ---- run ---- */

static void enter(struct vcpu *v, const struct stepped *s)
{
    v->scratch[1] = (v->rflags & FL_ARITH) | 2;
    step_enter(v, s->code);
    v->rflags = (v->rflags & ~(uint64_t)FL_ARITH) | (v->scratch[1] & FL_ARITH);
}

/* BT and its kin with a bit number in a register reach beyond the operand. */
static uint64_t bit_displacement(const struct vcpu *v, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes, shift;
    if (i->mnemonic != ZYDIS_MNEMONIC_BT && i->mnemonic != ZYDIS_MNEMONIC_BTS &&
        i->mnemonic != ZYDIS_MNEMONIC_BTR && i->mnemonic != ZYDIS_MNEMONIC_BTC)
        return 0;
    if (i->ops[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return 0;
    int64_t bit = (int64_t)v->gpr[operand_gpr(i->ops[1].reg.value, &bytes, &shift)];
    unsigned unused = 64 - 8 * bytes;
    bit = (int64_t)((uint64_t)bit << unused) >> unused;
    return (uint64_t)(bit >> (bytes == 8 ? 6 : bytes == 4 ? 5 : 4)) * bytes;
}

static void run_on(struct vcpu *v, const struct stepped *s, void *host, uint64_t displacement)
{
    v->scratch[SCRATCH_ADDR] = (uint64_t)(uintptr_t)host - displacement;
    if (s->need)
        vec_restore(v);
    enter(v, s);
}

/* The bounce buffer has the operand's alignment, so that alignment faults come as they would. */
static void run_bounced(struct vcpu *v, const struct stepped *s, uint64_t va, unsigned bytes,
                        uint64_t displacement)
{
    uint8_t *buf = stepper_of(v)->bounce + (va & 63);
    if (s->writes)
        mmu_probe_write(v, va, bytes);
    if (s->reads)
        mmu_read(v, va, buf, bytes);
    run_on(v, s, buf, displacement);
    zero_bytes(buf + s->hide_at, s->hide_bytes);
    if (s->writes)
        mmu_write(v, va, buf, bytes);
}

struct split {
    const struct stepped *s;
    uint64_t va, displacement;
};

static void run_split(struct vcpu *v, void *arg)
{
    const struct split *x = arg;
    run_bounced(v, x->s, x->va, x->s->mem_bytes, x->displacement);
}

/* A locked access across pages: all CPUs that use the same address cross there too and come here. */
static void run_locked(struct vcpu *v, const struct stepped *s, uint64_t va, uint64_t displacement)
{
    struct split x = {.s = s, .va = va, .displacement = displacement};
    while (atomic_flag_test_and_set_explicit(&v->soft->split_lock, memory_order_acquire))
        __builtin_ia32_pause();
    bool ok = soft_try(v, run_split, &x);
    atomic_flag_clear_explicit(&v->soft->split_lock, memory_order_release);
    if (!ok)
        soft_fault_again(v);
}

static void run_memory(struct vcpu *v, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    const ZydisDecodedOperand *op = &i->ops[s->mem_op];
    unsigned bytes = s->mem_bytes;
    uint64_t displacement = bit_displacement(v, s), off = operand_offset(v, i, op) + displacement;
    enum access access = s->writes ? ACCESS_WRITE : ACCESS_READ;
    if (i->addr_bytes < 8)
        off &= i->addr_bytes == 4 ? 0xffffffff : 0xffff;
    uint64_t va = mmu_linear(v, operand_seg(op->mem.segment), off, bytes, access);
    void *host = mmu_host(v, va, bytes, access);
    if (host && !s->hide_bytes) {
        run_on(v, s, host, displacement);
        return;
    }
    if (!(i->z.attributes & ZYDIS_ATTRIB_HAS_LOCK) && i->mnemonic != ZYDIS_MNEMONIC_XCHG) {
        run_bounced(v, s, va, bytes, displacement);
        return;
    }
    uint64_t code_gpa = UINT64_MAX;
    host = mmu_host_locked(v, va, bytes, &code_gpa);
    if (!host) {
        run_locked(v, s, va, displacement);
        return;
    }
    run_on(v, s, host, displacement);
    if (code_gpa != UINT64_MAX)
        smc_written(v->soft, v, code_gpa, bytes);
}

void native_run(struct vcpu *v, struct stepped *s)
{
    native_check_vectors(v, s->need);
    if (s->has_mem) {
        run_memory(v, s);
    } else {
        if (s->need)
            vec_restore(v);
        enter(v, s);
    }
    step_done(v, s);
}
