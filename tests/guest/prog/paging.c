// SPDX-License-Identifier: GPL-2.0-or-later
/* paging: rights, accessed and dirty bits, large pages, reserved bits, stale entries. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"
#define P   1ul
#define W   2ul
#define U   4ul
#define A   0x20ul
#define D   0x40ul
#define PS  0x80ul
#define G   0x100ul
#define NX  (1ul << 63)

/* A window at 1 GiB: own page directory and table. */
#define WINDOW 0x40000000ul
static volatile uint64_t *const pdpt = (uint64_t *)0x101000, *const pd = (uint64_t *)0x10c000,
                                *const pt = (uint64_t *)0x10d000, *const low_pt = (uint64_t *)0x103000;

static void map(unsigned i, uint64_t entry)
{
    pt[i] = entry;
    invlpg((void *)(WINDOW + i * 4096ul));
}

static void show(const char *what, unsigned i)
{
    say("%s: %lx pd %lx\n", what, (word)pt[i] & ~0xff000ul, (word)pd[0] & 0xfff);
}

static void used_and_dirty(void)
{
    map(0, 0x200000 | P | W);
    show("fresh", 0);
    (void)*(volatile uint32_t *)WINDOW;
    show("read", 0);
    *(volatile uint32_t *)WINDOW = 5;
    show("written", 0);
    map(0, 0x200000 | P | W);
    TRY("locked", "lock; incl 0x40000000", : : : ALL);
    show("locked", 0);
    map(1, 0x201000 | P | W);
    TRY("failed cmpxchg",
        "xor %%eax, %%eax; mov $1, %%ebx; movl $9, 0x201000; lock cmpxchg %%ebx, 0x40001000", : : : ALL);
    show("cmpxchg", 1);
    map(2, 0x202000 | P | W);
    map(3, 0x203000 | P);
    TRY("write across", "movq $-1, 0x40002ffc", : : : ALL);
    say("first half %x\n", *(uint32_t *)0x202ffc);
    map(4, 0x204000 | P | W | U);
    *(uint8_t *)0x204000 = 0xc3;
    TRY("fetch", "mov $0x40004000, %%eax; call *%%rax", : : : ALL);
    show("fetched", 4);
}

static void user_rights(void)
{
    TRY("user read of s", "mov 0x40000000, %%eax", : : : ALL);
    TRY("user write of s", "mov %%eax, 0x40000000", : : : ALL);
    TRY("user fetch of s", "mov $0x40000000, %%eax; call *%%rax", : : : ALL);
    TRY("user read of u", "mov 0x40001000, %%eax", : : : ALL);
    TRY("user write of u", "mov %%eax, 0x40001000", : : : ALL);
    TRY("user write of uw", "mov %%eax, 0x40002000", : : : ALL);
    TRY("user fetch of nx", "mov $0x40003000, %%eax; call *%%rax", : : : ALL);
    TRY("user read of nx", "mov 0x40003000, %%eax", : : : ALL);
}

static void rights(void)
{
    map(0, 0x200000 | P | W);
    map(1, 0x201000 | P | U);
    map(2, 0x202000 | P | W | U);
    map(3, 0x203000 | P | W | U | NX);
    *(uint8_t *)0x203000 = 0xc3;
    run_user(user_rights);
    TRY("kernel write of ro", "mov %%eax, 0x40001000", : : : ALL);
    TRY("kernel fetch of nx", "mov $0x40003000, %%eax; call *%%rax", : : : ALL);
    WRITE_CR(0, READ_CR(0) & ~0x10000ul);
    TRY("kernel write of ro without wp", "mov %%eax, 0x40001000", : : : ALL);
    show("ro", 1);
    WRITE_CR(0, READ_CR(0) | 0x10000);
    TRY("kernel write of ro with wp again", "mov %%eax, 0x40001000", : : : ALL);
    pd[0] &= ~W;
    WRITE_CR(3, READ_CR(3));
    TRY("write with pd read-only", "mov %%eax, 0x40000000", : : : ALL);
    pd[0] |= W;
    WRITE_CR(3, READ_CR(3));
    map(6, 0x80000000ul | P | W);
    TRY("where nothing is", "mov 0x40006000, %%eax", : : : ALL);
    say("reads %x\n", *(volatile uint32_t *)(WINDOW + 0x6000));
}

