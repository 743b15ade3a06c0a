// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio: what all virtio devices have in common.
 *
 * Source: virtio 1.2: device status 2.1, configuration space 2.5, notifications 2.3, initialisation 3.1; ISR
 * 4.1.4.5. Modelled: reset that waits for requests in flight, DEVICE_NEEDS_RESET. Left out: reset of single
 * queues. Threads: board lock held.
 */
#include <linux/virtio_config.h>

#include "dev/virtio_impl.h"

#define VENDOR      0x1af4
#define DEVICE_BASE 0x1040
#define SUBSYSTEM   0x1100

#define ISR_QUEUE  1
#define ISR_CONFIG 2

#define F_INDIRECT_DESC (1ull << 28)
#define F_EVENT_IDX     (1ull << 29)
#define F_VERSION_1     (1ull << VIRTIO_F_VERSION_1)

/* Chains that one notification works off before others get the board lock. */
#define BUDGET    256
#define BREATH_NS 1000

/* ---- interrupts ---- */

void virtio_sync_irq(struct virtio *v)
{
    pci_device_intx(v->pci, v->isr && !msix_enabled(v->msix));
}

/* The queue bit of ISR only counts without MSI-X, the configuration bit always (4.1.4.5.1). */
static void interrupt(struct virtio *v, uint8_t cause, uint16_t vector)
{
    if (cause == ISR_CONFIG || !msix_enabled(v->msix))
        v->isr |= cause;
    v->stats.interrupts++;
    msix_notify(v->msix, vector);
    virtio_sync_irq(v);
}

void virtio_config_changed(struct virtio *v)
{
    v->generation++;
    if (v->status & VIRTIO_CONFIG_S_DRIVER_OK)
        interrupt(v, ISR_CONFIG, v->config_vector);
}

void virtio_broken(struct virtio *v, const char *why)
{
    v->errors++;
    log_guest(&v->limit, "%s in PCI slot %u: %s: it needs a reset", v->type->name, pci_device_slot(v->pci),
              why);
    if (v->status & VIRTIO_CONFIG_S_NEEDS_RESET)
        return;
    v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    if (!v->resetting)
        virtio_config_changed(v);
}

/* ---- what device models ask and do ---- */

bool virtio_has(const struct virtio *v, unsigned feature)
{
    return v->driver_features >> feature & 1;
}

