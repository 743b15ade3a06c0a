// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc: pages whose bytes were translated, and who must hear of writes to them.
 *
 * A page with translations is marked. No CPU makes a write TLB entry for a marked page, so its writes come
 * here through mmu_write. Others may still hold an entry from before: smc_mark raises REQ_CODE at them, and a
 * CPU that finds an entry of a marked page then drops it and treats the page as written, for it may have
 * been. Devices write through ram_wrote, whose watcher comes here too.
 *
 * Order: the mark is set before the translator reads the bytes and before REQ_CODE is raised; a CPU that
 * fills a write entry reads the mark first. So either it sees the mark, or the request finds the entry.
 * Threads: any; jit_invalidate takes jit's lock.
 */
#include "cpu/soft/copy.h"
#include "cpu/soft/run.h"

void smc_mark(struct vcpu *v, uint64_t gpa_page)
{
    struct soft *s = v->soft;
    const void *host = soft_ram(s, gpa_page, RAM_PAGE);
    BUG_ON(!host);
    if (__atomic_exchange_n(&s->marks[soft_page_index(s, host)], 1, __ATOMIC_SEQ_CST))
        return;
    mmu_drop_write(v, gpa_page);
    for (unsigned i = 0; i < s->nr_cpus; i++)
        if (s->cpus[i] != v)
            atomic_fetch_or(&s->cpus[i]->request,
                            REQ_CODE); /* one that halts need not wake: it looks first */
}

void smc_written(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size)
{
    if (s->jit)
        jit_invalidate(s, v, gpa, size);
}

static void stale(struct vcpu *v, uint64_t gpa_page)
{
    smc_written(v->soft, v, gpa_page, RAM_PAGE);
}

void smc_requests(struct vcpu *v)
{
    atomic_fetch_and(&v->request, ~REQ_CODE);
    tlb_drop_marked(v, stale);
}
