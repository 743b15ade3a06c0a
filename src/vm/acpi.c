// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acpi: tables built in place.
 *
 * Source: ACPI 6.4, 5.2 (RSDP 5.2.5.3, header 5.2.6, XSDT 5.2.8, FADT 5.2.9, FACS 5.2.10, MADT 5.2.12); PCI
 * Firmware Specification 3.2, 4.1.2 (MCFG). The DSDT is micro.asl, compiled by iasl.
 * Threads: before any CPU runs.
 */
#include "vm/acpi.h"

#include <string.h>

#include "dev/acpi_pm.h"

extern const uint8_t micro_aml[], micro_aml_end[];

#define packed __attribute__((packed))

struct packed rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
};

struct packed header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
};

struct packed gas { /* generic address structure */
    uint8_t space, width, offset, access;
    uint64_t address;
};
#define GAS_IO(port, bits)                                                                                   \
    {.space = 1, .width = (bits), .access = (bits) / 8 > 2 ? 3 : (bits) / 8, .address = (port)}

struct packed fadt {
    struct header h;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci;
    uint32_t smi_cmd;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
    uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len, gpe1_base, cst;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_arch;
    uint8_t reserved1;
    uint32_t flags;
    struct gas reset_reg;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor;
    uint64_t x_facs, x_dsdt;
    struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr, x_gpe0, x_gpe1;
    struct gas sleep_control, sleep_status;
    uint64_t hypervisor;
};
_Static_assert(sizeof(struct fadt) == 276, "ACPI 6.4, table 5.9");

#define FADT_WBINVD      (1u << 0)
#define FADT_PROC_C1     (1u << 2)
#define FADT_SLP_BUTTON  (1u << 5) /* there is no sleep button as fixed hardware */
#define FADT_TMR_VAL_EXT (1u << 8)
#define FADT_RESET       (1u << 10)
#define BOOT_ARCH_LEGACY (1u << 0) /* devices on the ISA bus: the serial port */
#define BOOT_ARCH_NO_VGA (1u << 2)

struct packed facs {
    char signature[4];
    uint32_t length, hardware, waking, lock, flags;
    uint64_t x_waking;
    uint8_t version, reserved[31];
};

struct packed madt {
    struct header h;
    uint32_t lapic, flags; /* flags bit 0: a PC-AT compatible pair of PICs */
};
struct packed madt_lapic {
    uint8_t type, length, uid, id;
    uint32_t flags;
};
struct packed madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
};
struct packed madt_override {
    uint8_t type, length, bus, source;
    uint32_t gsi;
    uint16_t flags;
};
struct packed madt_nmi {
    uint8_t type, length, uid;
    uint16_t flags;
    uint8_t lint;
};

struct packed mcfg {
    struct header h;
    uint64_t reserved;
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved2;
};

static uint8_t sum(const void *p, size_t n)
{
    uint8_t s = 0;
    for (size_t i = 0; i < n; i++)
        s = (uint8_t)(s + ((const uint8_t *)p)[i]);
    return s;
}

/* Where the next table goes: 16-byte aligned, one behind the other, up to 1 MiB. */
struct writer {
    struct ram *ram;
    uint64_t at;
};

static uint64_t put(struct writer *w, const void *table, size_t len)
{
    uint64_t at = w->at;
    BUG_ON(at + len > 0x100000);
    ram_write(w->ram, gpa(at), table, len);
    w->at = (at + len + 15) & ~15ull;
    return at;
}

static void finish(struct header *h, const char *signature, uint8_t revision, size_t length)
{
    memcpy(h->signature, signature, 4);
    h->length = (uint32_t)length;
    h->revision = revision;
    memcpy(h->oem, "HOSPES", 6);
    memcpy(h->oem_table, "MICRO   ", 8);
    h->oem_revision = 1;
    memcpy(h->creator, "HSPS", 4);
    h->creator_revision = 1;
    h->checksum = 0;
    h->checksum = (uint8_t)-sum(h, length);
}

