// SPDX-License-Identifier: GPL-2.0-or-later
/* memory: accesses of all sizes across pages, to devices, locked ones; bits beyond an operand; string
 * instructions. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"
static uint8_t *const area = (uint8_t *)0x200000;
static uint64_t sum;

static void mix(uint64_t val)
{
    sum = (sum ^ val) * 0x100000001b3;
}

static void fill(void)
{
    for (unsigned i = 0; i < 0x4000; i++)
        area[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void digest(const char *what)
{
    for (unsigned i = 0; i < 0x4000 / 8; i++)
        mix(((uint64_t *)area)[i]);
    say("%s %lx\n", what, (word)sum);
}

#define EVERY(insn, type)                                                                                    \
    for (unsigned off = 0xff8; off < 0x1001; off++) {                                                        \
        type val = (type)(off * 0x123456789abcul);                                                           \
        __asm__ volatile(insn : "+r"(val), "+m"(*(type *)(area + off)) : : "cc");                            \
        mix((uint64_t)val);                                                                                  \
    }

static void sizes(void)
{
    fill();
    EVERY("movw %1, %0", uint16_t)
    EVERY("mov %1, %0", uint32_t)
    EVERY("mov %1, %0", uint64_t)
    EVERY("add %0, %1", uint16_t)
    EVERY("adc %0, %1", uint32_t)
    EVERY("sub %0, %1", uint64_t)
    EVERY("lock xadd %0, %1", uint16_t)
    EVERY("lock xadd %0, %1", uint32_t)
    EVERY("lock xadd %0, %1", uint64_t)
    EVERY("xchg %0, %1", uint16_t)
    EVERY("xchg %0, %1", uint32_t)
    EVERY("xchg %0, %1", uint64_t)
    EVERY("lock or %0, %1", uint32_t)
    EVERY("lock btcl $5, %1; not %0", uint32_t)
    for (unsigned off = 0xff0; off < 0x1001; off++) {
        __asm__ volatile("movups %0, %%xmm0; movups %%xmm0, %1"
                         :
                         : "m"(area[off]), "m"(area[off + 0x2007])
                         : "memory");
        __asm__ volatile("push %0; pop %1"
                         :
                         : "m"(*(uint64_t *)(area + off)), "m"(*(uint64_t *)(area + off + 0x1003)));
    }
    digest("sizes");
}

static void exchange(void)
{
    uint64_t a[2] __attribute__((aligned(16))) = {1, 2};
    uint64_t lo = 1, hi = 2;
    uint8_t ok;
    __asm__ volatile("lock cmpxchg16b %0; setz %3"
                     : "+m"(a), "+a"(lo), "+d"(hi), "=q"(ok)
                     : "b"(7ul), "c"(8ul)
                     : "cc");
    say("cmpxchg16b %u %lx %lx", ok, (word)a[0], (word)a[1]);
    __asm__ volatile("lock cmpxchg16b %0; setz %3"
                     : "+m"(a), "+a"(lo), "+d"(hi), "=q"(ok)
                     : "b"(9ul), "c"(9ul)
                     : "cc");
    say(" %u %lx %lx\n", ok, (word)lo, (word)hi);
    for (unsigned off = 0xffa; off < 0x1000; off++) {
        uint32_t l, h;
        memcpy(&l, area + off, 4);
        memcpy(&h, area + off + 4, 4);
        __asm__ volatile("lock cmpxchg8b %0; setz %3"
                         : "+m"(*(uint64_t *)(area + off)), "+a"(l), "+d"(h), "=q"(ok)
                         : "b"(off), "c"(~off)
                         : "cc");
        mix(ok);
    }
    TRY("cmpxchg16b unaligned", "lock cmpxchg16b 8+%0", : : "m"(a) : ALL);
    digest("exchange");
}

static void bits(void)
{
    uint64_t n;
    uint8_t c;
    for (int64_t bit = -70000; bit < 70000; bit += 4999) {
        n = (uint64_t)bit;
        __asm__ volatile("bts %2, %1; setc %0" : "=q"(c) : "m"(area[0x2000]), "r"(n) : "memory", "cc");
        mix(c);
        __asm__ volatile("lock btc %k2, %1; setc %0" : "=q"(c) : "m"(area[0x2100]), "r"(n) : "memory", "cc");
        mix(c);
        n = (uint64_t)(int64_t)(int16_t)bit;
        __asm__ volatile("btr %w2, %1; setc %0"
                         : "=q"(c)
                         : "m"(*(uint16_t *)(area + 0x2200)), "r"(n)
                         : "memory", "cc");
        mix(c);
    }
    digest("bits");
}

static void devices(void)
{
    volatile uint8_t *d = (uint8_t *)(word)0x4000c000ul;
    /* a window of pages onto the echo device */
    volatile uint64_t *pd = (uint64_t *)0x10c000, *pt = (uint64_t *)0x10d000;
    memset((void *)0x10c000, 0, 0x2000);
    pd[0] = 0x10d007;
    pt[0xc] = MMIO_ECHO | 7;
    pt[0xd] = 0x20a007;
    ((uint64_t *)0x101000)[1] = 0x10c007;
    *(volatile uint32_t *)d = 0x12345678;
    *(volatile uint16_t *)(d + 4) = 0x9abc;
    *(volatile uint8_t *)(d + 6) = 0xde;
    *(volatile uint64_t *)(d + 8) = 0x1122334455667788;
    say("device %x %lx %x\n", *(volatile uint32_t *)d, *(volatile uint64_t *)(d + 8), d[6]);
    uint32_t x = 0x10;
    __asm__ volatile("add %0, %1; xchg %0, %1" : "+r"(x), "+m"(*(volatile uint32_t *)d) : : "cc");
    say("add, xchg %x %x\n", x, *(volatile uint32_t *)d);
    __asm__ volatile("movzbl %1, %0" : "=r"(x) : "m"(d[6]));
    say("movzx %x", x);
    __asm__ volatile("movsbl %1, %0" : "=r"(x) : "m"(d[6]));
    say(" movsx %x", x);
    __asm__ volatile("orb $1, %1; testb $1, %1; setnz %b0" : "=q"(x) : "m"(d[6]) : "cc");
    say(" or %x\n", x & 0xff);
    __asm__ volatile("rep movsb" : : "D"(d + 16), "S"("0123456789abcdef"), "c"(16) : "memory");
    uint8_t back[17] = {0};
    for (unsigned i = 0; i < 16; i++)
        back[i] = d[16 + i];
    say("rep movsb %s\n", (char *)back);
}

