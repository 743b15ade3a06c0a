// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_pci: how PCI shows a virtio device.
 *
 * Source: virtio 1.2, PCI transport 4.1: structures 4.1.4, common configuration 4.1.4.3, notifications
 * 4.1.4.4, ISR 4.1.4.5, device configuration 4.1.4.6, access through config space 4.1.4.9.
 * Modelled: the modern interface, MSI-X and INTx. Left out: the legacy one, notification data. All structures
 * are in BAR 0, a page each; MSI-X is in BAR 1. Threads: board lock held.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "dev/virtio_impl.h"

#define BAR_BYTES    0x4000
#define BAR          0
#define MSIX_BAR     1
#define NOTIFY_BYTES 4 /* of each queue: queue_notify_off is its number */

enum { COMMON, ISR, DEVICE, NOTIFY }; /* the page of each structure in the BAR */
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_WINDOW };

/* Common configuration, 4.1.4.3. */
enum {
    DEVICE_FEATURE_SELECT = 0,
    DEVICE_FEATURE = 4,
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    CONFIG_MSIX_VECTOR = 16,
    NUM_QUEUES = 18,
    DEVICE_STATUS = 20,
    CONFIG_GENERATION = 21,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_MSIX_VECTOR = 26,
    QUEUE_ENABLE = 28,
    QUEUE_NOTIFY_OFF = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    COMMON_BYTES = 56,
};

static const uint8_t width[COMMON_BYTES] = {
    [DEVICE_FEATURE_SELECT] = 4, [DEVICE_FEATURE] = 4, [DRIVER_FEATURE_SELECT] = 4, [DRIVER_FEATURE] = 4,
    [CONFIG_MSIX_VECTOR] = 2,    [NUM_QUEUES] = 2,     [DEVICE_STATUS] = 1,         [CONFIG_GENERATION] = 1,
    [QUEUE_SELECT] = 2,          [QUEUE_SIZE] = 2,     [QUEUE_MSIX_VECTOR] = 2,     [QUEUE_ENABLE] = 2,
    [QUEUE_NOTIFY_OFF] = 2,      [QUEUE_DESC] = 4,     [QUEUE_DESC + 4] = 4,        [QUEUE_DRIVER] = 4,
    [QUEUE_DRIVER + 4] = 4,      [QUEUE_DEVICE] = 4,   [QUEUE_DEVICE + 4] = 4,
};

/* ---- common configuration ---- */

static uint32_t half(uint64_t val, uint64_t off)
{
    return (uint32_t)(off & 4 ? val >> 32 : val);
}

static void set_half(uint64_t *val, uint64_t off, uint32_t part)
{
    *val = off & 4 ? (*val & UINT32_MAX) | (uint64_t)part << 32 : (*val & ~(uint64_t)UINT32_MAX) | part;
}

static uint32_t read_queue(const struct virtio *v, uint64_t off)
{
    if (v->queue_select >= v->nr_queues)
        return 0;
    const struct vring *q = &v->queues[v->queue_select];
    switch (off) {
    case QUEUE_SIZE:
        return q->size;
    case QUEUE_MSIX_VECTOR:
        return v->vectors[v->queue_select];
    case QUEUE_ENABLE:
        return q->ready;
    case QUEUE_NOTIFY_OFF:
        return v->queue_select;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        return half(q->desc_at, off);
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        return half(q->avail_at, off);
    default:
        return half(q->used_at, off);
    }
}

static uint32_t read_common(const struct virtio *v, uint64_t off)
{
    switch (off) {
    case DEVICE_FEATURE_SELECT:
        return v->device_select;
    case DEVICE_FEATURE:
        return v->device_select < 2 ? half(v->features, 4 * v->device_select) : 0;
    case DRIVER_FEATURE_SELECT:
        return v->driver_select;
    case DRIVER_FEATURE:
        return v->driver_select < 2 ? half(v->driver_features, 4 * v->driver_select) : 0;
    case CONFIG_MSIX_VECTOR:
        return v->config_vector;
    case NUM_QUEUES:
        return v->nr_queues;
    case DEVICE_STATUS:
        return v->status;
    case CONFIG_GENERATION:
        return v->generation;
    case QUEUE_SELECT:
        return v->queue_select;
    default:
        return read_queue(v, off);
    }
}

static uint16_t known_vector(const struct virtio *v, uint32_t vector)
{
    return vector < msix_vectors(v->msix) ? (uint16_t)vector : VIRTIO_NO_VECTOR;
}