static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt)
{
    struct fadt f = {
        .facs = (uint32_t)facs,
        .dsdt = (uint32_t)dsdt,
        .profile = 4, /* enterprise server */
        .sci = ACPI_SCI,
        .pm1a_evt = ACPI_PM_EVENT,
        .pm1a_cnt = ACPI_PM_CONTROL,
        .pm_tmr = ACPI_PM_TIMER,
        .pm1_evt_len = 4,
        .pm1_cnt_len = 2,
        .pm_tmr_len = 4,
        .c2_latency = 0xffff,
        .c3_latency = 0xffff,
        .century = 0x32,
        .boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA,
        .flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RESET,
        .reset_reg = GAS_IO(ACPI_PM_RESET, 8),
        .reset_value = ACPI_RESET_VALUE,
        .minor = 4,
        .x_dsdt = dsdt,
        .x_pm1a_evt = GAS_IO(ACPI_PM_EVENT, 32),
        .x_pm1a_cnt = GAS_IO(ACPI_PM_CONTROL, 16),
        .x_pm_tmr = GAS_IO(ACPI_PM_TIMER, 32),
    };
    finish(&f.h, "FACP", 6, sizeof(f));
    return put(w, &f, sizeof(f));
}

static uint64_t put_madt(struct writer *w, unsigned nr_cpus)
{
    uint8_t buf[2048];
    struct madt *m = (struct madt *)buf;
    memset(buf, 0, sizeof(buf));
    m->lapic = BOARD_LAPIC_AT;
    m->flags = 1;
    size_t len = sizeof(*m);
#define ADD(type_, ...)                                                                                      \
    do {                                                                                                     \
        const type_ entry_ = __VA_ARGS__;                                                                    \
        memcpy(buf + len, &entry_, sizeof(entry_));                                                          \
        len += sizeof(entry_);                                                                               \
    } while (0)
    for (unsigned i = 0; i < nr_cpus; i++)
        ADD(struct madt_lapic, {.type = 0, .length = 8, .uid = (uint8_t)i, .id = (uint8_t)i, .flags = 1});
    ADD(struct madt_ioapic, {.type = 1, .length = 12, .id = 0, .address = BOARD_IOAPIC_AT, .gsi_base = 0});
    ADD(struct madt_override, {.type = 2, .length = 10, .source = 0, .gsi = 2, .flags = 0}); /* the PIT */
    ADD(struct madt_override,
        {.type = 2, .length = 10, .source = ACPI_SCI, .gsi = ACPI_SCI, .flags = 0xd}); /* level, high */
    ADD(struct madt_nmi, {.type = 4, .length = 6, .uid = 0xff, .flags = 0, .lint = 1});
#undef ADD
    finish(&m->h, "APIC", 5, len);
    return put(w, buf, len);
}

static uint64_t put_mcfg(struct writer *w)
{
    struct mcfg m = {.base = BOARD_ECAM_AT, .last_bus = BOARD_ECAM_BUSES - 1};
    finish(&m.h, "MCFG", 1, sizeof(m));
    return put(w, &m, sizeof(m));
}

static uint64_t put_facs(struct writer *w)
{
    w->at = (w->at + 63) & ~63ull;
    struct facs f = {.signature = "FACS", .length = sizeof(f), .version = 2};
    return put(w, &f, sizeof(f));
}

int acpi_write(struct ram *ram, unsigned nr_cpus, uint64_t *ret_rsdp, struct err *e)
{
    if (!ram_at(ram, gpa(ACPI_TABLES_AT), 0x100000 - ACPI_TABLES_AT))
        return err_set(e, -EINVAL, "too little memory for ACPI tables");
    struct writer w = {ram, ACPI_TABLES_AT + 64}; /* the RSDP comes first, but is written last */
    struct packed {
        struct header h;
        uint64_t tables[3];
    } xsdt = {0};
    uint64_t dsdt = put(&w, micro_aml, (size_t)(micro_aml_end - micro_aml));
    uint64_t facs = put_facs(&w);
    xsdt.tables[0] = put_fadt(&w, facs, dsdt);
    xsdt.tables[1] = put_madt(&w, nr_cpus);
    xsdt.tables[2] = put_mcfg(&w);
    finish(&xsdt.h, "XSDT", 1, sizeof(xsdt));
    struct rsdp r = {.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
                     .oem = {'H', 'O', 'S', 'P', 'E', 'S'},
                     .revision = 2,
                     .length = sizeof(r),
                     .xsdt = put(&w, &xsdt, sizeof(xsdt))};
    r.checksum = (uint8_t)-sum(&r, 20);
    r.extended_checksum = (uint8_t)-sum(&r, sizeof(r));
    ram_write(ram, gpa(ACPI_TABLES_AT), &r, sizeof(r));
    *ret_rsdp = ACPI_TABLES_AT;
    return 0;
}
