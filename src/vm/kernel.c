// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel: find the ELF image in a kernel file and copy its segments into RAM.
 *
 * Source: Linux Documentation/arch/x86/boot.rst ("The Real-Mode Kernel Header", payload_offset); ELF-64
 * Object File Format; Xen docs/misc/pvh.pandoc (note 18, XEN_ELFNOTE_PHYS32_ENTRY). Threads: any.
 */
#include "vm/kernel.h"

#include <elf.h>
#include <string.h>

#include "base/own.h"
#include "vm/unpack.h"

#define KERNEL_MAX     (1ull << 30) /* an unpacked kernel larger than this is none */
#define NOTE_PVH_ENTRY 18

/* Offsets in a bzImage. */
#define SETUP_SECTS    0x1f1
#define BOOT_FLAG      0x1fe
#define HEADER_JUMP    0x200
#define HEADER_MAGIC   0x202
#define HEADER_VERSION 0x206
#define LOADFLAGS      0x211
#define XLOADFLAGS     0x236
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define XLF_KERNEL_64  0x01

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

/* ---- ELF ---- */

static int check_elf(const uint8_t *file, size_t len, Elf64_Ehdr *ret, struct err *e)
{
    if (len < sizeof(*ret))
        return err_set(e, -EINVAL, "its ELF header is cut short");
    memcpy(ret, file, sizeof(*ret));
    if (ret->e_ident[EI_CLASS] != ELFCLASS64 || ret->e_machine != EM_X86_64)
        return err_set(e, -EINVAL, "a kernel for another architecture (ELF machine %u, not x86-64)",
                       ret->e_machine);
    if (ret->e_phentsize != sizeof(Elf64_Phdr) || ret->e_phnum == 0 || ret->e_phoff > len ||
        ret->e_phnum > (len - ret->e_phoff) / sizeof(Elf64_Phdr))
        return err_set(e, -EINVAL, "its ELF program headers are damaged or cut short");
    return 0;
}

static int load_segment(const uint8_t *file, size_t len, const Elf64_Phdr *p, struct ram *ram,
                        struct kernel_place *k, struct err *e)
{
    if (p->p_offset > len || p->p_filesz > len - p->p_offset || p->p_filesz > p->p_memsz)
        return err_set(e, -EINVAL, "an ELF segment is damaged or cut short");
    uint8_t *to = ram_at(ram, gpa(p->p_paddr), p->p_memsz);
    if (!to)
        return err_set(e, -EFBIG, "it needs memory up to %llu MiB, more than the guest has",
                       (unsigned long long)((p->p_paddr + p->p_memsz) >> 20));
    memcpy(to, file + p->p_offset, p->p_filesz); /* RAM is zero already: .bss touches nothing */
    if (p->p_paddr < k->low)
        k->low = p->p_paddr;
    if (p->p_paddr + p->p_memsz > k->high)
        k->high = p->p_paddr + p->p_memsz;
    return 0;
}

/* A note is {namesz, descsz, type, name, desc}, name and desc padded to 4 bytes. */
static void scan_notes(const uint8_t *file, size_t len, const Elf64_Phdr *p, struct kernel_place *k)
{
    if (p->p_offset > len || p->p_filesz > len - p->p_offset)
        return;
    const uint8_t *at = file + p->p_offset;
    uint64_t left = p->p_filesz;
    while (left >= 12) {
        uint64_t name = (get32(at) + 3ull) & ~3ull, desc = (get32(at + 4) + 3ull) & ~3ull;
        uint32_t type = get32(at + 8);
        if (name + desc > left - 12)
            return;
        if (type == NOTE_PVH_ENTRY && get32(at) == 4 && !memcmp(at + 12, "Xen", 4) && get32(at + 4) >= 4)
            k->pvh_entry = get32(at + 12 + name);
        at += 12 + name + desc;
        left -= 12 + name + desc;
    }
}

static int load_elf(const uint8_t *file, size_t len, struct ram *ram, struct kernel_place *k, struct err *e)
{
    Elf64_Ehdr h;
    int rc = check_elf(file, len, &h, e);
    if (rc < 0)
        return rc;
    k->low = UINT64_MAX;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, file + h.e_phoff + i * sizeof(p), sizeof(p));
        if (p.p_type == PT_NOTE)
            scan_notes(file, len, &p, k);
        if (p.p_type != PT_LOAD || p.p_memsz == 0)
            continue;
        rc = load_segment(file, len, &p, ram, k, e);
        if (rc < 0)
            return rc;
    }
    k->entry = h.e_entry;
    if (k->low >= k->high || k->entry < k->low || k->entry >= k->high)
        return err_set(e, -EINVAL, "its entry point 0x%llx lies outside of it", (unsigned long long)k->entry);
    return 0;
}

/* ---- bzImage ---- */

static int load_bzimage(const uint8_t *file, size_t len, struct ram *ram, struct kernel_place *k,
                        struct err *e)
{
    uint16_t version = get16(file + HEADER_VERSION);
    if (version < 0x20c || !(get16(file + XLOADFLAGS) & XLF_KERNEL_64))
        return err_set(e, -EINVAL,
                       "not a 64-bit kernel, or one older than boot protocol 2.12 (its version is %u.%02u)",
                       version >> 8, version & 0xff);
    unsigned sectors = file[SETUP_SECTS] ? file[SETUP_SECTS] : 4;
    uint64_t start = (sectors + 1ull) * 512 + get32(file + PAYLOAD_OFFSET);
    uint32_t bytes = get32(file + PAYLOAD_LENGTH);
    if (start > len || bytes > len - start)
        return err_set(e, -EINVAL, "truncated: its payload ends at %llu, the file at %zu",
                       (unsigned long long)(start + bytes), len);
    OWN_MEM uint8_t *elf = NULL;
    size_t elf_len;
    int rc = unpack(file + start, bytes, KERNEL_MAX, &elf, &elf_len, e);
    if (rc < 0)
        return rc;
    if (elf_len < SELFMAG || memcmp(elf, ELFMAG, SELFMAG) != 0)
        return err_set(e, -EINVAL, "its payload is not an ELF kernel");
    /* The header ends where its own jump instruction leads to. */
    unsigned header = HEADER_JUMP + 2u + file[HEADER_JUMP + 1] - SETUP_SECTS;
    k->setup_header_len = header < sizeof(k->setup_header) ? header : sizeof(k->setup_header);
    memcpy(k->setup_header, file + SETUP_SECTS, k->setup_header_len);
    return load_elf(elf, elf_len, ram, k, e);
}

int kernel_load(const uint8_t *file, size_t len, struct ram *ram, struct kernel_place *ret, struct err *e)
{
    struct kernel_place k = {0};
    int rc;
    if (len >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG))
        rc = load_elf(file, len, ram, &k, e);
    else if (len >= 0x400 && get16(file + BOOT_FLAG) == 0xaa55 && !memcmp(file + HEADER_MAGIC, "HdrS", 4))
        rc = load_bzimage(file, len, ram, &k, e);
    else
        rc = err_set(e, -EINVAL, "not a kernel (neither a bzImage nor an ELF file)");
    if (rc == 0)
        *ret = k;
    return rc;
}
