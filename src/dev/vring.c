// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vring: split virtqueues.
 *
 * Source: virtio 1.2, 2.7 "Split Virtqueues": descriptors 2.7.5, indirect 2.7.5.3, available ring 2.7.6, used
 * ring 2.7.8, suppression 2.7.7 and 2.7.10. Modelled: all of it but in-order use. A chain of more than
 * VRING_MAX pieces, a piece of no bytes and one outside of RAM count as nonsense.
 * Threads: board lock held; the guest's CPUs read and write the rings meanwhile.
 */
#include "dev/vring.h"

#include <stdatomic.h>
#include <string.h>

/* All little endian, as is the host. */
struct desc {
    uint64_t at;
    uint32_t bytes;
    uint16_t flags;
    uint16_t next;
};
#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

struct used_elem {
    uint32_t head;
    uint32_t written;
};

/* Both rings: u16 flags, u16 idx, elements[size], u16 event. */
#define RING_IDX           2
#define RING_ELEMS         4
#define AVAIL_NO_INTERRUPT 1

static uint64_t avail_bytes(const struct vring *v)
{
    return RING_ELEMS + 2u * v->size + 2;
}

static uint64_t used_bytes(const struct vring *v)
{
    return RING_ELEMS + sizeof(struct used_elem) * v->size + 2;
}

