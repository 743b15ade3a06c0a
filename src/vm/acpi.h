// SPDX-License-Identifier: GPL-2.0-or-later
/* acpi: the tables that tell a guest's kernel what the board has. */
#pragma once

#include "base/err.h"
#include "board/ram.h"

#define ACPI_TABLES_AT   0xe0000u /* guest-physical; up to 1 MiB */
#define ACPI_SCI         9u
#define BOARD_IOAPIC_AT  0xfec00000u
#define BOARD_LAPIC_AT   0xfee00000u
#define BOARD_ECAM_AT    0xe0000000u
#define BOARD_ECAM_BUSES 256u

/* Where BARs go; micro.asl tells the guest the same. */
#define BOARD_PCI_MEM_AT    0xc0000000u
#define BOARD_PCI_MEM_BYTES 0x20000000u
#define BOARD_PCI_IO_AT     0x1000u
#define BOARD_PCI_IO_BYTES  0xf000u

/* Write RSDP, XSDT, FADT, FACS, MADT, MCFG and DSDT for nr_cpus into RAM; *ret_rsdp is where the RSDP lies.
 */
int acpi_write(struct ram *ram, unsigned nr_cpus, uint64_t *ret_rsdp, struct err *e);
