// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vec: the guest's x87, SSE and AVX state, into v->xsave and back to the host's registers; and what needs
 * that first: calls to code that may use them (devices).
 *
 * Plain XSAVE, not XSAVEOPT: the area is also written by state.c, which the processor's tracking of
 * modified components would not see. Source: Intel SDM vol. 1, 13.
 */
#include "board/bus.h"
#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

#define XSAVE_FOP   6 /* opcode, then instruction and data pointers: 18 bytes of host addresses */
#define MXCSR_RESET 0x1f80u

static inline void xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static inline void xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

void vec_save(struct vcpu *v)
{
    static const uint32_t mxcsr = MXCSR_RESET;
    if (!v->vec_live)
        return;
    xsave(v->xsave, v->soft->xsave_mask);
    zero_bytes(v->xsave + XSAVE_FOP, 18);
    __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(mxcsr));
    if (v->soft->xsave_mask & XCR0_AVX)
        __asm__ volatile("vzeroupper");
    v->vec_live = 0;
}

void vec_restore(struct vcpu *v)
{
    if (v->vec_live)
        return;
    xrstor(v->xsave, v->soft->xsave_mask);
    v->vec_live = 1;
}

/* The local APIC's page belongs to the CPU, not to the bus: each CPU sees its own there. xAPIC registers are
 * x2APIC registers at number << 4, but for the command register: two halves with an 8-bit destination.
 * Source: Intel SDM vol. 3A, 11.4.1 and 11.12.1.2. */
#define ICR      0x30
#define ICR_HIGH 0x31

static uint64_t apic_read(struct vcpu *v, uint64_t off, unsigned size)
{
    unsigned reg = (unsigned)off >> 4;
    uint64_t val = 0;
    if (off & 0xc || size > 4)
        return 0;
    if (reg == ICR_HIGH)
        val = v->apic_icr_high;
    else if (v->soft->intc->apic_read(v->soft->intc->ctx, v->index, reg, &val) && reg == ICR)
        val &= 0xffffffff;
    if (reg == 2) /* the APIC id stands in the top byte here */
        val <<= 24;
    return val >> (off & 3) * 8;
}

static void apic_write(struct vcpu *v, uint64_t off, unsigned size, uint64_t val)
{
    unsigned reg = (unsigned)off >> 4;
    if (off & 0xf || size != 4)
        return;
    if (reg == ICR_HIGH)
        v->apic_icr_high = (uint32_t)val & 0xff000000;
    else
        v->soft->intc->apic_write(v->soft->intc->ctx, v->index, reg,
                                  reg == ICR ? val | (uint64_t)v->apic_icr_high >> 24 << 32 : val);
    atomic_fetch_or(&v->request, REQ_INTERRUPT); /* EOI and TPR may let another one through */
}

/* What other CPUs do after a write to a device must find this CPU's writes to code noticed. */
static void leave(struct vcpu *v)
{
    if (v->request & REQ_CODE)
        smc_requests(v);
    vec_save(v);
}

uint64_t soft_bus_read(struct vcpu *v, uint64_t gpa, unsigned size)
{
    leave(v);
    cpu_count(&v->stats.mmio_reads);
    if ((gpa & ~0xfffull) == v->apic_page)
        return apic_read(v, gpa & 0xfff, size);
    return bus_read(v->soft->mem, gpa, size);
}

void soft_bus_write(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t val)
{
    leave(v);
    cpu_count(&v->stats.mmio_writes);
    if ((gpa & ~0xfffull) == v->apic_page)
        apic_write(v, gpa & 0xfff, size, val);
    else
        bus_write(v->soft->mem, gpa, size, val);
}

uint64_t soft_io_read(struct vcpu *v, uint16_t port, unsigned size)
{
    leave(v);
    cpu_count(&v->stats.io_reads);
    return bus_read(v->soft->io, port, size);
}

void soft_io_write(struct vcpu *v, uint16_t port, unsigned size, uint64_t val)
{
    leave(v);
    cpu_count(&v->stats.io_writes);
    bus_write(v->soft->io, port, size, val);
}
