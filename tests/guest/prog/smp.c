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

/*
 * Both write functions, run their own and the other's, and count in data between them, all in the same pages;
 * some lie across two of them. What the other writes in this phase is not run.
 */
#define SLOTS  400u
#define PHASES 24u
struct slot {
    uint8_t *at;
    uint32_t form, number;
};
static struct slot slots[SLOTS];
static volatile uint32_t wrong[2], phase_done;

/* Before the number, behind it. The argument is in EDI. */
static const struct {
    uint8_t head[6], head_len, tail[4], tail_len;
} function[] = {
    {{0xb8}, 1, {0xc3}, 1},                                     /* mov eax, n */
    {{0x8d, 0x87}, 2, {0xc3}, 1},                               /* lea eax, [rdi + n] */
    {{0x89, 0xf8, 0x35}, 3, {0xc3}, 1},                         /* mov eax, edi; xor eax, n */
    {{0x89, 0xf8, 0x69, 0xc0}, 4, {0xc3}, 1},                   /* mov eax, edi; imul eax, eax, n */
    {{0x89, 0xf8, 0x41, 0xb9}, 4, {0x44, 0x01, 0xc8, 0xc3}, 4}, /* ...; mov r9d, n; add eax, r9d */
};

static uint32_t result_of(const struct slot *s, uint32_t x)
{
    switch (s->form) {
    case 0:
        return s->number;
    case 2:
        return x ^ s->number;
    case 3:
        return x * s->number;
    default:
        return x + s->number;
    }
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void write_slot(struct slot *s, uint32_t how, uint32_t number)
{
    uint8_t *to = s->at + function[s->form].head_len;
    if (how == 0) {
        *(volatile uint32_t *)to = s->number = number;
        return;
    }
    if (how == 1) {
        s->number = (s->number & ~0xffu) | (number & 0xff);
        *(volatile uint8_t *)to = (uint8_t)number;
        return;
    }
    s->form = number % (sizeof(function) / sizeof(function[0]));
    s->number = number;
    to = s->at + function[s->form].head_len;
    memcpy(s->at, function[s->form].head, function[s->form].head_len);
    memcpy(to, &number, 4);
    memcpy(to + 4, function[s->form].tail, function[s->form].tail_len);
}

static void place_slots(void)
{
    uint32_t seed = 5;
    for (unsigned k = 0; k < SLOTS; k++) {
        uint8_t *from = (uint8_t *)0x240000 + 82 * k;
        unsigned left = 4096 - ((word)from & 4095); /* some at the very end of a page */
        slots[k].at = left >= 8 && left < 56 ? from + left - 3 - k % 5 : from;
        write_slot(&slots[k], 2, next(&seed));
        memset(from + 64, 0, 12);
    }
}

static void count_beside(unsigned k)
{
    volatile uint32_t *at = (uint32_t *)(0x240000ul + 82 * k + 64);
    at[0]++;
    at[2] += at[0];
    at[1] = at[2] - at[0];
}

static void work_in_slots(unsigned cpu)
{
    uint32_t seed = cpu + 1;
    for (unsigned phase = 0; phase < PHASES; phase++) {
        for (unsigned k = 0; k < SLOTS; k++) {
            struct slot *s = &slots[k];
            bool mine = (k & 1) == cpu, hot = (k >> 1 & 1) == (phase & 1);
            uint32_t x = next(&seed);
            if (mine && hot && x % 3 == 0)
                write_slot(s, x / 3 % 3, next(&seed));
            if (mine && x % 5 == 0)
                count_beside(k);
            if ((mine || !hot) && ((uint32_t (*)(uint32_t))(word)s->at)(x) != result_of(s, x))
                wrong[cpu]++;
        }
        __asm__ volatile("lock incl %0" : "+m"(phase_done) : : "cc", "memory");
        while (phase_done < 2 * (phase + 1))
            __asm__ volatile("pause");
        uint32_t a = 0;
        __asm__ volatile("cpuid" : "+a"(a) : : "rbx", "rcx", "rdx", "memory");
    }
}

static uint32_t sum_beside(void)
{
    uint32_t sum = 0;
    for (unsigned k = 0; k < SLOTS; k++) {
        const volatile uint32_t *at = (uint32_t *)(0x240000ul + 82 * k + 64);
        sum = sum * 5 + at[0] + 3 * at[1] + 7 * at[2];
    }
    return sum;
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
    work_in_slots(1);
    barrier(8);
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
    place_slots();
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
    work_in_slots(0);
    barrier(8);
    say("slots: %u wrong, %u wrong, beside %x\n", wrong[0], wrong[1], sum_beside());
    return 0;
}
