// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * linux64: what a boot loader leaves behind for a 64-bit kernel.
 *
 * Source: Linux Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", and zero-page.rst; struct
 * boot_params in <asm/bootparam.h>; Intel SDM vol. 3A, 4.5 (paging), 3.4.5 (descriptors).
 *
 *     0x00500  GDT                        0x10000  PML4, PDPT, 4 page directories (2 MiB pages: 4 GiB)
 *     0x07000  zero page                  0x20000  command line
 *     initrd: as high as it goes below the end of low RAM and initrd_addr_max
 * Threads: before any CPU runs.
 */
#include "vm/linux64.h"

#include <asm/bootparam.h>
#include <string.h>

#define GDT_AT       0x500
#define ZERO_PAGE_AT 0x7000
#define TABLES_AT    0x10000
#define CMDLINE_AT   0x20000
#define CMDLINE_MAX  2048
#define LOADER_TYPE  0xff /* none of those with a number */

#define E820_RAM      1
#define E820_RESERVED 2

#define PTE_PRESENT 1u
#define PTE_WRITE   2u
#define PTE_LARGE   0x80u

static void add_e820(struct boot_params *z, uint64_t from, uint64_t to, uint32_t type)
{
    if (from >= to)
        return;
    z->e820_table[z->e820_entries++] =
        (struct boot_e820_entry){.addr = from, .size = to - from, .type = type};
}

static void fill_e820(struct boot_params *z, const struct ram *ram)
{
    unsigned nr;
    const struct ram_slot *slots = ram_slots(ram, &nr);
    add_e820(z, 0, 0x9fc00, E820_RAM);
    add_e820(z, 0x9fc00, 0xa0000, E820_RESERVED);  /* where a BIOS keeps its data */
    add_e820(z, 0xe0000, 0x100000, E820_RESERVED); /* ACPI tables */
    add_e820(z, 0x100000, slots[0].bytes, E820_RAM);
    add_e820(z, 0xe0000000, 0xf0000000, E820_RESERVED); /* PCI configuration space */
    if (nr > 1)
        add_e820(z, slots[1].base, slots[1].base + slots[1].bytes, E820_RAM);
}

static int place_initrd(struct boot_params *z, struct ram *ram, const struct kernel_place *k,
                        const struct linux_boot *b, struct err *e)
{
    if (!b->initrd)
        return 0;
    unsigned nr;
    uint64_t top = ram_slots(ram, &nr)[0].bytes;
    if (k->setup_header_len && top > z->hdr.initrd_addr_max + 1ull)
        top = z->hdr.initrd_addr_max + 1ull;
    uint64_t at = b->initrd_len <= top ? (top - b->initrd_len) & ~(uint64_t)(RAM_PAGE - 1) : 0;
    if (at < k->high)
        return err_set(e, -EFBIG, "initrd of %zu MiB does not fit into the guest's memory behind the kernel",
                       b->initrd_len >> 20);
    ram_write(ram, gpa(at), b->initrd, b->initrd_len);
    z->hdr.ramdisk_image = (uint32_t)at;
    z->hdr.ramdisk_size = (uint32_t)b->initrd_len;
    return 0;
}

static void map_identity(struct ram *ram)
{
    uint64_t *tables = ram_at(ram, gpa(TABLES_AT), 6 * RAM_PAGE);
    uint64_t *pml4 = tables, *pdpt = tables + 512, *directories = tables + 1024;
    pml4[0] = (TABLES_AT + RAM_PAGE) | PTE_PRESENT | PTE_WRITE;
    for (uint64_t i = 0; i < 4; i++)
        pdpt[i] = (TABLES_AT + (2 + i) * RAM_PAGE) | PTE_PRESENT | PTE_WRITE;
    for (uint64_t i = 0; i < 4 * 512; i++)
        directories[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
}

int linux64_setup(struct ram *ram, const struct kernel_place *k, const struct linux_boot *b, struct err *e)
{
    uint64_t first_mib = k->low < 0x100000 ? k->low : UINT64_MAX;
    if (first_mib != UINT64_MAX)
        return err_set(e, -EINVAL, "the kernel loads below 1 MiB, where its boot data lie");
    struct boot_params *z = ram_at(ram, gpa(ZERO_PAGE_AT), sizeof(*z));
    if (!z)
        return err_set(e, -EINVAL, "too little memory");
    memset(z, 0, sizeof(*z));
    memcpy((uint8_t *)z + 0x1f1, k->setup_header, k->setup_header_len);
    size_t len = strlen(b->cmdline),
           max = k->setup_header_len && z->hdr.cmdline_size ? z->hdr.cmdline_size : CMDLINE_MAX;
    if (len > max || len > CMDLINE_MAX)
        return err_set(e, -E2BIG, "kernel command line of %zu bytes: at most %zu are possible", len,
                       max < CMDLINE_MAX ? max : CMDLINE_MAX);
    ram_write(ram, gpa(CMDLINE_AT), b->cmdline, len + 1);
    z->hdr.boot_flag = 0xaa55;
    z->hdr.header = 0x53726448; /* "HdrS" */
    z->hdr.type_of_loader = LOADER_TYPE;
    z->hdr.loadflags |= LOADED_HIGH;
    z->hdr.cmd_line_ptr = CMDLINE_AT;
    z->hdr.cmdline_size = (uint32_t)max;
    z->acpi_rsdp_addr = b->rsdp;
    fill_e820(z, ram);
    int rc = place_initrd(z, ram, k, b, e);
    if (rc < 0)
        return rc;
    map_identity(ram);
    static const uint64_t gdt[4] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff}; /* 0x10 code, 0x18 data */
    ram_write(ram, gpa(GDT_AT), gdt, sizeof(gdt));
    return 0;
}

void linux64_cpu(const struct kernel_place *k, struct cpu_state *s)
{
    const struct kvm_segment code = {
        .selector = 0x10, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .limit = 0xffffffff};
    const struct kvm_segment data = {
        .selector = 0x18, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff};
    struct kvm_sregs *r = &s->sregs;
    r->cs = code;
    r->ds = r->es = r->fs = r->gs = r->ss = data;
    r->gdt.base = GDT_AT;
    r->gdt.limit = 4 * 8 - 1;
    r->cr3 = TABLES_AT;
    r->cr4 = 0x20;       /* PAE */
    r->cr0 = 0x80050033; /* PG, AM, WP, NE, ET, MP, PE */
    r->efer = 0x500;     /* LMA, LME */
    s->regs = (struct kvm_regs){.rip = k->entry, .rsi = ZERO_PAGE_AT, .rflags = 2};
}
