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

static void identity(void)
{
    struct regs r = cpuid(0, 0);
    say("vendor %x %x %x\n", r.b, r.c, r.d);
    r = cpuid(1, 0);
    say("signature %x apic id %u osxsave %x hypervisor %x\n", r.a, r.b >> 24, r.c >> 27 & 1, r.c >> 31);
    r = cpuid(0x40000000, 0);
    say("hypervisor %x %x %x\n", r.b, r.c, r.d);
    r = cpuid(0x80000008, 0);
    say("address bits %x\n", r.a & 0xffff);
    r = cpuid(0x80000001, 0);
    say("nx %u lm %u syscall %u rdtscp %u\n", r.d >> 20 & 1, r.d >> 29 & 1, r.d >> 11 & 1, r.d >> 27 & 1);
}

static void registers(void)
{
    static const uint32_t msrs[] = {0xc0000081, 0xc0000082, 0xc0000084, 0xc0000102, 0x174,
                                    0x175,      0x176,      0x277,      0xc0000103};
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        uint64_t old = rdmsr(msrs[i]), val = msrs[i] == 0x277 ? 0x0606060606060606 : 0x1234 + i;
        wrmsr(msrs[i], val);
        say("%s%s", rdmsr(msrs[i]) == val ? "=" : "/", i + 1 == sizeof(msrs) / sizeof(msrs[0]) ? "\n" : "");
        wrmsr(msrs[i], old);
    }
    say("efer %lx apic base %lx\n", (word)rdmsr(0xc0000080), (word)rdmsr(0x1b));
    uint32_t aux;
    wrmsr(0xc0000103, 77);
    __asm__ volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
    say("rdtscp aux %u\n", aux);
}

static void breakpoints(void)
{
    static uint32_t watched[4] __attribute__((aligned(16)));
    word d;
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7"
                     :
                     : "r"((word)&watched[1]), "r"(0xd0702ul)); /* 4 bytes, written */
    TRY("write nearby", "movl $1, %0", : : "m"(watched[2]) : ALL);
    TRY("watched write", "movl $1, %0; nop", : : "m"(watched[1]) : ALL);
    __asm__ volatile("mov %%dr6, %0" : "=r"(d));
    say("dr6 %lx\n", d & 0xf);
    TRY("watched read", "mov %0, %%eax", : : "m"(watched[1]) : ALL);
    TRY("write into it", "movb $1, %0; nop", : : "m"(*((uint8_t *)&watched[1] + 3)) : ALL);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0xf0702ul));
    TRY("watched read and write", "mov %0, %%eax; nop", : : "m"(watched[1]) : ALL);
    __asm__ volatile("mov %0, %%dr6" : : "r"(0ul));
    __asm__ volatile("mov $773f, %%rax; mov %%rax, %%dr1; mov %0, %%rax; mov %%rax, %%dr7"
                     :
                     : "i"(0x708)
                     : "rax");
    TRY("instruction", "nop; 773: nop; nop", : : : ALL);
    __asm__ volatile("mov %%dr6, %0" : "=r"(d));
    say("dr6 %lx\n", d & 0xf);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x2400ul));
    TRY("general detect", "mov %%dr0, %%rax", : : : ALL);
    __asm__ volatile("mov %%dr7, %0" : "=r"(d));
    say("dr7 %lx\n", d);
    TRY("dr4 is dr6", "mov %%dr4, %%rax", : : : ALL);
    WRITE_CR(4, READ_CR(4) | 8);
    TRY("dr4 with de", "mov %%dr4, %%rax", : : : ALL);
    WRITE_CR(4, READ_CR(4) & ~8ul);
}

static void ports(void)
{
    outl(PORT_ECHO, 0x12345678);
    outb(PORT_ECHO + 1, 0xab);
    say("port %x %x\n", inl(PORT_ECHO), inb(PORT_ECHO + 1));
    static uint8_t to[8];
    const char *from = "abcdefgh";
    word n = 8;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(PORT_ECHO) : "memory");
    uint8_t *p = to;
    n = 4;
    __asm__ volatile("rep insb" : "+D"(p), "+c"(n) : "d"(PORT_ECHO) : "memory");
    say("ins %s\n", (char *)to);
    from = "text to the runner\n";
    n = 19;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(PORT_TEXT) : "memory");
}

int main(void)
{
    ports();
    identity();
    registers();
    fxsave();
    xsave();
    breakpoints();
    return 0;
}