/* SMEP: a user page does not run in the kernel. All of the program is in user pages, so they become the
 * kernel's. */
static void smep(void)
{
    for (unsigned i = 0; i < 0x100; i++)
        low_pt[i] &= ~U;
    WRITE_CR(3, READ_CR(3));
    map(4, 0x204000 | P | W | U);
    TRY("user page before smep", "mov $0x40004000, %%eax; call *%%rax", : : : ALL);
    WRITE_CR(4, READ_CR(4) | 1 << 20);
    TRY("user page with smep", "mov $0x40004000, %%eax; call *%%rax", : : : ALL);
    TRY("reading it", "mov 0x40004000, %%eax", : : : ALL);
    WRITE_CR(4, READ_CR(4) & ~(1ul << 20));
    for (unsigned i = 0; i < 0x100; i++)
        low_pt[i] |= U;
    WRITE_CR(3, READ_CR(3));
}

static void stale(void)
{
    volatile uint32_t *at = (uint32_t *)(WINDOW + 0x7000);
    *(uint32_t *)0x206000 = 6;
    *(uint32_t *)0x207000 = 7;
    map(7, 0x206000 | P | W);
    uint32_t a = *at;
    map(7, 0x207000 | P | W);
    say("after invlpg %x %x", a, *at);
    pt[7] = 0x206000 | P | W;
    WRITE_CR(3, READ_CR(3));
    say(", after cr3 %x", *at);
    WRITE_CR(4, READ_CR(4) | 0x80);
    map(7, 0x206000 | P | W | G);
    a = *at;
    pt[7] = 0x207000 | P | W | G;
    WRITE_CR(4, READ_CR(4) & ~0x80ul);
    say(", global after cr4.pge %x\n", *at);
    /* Not present needs no invlpg to become present. */
    pt[8] = 0;
    invlpg((void *)(WINDOW + 0x8000));
    TRY("absent", "mov 0x40008000, %%eax", : : : ALL);
    pt[8] = 0x208000 | P | W;
    TRY("present now", "mov 0x40008000, %%eax", : : : ALL);
    /* More rights need none either: the fault is spurious, the processor looks again. */
    map(9, 0x209000 | P);
    (void)*(volatile uint32_t *)(WINDOW + 0x9000);
    pt[9] |= W;
    TRY("writable now", "mov %%eax, 0x40009000", : : : ALL);
}

static void large(void)
{
    pd[1] = 0x400000 | P | W | PS;
    *(uint32_t *)0x412340 = 0x1234;
    say("2 MiB: %x", *(volatile uint32_t *)(WINDOW + 0x212340));
    *(volatile uint32_t *)(WINDOW + 0x312340) = 1;
    say(" %lx\n", (word)pd[1]);
    pd[1] = 0x600000 | P | W | PS;
    invlpg((void *)(WINDOW + 0x200000));
    *(uint32_t *)0x612340 = 0x6666;
    say("moved: %x\n", *(volatile uint32_t *)(WINDOW + 0x212340));
    pdpt[2] = 0 | P | W | PS;
    say("1 GiB: %x\n", *(volatile uint32_t *)0x80412340ul);
    pd[1] = 0;
}

int main(void)
{
    tss_rsp(4, 0x90000);
    memset((void *)0x10c000, 0, 0x2000);
    pd[0] = 0x10d000 | P | W | U;
    pdpt[1] = 0x10c000 | P | W | U;
    used_and_dirty();
    rights();
    smep();
    stale();
    large();
    return 0;
}
