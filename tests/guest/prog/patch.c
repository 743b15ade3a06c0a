// SPDX-License-Identifier: GPL-2.0-or-later
/* patch: numbers in code that are written again and again, code that comes back, data that is written beside
 * code.
 */
#include "lib.h"

#define AREA  ((uint8_t *)0x200000) /* pages of code */
#define TURNS 60

typedef word fn(void);

static word call(const uint8_t *at)
{
    return ((fn *)(word)at)();
}

static uint32_t seed = 1;
static uint32_t number(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 3 ^ seed << 20;
}

/* A function with a number in it: `op` has it last. The flags that it defines and r9 get into the result. */
#define FORM_FLAGS(name, op, flags)                                                                          \
    extern const uint8_t name##_from[], name##_number[], name##_to[];                                        \
    __asm__(".pushsection .rodata\n" #name "_from: mov $0x12345678, %eax; mov %rax, %rcx; mov %rax, %r9; "   \
            "neg %ecx; " op "\n" #name "_number: pushfq; pop %rdx; and $" flags ", %edx; xor %rdx, %rax; "   \
            "rol $7, %rax; xor %r9, %rax; xor %rcx, %rax; ret\n" #name "_to:\n.popsection\n")
#define FORM(name, op) FORM_FLAGS(name, op, "0x8d5")
#define NUMBER         "0x11223344"

FORM(mov32, "mov $" NUMBER ", %eax");
FORM(mov32r9, "mov $" NUMBER ", %r9d");
FORM(movsx, "movq $" NUMBER ", %r9");
FORM(mov64, "movabs $0x1122334455667788, %rax");
FORM(mov64r9, "movabs $0x1122334455667788, %r9");
FORM(add, "add $" NUMBER ", %eax");
FORM(add64, "add $" NUMBER ", %rax");
FORM(adc64, "adc $" NUMBER ", %r9");
FORM(sbb, "sbb $" NUMBER ", %ecx");
FORM(and, "and $" NUMBER ", %r9d");
FORM(or64, "or $" NUMBER ", %rcx");
FORM(xor, "xor $" NUMBER ", %eax");
FORM(cmp, "cmp $" NUMBER ", %ecx");
FORM(cmp64, "cmp $" NUMBER ", %r9");
FORM(test, "test $" NUMBER ", %eax");
FORM(testcx, "test $" NUMBER ", %rcx");
FORM_FLAGS(imul, "imul $" NUMBER ", %ecx, %eax", "0x801"); /* Intel and AMD differ in the others */
FORM_FLAGS(imul64, "imul $" NUMBER ", %r9, %r9", "0x801");
FORM(lea, "lea " NUMBER "(%rcx), %eax");
FORM(lea64, "lea " NUMBER "(%r9,%rcx,4), %r9");
FORM(leaindex, "lea " NUMBER "(,%rcx,8), %r9d");
FORM(leaall, "mov %ecx, %r10d; mov %eax, %r11d; lea " NUMBER "(%r10,%r11,4), %r9");
FORM(leabase, "lea " NUMBER "(%rsp), %rax; sub %rsp, %rax");
FORM(push, "push $" NUMBER "; pop %rax");
FORM(mov_mem, "sub $8, %rsp; movl $" NUMBER ", (%rsp); pop %rax");

struct form {
    const char *name;
    const uint8_t *from, *number, *to;
    unsigned bytes, back; /* the number's, and of its start from there */
};
#define ROW(name, bytes, ...) {#name, name##_from, name##_number, name##_to, bytes, bytes + (__VA_ARGS__ + 0)}
static const struct form forms[] = {
    ROW(mov32, 4),    ROW(mov32r9, 4), ROW(movsx, 4),      ROW(mov64, 8),   ROW(mov64r9, 8),
    ROW(add, 4),      ROW(add64, 4),   ROW(adc64, 4),      ROW(sbb, 4),     ROW(and, 4),
    ROW(or64, 4),     ROW(xor, 4),     ROW(cmp, 4),        ROW(cmp64, 4),   ROW(test, 4),
    ROW(testcx, 4),   ROW(imul, 4),    ROW(imul64, 4),     ROW(lea, 4),     ROW(lea64, 4),
    ROW(leaindex, 4), ROW(leaall, 4),  ROW(leabase, 4, 3), ROW(push, 4, 1), ROW(mov_mem, 4, 1),
};

static void write_number(uint8_t *at, unsigned bytes)
{
    if (bytes == 8)
        *(volatile uint64_t *)at = (uint64_t)number() << 32 | number();
    else
        *(volatile uint32_t *)at = number();
}

/* Most turns write the number as a whole; some a part of it, or more than it. */
static void patch(uint8_t *at, unsigned bytes, unsigned turn)
{
    switch (turn % 20) {
    case 11:
        *(volatile uint8_t *)(at + 1) = (uint8_t)number();
        break;
    case 13: {
        uint64_t around;
        memcpy(&around, at - 2, 8);
        around ^= (uint64_t)number() << 16;
        *(volatile uint64_t *)(at - 2) = around;
        break;
    }
    case 17:
        *(volatile uint16_t *)(at + 2) = (uint16_t)number();
        break;
    default:
        write_number(at, bytes);
    }
}

static void one_form(const struct form *f, unsigned n)
{
    uint8_t *code = AREA + 4096 * n + 37 * n;
    word sum = 0;
    memcpy(code, f->from, (size_t)(f->to - f->from));
    for (unsigned turn = 0; turn < TURNS; turn++) {
        patch(code + (f->number - f->from) - f->back, f->bytes, turn);
        sum = sum * 3 + call(code);
    }
    say("%s %x\n", f->name, (unsigned)sum);
}

/* ---- jumps ---- */

static void set_jump(uint8_t *at, const uint8_t *target)
{
    int32_t disp = (int32_t)(target - (at + 4));
    *(volatile int32_t *)at = disp;
}

/* mov al, n; adc eax, eax; ret */
static void make_target(uint8_t *at, uint8_t n)
{
    const uint8_t code[] = {0xb0, n, 0x11, 0xc0, 0xc3};
    memcpy(at, code, sizeof(code));
}

static void jumps(void)
{
    static const uint8_t jump[] = {0x31, 0xc0, 0xf9, 0xe9, 0, 0, 0, 0}; /* stc; jmp */
    static const uint8_t calls[] = {0x31, 0xc0, 0xf9, 0xe8, 0, 0,
                                    0,    0,    0x83, 0xd0, 5, 0xc3}; /* stc; call; adc */
    uint8_t *page = AREA + 0x40000;
    uint8_t *targets[] = {page + 0x40, page + 0x800, page + 0x1010, page + 0x20, page - 0x800};
    word sum = 0;
    for (uint8_t i = 0; i < 5; i++)
        make_target(targets[i], (uint8_t)(3 * i + 1));
    memcpy(page + 0x100, jump, sizeof(jump));
    memcpy(page + 0x180, calls, sizeof(calls));
    for (unsigned turn = 0; turn < 4 * TURNS; turn++) {
        uint8_t *at = page + (turn & 1 ? 0x104 : 0x184);
        set_jump(at, targets[number() % 5]);
        sum = sum * 3 + call(at - 4);
        if (turn > 4)
            sum = sum * 3 + call(page + (turn & 1 ? 0x180 : 0x100));
    }
    say("jumps %x\n", (unsigned)sum);
}

/* ---- code that comes back ---- */

static void fill(uint8_t *at, uint32_t n)
{
    for (unsigned i = 0; i < 20; i++, at += 5) {
        at[0] = i % 3 ? 0x05 : 0x35; /* add or xor eax, n */
        uint32_t val = n * (i + 1);
        memcpy(at + 1, &val, 4);
    }
    at[0] = 0xc3;
}

static void comes_back(void)
{
    uint8_t *page = AREA + 0x50000;
    word sum = 0;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned f = 0; f < 8; f++)
            if (!turn || number() % 3 == 0)
                fill(page + 0x80 * f, number() % 3 + f);
        for (unsigned f = 0; f < 8; f++) {
            word got = 0;
            __asm__ volatile("call *%1" : "+a"(got) : "r"(page + 0x80 * f) : "memory", "cc");
            sum = sum * 3 + got;
        }
    }
    say("comes back %x\n", (unsigned)sum);
}

