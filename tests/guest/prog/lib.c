// SPDX-License-Identifier: GPL-2.0-or-later
/* lib: see lib.h. */
#include "lib.h"

#include <stdarg.h>

struct trap trap;
word try_ip, try_resume, try_rsp;
void (*on_interrupt)(struct frame *f);
uint8_t tss[0x68 + 0x2001] __attribute__((aligned(16)));

struct pointer idt_pointer;
static uint64_t idt[512] __attribute__((aligned(16)));

#define TEXT     ((volatile uint32_t *)0x1000)
#define TEXT_MAX 0x5f00u

void *memset(void *to, int val, size_t n)
{
    void *p = to;
    __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(val) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *p = to;
    __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n) : : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

static void put(char c)
{
    uint32_t n = *TEXT;
    if (n < TEXT_MAX) {
        ((volatile char *)TEXT)[4 + n] = c;
        *TEXT = n + 1;
    }
}

static void put_number(word val, unsigned base)
{
    char buf[24];
    unsigned n = 0;
    do {
        buf[n++] = "0123456789abcdef"[val % base];
        val /= base;
    } while (val);
    while (n)
        put(buf[--n]);
}

void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(*fmt);
            continue;
        }
        if (*++fmt == 'l')
            fmt++;
        switch (*fmt) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put(*s);
            break;
        case 'c':
            put((char)va_arg(ap, int));
            break;
        case 'u':
            put_number(fmt[-1] == 'l' ? va_arg(ap, word) : va_arg(ap, unsigned), 10);
            break;
        default:
            put_number(fmt[-1] == 'l' ? va_arg(ap, word) : va_arg(ap, unsigned), 16);
        }
    }
    va_end(ap);
}

/* Registers that hold no accident of the compiler. */
_Noreturn void leave(int status)
{
#ifdef __x86_64__
    __asm__ volatile(
        "xor %%ecx, %%ecx; xor %%ebx, %%ebx; xor %%esi, %%esi; xor %%edi, %%edi; xor %%r8d, %%r8d;"
        "xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d; xor %%r12d, %%r12d;"
        "xor %%r13d, %%r13d; xor %%r14d, %%r14d; xor %%r15d, %%r15d; xor %%edx, %%edx;"
        "mov $0x7f000, %%esp; xor %%ebp, %%ebp; test %%edx, %%edx; outb %%al, %1\n1: jmp 1b"
        :
        : "a"(status), "N"(PORT_EXIT));
#else
    __asm__ volatile(
        "xor %%ecx, %%ecx; xor %%ebx, %%ebx; xor %%esi, %%esi; xor %%edi, %%edi; xor %%edx, %%edx;"
        "mov $0x7f000, %%esp; xor %%ebp, %%ebp; test %%edx, %%edx; outb %%al, %1\n1: jmp 1b"
        :
        : "a"(status), "N"(PORT_EXIT));
#endif
    __builtin_unreachable();
}

void vary(void)
{
    outb(PORT_VARY, 1);
}

/* ---- traps ---- */

void try_start(void)
{
    trap.count = 0;
}

void try_tell(const char *name)
{
    try_resume = 0;
    say("%s:", name);
    if (!trap.count)
        say(" none\n");
    else {
        say(" #%u", (unsigned)trap.f.vector);
        if (trap.f.error)
            say(" e=%lx", trap.f.error);
        if (trap.f.vector == 14)
            say(" cr2=%lx", trap.cr2);
        say(" +%lx%s\n", trap.f.rip - try_ip, trap.count > 1 ? " again" : "");
    }
}

static word user_rsp, user_rip;

static void end_user(struct frame *f)
{
    f->rip = user_rip;
    f->cs = 0x08;
    f->rsp = user_rsp;
    f->ss = 0x10;
    f->flags = 2;
}

#ifdef __x86_64__
#define HAS_RSP(f) true
#else
#define HAS_RSP(f) ((f)->cs & 3)
void end_user32(void);
#endif