static void strings(void)
{
    fill();
    for (unsigned n = 0; n < 20; n++) {
        word c = n, d = (word)area + 0xff8, s = (word)area + 0x1ff9;
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
        mix(d + s + c);
        c = n, d = (word)area + 0x1001, s = (word)area + 0x1000; /* overlaps: a fill */
        __asm__ volatile("rep movsw" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
        mix(d + s + c);
        c = n, d = (word)area + 0x1ffd, s = (word)area + 0x1fff;
        __asm__ volatile("std; rep movsq; cld" : "+D"(d), "+S"(s), "+c"(c) : : "memory", "cc");
        mix(d + s + c);
        c = n, d = (word)area + 0xffc;
        __asm__ volatile("rep stosl" : "+D"(d), "+c"(c) : "a"(n * 0x01010101) : "memory");
        mix(d + c);
        c = n, s = (word)area + 0xffc;
        word a = 0;
        __asm__ volatile("rep lodsw" : "+S"(s), "+c"(c), "+a"(a));
        mix(s + c + a);
    }
    uint8_t z;
    for (unsigned at = 0; at < 16; at++) {
        memcpy(area + 0x2ff8, area + 0xff8, 16);
        area[0x2ff8 + at] ^= 0x40;
        word c = 16, d = (word)area + 0x2ff8, s = (word)area + 0xff8;
        __asm__ volatile("repe cmpsb; setz %3" : "+D"(d), "+S"(s), "+c"(c), "=q"(z) : : "cc");
        mix(d + s + c + z);
        c = 100, d = (word)area + 0xfe0;
        __asm__ volatile("repne scasb; setz %2" : "+D"(d), "+c"(c), "=q"(z) : "a"(area[0xff0 + at]) : "cc");
        mix(d + c + z);
    }
    word c = 0x1000000000ul, d = (word)area, s = (word)area + 8;
    __asm__ volatile("addr32 rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory"); /* ecx is 0 */
    say("rep of 0: %lx %lx %lx\n", c, d - (word)area, s - (word)area);
    c = 0xffff00000003, d = (word)area | 0xabc00000000, s = ((word)area + 8) | 0x1200000000;
    __asm__ volatile("addr32 rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory");
    say("addr32: %lx %lx %lx\n", c, d, s);
    digest("strings");
}

static void stack(void)
{
    word a, b, c;
    __asm__ volatile(
        "mov %%rsp, %%rbx; push %%rsp; pop %0; sub %%rbx, %0; pushw $0x1234; popw %w1; movzwl %w1, %k1;"
        "mov %%rbp, %%rsi; mov %%rbx, %%rbp; enter $32, $3; mov %%rsp, %2; sub %%rbx, %2; leave; mov %%rbx, "
        "%%rsp; mov %%rsi, %%rbp"
        : "=&r"(a), "=&r"(b), "=&r"(c)
        :
        : "rbx", "rsi", "memory");
    say("stack %lx %lx %lx\n", a, b, c);
    __asm__ volatile("push $-2; popq -8(%%rsp); mov -8(%%rsp), %0; push $0; push $0x55; pop (%%rsp); pop %1"
                     : "=r"(a), "=r"(b)
                     :
                     : "memory");
    say("push imm %lx\n", a);
}

int main(void)
{
    sizes();
    exchange();
    bits();
    devices();
    strings();
    stack();
    return 0;
}