/* mov ecx, n; add eax, n; mov edx, [rbx]; add (or sub) rbx, m; add eax, [rbx + 4]; imul ecx, ecx, n; xor eax,
 * ecx: the same code with other numbers, of which m moves a register that memory is reached through. */
static void make(uint8_t *at, uint32_t n, uint32_t m, bool sub)
{
    static const uint8_t code[] = {0xb9, 0,    0,    0,    0, 0x05, 0, 0, 0,    0,    0x8b,
                                   0x13, 0x48, 0x81, 0xc3, 0, 0,    0, 0, 0x03, 0x43, 0x04,
                                   0x01, 0xd0, 0x69, 0xc9, 0, 0,    0, 0, 0x31, 0xc8, 0xc3};
    uint32_t n3 = n * 3, n5 = n * 5;
    memcpy(at, code, sizeof(code));
    memcpy(at + 1, &n, 4);
    memcpy(at + 6, &n3, 4);
    at[14] = sub ? 0xeb : 0xc3;
    memcpy(at + 15, &m, 4);
    memcpy(at + 26, &n5, 4);
}

static void template(void)
{
    uint8_t *page = AREA + 0x68000;
    uint32_t *data = (uint32_t *)(AREA + 0x6a000);
    word sum = 0;
    for (unsigned i = 0; i < 64; i++)
        data[i] = number();
    for (unsigned turn = 0; turn < 3 * TURNS; turn++) {
        word got = turn, base = (word)(data + 32);
        make(page, number(), number() % 5 ? 8 : 4 * (number() % 8), number() % 16 == 0);
        for (unsigned i = 0; i < 3; i++)
            __asm__ volatile("call *%2" : "+a"(got), "+b"(base) : "r"(page) : "rcx", "rdx", "memory", "cc");
        sum = sum * 3 + got + base - (word)data;
    }
    say("template %x\n", sum);
}

/* A function that writes into the next one, in the same page; and data in the same line. */
static void beside(void)
{
    uint8_t *page = AREA + 0x60000;
    static const uint8_t writer[] = {
        0xff, 0x05, 0x3b, 0, 0, 0, /* inc dword [rip + 3b]: the number at 41 */
        0xff, 0x05, 0x15, 0, 0, 0, /* inc dword [rip + 15]: data at 21 */
        0xeb, 0x32,                /* jmp 40 */
    };
    word sum = 0;
    memset(page, 0xcc, 0x200);
    memcpy(page, writer, sizeof(writer));
    *(uint32_t *)(page + 0x21) = 0;
    fill(page + 0x40, 1);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        word got = turn;
        __asm__ volatile("call *%1" : "+a"(got) : "r"(page) : "memory", "cc");
        for (unsigned i = 0; i < turn % 12; i++)
            *(volatile uint32_t *)(page + 0x21) += i;
        sum = sum * 3 + got + *(uint32_t *)(page + 0x21);
    }
    say("beside %x\n", (unsigned)sum);
}

int main(void)
{
    for (unsigned n = 0; n < sizeof(forms) / sizeof(forms[0]); n++)
        one_form(&forms[n], n);
    jumps();
    comes_back();
    template();
    beside();
    return 0;
}
