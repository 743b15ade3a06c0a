// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mmu: guest memory by linear address, from C.
 *
 * Modelled: page crossings, MMIO, pages with translated code, segment limits, canonical addresses. A write
 * checks all its pages before the first byte goes out, so that an instruction that faults has written
 * nothing. Left out: alignment checks (CR0.AM). Source: Intel SDM vol. 3A, 5.3 (limits), vol. 1, 3.3.7.1
 * (canonical addresses).
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

/* Part of an access that lies in one page. */
struct piece {
    uint8_t *host; /* NULL: MMIO */
    uint64_t gpa;
    bool code; /* write to a page with translated code */
};

static bool user(const struct vcpu *v)
{
    return v->mode & MODE_USER;
}

static uint64_t host_page(const uint8_t *host)
{
    return (uint64_t)(uintptr_t)host & ~0xfffull;
}

static bool canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* The page is marked before the mark is read by whoever translates it: see smc_mark. */
static uint8_t mark_of(const struct soft *s, const void *host)
{
    return __atomic_load_n(&s->marks[soft_page_index(s, host)], __ATOMIC_SEQ_CST);
}

static bool marked(const struct soft *s, const void *host)
{
    return mark_of(s, host) & RAM_MARKED;
}

/* Cache what may be cached of a walk's result. */
static struct piece keep(struct vcpu *v, uint64_t va, enum access access, bool as_user, const struct walk *w)
{
    struct piece p = {.host = soft_ram(v->soft, w->gpa, 1), .gpa = w->gpa};
    if (!p.host)
        return p;
    /* The local APIC's page hides what is under it. */
    if ((w->gpa & ~0xfffull) == v->apic_page) {
        p.host = NULL;
        return p;
    }
    unsigned bank = as_user ? BANK_USER : BANK_KERNEL;
    tlb_insert(v, bank, access == ACCESS_FETCH ? ACCESS_FETCH : ACCESS_READ, va, p.host, w);
    if (access == ACCESS_FETCH)
        return p;
    uint8_t mark = mark_of(v->soft, p.host);
    if (w->writable && mark == MARK_OPEN) {
        tlb_note_opened(v, bank, va, p.host);
        mark = mark_of(v->soft, p.host);
    }
    p.code = mark & RAM_MARKED;
    if (w->writable && !p.code)
        tlb_insert(v, bank, ACCESS_WRITE, va, p.host, w);
    p.code = p.code && access == ACCESS_WRITE;
    if (p.code)
        v->code_write[bank] = (struct tlb_entry){.tag = va & ~0xfffull, .host = host_page(p.host)};
    return p;
}

static struct piece fill(struct vcpu *v, uint64_t va, enum access access, bool as_user)
{
    struct walk w;
    uint32_t error;
    if (!canonical(va) && v->efer & EFER_LMA)
        soft_fault_code(v, EXC_GP, 0);
    cpu_count(&v->stats.tlb_misses[access]);
    if (!mmu_walk(v, va, access, as_user, &w, &error))
        soft_page_fault(v, va, error);
    return keep(v, va, access, as_user, &w);
}

static struct piece translate(struct vcpu *v, uint64_t va, enum access access, bool as_user)
{
    unsigned bank = as_user ? BANK_USER : BANK_KERNEL, slot = TLB_INDEX(va);
    const struct tlb_entry *e = access == ACCESS_READ    ? &v->tlb[bank].read[slot]
                                : access == ACCESS_WRITE ? &v->tlb[bank].write[slot]
                                                         : &v->fetch[bank][slot];
    uint64_t t = va - e->tag;
    if (t < RAM_PAGE) {
        struct piece p = {.host = (uint8_t *)(uintptr_t)(e->host + t)};
        p.gpa = soft_gpa(v->soft, p.host);
        return p;
    }
    t = va - v->code_write[bank].tag;
    if (access == ACCESS_WRITE && t < RAM_PAGE) {
        struct piece p = {.host = (uint8_t *)(uintptr_t)(v->code_write[bank].host + t), .code = true};
        p.gpa = soft_gpa(v->soft, p.host);
        if (marked(v->soft, p.host))
            return p;
    }
    return fill(v, va, access, as_user);
}

