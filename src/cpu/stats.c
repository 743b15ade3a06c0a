// SPDX-License-Identifier: GPL-2.0-or-later
/* stats: see stats.h. What a figure says about a slow guest: docs/slow-guest.md. */
#include "cpu/stats.h"

#include <string.h>

#define BOTH (COUNTED_BY_KVM | COUNTED_BY_SOFT)
#define COUNTER(field_, name_, engines_, help_)                                                              \
    {.name = (name_), .help = (help_), .offset = offsetof(struct cpu_stats, field_), .engines = (engines_)}

const struct cpu_counter cpu_counters[] = {
    COUNTER(exits, "exits", COUNTED_BY_KVM, "exits from the guest, those inside the kernel too"),
    COUNTER(halts, "halts", BOTH, "times it waited for an interrupt (HLT)"),
    COUNTER(interrupts, "interrupts", BOTH, "interrupts delivered"),
    COUNTER(requests, "requests", BOTH, "stops because another thread asked for one"),
    COUNTER(mmio_reads, "mmio_reads", BOTH, "reads of device memory"),
    COUNTER(mmio_writes, "mmio_writes", BOTH, "writes to device memory"),
    COUNTER(io_reads, "io_reads", BOTH, "reads of I/O ports"),
    COUNTER(io_writes, "io_writes", BOTH, "writes to I/O ports"),
    COUNTER(memory_faults, "memory_faults", COUNTED_BY_KVM, "guest pages that the host had to map"),
    COUNTER(host_interrupts, "host_interrupts", COUNTED_BY_KVM, "exits for interrupts of the host"),
    COUNTER(emulations, "emulations", COUNTED_BY_KVM, "instructions that the kernel emulated"),
    COUNTER(steps, "steps", COUNTED_BY_SOFT, "instructions taken one at a time, see STEPPED"),
    COUNTER(lookups, "lookups", COUNTED_BY_SOFT, "jumps whose target was not in the jump cache"),
    COUNTER(blocks, "blocks", COUNTED_BY_SOFT, "blocks translated"),
    COUNTER(code_bytes, "code_bytes", COUNTED_BY_SOFT, "bytes of host code made of them"),
    COUNTER(invalidations, "invalidations", COUNTED_BY_SOFT, "writes to code that had been translated"),
    COUNTER(tlb_misses[0], "tlb_misses_read", COUNTED_BY_SOFT, "page walks for reads"),
    COUNTER(tlb_misses[1], "tlb_misses_write", COUNTED_BY_SOFT, "page walks for writes"),
    COUNTER(tlb_misses[2], "tlb_misses_fetch", COUNTED_BY_SOFT, "page walks for code"),
    COUNTER(tlb_flushes, "tlb_flushes", BOTH, "flushes of the TLB (address space switched)"),
    COUNTER(page_flushes, "page_flushes", COUNTED_BY_SOFT, "pages dropped from the TLB (INVLPG)"),
    COUNTER(page_faults, "page_faults", COUNTED_BY_SOFT, "page faults delivered"),
    COUNTER(exceptions, "exceptions", COUNTED_BY_SOFT, "other exceptions delivered"),
    COUNTER(syscalls, "syscalls", COUNTED_BY_SOFT, "system calls (SYSCALL, SYSENTER)"),
    {.name = NULL},
};

bool cpu_counter_of(const struct cpu_counter *c, const char *engine)
{
    if (strcmp(engine, "kvm") == 0)
        return c->engines & COUNTED_BY_KVM;
    return strcmp(engine, "soft") == 0 && c->engines & COUNTED_BY_SOFT;
}
