// SPDX-License-Identifier: GPL-2.0-or-later
/* unit: state of x87, SSE and AVX by FXSAVE, XSAVE, XSAVEC, XRSTOR; debug registers; CPUID; model-specific
 * registers; ports. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"

static uint8_t area[1024] __attribute__((aligned(64))), other[1024] __attribute__((aligned(64)));

struct regs {
    uint32_t a, b, c, d;
};
static struct regs cpuid(uint32_t leaf, uint32_t sub)
{
    struct regs r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

#define XOP(insn, at, mask) __asm__ volatile(insn " %0" : "+m"(*(at)) : "a"(mask), "d"(0) : "memory")

static uint32_t sum(const uint8_t *p, unsigned from, unsigned to)
{
    uint32_t s = 0;
    for (unsigned i = from; i < to; i++)
        s = s * 31 + p[i];
    return s;
}

static void load_registers(void)
{
    static const float f[8] = {1.5f, -2, 3, 4, 5, 6, 7, 8};
    __asm__ volatile("fninit; fldpi; fld1; fldl2e; movups %0, %%xmm0; movups 16+%0, %%xmm9" : : "m"(f));
}

static void fxsave(void)
{
    load_registers();
    memset(area, 0xa5, sizeof(area));
    __asm__ volatile("fxsave64 %0" : "=m"(area));
    say("fxsave: fcw %x fsw %x tag %x mxcsr %x st %x xmm %x rest %x\n", *(uint16_t *)area,
        *(uint16_t *)(area + 2), area[4], *(uint32_t *)(area + 24), sum(area, 32, 80), sum(area, 160, 416),
        sum(area, 416, 512));
    __asm__ volatile("fninit; xorps %%xmm0, %%xmm0; xorps %%xmm9, %%xmm9; fxrstor64 %0; fxsave64 %1"
                     :
                     : "m"(area), "m"(other));
    say("back: %s\n", memcmp(area + 24, other + 24, 392) || memcmp(area, other, 5) ? "differs" : "same");
    TRY("fxsave unaligned", "fxsave 8+%0", : : "m"(area) : ALL);
    *(uint32_t *)(area + 24) = 0x1f80 | 1u << 20;
    __asm__ volatile("fninit; emms");
}

/* The kernel's initial state lies in memory that is read-only. */
static void read_only(void)
{
    volatile uint64_t *pte = (uint64_t *)(0x103000 + 8 * 0x220);
    memset((void *)0x220000, 0, 4096);
    *(uint16_t *)0x220000 = 0x37f;
    *(uint32_t *)0x220018 = 0x1f80;
    *pte = 0x220001;
    invlpg((void *)0x220000);
    TRY("xrstor of read-only memory", "mov $7, %%eax; xor %%edx, %%edx; xrstor 0x220000", : : : ALL);
    TRY("fxrstor of read-only memory", "fxrstor 0x220000", : : : ALL);
    TRY("xsave to read-only memory", "mov $7, %%eax; xor %%edx, %%edx; xsave 0x220000", : : : ALL);
}

static void xsave(void)
{
    WRITE_CR(4, READ_CR(4) | 1 << 18);
    uint32_t a, d;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    say("xcr0 %x %x\n", a, d);
    TRY("xcr0 0", "xor %%eax, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; xsetbv", : : : ALL);
    TRY("avx without sse", "mov $5, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; xsetbv", : : : ALL);
    TRY("xcr1", "mov $1, %%ecx; mov $7, %%eax; xor %%edx, %%edx; xsetbv", : : : ALL);
    __asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
    say("size %x max %x\n", cpuid(0xd, 0).b, cpuid(0xd, 0).c);
    load_registers();
    __asm__ volatile("vbroadcastss %0, %%ymm3; vinsertf128 $1, %%xmm0, %%ymm9, %%ymm9"
                     :
                     : "m"(*(float *)area));
    memset(area, 0, sizeof(area));
    XOP("xsave64", &area, 7);
    say("xsave: bv %lx comp %lx st %x xmm %x ymm %x\n", *(word *)(area + 512), *(word *)(area + 520),
        sum(area, 32, 80), sum(area, 160, 416), sum(area, 576, 832));
    memset(other, 0xa5, sizeof(other));
    memset(other + 512, 0, 64);
    XOP("xsave64", &other, 4);
    say("avx alone: bv %lx mxcsr %x x87 %x ymm %x\n", *(word *)(other + 512), *(uint32_t *)(other + 24),
        *(uint16_t *)other, sum(other, 576, 832));
    XOP("xrstor64", &area, 7);
    memset(other, 0, sizeof(other));
    XOP("xsave64", &other, 7);
    say("back: %s\n", memcmp(area + 24, other + 24, 808) ? "differs" : "same");
    if (cpuid(0xd, 1).a & 2) {
        memset(other, 0, sizeof(other));
        XOP("xsavec64", &other, 6);
        say("xsavec: bv %lx comp %lx\n", *(word *)(other + 512), *(word *)(other + 520));
        __asm__ volatile("vzeroall");
        XOP("xrstor64", &other, 6);
        memset(other, 0, sizeof(other));
        XOP("xsave64", &other, 7);
        say("compacted back: %s\n",
            memcmp(area + 576, other + 576, 256) || memcmp(area + 160, other + 160, 256) ? "differs"
                                                                                         : "same");
    }
    *(word *)(area + 512) = 1; /* SSE and AVX to their initial state */
    XOP("xrstor64", &area, 7);
    memset(other, 0xa5, sizeof(other));
    memset(other + 512, 0, 64);
    XOP("xsave64", &other, 7);
    say("initial: xmm %x ymm %x\n", sum(other, 160, 416), sum(other, 576, 832));
    *(word *)(area + 512) = 8;
    TRY("xrstor of an unknown part", "mov $7, %%eax; xor %%edx, %%edx; xrstor %0", : : "m"(area) : ALL);
    *(word *)(area + 512) = 7;
    *(word *)(area + 528) = 1;
    TRY("xrstor with a reserved byte", "mov $7, %%eax; xor %%edx, %%edx; xrstor %0", : : "m"(area) : ALL);
    *(word *)(area + 528) = 0;
    TRY("xsave unaligned", "mov $7, %%eax; xor %%edx, %%edx; xsave 16+%0", : : "m"(area) : ALL);
    read_only();
    __asm__ volatile("vzeroall; fninit");
}

int main(void)
{
    fxsave();
    xsave();
    return 0;
}