/* The same for who can wait: a page with code may have been opened for writing meanwhile. */
static struct piece translate_open(struct vcpu *v, uint64_t va, enum access access)
{
    struct piece p = translate(v, va, access, user(v));
    return p.code && jit_open_page(v, p.gpa) ? fill(v, va, access, user(v)) : p;
}

static unsigned chunk(uint64_t gpa, unsigned left)
{
    unsigned n = 8;
    while (n > left || (left != n && gpa % n))
        n /= 2;
    return n;
}

static void read_piece(struct vcpu *v, const struct piece *p, uint8_t *buf, unsigned size)
{
    if (p->host) {
        copy_bytes(buf, p->host, size);
        return;
    }
    for (unsigned done = 0, n; done < size; done += n) {
        n = chunk(p->gpa + done, size - done);
        uint64_t val = soft_bus_read(v, p->gpa + done, n);
        copy_bytes(buf + done, &val, n);
    }
}

static void write_piece(struct vcpu *v, const struct piece *p, const uint8_t *buf, unsigned size)
{
    if (p->host) {
        copy_bytes(p->host, buf, size);
        if (p->code)
            smc_written(v->soft, v, p->gpa, size);
        return;
    }
    for (unsigned done = 0, n; done < size; done += n) {
        n = chunk(p->gpa + done, size - done);
        uint64_t val = 0;
        copy_bytes(&val, buf + done, n);
        soft_bus_write(v, p->gpa + done, n, val);
    }
}

/* Linear addresses wrap at 4 GiB outside of long mode. */
static uint64_t wrap(const struct vcpu *v, uint64_t va)
{
    return v->efer & EFER_LMA ? va : va & 0xffffffff;
}

static unsigned in_first_page(uint64_t va, unsigned size)
{
    unsigned room = RAM_PAGE - (va & (RAM_PAGE - 1));
    return size < room ? size : room;
}

static void watch(struct vcpu *v, uint64_t va, unsigned size, enum access access)
{
    if (__builtin_expect(vcpu_watched(v), 0) && access != ACCESS_FETCH)
        debug_data(v, va, size, access);
}

static void access_read(struct vcpu *v, uint64_t va, uint8_t *buf, unsigned size, bool as_user)
{
    watch(v, va, size, ACCESS_READ);
    unsigned first = in_first_page(va, size);
    struct piece p = translate(v, va, ACCESS_READ, as_user);
    if (first == size) {
        read_piece(v, &p, buf, size);
        return;
    }
    struct piece q = translate(v, wrap(v, va + first), ACCESS_READ, as_user);
    read_piece(v, &p, buf, first);
    read_piece(v, &q, buf + first, size - first);
}

static void access_write(struct vcpu *v, uint64_t va, const uint8_t *buf, unsigned size, bool as_user)
{
    watch(v, va, size, ACCESS_WRITE);
    unsigned first = in_first_page(va, size);
    struct piece p = translate(v, va, ACCESS_WRITE, as_user);
    if (first == size) {
        write_piece(v, &p, buf, size);
        return;
    }
    struct piece q = translate(v, wrap(v, va + first), ACCESS_WRITE, as_user);
    write_piece(v, &p, buf, first);
    write_piece(v, &q, buf + first, size - first);
}

void mmu_read(struct vcpu *v, uint64_t va, void *buf, unsigned size)
{
    access_read(v, va, buf, size, user(v));
}

void mmu_write(struct vcpu *v, uint64_t va, const void *buf, unsigned size)
{
    access_write(v, va, buf, size, user(v));
}

void mmu_read_sys(struct vcpu *v, uint64_t va, void *buf, unsigned size)
{
    access_read(v, va, buf, size, false);
}

void mmu_write_sys(struct vcpu *v, uint64_t va, const void *buf, unsigned size)
{
    access_write(v, va, buf, size, false);
}

void mmu_probe_write(struct vcpu *v, uint64_t va, unsigned size)
{
    unsigned first = in_first_page(va, size);
    translate(v, va, ACCESS_WRITE, user(v));
    if (first < size)
        translate(v, wrap(v, va + first), ACCESS_WRITE, user(v));
}

void *mmu_fill(struct vcpu *v, uint64_t va, enum access access)
{
    struct piece p = access == ACCESS_WRITE ? translate_open(v, va, access) : fill(v, va, access, user(v));
    return p.code ? NULL : p.host;
}

