// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tiny_kernel: an ELF kernel of a few instructions: says a text on the serial port, then does one thing.
 */
#pragma once

#include <elf.h>
#include <stdint.h>

#include "base/file.h"
#include "unit.h"

#define TINY_POWER_OFF    "\x66\xba\x04\x06\x66\xb8\x01\x34\x66\xef" /* mov $0x604,%dx; mov $0x3401,%ax; out */
#define TINY_RESET        "\xb0\xfe\xe6\x64"                         /* mov $0xfe,%al; out %al,$0x64 */
#define TINY_PVPANIC      "\x66\xba\x05\x05\xb0\x01\xee"             /* mov $0x505,%dx; mov $1,%al; out */
#define TINY_TRIPLE_FAULT "\x0f\x0b"                                 /* ud2, without an IDT */
#define TINY_HANG         "\x90"

#define TINY_AT 0x100000u

/* then: instructions, without 0 bytes; a hlt loop follows. */
static inline void tiny_kernel(const char *path, const char *say, const char *then)
{
    static const uint8_t start[] = {0x66, 0xba, 0xf8, 0x03,          /* mov $0x3f8,%dx */
                                    0x48, 0x8d, 0x35, 0,    0, 0, 0, /* lea text(%rip),%rsi */
                                    0xac,                            /* 1: lods */
                                    0x84, 0xc0, 0x74, 0x03,          /* test %al,%al; jz 2f */
                                    0xee, 0xeb, 0xf8};               /* out %al,(%dx); jmp 1b; 2: */
    static const uint8_t end[] = {0xf4, 0xeb, 0xfd};                 /* hlt; jmp */
    uint8_t code[1024];
    size_t n = sizeof(start), text = strlen(say) + 1;
    memcpy(code, start, n);
    memcpy(code + n, then, strlen(then));
    n += strlen(then);
    memcpy(code + n, end, sizeof(end));
    n += sizeof(end);
    const uint32_t disp = (uint32_t)(n - 11);
    memcpy(code + 7, &disp, 4);
    memcpy(code + n, say, text);
    n += text;

    struct {
        Elf64_Ehdr h;
        Elf64_Phdr p;
        uint8_t code[1024];
    } file = {
        .h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
              .e_type = ET_EXEC,
              .e_machine = EM_X86_64,
              .e_version = EV_CURRENT,
              .e_entry = TINY_AT,
              .e_phoff = sizeof(Elf64_Ehdr),
              .e_ehsize = sizeof(Elf64_Ehdr),
              .e_phentsize = sizeof(Elf64_Phdr),
              .e_phnum = 1},
        .p = {.p_type = PT_LOAD,
              .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
              .p_paddr = TINY_AT,
              .p_vaddr = TINY_AT,
              .p_filesz = n,
              .p_memsz = n},
    };
    memcpy(file.code, code, n);
    assert_int_equal(file_write_atomic(path, &file, sizeof(file.h) + sizeof(file.p) + n, 0644, NULL), 0);
}
