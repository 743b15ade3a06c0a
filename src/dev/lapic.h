// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lapic: the local APICs of a machine, all in one object, since most of what they do is talk to each other.
 * Used by engines without an irqchip of their own.
 */
#pragma once

#include "board/clock.h"
#include "board/irq.h"
#include "cpu/cpu.h"

/* What a local APIC asks of its CPU's engine; any thread, board lock held or not. */
struct lapic_ops {
    void (*wake)(void *ctx, unsigned cpu); /* an interrupt may be deliverable now */
    void (*nmi)(void *ctx, unsigned cpu);
    void (*init)(void *ctx, unsigned cpu);
    void (*sipi)(void *ctx, unsigned cpu, uint8_t vector);
    /* EOI of a level-triggered vector reaches the I/O APIC; board lock held. */
    void (*eoi)(void *ctx, uint8_t vector);
    /* The PIC's INTA cycle: the vector it gives, board lock held. */
    uint8_t (*pic_ack)(void *ctx);
    void *ctx;
};

struct lapics;
int lapics_new(unsigned nr_cpus, pthread_mutex_t *board_lock, const struct clock *clock,
               const struct lapic_ops *ops, struct lapics **ret, struct err *e);
void lapics_free(struct lapics *l);
OWN_TYPE(lapics, lapics_free)

const struct cpu_intc *lapics_intc(struct lapics *l); /* lives as long as l */

/* An MSI or the I/O APIC's message arrives. Any thread. */
void lapics_msi(struct lapics *l, uint64_t addr, uint32_t data);
/* The PIC's output pin, wired to LINT0 of CPU 0. Board lock held. */
void lapics_extint(struct lapics *l, bool level);