bool mmu_try_fill(struct vcpu *v, uint64_t va, enum access access)
{
    struct walk w;
    uint32_t error;
    cpu_count(&v->stats.tlb_misses[access]);
    if (!mmu_walk(v, va, access, user(v), &w, &error))
        return false;
    struct piece p = keep(v, va, access, user(v), &w);
    return p.host && !p.code;
}

void *mmu_host(struct vcpu *v, uint64_t va, unsigned size, enum access access)
{
    watch(v, va, size, access);
    if (in_first_page(va, size) != size) {
        translate(v, va, access, user(v));
        translate(v, wrap(v, va + in_first_page(va, size)), access, user(v));
        return NULL;
    }
    struct piece p = translate_open(v, va, access);
    return p.code ? NULL : p.host;
}

void *mmu_host_locked(struct vcpu *v, uint64_t va, unsigned size, uint64_t *ret_gpa)
{
    watch(v, va, size, ACCESS_WRITE);
    struct piece p = translate(v, va, ACCESS_WRITE, user(v));
    if (in_first_page(va, size) != size)
        return NULL;
    *ret_gpa = p.code ? p.gpa : UINT64_MAX;
    return p.host;
}

uint64_t mmu_fetch_gpa(struct vcpu *v, uint64_t va)
{
    struct piece p = translate(v, wrap(v, va), ACCESS_FETCH, user(v));
    return p.host ? p.gpa : UINT64_MAX;
}

/* Up to 15 bytes of an instruction; REP MOVS takes longer to start. */
static void fetch_piece(struct vcpu *v, const struct piece *p, uint8_t *buf, unsigned size)
{
    if (!p->host) {
        read_piece(v, p, buf, size);
        return;
    }
    unsigned done = 0;
    for (; size - done >= 8; done += 8)
        copy_bytes(buf + done, p->host + done, 8);
    for (; done < size; done++)
        buf[done] = p->host[done];
}

struct fetch {
    uint64_t va;
    uint8_t *buf;
    unsigned size;
};

static void fetch_second(struct vcpu *v, void *arg)
{
    struct fetch *f = arg;
    struct piece p = translate(v, f->va, ACCESS_FETCH, user(v));
    fetch_piece(v, &p, f->buf, f->size);
}

unsigned mmu_fetch(struct vcpu *v, uint64_t va, uint8_t buf[15])
{
    va = wrap(v, va);
    unsigned first = in_first_page(va, 15);
    struct piece p = translate(v, va, ACCESS_FETCH, user(v));
    fetch_piece(v, &p, buf, first);
    if (first == 15)
        return 15;
    struct fetch rest = {.va = wrap(v, va + first), .buf = buf + first, .size = 15 - first};
    if (v->fetch[user(v) ? BANK_USER : BANK_KERNEL][TLB_INDEX(rest.va)].tag == rest.va) {
        fetch_second(v, &rest);
        return 15;
    }
    return soft_try(v, fetch_second, &rest) ? 15 : first;
}

/* Expand-down data segments allow what lies above the limit. */
static bool within(const struct seg *s, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;
    bool down = (s->attr & (ATTR_S | TYPE_CODE | TYPE_DOWN)) == (ATTR_S | TYPE_DOWN);
    if (down)
        return offset > s->limit && last <= (s->attr & ATTR_DB ? 0xffffffff : 0xffff);
    return last <= s->limit;
}

static bool permits(const struct seg *s, enum access access)
{
    bool code = s->attr & TYPE_CODE;
    if (access == ACCESS_WRITE)
        return !code && s->attr & TYPE_WRITE;
    return access == ACCESS_FETCH || !code || s->attr & TYPE_READ;
}

uint64_t mmu_linear(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, enum access access)
{
    const struct seg *s = &v->seg[seg];
    unsigned vector = seg == SEG_SS ? EXC_SS : EXC_GP;
    if (v->mode & MODE_LONG64) {
        uint64_t va = seg == SEG_FS || seg == SEG_GS ? s->base + offset : offset;
        if (!canonical(va) || !canonical(va + size - 1))
            soft_fault_code(v, vector, 0);
        return va;
    }
    offset &= 0xffffffff;
    if (!within(s, offset, size))
        soft_fault_code(v, vector, 0);
    if (v->mode & MODE_PE && (s->unusable || !permits(s, access)))
        soft_fault_code(v, vector, 0);
    return (s->base + offset) & 0xffffffff;
}
