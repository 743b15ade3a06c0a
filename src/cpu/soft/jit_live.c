// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_live: which arithmetic flags an instruction reads and writes, and which are still needed at a place.
 *
 * A check of the TLB may destroy flags only where none is needed. What is needed at the end of a block is
 * found by looking a little ahead: into successors in the same page, a few instructions deep; beyond that all
 * flags count as needed, at returns and indirect jumps too. Source: Intel SDM vol. 1, appendix A.
 */
#include "cpu/soft/jit.h"

#define AHEAD_INSNS 12u

/* A shift by a count of zero changes no flag. */
static bool shifts_maybe(const ZydisDecodedInstruction *z, const uint8_t *bytes)
{
    switch (z->mnemonic) {
    case ZYDIS_MNEMONIC_SHL:
    case ZYDIS_MNEMONIC_SHR:
    case ZYDIS_MNEMONIC_SAR:
    case ZYDIS_MNEMONIC_ROL:
    case ZYDIS_MNEMONIC_ROR:
    case ZYDIS_MNEMONIC_RCL:
    case ZYDIS_MNEMONIC_RCR:
        if (z->opcode == 0xd0 || z->opcode == 0xd1)
            return false;
        break;
    case ZYDIS_MNEMONIC_SHLD:
    case ZYDIS_MNEMONIC_SHRD:
        break;
    default:
        return false;
    }
    if (!z->raw.imm[0].size)
        return true; /* by CL */
    unsigned count = bytes[z->raw.imm[0].offset] & (z->operand_width == 64 ? 63 : 31);
    return !count || z->operand_width < 32;
}

struct flag_use flags_of(const ZydisDecodedInstruction *z, const uint8_t *bytes)
{
    const ZydisAccessedFlags *f = z->cpu_flags;
    struct flag_use u = {0, 0};
    if (!f)
        return u;
    u.reads = f->tested & FL_ARITH;
    if (!shifts_maybe(z, bytes))
        u.writes = (f->modified | f->set_0 | f->set_1 | f->undefined) & FL_ARITH;
    else
        u.reads |= (f->modified | f->undefined) & FL_ARITH;
    if (z->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE))
        u.writes = 0; /* no element, no flags */
    return u;
}

static bool ends(const ZydisDecodedInstruction *z)
{
    switch (z->meta.category) {
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_INTERRUPT:
    case ZYDIS_CATEGORY_IO:
        return true;
    default:
        return z->mnemonic == ZYDIS_MNEMONIC_PUSHF || z->mnemonic == ZYDIS_MNEMONIC_PUSHFQ;
    }
}

/* After instructions that end a block. *ret_more: go on at *off. */
static uint16_t after(const struct jpage *p, const uint8_t *page, const ZydisDecodedInstruction *z,
                      unsigned *off, uint32_t mode, unsigned depth, uint64_t *seen, bool *ret_more)
{
    unsigned next = *off + z->length;
    uint64_t to = next + (uint64_t)z->raw.imm[0].value.s;
    bool relative = z->raw.imm[0].is_relative && to < RAM_PAGE;
    *ret_more = false;
    if (z->meta.category == ZYDIS_CATEGORY_COND_BR && relative && depth)
        return flags_ahead(p, page, (unsigned)to, mode, depth - 1, seen) |
               flags_ahead(p, page, next, mode, depth - 1, seen);
    if (relative && z->meta.category == ZYDIS_CATEGORY_UNCOND_BR) {
        *off = (unsigned)to;
        *ret_more = true;
        return 0;
    }
    return FL_ARITH;
}

uint16_t flags_ahead(const struct jpage *p, const uint8_t *page, unsigned off, uint32_t mode, unsigned depth,
                     uint64_t *seen)
{
    uint16_t needed = 0, known = 0; /* known: read or written on the way */
    ZydisDecoder d;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (unsigned n = 0; n < AHEAD_INSNS && off < RAM_PAGE; n++) {
        ZydisDecodedInstruction z;
        const struct block *b = cache_find_locked(p, off, mode);
        if (b) {
            *seen |= b->ahead | lines_of(b->start, b->end);
            return needed | (b->live & (uint16_t)~known);
        }
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&d, NULL, page + off, RAM_PAGE - off, &z)))
            break;
        *seen |= lines_of(off, off + z.length);
        struct flag_use u = flags_of(&z, page + off);
        needed |= u.reads & (uint16_t)~known;
        known |= u.writes;
        if ((known & FL_ARITH) == FL_ARITH)
            return needed;
        if (!ends(&z)) {
            off += z.length;
            continue;
        }
        bool more;
        uint16_t rest = after(p, page, &z, &off, mode, depth, seen, &more);
        if (!more)
            return needed | (rest & (uint16_t)~known);
    }
    return needed | (FL_ARITH & (uint16_t)~known);
}
