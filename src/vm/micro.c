// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * micro: the board that machines get. No firmware: the kernel is loaded directly and finds the rest by ACPI.
 *
 *     memory                                       ports
 *     0000_0000  RAM, up to 3 GiB                  020, 0a0  PIC          (kvm: the kernel's)
 *       000e_0000  ACPI tables                     040..43, 61  PIT       (kvm: the kernel's)
 *     c000_0000  PCI BARs                          064       reset (keyboard controller)
 *     e000_0000  PCI configuration (ECAM)          070..71   RTC and CMOS, GSI 8
 *     fec0_0000  I/O APIC                          092       reset (system control port A)
 *     fee0_0000  local APICs                       3f8..3ff  COM1, GSI 4
 *     1_0000_0000  the rest of RAM                 505       pvpanic
 *                                                  600..60f  ACPI power management, GSI 9
 *                                                  cf8..cff  PCI configuration
 * GSI 16..19: PCI's INTA..INTD, where a device does without MSI-X.
 * Threads: before any CPU runs; callbacks under the board lock.
 */
#include "vm/machine_impl.h"

#include "vm/acpi.h"

#define GSI_PIT  2
#define GSI_COM1 4
#define GSI_RTC  8
#define GSI_PCI  16
#define COM1     0x3f8
#define PVPANIC  0x505

/* ---- wires, where the engine has an irqchip: KVM takes global system interrupts ---- */

static void kernel_wire(void *ctx, unsigned line, bool level)
{
    struct machine *m = ctx;
    m->engine->ops->irq_line(m->engine, line, level);
}

/* ---- ... and where it has not: each ISA line leads to the PIC and to the I/O APIC, the PIT's to pin 2 there
 * ---- */

static void own_wire(void *ctx, unsigned line, bool level)
{
    struct machine *m = ctx;
    if (line < 16)
        pic_set(m->pic, line, level);
    ioapic_set(m->ioapic, line == 0 ? GSI_PIT : line, level);
}

static void kernel_msi(void *ctx, uint64_t addr, uint32_t data)
{
    struct machine *m = ctx;
    m->engine->ops->msi(m->engine, addr, data);
}

static void own_msi(void *ctx, uint64_t addr, uint32_t data)
{
    struct machine *m = ctx;
    lapics_msi(m->lapics, addr, data);
}

static void pic_output(void *ctx, bool level)
{
    struct machine *m = ctx;
    lapics_extint(m->lapics, level);
}

static uint8_t inta(void *ctx)
{
    struct machine *m = ctx;
    return pic_ack(m->pic);
}

static void eoi(void *ctx, uint8_t vector)
{
    struct machine *m = ctx;
    ioapic_eoi(m->ioapic, vector);
}

static void wake(void *ctx, unsigned cpu)
{
    struct machine *m = ctx;
    m->engine->ops->interrupt(m->engine, cpu);
}

static void nmi(void *ctx, unsigned cpu)
{
    struct machine *m = ctx;
    m->engine->ops->nmi(m->engine, cpu);
}

static void init(void *ctx, unsigned cpu)
{
    struct machine *m = ctx;
    m->engine->ops->init(m->engine, cpu);
}

static void sipi(void *ctx, unsigned cpu, uint8_t vector)
{
    struct machine *m = ctx;
    m->engine->ops->sipi(m->engine, cpu, vector);
}

static int add_irqchip(struct machine *m, struct err *e)
{
    const struct lapic_ops ops = {wake, nmi, init, sipi, eoi, inta, m};
    const struct msi_sink sink = {own_msi, m};
    const struct irq timer = {.set = own_wire, .ctx = m, .line = 0};
    int rc;
    if ((rc = lapics_new(m->config.cpus, m->lock, m->clock, &ops, &m->lapics, e)) < 0 ||
        (rc = pic_new(m->io, pic_output, m, &m->pic, e)) < 0 ||
        (rc = ioapic_new(m->mem, BOARD_IOAPIC_AT, &sink, &m->ioapic, e)) < 0 ||
        (rc = pit_new(m->io, &timer, m->clock, &m->pit, e)) < 0)
        return rc;
    return 0;
}

static struct irq wire(struct machine *m, unsigned gsi)
{
    return (struct irq){
        .set = m->config.engine->in_kernel_irqchip ? kernel_wire : own_wire, .ctx = m, .line = gsi};
}

/* ---- power ---- */

static void power_off(void *ctx)
{
    machine_post_event(ctx, MACHINE_POWER_OFF, "the guest powered off");
}

static void power_reset(void *ctx)
{
    machine_post_event(ctx, MACHINE_RESET, "the guest reset itself");
}

/* ---- pvpanic: one byte. Source: QEMU docs/specs/pvpanic.rst ---- */
#define PVPANIC_PANICKED     0x01
#define PVPANIC_CRASH_LOADED 0x02

static uint64_t pvpanic_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED; /* the events we understand */
}

static void pvpanic_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)off, (void)size;
    if (val & PVPANIC_PANICKED)
        machine_post_event(dev, MACHINE_PANIC, "the guest's kernel panicked");
}

static const struct bus_ops pvpanic_ops = {pvpanic_read, pvpanic_write};

static int add_pci(struct machine *m, struct err *e)
{
    const struct msi_sink msi = {m->config.engine->in_kernel_irqchip ? kernel_msi : own_msi, m};
    struct irq wires[PCI_WIRES];
    for (unsigned i = 0; i < PCI_WIRES; i++)
        wires[i] = wire(m, GSI_PCI + i);
    return micro_pci_build(m, wires, &msi, power_reset, e);
}

int micro_build(struct machine *m, struct err *e)
{
    int rc = m->config.engine->in_kernel_irqchip ? 0 : add_irqchip(m, e);
    if (rc < 0)
        return rc;
    const struct cpu_config cpu = {.nr_cpus = m->config.cpus,
                                   .ram = m->ram,
                                   .mem = m->mem,
                                   .io = m->io,
                                   .intc = m->lapics ? lapics_intc(m->lapics) : NULL,
                                   .debug = m->config.engine_debug};
    rc = m->config.engine->new(&cpu, &m->engine, e);
    if (rc < 0)
        return err_wrap(e, "engine %s", m->config.engine->name);
    const struct power_ops power = {power_off, power_reset, m};
    const struct irq sci = wire(m, ACPI_SCI), com1 = wire(m, GSI_COM1), rtc = wire(m, GSI_RTC);
    if ((rc = acpi_pm_new(m->io, &sci, m->clock, &power, &m->pm, e)) < 0 ||
        (rc = rtc_new(m->io, &rtc, m->clock, m->config.memory, &m->rtc, e)) < 0 || (rc = add_pci(m, e)) < 0 ||
        (rc = bus_attach(m->io, PVPANIC, 1, &pvpanic_ops, m, e)) < 0)
        return rc;
    if (m->config.serial)
        return uart_new(m->io, COM1, &com1, m->config.serial, &m->uart, e);
    return 0;
}

void micro_free(struct machine *m)
{
    uart_free(m->uart);
    micro_pci_free(m);
    rtc_free(m->rtc);
    acpi_pm_free(m->pm);
    if (m->engine)
        m->engine->ops->free(m->engine);
    pit_free(m->pit);
    ioapic_free(m->ioapic);
    pic_free(m->pic);
    lapics_free(m->lapics);
}
