// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * irq: interrupt wires and message-signalled interrupts, as a device sees them.
 *
 * The device drives a level; who owns the wire (I/O APIC, PIC, KVM) is plugged in by vm/.
 * A zeroed wire leads nowhere. Threads: board lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct irq {
    void (*set)(void *ctx, unsigned line, bool level);
    void *ctx;
    unsigned line; /* global system interrupt */
    bool level;    /* what was last driven */
};

static inline void irq_set(struct irq *i, bool level)
{
    if (i->level == level)
        return;
    i->level = level;
    if (i->set)
        i->set(i->ctx, i->line, level);
}

/* Where an MSI write goes: address and data as in Intel SDM vol. 3A, "Message Signalled Interrupts". */
struct msi_sink {
    void (*send)(void *ctx, uint64_t addr, uint32_t data);
    void *ctx;
};

static inline void msi_send(const struct msi_sink *s, uint64_t addr, uint32_t data)
{
    if (s && s->send)
        s->send(s->ctx, addr, data);
}
