// SPDX-License-Identifier: GPL-2.0-or-later
/* machine: ports, CPUID, model-specific and debug registers. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"

struct regs {
    uint32_t a, b, c, d;
};
static struct regs cpuid(uint32_t leaf, uint32_t sub)
{
    struct regs r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
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
#define WATCHED "0x9c204"
    word d;
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7"
                     :
                     : "r"(0x9c204ul), "r"(0xd0702ul)); /* 4 bytes, written */
    TRY("write nearby", "movl $1, 4+" WATCHED, : : : ALL);
    TRY("watched write", "movl $1, " WATCHED "; nop", : : : ALL);
    __asm__ volatile("mov %%dr6, %0" : "=r"(d));
    say("dr6 %lx\n", d & 0xf);
    TRY("watched read", "mov " WATCHED ", %%eax", : : : ALL);
    TRY("write into it", "movb $1, 3+" WATCHED "; nop", : : : ALL);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0xf0702ul));
    TRY("watched read and write", "mov " WATCHED ", %%eax; nop", : : : ALL);
    __asm__ volatile("mov %0, %%dr6" : : "r"(0ul));
    __asm__ volatile("mov $773f, %%rax; mov %%rax, %%dr1; mov %0, %%rax; mov %%rax, %%dr7"
                     :
                     : "i"(0x708)
                     : "rax");
    TRY("instruction", "nop; 773: nop; nop", : : : ALL);
    __asm__ volatile("mov %%dr6, %0" : "=r"(d));
    say("dr6 %lx\n", d & 0xf);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
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
    breakpoints();
    return 0;
}
