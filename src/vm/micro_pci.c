// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * micro_pci: the PCI bus of the board micro and the devices on it.
 *
 * Slot 0 is the host bridge. Disks come first, so that their names in the guest do not depend on what else
 * is there; each device takes the next free slot. Threads: before any CPU runs.
 */
#include <sys/mman.h>

#include "vm/acpi.h"
#include "vm/machine_impl.h"

static int add_bus(struct machine *m, const struct irq wires[PCI_WIRES], const struct msi_sink *msi,
                   void (*reset)(void *ctx), struct err *e)
{
    struct pci_config c = {
        .mem = m->mem,
        .io = m->io,
        .ecam_at = BOARD_ECAM_AT,
        .mem_at = BOARD_PCI_MEM_AT,
        .mem_bytes = BOARD_PCI_MEM_BYTES,
        .io_at = BOARD_PCI_IO_AT,
        .io_bytes = BOARD_PCI_IO_BYTES,
        .msi = *msi,
        .reset = reset,
        .reset_ctx = m,
    };
    for (unsigned i = 0; i < PCI_WIRES; i++)
        c.wires[i] = wires[i];
    return pci_new(&c, &m->pci, e);
}

/* ---- the balloon's far end: this process's memory ---- */

static void discard(void *ctx, uint64_t at, uint64_t len)
{
    struct machine *m = ctx;
    madvise(ram_at(m->ram, gpa(at), len), len, MADV_DONTNEED);
    ram_wrote(m->ram, gpa(at), len);
}

int machine_balloon_ask(struct machine *m, uint64_t bytes, struct err *e)
{
    if (!m->balloon)
        return err_set(e, -ENODEV, "the machine has no balloon");
    if (bytes > m->config.memory)
        return err_set(e, -EINVAL, "%llu MiB back: the machine only has %llu",
                       (unsigned long long)bytes >> 20, (unsigned long long)m->config.memory >> 20);
    virtio_balloon_ask(m->balloon, bytes);
    return 0;
}

uint64_t machine_balloon_given(const struct machine *m)
{
    return m->balloon ? virtio_balloon_given(m->balloon) : 0;
}

/* ---- putting it together ---- */

static int add_devices(struct machine *m, const struct virtio_board *b, struct err *e)
{
    const struct machine_config *c = &m->config;
    int rc = 0;
    for (unsigned i = 0; i < c->nr_disks && rc == 0; i++)
        rc = virtio_blk_new(b, c->disks[i].port, c->disks[i].serial, c->cpus, &m->disks[i], e);
    if (rc == 0 && c->net)
        rc = virtio_net_new(b, c->net, c->mac, &m->net, e);
    if (rc == 0 && c->console)
        rc = virtio_console_new(b, c->console, &m->console, e);
    if (rc == 0 && c->entropy)
        rc = virtio_rng_new(b, c->entropy, &m->rng, e);
    if (rc == 0 && c->share)
        rc = virtio_fs_new(b, c->share, &m->fs, e);
    m->balloon_port = (struct balloon_port){discard, m};
    if (rc == 0 && c->balloon)
        rc = virtio_balloon_new(b, &m->balloon_port, &m->balloon, e);
    if (rc == 0 && c->vsock_cid)
        rc = virtio_vsock_new(b, c->vsock_cid, &m->vsock, e);
    return rc;
}

int micro_pci_build(struct machine *m, const struct irq wires[PCI_WIRES], const struct msi_sink *msi,
                    void (*reset)(void *ctx), struct err *e)
{
    int rc = add_bus(m, wires, msi, reset, e);
    if (rc < 0)
        return rc;
    const struct virtio_board b = {m->pci, m->ram, m->clock};
    return add_devices(m, &b, e);
}

void micro_pci_free(struct machine *m)
{
    virtio_vsock_free(m->vsock);
    virtio_balloon_free(m->balloon);
    virtio_fs_free(m->fs);
    virtio_rng_free(m->rng);
    virtio_console_free(m->console);
    virtio_net_free(m->net);
    for (unsigned i = 0; i < MACHINE_DISKS; i++)
        virtio_blk_free(m->disks[i]);
    pci_free(m->pci);
}

struct virtio_vsock *machine_vsock(struct machine *m)
{
    return m->vsock;
}
