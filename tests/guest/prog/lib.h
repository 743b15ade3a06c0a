// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib: what flat guest programs share: text out, traps that a test expects, user mode.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long word; /* of the mode: 4 or 8 bytes */

#define PORT_TEXT 0xe9        /* text straight to the runner */
#define PORT_EXIT 0xf4        /* ends the program, value is its status */
#define PORT_VARY 0xf5        /* registers and memory depend on time: compare the text only */
#define PORT_ECHO 0xf8        /* 8 bytes of memory behind ports */
#define MMIO_ECHO 0xd0000000u /* a page of memory behind the bus */

/* %x (word, no leading zeros), %u, %s, %c */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void leave(int status);
void vary(void);
int main(void);

struct frame {
#ifdef __x86_64__
    word r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
#else
    word rdi, rsi, rbp, unused, rbx, rdx, rcx, rax;
#endif
    word vector, error, rip, cs, flags, rsp, ss;
};

/* What the last trap was, while a TRY or somebody else awaits it. */
struct trap {
    unsigned count;
    struct frame f;
    word cr2;
};
extern struct trap trap;
extern word try_ip, try_resume, try_rsp;
/* Others than exceptions that are tried: interrupts; returns to where it came from. */
extern void (*on_interrupt)(struct frame *f);

/*
 * Run instructions and tell what they trap with: vector, error code, where (from the first instruction),
 * CR2. Registers are as the fault left them.
 */
#ifdef __x86_64__
#define TRY_BEGIN                                                                                            \
    "movq $771f, try_ip\n\t"                                                                                 \
    "movq $772f, try_resume\n\t"                                                                             \
    "movq %%rsp, try_rsp\n"                                                                                  \
    "771:\t"
#else
#define TRY_BEGIN                                                                                            \
    "movl $771f, try_ip\n\t"                                                                                 \
    "movl $772f, try_resume\n\t"                                                                             \
    "movl %%esp, try_rsp\n"                                                                                  \
    "771:\t"
#endif
#define TRY_END "\n772:\n"
#define TRY(name, insns, ...)                                                                                \
    do {                                                                                                     \
        try_start();                                                                                         \
        __asm__ volatile(TRY_BEGIN insns TRY_END __VA_ARGS__);                                               \
        try_tell(name);                                                                                      \
    } while (0)
void try_start(void);
void try_tell(const char *name);

/* Run fn at CPL 3, on a stack of its own. */
void run_user(void (*fn)(void));
void gate(unsigned vector, void *handler, unsigned attr, unsigned ist); /* attr 0x8e: interrupt gate, DPL 0 */
void descriptor(unsigned selector, uint64_t val);
struct pointer {
    uint16_t limit;
    word base;
} __attribute__((packed));
extern struct pointer idt_pointer;
extern uint64_t gdt[];
extern uint8_t stubs[], tss[];
void tss_rsp(unsigned n, word rsp); /* 0..2; 64 bit also 4..10: IST1..7 */

static inline void outb(uint16_t port, uint8_t val)
{
    __asm__ volatile("outb %0, %1" : : "a"(val), "Nd"(port));
}
static inline void outl(uint16_t port, uint32_t val)
{
    __asm__ volatile("outl %0, %1" : : "a"(val), "Nd"(port));
}
static inline uint8_t inb(uint16_t port)
{
    uint8_t val;
    __asm__ volatile("inb %1, %0" : "=a"(val) : "Nd"(port));
    return val;
}
static inline uint32_t inl(uint16_t port)
{
    uint32_t val;
    __asm__ volatile("inl %1, %0" : "=a"(val) : "Nd"(port));
    return val;
}
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t a, d;
    __asm__ volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(msr));
    return a | (uint64_t)d << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t val)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)val), "d"((uint32_t)(val >> 32)), "c"(msr) : "memory");
}
#define READ_CR(n)                                                                                           \
    ({                                                                                                       \
        word val_;                                                                                           \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(val_));                                                 \
        val_;                                                                                                \
    })
#define WRITE_CR(n, val) __asm__ volatile("mov %0, %%cr" #n : : "r"((word)(val)) : "memory")
static inline void invlpg(const void *p)
{
    __asm__ volatile("invlpg (%0)" : : "r"(p) : "memory");
}
void *memset(void *to, int val, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
