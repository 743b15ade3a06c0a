// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_plain: MOVS and STOS as kernels and libraries use them: 64-bit addresses, flat segments, upwards, RAM.
 * As much at once as lies in one page; anything else is for step_string.c. Source: Intel SDM vol. 2: REP,
 * MOVS, STOS.
 */
#include "cpu/soft/copy.h"
#include "cpu/soft/step.h"

#define SHORT 256u /* bytes up to which a loop is faster than what REP takes to start */

/* Host address of va if the TLB knows the page or it can be had; NULL: MMIO or code. */
static uint8_t *host_of(struct vcpu *v, const struct tlb_entry *e, uint64_t va, unsigned bytes,
                        enum access access)
{
    uint64_t t = va - e[TLB_INDEX(va)].tag;
    if (t <= RAM_PAGE - bytes)
        return (uint8_t *)(uintptr_t)(e[TLB_INDEX(va)].host + t);
    return va_canonical(va) ? mmu_host(v, va, bytes, access) : NULL;
}

static uint64_t room(uint64_t va, unsigned bytes)
{
    return (RAM_PAGE - (va & (RAM_PAGE - 1))) / bytes;
}

/* Not closer than an element: the result is that of a copy byte by byte. */
static void copy(uint8_t *to, const uint8_t *from, uint64_t len)
{
    if (len > SHORT || (uint64_t)(to - from) < 8) { /* the latter repeats a pattern */
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
        return;
    }
    for (; len >= 8; len -= 8, to += 8, from += 8)
        *(volatile loose64 *)to = *(const volatile loose64 *)from;
    for (; len; len--)
        *(volatile uint8_t *)to++ = *(const volatile uint8_t *)from++;
}

static void fill(uint8_t *to, uint64_t val, uint64_t len)
{
    if (len > SHORT) {
        uint64_t words = len / 8;
        __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(val) : "memory");
        len %= 8;
    }
    for (; len >= 8; len -= 8, to += 8)
        *(volatile loose64 *)to = val;
    for (; len; len--, val >>= 8)
        *(volatile uint8_t *)to++ = (uint8_t)val;
}

/* A value repeated to eight bytes. */
static uint64_t pattern(uint64_t val, unsigned bytes)
{
    if (bytes == 1)
        return (val & 0xff) * 0x0101010101010101ull;
    if (bytes == 2)
        return (val & 0xffff) * 0x0001000100010001ull;
    return bytes == 4 ? (val & 0xffffffff) * 0x0000000100000001ull : val;
}

/* Up to n elements; returns how many, 0: none can be moved here. */
static uint64_t some(struct vcpu *v, bool is_movs, unsigned bytes, uint64_t n)
{
    struct tlb *tlb = &v->tlb[v->mode & MODE_USER ? BANK_USER : BANK_KERNEL];
    uint64_t to = v->gpr[RDI], from = v->gpr[RSI], here = room(to, bytes);
    const uint8_t *src = NULL;
    if (is_movs) {
        uint64_t there = room(from, bytes);
        here = here < there ? here : there;
        if (!(src = host_of(v, tlb->read, from, bytes, ACCESS_READ)))
            return 0;
    }
    if (n > here)
        n = here;
    uint8_t *dst = n ? host_of(v, tlb->write, to, bytes, ACCESS_WRITE) : NULL;
    if (!dst)
        return 0;
    if (is_movs && (uint64_t)(dst - src) - 1 < bytes - 1)
        return 0;
    if (is_movs)
        copy(dst, src, n * bytes);
    else
        fill(dst, pattern(v->gpr[RAX], bytes), n * bytes);
    return n;
}

bool string_plain(struct vcpu *v, bool is_movs, unsigned bytes, bool rep)
{
    uint64_t left = rep ? v->gpr[RCX] : 1;
    if (v->rflags & FL_DF)
        return false;
    while (left) {
        uint64_t n = some(v, is_movs, bytes, left);
        if (!n)
            return false;
        left -= n;
        v->gpr[RDI] += n * bytes;
        if (is_movs)
            v->gpr[RSI] += n * bytes;
        if (rep)
            v->gpr[RCX] = left;
        if (left && v->request)
            return false;
    }
    return true;
}
