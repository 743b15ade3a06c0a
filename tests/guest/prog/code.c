// SPDX-License-Identifier: GPL-2.0-or-later
/* code: code that changes: before itself, behind itself, in other pages, across pages, under another address.
 */
#include "lib.h"

#define AREA ((uint8_t *)0x200000) /* pages of code */

typedef uint32_t fn(void);

/* mov eax, n; ret */
static void make(uint8_t *at, uint32_t n)
{
    at[0] = 0xb8;
    memcpy(at + 1, &n, 4);
    at[5] = 0xc3;
}

static uint32_t call(const uint8_t *at)
{
    return ((fn *)(word)at)();
}

static void other_page(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 100; i++) {
        make(AREA, i);
        sum = sum * 3 + call(AREA);
    }
    say("other page %x\n", sum);
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t n = (uint8_t)i;
        memcpy(AREA + 1, &n, 1); /* by rep movsb */
        sum = sum * 3 + call(AREA);
    }
    say("one byte %x\n", sum);
}

static void across(void)
{
    uint32_t sum = 0;
    for (unsigned back = 1; back < 6; back++)
        for (uint32_t i = 0; i < 8; i++) {
            uint8_t *at = AREA + 4096 - back;
            make(at, i * 0x01010101u + back);
            sum = sum * 5 + call(at);
            AREA[4096] ^= back == 5 ? 0 : 1; /* only the second page */
            if (back < 5)
                sum = sum * 5 + call(at);
        }
    say("across %x\n", sum);
}

/* The next instruction, in the same block, is overwritten just before it runs. */
static void next(void)
{
    uint32_t sum = 0, got;
    for (uint32_t i = 0; i < 50; i++) {
        __asm__ volatile("mov %1, 1f+1; nop; nop\n1: mov $0x11111111, %0"
                         : "=a"(got)
                         : "r"(i * 7)
                         : "memory");
        sum = sum * 3 + got;
    }
    say("next %x\n", sum);
}

static void same_page(void)
{
    /* A loop that counts in its own immediate. */
    static const uint8_t loop[] = {
        0xb9, 0x20, 0,    0,    0,          /* mov ecx, 32 */
        0x05, 0x00, 0,    0,    0,          /* 5: add eax, 0 */
        0xff, 0x05, 0xf6, 0xff, 0xff, 0xff, /* a: inc dword [rip-10] = [6] */
        0xff, 0xc9,                         /* dec ecx */
        0x75, 0xf1,                         /* jnz 5 */
        0xc3,
    };
    memcpy(AREA + 0x2000, loop, sizeof(loop));
    uint32_t got;
    __asm__ volatile("xor %%eax, %%eax; call *%1" : "=&a"(got) : "r"(AREA + 0x2000) : "rcx", "memory", "cc");
    say("same page %x\n", got);
}

/* The same page at two addresses. */
static void alias(void)
{
    uint8_t *high = AREA + 0xffffffff80000000ul;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 20; i++) {
        make(AREA + 0x3000, i);
        sum = sum * 3 + call(high + 0x3000);
        make(high + 0x3000, i * 2);
        sum = sum * 3 + call(AREA + 0x3000);
    }
    say("alias %x\n", sum);
}

/* Another page of code under the same address. */
static void remap(void)
{
    volatile uint64_t *pte = (uint64_t *)(0x103000 + 8 * 0x210);
    uint32_t sum = 0;
    make(AREA + 0x4000, 44);
    make(AREA + 0x5000, 55);
    for (uint32_t i = 0; i < 20; i++) {
        *pte = (word)AREA + (i & 1 ? 0x4000 : 0x5000) + 7;
        invlpg((void *)0x210000);
        sum = sum * 3 + call((uint8_t *)0x210000);
    }
    *pte = 0x210007;
    invlpg((void *)0x210000);
    say("remap %x\n", sum);
}

