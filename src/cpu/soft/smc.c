// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smc: pages whose bytes were translated, and who must hear of writes to them.
 *
 * A page with translations is marked. No CPU makes a write TLB entry for a marked page, so its writes come
 * here through mmu_write. Others may still hold an entry from before: smc_mark raises REQ_CODE at them, and a
 * CPU that finds an entry of a marked page then drops it and treats the page as written, for it may have
 * been. Devices write through ram_wrote, whose watcher comes here too.
 *
 * A page that was marked once and is not any more is MARK_OPEN: write entries for it are few, and noted apart
 * (vcpu.opened), so that marking it again costs neither a search nor a request at CPUs that have none.
 *
 * Until REQ_CODE has been heard by all, what such a CPU writes shows in no translation: smc_settled.
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
    uint8_t old = __atomic_exchange_n(&s->marks[soft_page_index(s, host)], RAM_MARKED, __ATOMIC_SEQ_CST);
    if (old == RAM_MARKED)
        return;
    if (old == MARK_OPEN)
        tlb_drop_opened(v, gpa_page);
    else
        mmu_drop_write(v, gpa_page);
    for (unsigned i = 0; i < s->nr_cpus; i++)
        if (s->cpus[i] != v && (old != MARK_OPEN || tlb_has_opened(s->cpus[i], gpa_page)))
            request(s->cpus[i], REQ_CODE);
}

bool smc_settled(const struct soft *s)
{
    for (unsigned i = 0; s->nr_cpus > 1 && i < s->nr_cpus; i++)
        if (atomic_load(&s->cpus[i]->request) & REQ_CODE)
            return false;
    return true;
}

void smc_unmark(struct soft *s, uint64_t gpa_page)
{
    const void *host = soft_ram(s, gpa_page, RAM_PAGE);
    __atomic_store_n(&s->marks[soft_page_index(s, host)], MARK_OPEN, __ATOMIC_SEQ_CST);
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
