// SPDX-License-Identifier: GPL-2.0-or-later
/* machine_impl: what machine.c (life of a machine) and micro.c (what is on its board) share. */
#pragma once

#include "board/clock.h"
#include "dev/acpi_pm.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/pci.h"
#include "dev/pic.h"
#include "dev/pit.h"
#include "dev/rtc.h"
#include "dev/uart.h"
#include "dev/virtio_balloon.h"
#include "dev/virtio_blk.h"
#include "dev/virtio_console.h"
#include "dev/virtio_fs.h"
#include "dev/virtio_net.h"
#include "dev/virtio_rng.h"
#include "dev/virtio_vsock.h"
#include "vm/machine.h"

struct machine_cpu {
    struct machine *machine;
    unsigned index;
    pthread_t thread;
    bool started;
    bool parked; /* under the board lock */
};

struct machine {
    struct machine_config config;
    struct loop *loop;
    pthread_mutex_t *lock;
    void (*on_event)(void *ctx, enum machine_event event, const char *text);
    void *event_ctx;

    struct ram *ram;
    struct bus *mem, *io;
    struct clock *clock;
    struct engine *engine;

    /* devices; the first four only where the engine has no irqchip of its own */
    struct lapics *lapics;
    struct ioapic *ioapic;
    struct pic *pic;
    struct pit *pit;
    struct uart *uart;
    struct rtc *rtc;
    struct acpi_pm *pm;
    struct pci *pci;
    struct virtio_blk *disks[MACHINE_DISKS];
    struct virtio_net *net;
    struct virtio_console *console;
    struct virtio_vsock *vsock;
    struct virtio_rng *rng;
    struct virtio_fs *fs;
    struct virtio_balloon *balloon;
    struct balloon_port balloon_port;

    /* CPUs */
    struct machine_cpu cpus[CPU_MAX];
    pthread_cond_t changed; /* `running`, `quit` or a parked flag changed; with the board lock */
    bool running, quit;

    /* the event that is on its way to the loop; the first one wins */
    bool event_posted;
    enum machine_event event;
    char event_text[256];
};

/* Everything on the board, wired; the engine is there already. */
int micro_build(struct machine *m, struct err *e);
void micro_free(struct machine *m);

/* micro_pci.c: the bus and what is on it; wires[n] is INTA..INTD. */
int micro_pci_build(struct machine *m, const struct irq wires[PCI_WIRES], const struct msi_sink *msi,
                    void (*reset)(void *ctx), struct err *e);
void micro_pci_free(struct machine *m);

/* From any thread under the board lock: CPUs stop, then the loop tells on_event. */
void machine_post_event(struct machine *m, enum machine_event event, const char *text);
