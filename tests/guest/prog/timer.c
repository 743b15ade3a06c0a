// SPDX-License-Identifier: GPL-2.0-or-later
/* timer: interrupts that wake HLT: PIC and PIT, I/O APIC, the local APIC's timer in its three modes;
 * priorities. */
#include "apic.h"

static volatile unsigned count[256];
static void (*eoi)(void);

static void take(struct frame *f)
{
    count[f->vector]++;
    eoi();
}

static void pic_eoi(void)
{
    outb(0x20, 0x20);
}

static void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* The interrupt may come at the hlt only: sti shadows it. */
static void wait_for(unsigned vector, unsigned times)
{
    while (count[vector] < times)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

static void pit(uint16_t divider)
{
    outb(0x43, 0x34);
    outb(0x40, (uint8_t)divider);
    outb(0x40, divider >> 8);
}

static void by_pic(void)
{
    eoi = pic_eoi;
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    outb(0xa0, 0x11);
    outb(0xa1, 0x28);
    outb(0xa1, 0x02);
    outb(0xa1, 0x01);
    outb(0x21, 0xfe);
    outb(0xa1, 0xff);
    pit(1193); /* 1 ms */
    wait_for(0x20, 3);
    outb(0x21, 0xff);
    say("pit by pic\n");
}

static volatile uint32_t *const ioapic = (uint32_t *)0x40000000ul;

static void by_ioapic(void)
{
    volatile uint64_t *pd = (uint64_t *)0x10c000;
    memset((void *)0x10c000, 0, 0x1000);
    pd[0] = 0xfec00083; /* 2 MiB: I/O APIC and below it nothing */
    ((uint64_t *)0x101000)[1] = 0x10c007;
    eoi = apic_eoi;
    apic_on();
    ioapic[0] = 0x10 + 2 * 2 + 1;
    ioapic[4] = 0;
    ioapic[0] = 0x10 + 2 * 2;
    ioapic[4] = 0x40;
    wait_for(0x40, 3);
    ioapic[4] = 0x10000;
    ioapic[0] = 1;
    say("pit by i/o apic, pins %u\n", (ioapic[4] >> 16 & 0xff) + 1);
    outb(0x43, 0x30); /* stop: mode 0 */
    outb(0x40, 0);
}

static void by_apic(void)
{
    apic_write(APIC_DIVIDE, 0xb);
    apic_write(APIC_TIMER, 0x50);
    apic_write(APIC_INITIAL, 500000);
    wait_for(0x50, 1);
    say("one shot, current %lx\n", (word)apic_read(APIC_CURRENT));
    apic_write(APIC_TIMER, 0x20051);
    apic_write(APIC_INITIAL, 500000);
    wait_for(0x51, 4);
    apic_write(APIC_INITIAL, 0);
    say("periodic\n");
    apic_write(APIC_TIMER, 0x40052);
    uint64_t begin = rdtsc();
    wrmsr(MSR_TSC_DEADLINE, begin + 3000000);
    wait_for(0x52, 1);
    say("deadline %s, msr %lx\n", rdtsc() - begin >= 3000000 ? "reached" : "too early",
        (word)rdmsr(MSR_TSC_DEADLINE));
    wrmsr(MSR_TSC_DEADLINE, 1); /* in the past: at once */
    wait_for(0x52, 2);
    apic_write(APIC_TIMER, 0x10000);
    say("past deadline\n");
}

static void priorities(void)
{
    unsigned before = count[0x61];
    apic_write(APIC_SELF, 0x61);
    apic_write(APIC_SELF, 0x71);
    say("pending %lx %lx\n", (word)apic_read(APIC_IRR + 3), (word)apic_read(APIC_ISR + 3));
    apic_write(APIC_TPR, 0x60);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    say("tpr 6: %u %u\n", count[0x61] - before, count[0x71]);
    apic_write(APIC_TPR, 0);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    say("tpr 0: %u %u\n", count[0x61] - before, count[0x71]);
    apic_write(APIC_SELF, 0x62);
    __asm__ volatile("sti; cli" : : : "memory"); /* nothing in the shadow */
    say("sti cli: %u\n", count[0x62]);
    __asm__ volatile("pushf; orl $0x200, (%%rsp); popf; nop; cli" : : : "memory", "cc");
    say("popf: %u\n", count[0x62]);
    apic_write(APIC_ICR, 0x40063); /* self by shorthand */
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    say("icr: %u\n", count[0x63]);
}

int main(void)
{
    vary();
    on_interrupt = take;
    uint64_t last = rdtsc();
    bool monotonic = true;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = rdtsc();
        monotonic = monotonic && now >= last;
        last = now;
    }
    say("tsc %s\n", monotonic ? "monotonic" : "goes back");
    by_pic();
    by_ioapic();
    by_apic();
    priorities();
    return 0;
}