static void enable_queue(struct virtio *v, struct vring *q)
{
    const char *why = vring_enable(q);
    if (why)
        virtio_broken(v, why);
}

static void set_queue_size(struct virtio *v, struct vring *q, uint32_t size)
{
    if (size == 0 || size > v->type->queue_size || (size & (size - 1)))
        virtio_broken(v, "a queue size that is not on offer");
    else
        q->size = (uint16_t)size;
}

static void write_queue(struct virtio *v, uint64_t off, uint32_t val)
{
    if (v->queue_select >= v->nr_queues)
        return;
    struct vring *q = &v->queues[v->queue_select];
    if (off == QUEUE_MSIX_VECTOR)
        v->vectors[v->queue_select] = known_vector(v, val);
    if (q->ready)
        return; /* the rest stands from then on */
    switch (off) {
    case QUEUE_SIZE:
        set_queue_size(v, q, val);
        break;
    case QUEUE_ENABLE:
        if (val == 1)
            enable_queue(v, q);
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        set_half(&q->desc_at, off, val);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        set_half(&q->avail_at, off, val);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        set_half(&q->used_at, off, val);
        break;
    }
}

static void write_common(struct virtio *v, uint64_t off, uint32_t val)
{
    switch (off) {
    case DEVICE_FEATURE_SELECT:
        v->device_select = val;
        break;
    case DRIVER_FEATURE_SELECT:
        v->driver_select = val;
        break;
    case DRIVER_FEATURE:
        if (v->driver_select < 2 && !(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
            set_half(&v->driver_features, 4 * v->driver_select, val);
        break;
    case CONFIG_MSIX_VECTOR:
        v->config_vector = known_vector(v, val);
        break;
    case DEVICE_STATUS:
        virtio_write_status(v, (uint8_t)val);
        break;
    case QUEUE_SELECT:
        v->queue_select = (uint16_t)val;
        break;
    default:
        write_queue(v, off, val);
    }
}

/* ---- the other structures ---- */

static uint8_t read_isr(struct virtio *v)
{
    uint8_t val = v->isr;
    v->isr = 0;
    return val;
}

static uint64_t read_config(const struct virtio *v, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    if (off < v->config_bytes)
        memcpy(&val, v->config + off, v->config_bytes - off < size ? v->config_bytes - off : size);
    return val;
}

static void write_config(struct virtio *v, uint64_t off, unsigned size, uint64_t val)
{
    if (off < v->type->rw_off || off + size > (uint64_t)v->type->rw_off + v->type->rw_len)
        return;
    memcpy(v->config + off, &val, size);
    if (v->type->config_written)
        v->type->config_written(v->dev);
}

static uint64_t read_common_sized(struct virtio *v, uint64_t off, unsigned size)
{
    if (size == 8)
        return read_common_sized(v, off, 4) | read_common_sized(v, off + 4, 4) << 32;
    return off < COMMON_BYTES && width[off] == size ? read_common(v, off) : 0;
}

/* Accesses of another width than the field's are the driver's mistake and do nothing. */
static void write_common_sized(struct virtio *v, uint64_t off, unsigned size, uint64_t val)
{
    if (size == 8) {
        write_common_sized(v, off, 4, (uint32_t)val);
        write_common_sized(v, off + 4, 4, val >> 32);
    } else if (!v->resetting && off < COMMON_BYTES && width[off] == size) {
        write_common(v, off, (uint32_t)val);
    }
}

static uint64_t bar_read(void *dev, uint64_t off, unsigned size)
{
    struct virtio *v = dev;
    uint64_t val = 0;
    switch (off / RAM_PAGE) {
    case COMMON:
        val = read_common_sized(v, off % RAM_PAGE, size);
        break;
    case ISR:
        val = off % RAM_PAGE == 0 ? read_isr(v) : 0;
        break;
    case DEVICE:
        val = read_config(v, off % RAM_PAGE, size);
        break;
    }
    virtio_sync_irq(v);
    return val;
}

static void bar_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct virtio *v = dev;
    switch (off / RAM_PAGE) {
    case COMMON:
        write_common_sized(v, off % RAM_PAGE, size, val);
        break;
    case DEVICE:
        write_config(v, off % RAM_PAGE, size, val);
        break;
    case NOTIFY:
        v->stats.notifications++;
        virtio_serve(v, (unsigned)(off % RAM_PAGE / NOTIFY_BYTES));
        break;
    }
    virtio_sync_irq(v);
}

static const struct bus_ops ops = {bar_read, bar_write};

/* ---- the window in config space: a BAR access for who cannot reach BARs (4.1.4.9) ---- */

struct __attribute__((packed)) capability { /* behind id and next pointer */
    uint8_t len, type, bar, id;
    uint8_t padding[2];
    uint32_t offset, length;
    uint32_t more; /* notify: bytes of each queue; window: the data */
};
#define WINDOW_BAR    4 /* offsets from the capability's id */
#define WINDOW_OFFSET 8
#define WINDOW_LENGTH 12
#define WINDOW_DATA   16

/* What the window shows now: its length, or 0 if the driver asked for an impossible one. */
static unsigned window_at(const struct virtio *v, unsigned *ret_bar, uint64_t *ret_off)
{
    uint32_t len = pci_device_get(v->pci, v->window + WINDOW_LENGTH, 4);
    *ret_bar = pci_device_get(v->pci, v->window + WINDOW_BAR, 1);
    *ret_off = pci_device_get(v->pci, v->window + WINDOW_OFFSET, 4);
    return (len == 1 || len == 2 || len == 4) && *ret_off % len == 0 ? len : 0;
}

static void window_reading(void *dev, unsigned off, unsigned size)
{
    struct virtio *v = dev;
    unsigned bar;
    uint64_t at;
    unsigned len = window_at(v, &bar, &at);
    (void)off, (void)size;
    if (len)
        pci_device_put(v->pci, v->window + WINDOW_DATA, len,
                       (uint32_t)pci_device_bar_read(v->pci, bar, at, len));
}

static void window_written(void *dev, unsigned off, unsigned size)
{
    struct virtio *v = dev;
    unsigned bar;
    uint64_t at;
    unsigned len = window_at(v, &bar, &at);
    (void)off, (void)size;
    if (len)
        pci_device_bar_write(v->pci, bar, at, len, pci_device_get(v->pci, v->window + WINDOW_DATA, len));
}

/* ---- putting it together ---- */

static int add_structure(struct virtio *v, uint8_t type, unsigned page, uint32_t length, struct err *e)
{
    bool more = type == CAP_NOTIFY || type == CAP_WINDOW;
    struct capability c = {.len = more ? 20 : 16,
                           .type = type,
                           .bar = BAR,
                           .offset = page * RAM_PAGE,
                           .length = length,
                           .more = type == CAP_NOTIFY ? NOTIFY_BYTES : 0};
    return pci_device_capability(v->pci, PCI_CAP_VENDOR, &c, c.len - 2u, e);
}

static int add_window(struct virtio *v, struct err *e)
{
    int at = add_structure(v, CAP_WINDOW, 0, 0, e);
    if (at < 0)
        return at;
    v->window = (unsigned)at;
    pci_device_writable(v->pci, v->window + WINDOW_BAR, 1, 0xff);
    pci_device_writable(v->pci, v->window + WINDOW_OFFSET, 4, UINT32_MAX);
    pci_device_writable(v->pci, v->window + WINDOW_LENGTH, 4, UINT32_MAX);
    pci_device_writable(v->pci, v->window + WINDOW_DATA, 4, UINT32_MAX);
    pci_device_watch(v->pci, &(struct pci_watch){.off = v->window + WINDOW_DATA,
                                                 .len = 4,
                                                 .reading = window_reading,
                                                 .written = window_written,
                                                 .dev = v});
    return 0;
}

int virtio_pci_build(struct virtio *v, struct err *e)
{
    int rc;
    if ((rc = pci_device_bar(v->pci, BAR, PCI_BAR_MEM32, BAR_BYTES, &ops, v, e)) < 0 ||
        (rc = msix_new(v->pci, MSIX_BAR, v->nr_queues + 1, &v->msix, e)) < 0 ||
        (rc = add_structure(v, CAP_COMMON, COMMON, COMMON_BYTES, e)) < 0 ||
        (rc = add_structure(v, CAP_NOTIFY, NOTIFY, NOTIFY_BYTES * v->nr_queues, e)) < 0 ||
        (rc = add_structure(v, CAP_ISR, ISR, 1, e)) < 0)
        return rc;
    if (v->config_bytes && (rc = add_structure(v, CAP_DEVICE, DEVICE, v->config_bytes, e)) < 0)
        return rc;
    return add_window(v, e);
}
