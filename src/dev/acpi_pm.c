// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acpi_pm: how a guest learns of the power button and switches itself off.
 *
 * Source: ACPI 6.4, 4.8.3 "PM1 Event, Control, PM Timer", 4.8.3.6 "Reset Register"; for ports 0x64 and 0x92:
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard controller" (command 0xfe), "System Control Port
 * A". Modelled: PM1a event and control, PM timer without its overflow interrupt, reset. Left out: GPE blocks,
 * sleep states but S5, legacy mode (ACPI is on from the start). Threads: board lock held.
 */
#include "dev/acpi_pm.h"

#define PM1_TMR    0x0001
#define PM1_GBL    0x0020
#define PM1_PWRBTN 0x0100
#define PM1_RTC    0x0400
#define PM1_STATUS (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_RTC)

#define CNT_SCI_EN  0x0001
#define CNT_SLP_TYP 0x1c00
#define CNT_SLP_EN  0x2000

#define PM_TIMER_HZ 3579545u

struct acpi_pm {
    /* saved */
    uint16_t status, enable, control;
    /* wiring */
    struct irq sci;
    const struct clock *clock;
    struct power_ops power;
    struct bus *io;
};

static void sync_irq(struct acpi_pm *p)
{
    irq_set(&p->sci, (p->status & p->enable) != 0);
}

void acpi_pm_button(struct acpi_pm *p)
{
    p->status |= PM1_PWRBTN;
    sync_irq(p);
}

static uint32_t timer(const struct acpi_pm *p)
{
    unsigned __int128 ticks = (unsigned __int128)clock_now(p->clock) * PM_TIMER_HZ / 1000000000u;
    return (uint32_t)ticks & 0xffffff;
}

static void write_control(struct acpi_pm *p, uint16_t val)
{
    p->control = (val & ~CNT_SLP_EN) | CNT_SCI_EN;
    if ((val & CNT_SLP_EN) && (val & CNT_SLP_TYP) >> 10 == ACPI_S5_TYPE)
        p->power.off(p->power.ctx);
}

/* The block as bytes, so that any access width works. */
static uint8_t byte_at(const struct acpi_pm *p, uint64_t off)
{
    switch (off) {
    case 0:
    case 1:
        return (uint8_t)(p->status >> 8 * off);
    case 2:
    case 3:
        return (uint8_t)(p->enable >> 8 * (off - 2));
    case 4:
    case 5:
        return (uint8_t)(p->control >> 8 * (off - 4));
    default:
        return 0;
    }
}

static uint64_t pm_read(void *dev, uint64_t off, unsigned size)
{
    const struct acpi_pm *p = dev;
    if (off >= 8 && off < 12)
        return timer(p) >> 8 * (off - 8);
    uint64_t val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)byte_at(p, off + i) << 8 * i;
    return val;
}

static void write_byte(struct acpi_pm *p, uint64_t off, uint8_t val)
{
    unsigned shift = 8 * (off & 1);
    uint16_t keep = (uint16_t)~(0xffu << shift), bits = (uint16_t)(val << shift);
    switch (off & ~1ull) {
    case 0:
        p->status &= (uint16_t)~(bits & PM1_STATUS); /* write one to clear */
        break;
    case 2:
        p->enable = ((p->enable & keep) | bits) & PM1_STATUS;
        break;
    case 4:
        write_control(p, (p->control & keep) | bits);
        break;
    case 12:
        if (val == ACPI_RESET_VALUE)
            p->power.reset(p->power.ctx);
        break;
    }
}

static void pm_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct acpi_pm *p = dev;
    if (off == 4 && size >= 2)
        write_control(p, (uint16_t)val);
    else
        for (unsigned i = 0; i < size; i++)
            write_byte(p, off + i, (uint8_t)(val >> 8 * i));
    sync_irq(p);
}

/* ---- the keyboard controller's and the PS/2's way to reset; nothing else of either is there ---- */

static uint64_t kbd_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0; /* status: neither buffer is full */
}

static void kbd_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct acpi_pm *p = dev;
    (void)off, (void)size;
    if ((val & 0xff) == 0xfe)
        p->power.reset(p->power.ctx);
}

static uint64_t port92_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0x02; /* A20 is on and stays on */
}

static void port92_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct acpi_pm *p = dev;
    (void)off, (void)size;
    if (val & 1)
        p->power.reset(p->power.ctx);
}

static const struct bus_ops pm_ops = {pm_read, pm_write};
static const struct bus_ops kbd_ops = {kbd_read, kbd_write};
static const struct bus_ops port92_ops = {port92_read, port92_write};

static const struct {
    uint16_t base, bytes;
    const struct bus_ops *ops;
} regions[] = {{ACPI_PM_EVENT, 16, &pm_ops}, {0x64, 1, &kbd_ops}, {0x92, 1, &port92_ops}};
#define NR_REGIONS (sizeof(regions) / sizeof(regions[0]))

int acpi_pm_new(struct bus *io, const struct irq *irq, const struct clock *clock, const struct power_ops *ops,
                struct acpi_pm **ret, struct err *e)
{
    OWN(acpi_pm) p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "ACPI hardware");
    *p = (struct acpi_pm){.sci = *irq, .clock = clock, .power = *ops, .io = io, .control = CNT_SCI_EN};
    for (size_t i = 0; i < NR_REGIONS; i++) {
        int rc = bus_attach(io, regions[i].base, regions[i].bytes, regions[i].ops, p, e);
        if (rc < 0)
            return err_wrap(e, "ACPI hardware");
    }
    *ret = take(p);
    return 0;
}

void acpi_pm_free(struct acpi_pm *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < NR_REGIONS; i++)
        bus_detach(p->io, regions[i].base);
    free(p);
}

static const struct state_field fields[] = {
    STATE(acpi_pm, status, STATE_U16),
    STATE(acpi_pm, enable, STATE_U16),
    STATE(acpi_pm, control, STATE_U16),
};

static void loaded(void *obj)
{
    struct acpi_pm *p = obj;
    p->status &= PM1_STATUS;
    p->enable &= PM1_STATUS;
    p->sci.level = false;
    sync_irq(p);
}

const struct state_table acpi_pm_state = {
    "acpi-pm", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct acpi_pm), NULL, loaded};
