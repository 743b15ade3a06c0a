// SPDX-License-Identifier: GPL-2.0-or-later
/* acpi_pm: fixed ACPI hardware: power button, sleep and reset registers, the PM timer. */
#pragma once

#include "board/bus.h"
#include "board/clock.h"
#include "board/irq.h"
#include "board/state.h"

/* I/O ports, as the FADT names them. */
#define ACPI_PM_EVENT    0x600 /* PM1a status and enable, 2 bytes each */
#define ACPI_PM_CONTROL  0x604 /* PM1a control */
#define ACPI_PM_TIMER    0x608 /* 24 bits at 3.579545 MHz */
#define ACPI_PM_RESET    0x60c /* one byte */
#define ACPI_RESET_VALUE 0x06
#define ACPI_S5_TYPE     5 /* SLP_TYP of soft-off, as the DSDT's _S5 says */

/* What the guest asks for: called under the board lock, from a vCPU thread. */
struct power_ops {
    void (*off)(void *ctx);
    void (*reset)(void *ctx);
    void *ctx;
};

struct acpi_pm;
/* irq: the SCI. ops is copied. Also answers the PC's other reset registers: port 0xcf9 is PCI's, 0x92 and
 * 0x64 are here. */
int acpi_pm_new(struct bus *io, const struct irq *irq, const struct clock *clock, const struct power_ops *ops,
                struct acpi_pm **ret, struct err *e);
void acpi_pm_free(struct acpi_pm *p);
OWN_TYPE(acpi_pm, acpi_pm_free)

void acpi_pm_button(struct acpi_pm *p); /* press the power button */

extern const struct state_table acpi_pm_state;
