// SPDX-License-Identifier: GPL-2.0-or-later
/* smp: a second CPU by INIT and SIPI; locked counters, messages by IPI, TLB shoot-down, code changed by the
 * other. */
#include "apic.h"

#define TURNS 20000

static volatile uint32_t arrived, plain, go, done, turn;
static uint32_t locked __attribute__((aligned(64)));
static uint64_t wide[2] __attribute__((aligned(64)));
static volatile uint32_t ipis, flushed;
volatile word ap_stack = 0x98000;

/* 16 to 32 to 64 bits, below 64 KiB. */
extern uint8_t ap_start[], ap_end[];
__asm__(".code16\n"
        "ap_start: cli; xor %ax, %ax; mov %ax, %ds; lgdtl gdt_pointer\n"
        "mov %cr0, %eax; or $1, %eax; mov %eax, %cr0; ljmpl $0x30, $1f\n"
        "ap_end:\n"
        ".code32\n"
        "1: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss; mov ap_stack, %esp\n"
        "call enter_long\n"
        ".code64\n"
        "call ap_main\n"
        "2: cli; hlt; jmp 2b\n");

static void on_ipi(struct frame *f)
{
    if (f->vector == 0x61)
        ipis++;
    if (f->vector == 0x62) {
        WRITE_CR(3, READ_CR(3));
        flushed++;
    }
    apic_write(APIC_EOI, 0);
}

static void count(void)
{
    for (unsigned i = 0; i < TURNS; i++) {
        __asm__ volatile("lock incl %0" : "+m"(locked) : : "cc");
        uint64_t a = wide[0], d = wide[1];
        uint8_t ok;
        do {
            __asm__ volatile("lock cmpxchg16b %0; setz %3"
                             : "+m"(wide), "+a"(a), "+d"(d), "=q"(ok)
                             : "b"(a + 1), "c"(d + 2)
                             : "cc");
        } while (!ok);
    }
}

/* A counter across two pages. */
static uint32_t *const split = (uint32_t *)0x200ffe;
static void count_split(void)
{
    for (unsigned i = 0; i < TURNS / 10; i++)
        __asm__ volatile("lock incl %0" : "+m"(*split) : : "cc");
}

typedef uint32_t fn(void);
static uint8_t *const code = (uint8_t *)0x210000;

static void barrier(uint32_t n)
{
    __asm__ volatile("lock incl %0" : "+m"(done) : : "cc", "memory");
    while (done < 2 * n)
        __asm__ volatile("pause");
}

/* A page in which one CPU writes a number in code, data beside it and other code, while the other runs it. */
#define WRITES 4000
static uint8_t *const shared = (uint8_t *)0x230000;
static uint32_t *const in_code = (uint32_t *)0x230044, *const both = (uint32_t *)0x230060,
                       *const data = (uint32_t *)0x230800;
static volatile uint32_t backwards;

static void run_shared(void)
{
    for (uint32_t last = 0, now; last < WRITES; last = now) {
        now = ((fn *)(word)(shared + 0x43))();
        backwards += now < last;
        __asm__ volatile("lock incl %0" : "+m"(*both) : : "cc");
        locked++;
    }
}

static void write_shared(void)
{
    for (uint32_t i = 1; i <= WRITES; i++) {
        *(volatile uint32_t *)in_code = i;
        ++*(volatile uint32_t *)data;
        if (i % 16 == 0)
            memcpy(shared + 0x100 + i % 256, shared + 0x43, 6);
        __asm__ volatile("lock incl %0" : "+m"(*both) : : "cc");
    }
}

static void start_shared(void)
{
    shared[0x43] = 0xb8;
    shared[0x48] = 0xc3;
    *in_code = *both = *data = locked = 0;
}

void ap_main(void);
void ap_main(void)
{
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    apic_on();
    arrived = 1 + (uint32_t)apic_read(APIC_ID);
    while (!go)
        __asm__ volatile("pause");
    count();
    barrier(1);
    count_split();
    barrier(2);
    while (ipis < 10)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    barrier(3);
    volatile uint32_t *at = (uint32_t *)0x220000;
    plain = *at;
    barrier(4);
    while (!flushed)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    plain = *at;
    barrier(5);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 50; i++) {
        while (go != i + 2)
            __asm__ volatile("pause");
        sum = sum * 3 + ((fn *)(word)code)();
        turn = i + 1;
    }
    plain = sum;
    barrier(6);
    run_shared();
    barrier(7);
}

static void start(void)
{
    memcpy((void *)0x7000, ap_start, (size_t)(ap_end - ap_start));
    apic_write(APIC_ICR, 1ul << 32 | 0x4500);
    for (volatile unsigned i = 0; i < 10000; i++)
        ;
    apic_write(APIC_ICR, 1ul << 32 | 0x4607);
    apic_write(APIC_ICR, 1ul << 32 | 0x4607);
    while (!arrived)
        __asm__ volatile("pause");
    say("arrived: id %u\n", arrived - 1);
}

static void change_code(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 50; i++) {
        code[0] = 0xb8;
        memcpy(code + 1, &i, 4);
        code[5] = 0xc3;
        go = i + 2;
        while (turn != i + 1)
            __asm__ volatile("pause");
        sum = sum * 3 + i;
    }
    start_shared();
    barrier(6);
    write_shared();
    barrier(7);
    say("shared: %u, data %u, both %s\n", backwards, *data, *both == locked + WRITES ? "counted" : "lost");
    say("code: %s\n", sum == plain ? "as written" : "stale");
}

int main(void)
{
    vary();
    on_interrupt = on_ipi;
    apic_on();
    start();
    go = 1;
    count();
    barrier(1);
    say("locked %u, wide %lu %lu\n", locked, (word)wide[0], (word)wide[1]);
    count_split();
    barrier(2);
    say("split %u\n", *split);
    *(volatile uint32_t *)0x220000 = 22;
    *(volatile uint32_t *)0x221000 = 21;
    for (unsigned i = 1; i <= 10; i++) {
        apic_write(APIC_ICR, i & 1 ? 1ul << 32 | 0x4061 : 0xc4061);
        while (ipis < i)
            __asm__ volatile("pause");
    }
    barrier(3);
    say("ipis %u\n", ipis);
    barrier(4);
    uint32_t before = plain;
    ((volatile uint64_t *)0x103000)[0x220] = 0x221007;
    apic_write(APIC_ICR, 1ul << 32 | 0x4062);
    barrier(5);
    say("shoot-down %u %u\n", before, plain);
    change_code();
    return 0;
}