static uint16_t load(const uint8_t *at)
{
    return __atomic_load_n((const uint16_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

/* A word of the used ring. */
static void store(struct vring *v, uint64_t off, uint16_t val)
{
    __atomic_store_n((uint16_t *)(void *)(v->used + off), val, __ATOMIC_RELEASE);
    ram_wrote(v->ram, gpa(v->used_at + off), sizeof(val));
}

const char *vring_enable(struct vring *v)
{
    if (v->desc_at % 16 || v->avail_at % 2 || v->used_at % 4)
        return "a ring is not aligned";
    v->desc = ram_at(v->ram, gpa(v->desc_at), sizeof(struct desc) * v->size);
    v->avail = ram_at(v->ram, gpa(v->avail_at), avail_bytes(v));
    v->used = ram_at(v->ram, gpa(v->used_at), used_bytes(v));
    if (!v->desc || !v->avail || !v->used)
        return "a ring is outside of memory";
    v->ready = true;
    return NULL;
}

/* ---- taking chains ---- */

/* A table of descriptors: the queue's own, or an indirect one. */
struct table {
    const uint8_t *host;
    unsigned nr;
};

static const char *add_piece(struct vring *v, struct vring_chain *c, const struct desc *d)
{
    unsigned n = c->nr_out + c->nr_in;
    bool in = d->flags & DESC_WRITE;
    if (n == VRING_MAX)
        return "a chain loops or has too many pieces";
    if (!in && c->nr_in)
        return "a readable piece follows a writable one";
    void *host = ram_at(v->ram, gpa(d->at), d->bytes);
    if (d->bytes == 0 || !host)
        return "a piece is empty or outside of memory";
    uint32_t *total = in ? &c->in_bytes : &c->out_bytes;
    if (__builtin_add_overflow(*total, d->bytes, total))
        return "a chain is longer than 4 GiB";
    c->iov[n] = (struct iovec){host, d->bytes};
    c->at[n] = gpa(d->at);
    *(in ? &c->nr_in : &c->nr_out) += 1;
    return NULL;
}

static const char *enter_indirect(struct vring *v, const struct desc *d, struct table *t)
{
    if (!v->indirect || t->host != v->desc || (d->flags & DESC_NEXT))
        return "an indirect descriptor where none may be";
    if (d->bytes == 0 || d->bytes % sizeof(struct desc))
        return "an indirect table with a piece of a descriptor";
    t->host = ram_at(v->ram, gpa(d->at), d->bytes);
    t->nr = d->bytes / sizeof(struct desc);
    return t->host ? NULL : "an indirect table is outside of memory";
}

/* Each descriptor is copied once. Loops end because all but one of them add a piece, and those are bounded.
 */
static const char *walk(struct vring *v, struct vring_chain *c)
{
    struct table t = {v->desc, v->size};
    unsigned next = c->head;
    for (;;) {
        struct desc d;
        if (next >= t.nr)
            return "a chain leaves its table";
        memcpy(&d, t.host + next * sizeof(d), sizeof(d));
        next = d.next;
        const char *why;
        if (d.flags & DESC_INDIRECT) {
            if ((why = enter_indirect(v, &d, &t)))
                return why;
            next = 0;
            continue;
        }
        if ((why = add_piece(v, c, &d)))
            return why;
        if (!(d.flags & DESC_NEXT))
            return NULL;
    }
}

/* Anything new? If not, ask to be told, and look again: the driver may just have put it there. */
static bool is_empty(struct vring *v)
{
    if (load(v->avail + RING_IDX) != v->next_avail)
        return false;
    if (!v->event_idx)
        return true;
    store(v, RING_ELEMS + sizeof(struct used_elem) * v->size, v->next_avail);
    atomic_thread_fence(memory_order_seq_cst);
    return load(v->avail + RING_IDX) == v->next_avail;
}

int vring_pop(struct vring *v, struct vring_chain *c, const char **ret_why)
{
    if (!v->ready || is_empty(v))
        return 0;
    *ret_why = "the available index jumped";
    if ((uint16_t)(load(v->avail + RING_IDX) - v->next_avail) > v->size)
        return -1;
    *ret_why = "more chains in flight than the queue holds";
    if ((uint16_t)(v->next_avail - v->next_used) >= v->size)
        return -1;
    c->head = load(v->avail + RING_ELEMS + 2 * (v->next_avail % v->size));
    c->nr_out = c->nr_in = 0;
    c->out_bytes = c->in_bytes = 0;
    *ret_why = walk(v, c);
    if (*ret_why)
        return -1;
    v->next_avail++;
    return 1;
}

void vring_unpop(struct vring *v, unsigned n)
{
    v->next_avail = (uint16_t)(v->next_avail - n);
}

/* ---- giving them back ---- */

void vring_push(struct vring *v, uint16_t head, uint32_t written)
{
    struct used_elem elem = {head, written};
    uint64_t off = RING_ELEMS + sizeof(elem) * (v->next_used % v->size);
    memcpy(v->used + off, &elem, sizeof(elem));
    ram_wrote(v->ram, gpa(v->used_at + off), sizeof(elem));
    v->next_used++;
}

/* The driver stores its wish and then looks at idx; we store idx and then look at its wish. */
bool vring_publish(struct vring *v)
{
    uint16_t before = v->told;
    if (v->next_used == before)
        return false;
    store(v, RING_IDX, v->next_used);
    v->told = v->next_used;
    atomic_thread_fence(memory_order_seq_cst);
    if (!v->event_idx)
        return !(load(v->avail) & AVAIL_NO_INTERRUPT);
    uint16_t event = load(v->avail + RING_ELEMS + 2 * v->size);
    return (uint16_t)(v->next_used - event - 1) < (uint16_t)(v->next_used - before);
}

/* ---- the bytes of a chain ---- */

unsigned vring_slice(const struct vring_chain *c, enum vring_part part, uint32_t off, uint32_t len,
                     struct iovec *ret_iov, struct gpa *ret_at)
{
    unsigned i = part == VRING_OUT ? 0 : c->nr_out,
             end = part == VRING_OUT ? c->nr_out : c->nr_out + c->nr_in;
    unsigned n = 0;
    for (; i < end && len; i++) {
        size_t here = c->iov[i].iov_len;
        if (off >= here) {
            off -= (uint32_t)here;
            continue;
        }
        here = here - off < len ? here - off : len;
        ret_iov[n] = (struct iovec){(uint8_t *)c->iov[i].iov_base + off, here};
        ret_at[n++] = gpa(c->at[i].a + off);
        len -= (uint32_t)here;
        off = 0;
    }
    return n;
}

uint32_t vring_read(const struct vring_chain *c, uint32_t off, void *buf, uint32_t len)
{
    struct iovec iov[VRING_MAX];
    struct gpa at[VRING_MAX];
    unsigned nr = vring_slice(c, VRING_OUT, off, len, iov, at);
    uint8_t *to = buf;
    for (unsigned i = 0; i < nr; i++) {
        memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    return (uint32_t)(to - (uint8_t *)buf);
}

uint32_t vring_write(struct ram *r, const struct vring_chain *c, uint32_t off, const void *buf, uint32_t len)
{
    struct iovec iov[VRING_MAX];
    struct gpa at[VRING_MAX];
    unsigned nr = vring_slice(c, VRING_IN, off, len, iov, at);
    const uint8_t *from = buf;
    for (unsigned i = 0; i < nr; i++) {
        memcpy(iov[i].iov_base, from, iov[i].iov_len);
        ram_wrote(r, at[i], iov[i].iov_len);
        from += iov[i].iov_len;
    }
    return (uint32_t)(from - (const uint8_t *)buf);
}

/* ---- state ---- */

static const struct state_field fields[] = {
    STATE(vring, size, STATE_U16),      STATE(vring, ready, STATE_BOOL),
    STATE(vring, indirect, STATE_BOOL), STATE(vring, event_idx, STATE_BOOL),
    STATE(vring, desc_at, STATE_U64),   STATE(vring, avail_at, STATE_U64),
    STATE(vring, used_at, STATE_U64),   STATE(vring, next_avail, STATE_U16),
    STATE(vring, next_used, STATE_U16), STATE(vring, told, STATE_U16),
};

static int check(const void *obj, struct err *e)
{
    struct vring v = *(const struct vring *)obj;
    if (v.size == 0 || v.size > VRING_MAX || (v.size & (v.size - 1)))
        return err_set(e, -EINVAL, "a queue of %u", v.size);
    const char *why = v.ready ? vring_enable(&v) : NULL;
    return why ? err_set(e, -EINVAL, "%s", why) : 0;
}

static void loaded(void *obj)
{
    struct vring *v = obj;
    if (v->ready)
        vring_enable(v);
}

const struct state_table vring_state = {
    "vring", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct vring), check, loaded};
