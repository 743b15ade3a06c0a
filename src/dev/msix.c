// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msix: which message each vector sends.
 *
 * Source: PCI Local Bus Specification 3.0, 6.8.2 (capability and table structures), 6.8.3.5 (masking and
 * pending). Modelled: all of it. The BAR holds the table at 0 and the pending bits at half its size.
 * Threads: board lock held.
 */
#include "dev/msix.h"

#include <string.h>

#define BAR_BYTES 0x2000u
#define PBA_AT    0x1000u

#define CONTROL          2 /* offset in the capability */
#define CONTROL_ENABLE   0x8000u
#define CONTROL_MASK_ALL 0x4000u

enum { ADDRESS_LOW, ADDRESS_HIGH, DATA, VECTOR_CONTROL, ENTRY_WORDS };
#define VECTOR_MASKED 1u

struct msix {
    /* saved */
    uint32_t table[MSIX_MAX * ENTRY_WORDS];
    uint64_t pending[MSIX_MAX / 64];
    /* wiring */
    struct pci_device *device;
    unsigned capability; /* its offset in config space */
    unsigned nr;
};

static bool is_pending(const struct msix *x, unsigned vector)
{
    return x->pending[vector / 64] >> vector % 64 & 1;
}

static void set_pending(struct msix *x, unsigned vector, bool on)
{
    uint64_t bit = 1ull << vector % 64;
    x->pending[vector / 64] = (x->pending[vector / 64] & ~bit) | (on ? bit : 0);
}

static uint32_t control(const struct msix *x)
{
    return pci_device_get(x->device, x->capability + CONTROL, 2);
}

bool msix_enabled(const struct msix *x)
{
    return control(x) & CONTROL_ENABLE;
}

unsigned msix_vectors(const struct msix *x)
{
    return x->nr;
}

static bool masked(const struct msix *x, unsigned vector)
{
    return (control(x) & CONTROL_MASK_ALL) ||
           (x->table[vector * ENTRY_WORDS + VECTOR_CONTROL] & VECTOR_MASKED);
}

static void send(struct msix *x, unsigned vector)
{
    const uint32_t *entry = &x->table[vector * ENTRY_WORDS];
    set_pending(x, vector, false);
    pci_device_msi(x->device, entry[ADDRESS_LOW] | (uint64_t)entry[ADDRESS_HIGH] << 32, entry[DATA]);
}

void msix_notify(struct msix *x, unsigned vector)
{
    if (vector >= x->nr || !msix_enabled(x))
        return;
    if (masked(x, vector))
        set_pending(x, vector, true);
    else
        send(x, vector);
}

void msix_clear_pending(struct msix *x)
{
    memset(x->pending, 0, sizeof(x->pending));
}

/* A mask went: what waited behind it is sent. */
static void sync_vector(struct msix *x, unsigned vector)
{
    if (is_pending(x, vector) && msix_enabled(x) && !masked(x, vector))
        send(x, vector);
}

static void control_written(void *dev, unsigned off, unsigned size)
{
    struct msix *x = dev;
    (void)off, (void)size;
    for (unsigned i = 0; i < x->nr; i++)
        sync_vector(x, i);
}

/* ---- the BAR: aligned accesses of 4 and 8 bytes; others are undefined and do nothing ---- */

static uint32_t read_word(const struct msix *x, uint64_t off)
{
    if (off < x->nr * ENTRY_WORDS * 4)
        return x->table[off / 4];
    if (off >= PBA_AT && off < PBA_AT + MSIX_MAX / 8)
        return (uint32_t)(x->pending[(off - PBA_AT) / 8] >> (off & 4 ? 32 : 0));
    return 0;
}

static void write_word(struct msix *x, uint64_t off, uint32_t val)
{
    if (off >= x->nr * ENTRY_WORDS * 4)
        return;
    switch (off / 4 % ENTRY_WORDS) {
    case ADDRESS_LOW:
        val &= ~3u;
        break;
    case VECTOR_CONTROL:
        val &= VECTOR_MASKED;
        break;
    }
    x->table[off / 4] = val;
    sync_vector(x, (unsigned)(off / 4 / ENTRY_WORDS));
}

static uint64_t msix_read(void *dev, uint64_t off, unsigned size)
{
    if (size < 4 || off % size)
        return 0;
    uint64_t val = read_word(dev, off);
    return size == 8 ? val | (uint64_t)read_word(dev, off + 4) << 32 : val;
}

static void msix_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    if (size < 4 || off % size)
        return;
    write_word(dev, off, (uint32_t)val);
    if (size == 8)
        write_word(dev, off + 4, (uint32_t)(val >> 32));
}

static const struct bus_ops ops = {msix_read, msix_write};

static int add_to_device(struct msix *x, unsigned bar, struct err *e)
{
    const struct __attribute__((packed)) {
        uint16_t control;
        uint32_t table, pba;
    } body = {(uint16_t)(x->nr - 1), bar, PBA_AT | bar};
    int at = pci_device_capability(x->device, PCI_CAP_MSIX, &body, sizeof(body), e);
    if (at < 0)
        return at;
    x->capability = (unsigned)at;
    pci_device_writable(x->device, x->capability + CONTROL, 2, CONTROL_ENABLE | CONTROL_MASK_ALL);
    pci_device_watch(
        x->device,
        &(struct pci_watch){.off = x->capability + CONTROL, .len = 2, .written = control_written, .dev = x});
    return pci_device_bar(x->device, bar, PCI_BAR_MEM32, BAR_BYTES, &ops, x, e);
}

int msix_new(struct pci_device *d, unsigned bar, unsigned nr, struct msix **ret, struct err *e)
{
    if (nr == 0 || nr > MSIX_MAX)
        return err_set(e, -EINVAL, "%u MSI-X vectors: between 1 and %u are possible", nr, MSIX_MAX);
    struct msix *x = calloc(1, sizeof(*x));
    if (!x)
        return err_code(e, -ENOMEM, "MSI-X");
    x->device = d;
    x->nr = nr;
    for (unsigned i = 0; i < nr; i++)
        x->table[i * ENTRY_WORDS + VECTOR_CONTROL] = VECTOR_MASKED;
    int rc = add_to_device(x, bar, e);
    if (rc < 0) {
        free(x);
        return rc;
    }
    *ret = x;
    return 0;
}

void msix_free(struct msix *x)
{
    free(x);
}

/* ---- state ---- */

static const struct state_field fields[] = {
    STATE(msix, table, STATE_U32),
    STATE(msix, pending, STATE_U64),
};

static int check(const void *obj, struct err *e)
{
    const struct msix *x = obj;
    for (unsigned i = 0; i < MSIX_MAX; i++)
        if (x->table[i * ENTRY_WORDS + VECTOR_CONTROL] > VECTOR_MASKED || (i >= x->nr && is_pending(x, i)))
            return err_set(e, -EINVAL, "MSI-X vector %u", i);
    return 0;
}

const struct state_table msix_state = {
    "msix", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct msix), check, NULL};