/* Stack and code in one page; data beside code. */
static void mixed(void)
{
    uint8_t *page = AREA + 0x6000;
    uint32_t sum = 0;
    make(page, 7);
    for (uint32_t i = 0; i < 200; i++) {
        *(uint32_t *)(page + 0x800) = i;
        uint32_t got;
        __asm__ volatile("mov %%rsp, %%rbx; mov %1, %%rsp; push %2; call *%3; pop %%rcx; mov %%rbx, %%rsp; "
                         "add %%ecx, %%eax"
                         : "=a"(got)
                         : "r"(page + 0xff0), "r"((word)i), "r"(page)
                         : "rbx", "rcx", "memory", "cc");
        sum = sum * 3 + got + *(uint32_t *)(page + 0x800);
    }
    say("mixed %x\n", sum);
}

/* mov eax, n; ret at the end of a page, the rest of it in a page that is mapped elsewhere now and then, or
 * not at all; it is run into, jumped to, and called. */
static void across_remapped(void)
{
    static const uint8_t begins[] = {0xb8, 0x11, 0x22};
    volatile uint64_t *pte = (uint64_t *)(0x103000 + 8 * 0x212);
    uint8_t *first = AREA + 0x8000, *at = (uint8_t *)0x212ffd;
    uint32_t sum = 0;
    memset(first, 0x90, 4096);
    memcpy(first + 0xffd, begins, sizeof(begins));
    first[0] = 0xe9; /* jmp to the end */
    *(uint32_t *)(first + 1) = 0xffd - 5;
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t rest[] = {(uint8_t)(0x33 + i), 0x44, 0xc3};
        memcpy(AREA + 0x9000 + 0x1000 * i, rest, sizeof(rest));
    }
    pte[0] = (word)first + 7;
    invlpg((void *)0x212000);
    for (uint32_t i = 0; i < 24; i++) {
        pte[1] = (word)AREA + (i & 1 ? 0x9000 : 0xa000) + 7;
        if (i % 3)
            invlpg((void *)0x213000);
        else
            WRITE_CR(3, READ_CR(3));
        sum = sum * 3 + call(at) + 5 * call((uint8_t *)0x212000) + 7 * call(at - 20);
        if (i == 12)
            AREA[0x9001] ^= 0x10;
    }
    say("across remapped %x\n", sum);
    pte[1] = 0;
    invlpg((void *)0x213000);
    try_start();
    __asm__ volatile(TRY_BEGIN "call *%0" TRY_END : : "r"(at - 4) : "rax", "memory", "cc");
    try_resume = 0;
    say("away: #%u at %lx for %lx\n", (unsigned)trap.f.vector, trap.f.rip, trap.cr2);
    pte[0] = 0x212007;
    pte[1] = 0x213007;
    WRITE_CR(3, READ_CR(3));
}

/* A block ends with a jump to code that sets all flags; then that code is made to read one that the block
 * set. */
static void flags_ahead(void)
{
    static const uint8_t setter[] = {
        0xf9,                                     /* stc */
        0xc7, 0x05, 0xf5, 0x01, 0, 0, 5, 0, 0, 0, /* 64-bit: movl $5, 0x1f5(%rip) */
        0xe9, 0x70, 0,    0,    0,                /* jmp to AREA + 0x80 */
    };
    static const uint8_t kills[] = {0x31, 0xc0, 0xc3},
                         reads[] = {0x19, 0xc0, 0xc3}; /* xor, sbb eax, eax; ret */
    uint32_t before, after;
    memcpy(AREA, setter, sizeof(setter));
    memcpy(AREA + 0x80, kills, sizeof(kills));
    before = call(AREA) | call(AREA);
    memcpy(AREA + 0x80, reads, sizeof(reads));
    after = call(AREA) & call(AREA);
    say("flags ahead %x %x\n", before, after);
}

int main(void)
{
    flags_ahead();
    other_page();
    across();
    across_remapped();
    next();
    same_page();
    alias();
    remap();
    mixed();
    return 0;
}