bool virtio_live(const struct virtio *v)
{
    return !v->resetting && (v->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           !(v->status & VIRTIO_CONFIG_S_NEEDS_RESET) && pci_device_master(v->pci);
}

const struct virtio_stats *virtio_stats(const struct virtio *v)
{
    return &v->stats;
}

void virtio_moved(struct virtio *v, bool out, uint64_t bytes)
{
    if (out) {
        v->stats.out_ops++;
        v->stats.out_bytes += bytes;
    } else {
        v->stats.in_ops++;
        v->stats.in_bytes += bytes;
    }
}

unsigned virtio_errors(const struct virtio *v)
{
    return v->errors;
}

struct vring *virtio_queue(struct virtio *v, unsigned queue)
{
    return &v->queues[queue];
}

struct pci_device *virtio_pci_device(struct virtio *v)
{
    return v->pci;
}

bool virtio_pop(struct virtio *v, unsigned queue, struct vring_chain *c)
{
    if (!virtio_live(v))
        return false;
    if (v->serving && v->budget == 0) {
        v->unfinished |= 1u << queue;
        return false;
    }
    const char *why;
    int rc = vring_pop(&v->queues[queue], c, &why);
    if (rc < 0)
        virtio_broken(v, why);
    if (rc > 0 && v->serving)
        v->budget--;
    return rc > 0;
}

void virtio_unpop(struct virtio *v, unsigned queue, unsigned n)
{
    if (virtio_live(v) && v->queues[queue].ready)
        vring_unpop(&v->queues[queue], n);
}

void virtio_push(struct virtio *v, unsigned queue, uint16_t head, uint32_t written)
{
    if (virtio_live(v) && v->queues[queue].ready)
        vring_push(&v->queues[queue], head, written);
}

void virtio_publish(struct virtio *v, unsigned queue)
{
    if (virtio_live(v) && v->queues[queue].ready && vring_publish(&v->queues[queue]))
        interrupt(v, ISR_QUEUE, v->vectors[queue]);
}

/* ---- notifications ---- */

void virtio_serve(struct virtio *v, unsigned queue)
{
    if (queue >= v->nr_queues || !virtio_live(v) || !v->queues[queue].ready)
        return;
    v->serving = true;
    v->budget = BUDGET;
    v->type->notified(v->dev, queue);
    v->serving = false;
    if (v->unfinished)
        clock_timer_arm(&v->again, clock_now(v->again.clock) + BREATH_NS);
}

static void serve_again(void *ctx)
{
    struct virtio *v = ctx;
    uint32_t queues = v->unfinished;
    v->unfinished = 0;
    for (unsigned i = 0; i < v->nr_queues; i++)
        if (queues >> i & 1)
            virtio_serve(v, i);
}

/* ---- device status ---- */

void virtio_reset_done(struct virtio *v)
{
    v->resetting = false;
    v->status = 0;
}

static void forget_queue(struct virtio *v, unsigned i)
{
    struct ram *ram = v->queues[i].ram;
    v->queues[i] = (struct vring){.size = v->type->queue_size, .ram = ram};
    v->vectors[i] = VIRTIO_NO_VECTOR;
}

static void reset(struct virtio *v)
{
    v->resetting = true;
    v->device_select = v->driver_select = 0;
    v->driver_features = 0;
    v->queue_select = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    v->isr = 0;
    v->unfinished = 0;
    clock_timer_stop(&v->again);
    for (unsigned i = 0; i < v->nr_queues; i++)
        forget_queue(v, i);
    msix_clear_pending(v->msix);
    if (!v->type->reset || v->type->reset(v->dev))
        virtio_reset_done(v);
}

/* The driver took its choice; only a sane one is answered by FEATURES_OK (3.1.1). */
static void features_chosen(struct virtio *v)
{
    if ((v->driver_features & ~v->features) || !(v->driver_features & F_VERSION_1))
        return;
    v->status |= VIRTIO_CONFIG_S_FEATURES_OK;
    for (unsigned i = 0; i < v->nr_queues; i++) {
        v->queues[i].indirect = v->driver_features & F_INDIRECT_DESC;
        v->queues[i].event_idx = v->driver_features & F_EVENT_IDX;
    }
}

static void driver_ready(struct virtio *v)
{
    v->status |= VIRTIO_CONFIG_S_DRIVER_OK;
    if (v->type->ready)
        v->type->ready(v->dev);
    for (unsigned i = 0; i < v->nr_queues; i++)
        virtio_serve(v, i);
}

void virtio_write_status(struct virtio *v, uint8_t val)
{
    const uint8_t steps =
        VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;
    uint8_t fresh = val & (uint8_t)~v->status;
    if (val == 0) {
        reset(v);
        return;
    }
    v->status |= val & (uint8_t)~steps; /* bits do not go but by a reset */
    if (fresh & VIRTIO_CONFIG_S_FEATURES_OK)
        features_chosen(v);
    if ((fresh & VIRTIO_CONFIG_S_DRIVER_OK) && (v->status & VIRTIO_CONFIG_S_FEATURES_OK))
        driver_ready(v);
}

/* ---- putting it together ---- */

static int build(struct virtio *v, const struct virtio_board *b, struct err *e)
{
    const struct pci_id id = {.vendor = VENDOR,
                              .device = (uint16_t)(DEVICE_BASE + v->type->id),
                              .subsystem_vendor = VENDOR,
                              .subsystem = SUBSYSTEM,
                              .class_code = v->type->class_code,
                              .revision = 1,
                              .intx = true};
    int rc = pci_device_new(b->pci, PCI_ANY_SLOT, &id, &v->pci, e);
    if (rc < 0)
        return rc;
    return virtio_pci_build(v, e);
}

int virtio_new(const struct virtio_board *b, const struct virtio_type *t, uint64_t features,
               unsigned nr_queues, void *config, unsigned config_bytes, void *dev, struct virtio **ret,
               struct err *e)
{
    BUG_ON(nr_queues > VIRTIO_QUEUES || t->queue_size > VRING_MAX);
    OWN(virtio) v = calloc(1, sizeof(*v));
    if (!v)
        return err_code(e, -ENOMEM, "%s", t->name);
    v->type = t;
    v->dev = dev;
    v->features = features | F_INDIRECT_DESC | F_EVENT_IDX | F_VERSION_1;
    v->nr_queues = nr_queues;
    v->config = config;
    v->config_bytes = config_bytes;
    v->again = (struct clock_timer){.clock = b->clock, .fire = serve_again, .ctx = v};
    v->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < nr_queues; i++) {
        v->queues[i].ram = b->ram;
        forget_queue(v, i);
    }
    int rc = build(v, b, e);
    if (rc < 0)
        return err_wrap(e, "%s", t->name);
    *ret = take(v);
    return 0;
}

void virtio_free(struct virtio *v)
{
    if (!v)
        return;
    clock_timer_fini(&v->again);
    msix_free(v->msix);
    pci_device_free(v->pci);
    free(v);
}

/* ---- state ---- */

static const struct state_field fields[] = {
    STATE(virtio, device_select, STATE_U32),   STATE(virtio, driver_select, STATE_U32),
    STATE(virtio, driver_features, STATE_U64), STATE(virtio, config_vector, STATE_U16),
    STATE(virtio, queue_select, STATE_U16),    STATE(virtio, status, STATE_U8),
    STATE(virtio, generation, STATE_U8),       STATE(virtio, isr, STATE_U8),
    STATE(virtio, vectors, STATE_U16),
};

static int check(const void *obj, struct err *e)
{
    const struct virtio *v = obj;
    if ((v->status & VIRTIO_CONFIG_S_FEATURES_OK) && (v->driver_features & ~v->features))
        return err_set(e, -EINVAL, "features 0x%llx: this %s does not have all of them",
                       (unsigned long long)v->driver_features, v->type->name);
    return 0;
}

const struct state_table virtio_state = {
    "virtio", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct virtio), check, NULL};
