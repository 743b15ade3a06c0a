// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * micro.asl: what the board `micro` tells of itself in AML. Addresses: see the memory map in micro.c.
 * Source: ACPI 6.4, chapters 6 (device configuration) and 19 (ASL); PCI Firmware Specification 3.2, 4.1.
 */
DefinitionBlock ("micro.aml", "DSDT", 2, "HOSPES", "MICRO", 1)
{
    Name (\_S5, Package () { 5, 0, 0, 0 })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A08")) // PCI Express root
            Name (_CID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_SEG, 0)
            Name (_BBN, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
                IO (Decode16, 0xcf8, 0xcf8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x1000, 0xffff, 0, 0xf000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, 0xc0000000, 0xdfffffff, 0, 0x20000000)
            })
            // INTA..INTD of device n to GSI 16 + (n + pin) % 4: level, active low (the MADT needs no override above 15).
            Name (_PRT, Package ()
            {
#define SLOT(n, a, b, c, d) \
                Package () { n##FFFF, 0, 0, a }, Package () { n##FFFF, 1, 0, b }, \
                Package () { n##FFFF, 2, 0, c }, Package () { n##FFFF, 3, 0, d }
                SLOT (0x0001, 17, 18, 19, 16), SLOT (0x0002, 18, 19, 16, 17), SLOT (0x0003, 19, 16, 17, 18),
                SLOT (0x0004, 16, 17, 18, 19), SLOT (0x0005, 17, 18, 19, 16), SLOT (0x0006, 18, 19, 16, 17),
                SLOT (0x0007, 19, 16, 17, 18), SLOT (0x0008, 16, 17, 18, 19), SLOT (0x0009, 17, 18, 19, 16),
                SLOT (0x000A, 18, 19, 16, 17), SLOT (0x000B, 19, 16, 17, 18), SLOT (0x000C, 16, 17, 18, 19),
                SLOT (0x000D, 17, 18, 19, 16), SLOT (0x000E, 18, 19, 16, 17), SLOT (0x000F, 19, 16, 17, 18)
            })
        }

        Device (MCFG) // the ECAM window is nobody else's
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadWrite, 0xe0000000, 0x10000000) })
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3f8, 0x3f8, 1, 8) IRQNoFlags () { 4 } })
        }

        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 2) IRQNoFlags () { 8 } })
        }

        Device (PEVT) // pvpanic: the guest's kernel tells that it panicked
        {
            Name (_HID, "QEMU0001")
            Name (_UID, 0)
            Name (_STA, 0x0f)
            Name (_CRS, ResourceTemplate () { IO (Decode16, 0x505, 0x505, 1, 1) })
        }
    }
}