void on_trap(struct frame *f)
{
    if (f->vector == 0x80 && f->cs & 3) {
#ifdef __x86_64__
        end_user(f);
        return;
#else
        end_user32();
#endif
    }
    if (f->vector >= 32 && on_interrupt) {
        on_interrupt(f);
        return;
    }
    f->flags &= ~0x10000ul; /* RF, which processors in software may not set */
    trap.count++;
    memcpy(&trap.f, f, HAS_RSP(f) ? sizeof(*f) : offsetof(struct frame, rsp));
    trap.cr2 = f->vector == 14 ? READ_CR(2) : 0;
    if (!try_resume) {
        say("unexpected #%u e=%lx rip=%lx cr2=%lx\n", (unsigned)f->vector, f->error, f->rip, READ_CR(2));
        leave(99);
    }
    f->rip = try_resume;
    f->flags &= ~0x100ul;
    if (HAS_RSP(f))
        f->rsp = try_rsp;
}

void gate(unsigned vector, void *handler, unsigned attr, unsigned ist)
{
    word at = (word)handler;
    uint64_t low = (at & 0xffff) | 0x08 << 16 | (uint64_t)ist << 32 | (uint64_t)attr << 40 |
                   (uint64_t)(at >> 16 & 0xffff) << 48;
#ifdef __x86_64__
    idt[2 * vector] = low;
    idt[2 * vector + 1] = at >> 32;
#else
    idt[vector] = low;
#endif
}

void descriptor(unsigned selector, uint64_t val)
{
    gdt[selector / 8] = val;
}

void tss_rsp(unsigned n, word rsp)
{
    memcpy(tss + 4 + 8 * n, &rsp, sizeof(rsp));
}

void setup(void);
void setup(void)
{
    for (unsigned i = 0; i < 256; i++)
        gate(i, stubs + 16 * i, i == 0x80 || i == 3 || i == 4 ? 0xee : 0x8e, 0);
    idt_pointer.limit = sizeof(void *) == 8 ? 4095 : 2047;
    idt_pointer.base = (word)idt;
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    uint64_t limit = sizeof(tss) - 1, base = (word)tss;
    uint64_t low = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    uint16_t map = 0x68;
    memcpy(tss + 0x66, &map, 2);
    memset(tss + 0x68, 0xff, sizeof(tss) - 0x68);
    tss_rsp(0, 0x88000);
#ifdef __x86_64__
    uint16_t tr = 0x38;
#else
    uint16_t tr = 0x28;
    tss[8] = 0x10; /* SS0 */
#endif
    descriptor(tr, low);
    __asm__ volatile("ltr %0" : : "r"(tr));
}

/* ---- user mode ---- */

static void user_main(void (*fn)(void))
{
    fn();
    __asm__ volatile("int $0x80");
}

#ifdef __x86_64__
void run_user(void (*fn)(void))
{
    __asm__ volatile("push %%rbp; push %%rbx; push %%r12; push %%r13; push %%r14; push %%r15;"
                     "mov %%rsp, %0; movq $1f, %1;"
                     "push $0x23; push $0x8bff8; push $2; push $0x2b; push %2; iretq\n"
                     "1: pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbx; pop %%rbp"
                     : "=m"(user_rsp), "=m"(user_rip)
                     : "r"(user_main), "D"(fn)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}
#else
void end_user32(void)
{
    (void)end_user;
    __asm__ volatile("mov %0, %%esp; mov $0x10, %%eax; mov %%eax, %%ds; mov %%eax, %%es; jmp *%1"
                     :
                     : "m"(user_rsp), "m"(user_rip)
                     : "eax");
    __builtin_unreachable();
}

void run_user(void (*fn)(void))
{
    *(volatile word *)0x8bffc = (word)fn;
    *(volatile word *)0x8bff8 = 0;
    __asm__ volatile("push %%ebp; push %%ebx; push %%esi; push %%edi; push %%ds; push %%es;"
                     "mov %%esp, %0; movl $1f, %1; mov $0x23, %%eax; mov %%eax, %%ds; mov %%eax, %%es;"
                     "push $0x23; push $0x8bff8; push $2; push $0x1b; push %2; iret\n"
                     "1: pop %%es; pop %%ds; pop %%edi; pop %%esi; pop %%ebx; pop %%ebp"
                     : "=m"(user_rsp), "=m"(user_rip)
                     : "d"(user_main)
                     : "eax", "ecx", "memory", "cc");
}
#endif
