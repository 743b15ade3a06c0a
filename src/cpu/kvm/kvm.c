// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm: guest instructions run on the processor itself, by the kernel's KVM.
 *
 * Source: Linux Documentation/virt/kvm/api.rst.
 * Modelled: PIC, PIT, I/O APIC and local APICs are the kernel's; this file owns memory slots and the run
 * loop. Left out: SMM, nested guests (SVM and VMX are hidden by cpuid.c). Threads: run on each CPU's own
 * thread; irq_line and msi under the board lock; kick from any.
 */
#include "cpu/kvm/kvm.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Below 4 GiB, above all RAM and out of the PCI windows of every board (docs/architecture.md, memory map). */
#define IDENTITY_MAP_ADDR 0xfeffc000ull
#define TSS_ADDR          0xfeffd000ull

#define IOAPIC_PINS 24

static void route(struct kvm_irq_routing *r, unsigned gsi, unsigned chip, unsigned pin)
{
    r->entries[r->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = {.irqchip = chip, .pin = pin}};
}

/* ISA lines lead to the PICs and to the I/O APIC, the PIT's to pin 2 there, as on every PC; the kernel's own
 * idea is pin 0. */
static int add_routes(struct kvm *k, struct err *e)
{
    OWN_MEM struct kvm_irq_routing *r = calloc(1, sizeof(*r) + (16 + IOAPIC_PINS) * sizeof(r->entries[0]));
    if (!r)
        return err_code(e, -ENOMEM, "interrupt routes");
    for (unsigned gsi = 0; gsi < IOAPIC_PINS; gsi++) {
        if (gsi < 16 && gsi != 2)
            route(r, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
        if (gsi != 2)
            route(r, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
    }
    if (ioctl(k->vm, KVM_SET_GSI_ROUTING, r) < 0)
        return err_sys(e, "KVM_SET_GSI_ROUTING");
    return 0;
}

static int open_machine(struct kvm *k, struct err *e)
{
    k->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->dev < 0)
        return err_sys(e, "open /dev/kvm");
    int version = ioctl(k->dev, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return err_set(e, -ENOTSUP, "/dev/kvm speaks version %d instead of %d", version, KVM_API_VERSION);
    static const struct {
        int cap;
        const char *name;
    } needed[] = {
        {KVM_CAP_USER_MEMORY, "user memory"},
        {KVM_CAP_IRQCHIP, "an interrupt controller"},
        {KVM_CAP_PIT2, "a PIT"},
        {KVM_CAP_SIGNAL_MSI, "MSIs"},
        {KVM_CAP_IRQ_ROUTING, "interrupt routes"},
        {KVM_CAP_XSAVE, "XSAVE state"},
        {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
    };
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (ioctl(k->dev, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
            return err_set(e, -ENOTSUP, "this KVM does not offer %s", needed[i].name);
    do
        k->vm = ioctl(k->dev, KVM_CREATE_VM, 0);
    while (k->vm < 0 && errno == EINTR);
    if (k->vm < 0)
        return err_sys(e, "KVM_CREATE_VM");
    uint64_t identity = IDENTITY_MAP_ADDR;
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    if (ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
        return err_sys(e, "KVM_SET_IDENTITY_MAP_ADDR");
    if (ioctl(k->vm, KVM_SET_TSS_ADDR, TSS_ADDR) < 0)
        return err_sys(e, "KVM_SET_TSS_ADDR");
    if (ioctl(k->vm, KVM_CREATE_IRQCHIP, 0) < 0)
        return err_sys(e, "KVM_CREATE_IRQCHIP");
    if (ioctl(k->vm, KVM_CREATE_PIT2, &pit) < 0)
        return err_sys(e, "KVM_CREATE_PIT2");
    return add_routes(k, e);
}

static int add_memory(struct kvm *k, struct err *e)
{
    unsigned nr;
    const struct ram_slot *slots = ram_slots(k->config.ram, &nr);
    for (unsigned i = 0; i < nr; i++) {
        struct kvm_userspace_memory_region region = {
            .slot = i,
            .guest_phys_addr = slots[i].base,
            .memory_size = slots[i].bytes,
            .userspace_addr = (uintptr_t)slots[i].host,
        };
        if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
            return err_sys(e, "KVM_SET_USER_MEMORY_REGION");
    }
    return 0;
}

static int add_cpu(struct kvm *k, unsigned index, struct err *e)
{
    struct kvm_cpu *c = &k->cpus[index];
    c->index = index;
    c->fd = ioctl(k->vm, KVM_CREATE_VCPU, index);
    if (c->fd < 0)
        return err_sys(e, "KVM_CREATE_VCPU %u", index);
    void *run = mmap(NULL, k->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (run == MAP_FAILED)
        return err_sys(e, "map CPU %u", index);
    c->run = run;
    kvm_stats_open(c);
    return kvm_cpuid_set(k, index, e);
}

static void kvm_free(struct engine *g)
{
    struct kvm *k = (struct kvm *)g;
    if (!k)
        return;
    for (unsigned i = 0; i < k->config.nr_cpus; i++) {
        struct kvm_cpu *c = &k->cpus[i];
        if (c->run)
            munmap(c->run, k->run_bytes);
        kvm_stats_close(c);
        if (c->fd >= 0)
            close(c->fd);
        pthread_mutex_destroy(&c->lock);
    }
    if (k->vm >= 0)
        close(k->vm);
    if (k->dev >= 0)
        close(k->dev);
    free(k);
}

/* A kick interrupts KVM_RUN by a signal whose handler does nothing. */
#define SIG_KICK (SIGRTMIN + 1)
static void kicked(int signal)
{
    (void)signal;
}

static int fill(struct kvm *k, struct err *e)
{
    struct sigaction act = {.sa_handler = kicked};
    sigaction(SIG_KICK, &act, NULL);
    int rc = open_machine(k, e);
    if (rc < 0)
        return rc;
    int run_bytes = ioctl(k->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_bytes < (int)sizeof(struct kvm_run))
        return err_set(e, -ENOTSUP, "/dev/kvm: unusable size of CPU state");
    k->run_bytes = (size_t)run_bytes;
    rc = add_memory(k, e);
    for (unsigned i = 0; rc == 0 && i < k->config.nr_cpus; i++)
        rc = add_cpu(k, i, e);
    return rc;
}

static int kvm_new(const struct cpu_config *config, struct engine **ret, struct err *e)
{
    if (config->nr_cpus == 0 || config->nr_cpus > CPU_MAX)
        return err_set(e, -EINVAL, "%u cpus: between 1 and %u are possible", config->nr_cpus, CPU_MAX);
    struct kvm *k = calloc(1, sizeof(*k));
    if (!k)
        return err_code(e, -ENOMEM, "kvm engine");
    k->engine.ops = &engine_kvm;
    k->config = *config;
    k->dev = k->vm = -1;
    for (unsigned i = 0; i < config->nr_cpus; i++) {
        k->cpus[i].fd = k->cpus[i].kernel.fd = -1;
        pthread_mutex_init(&k->cpus[i].lock, NULL);
    }
    int rc = fill(k, e);
    if (rc < 0) {
        kvm_free(&k->engine);
        return rc;
    }
    *ret = &k->engine;
    return 0;
}

/* ---- exits ---- */

static uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

static void exit_io(struct kvm *k, struct kvm_cpu *c)
{
    const struct kvm_run *r = c->run;
    uint8_t *p = (uint8_t *)r + r->io.data_offset;
    for (uint32_t i = 0; i < r->io.count; i++, p += r->io.size) {
        if (r->io.direction == KVM_EXIT_IO_OUT) {
            cpu_count(&c->stats.io_writes);
            bus_write(k->config.io, r->io.port, r->io.size, get(p, r->io.size));
        } else {
            cpu_count(&c->stats.io_reads);
            uint64_t v = bus_read(k->config.io, r->io.port, r->io.size);
            memcpy(p, &v, r->io.size);
        }
    }
}

static void exit_mmio(struct kvm *k, struct kvm_cpu *c)
{
    struct kvm_run *r = c->run;
    cpu_count(r->mmio.is_write ? &c->stats.mmio_writes : &c->stats.mmio_reads);
    if (r->mmio.len > 8)
        return;
    if (r->mmio.is_write) {
        bus_write(k->config.mem, r->mmio.phys_addr, r->mmio.len, get(r->mmio.data, r->mmio.len));
    } else {
        uint64_t v = bus_read(k->config.mem, r->mmio.phys_addr, r->mmio.len);
        memcpy(r->mmio.data, &v, r->mmio.len);
    }
}

/* true: the CPU leaves run, for *ret. */
static bool handle_exit(struct kvm *k, struct kvm_cpu *c, enum cpu_exit *ret, struct err *e)
{
    const struct kvm_run *r = c->run;
    switch (r->exit_reason) {
    case KVM_EXIT_IO:
        exit_io(k, c);
        return false;
    case KVM_EXIT_MMIO:
        exit_mmio(k, c);
        return false;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_HLT: /* not with the kernel's local APIC, but harmless */
        return false;
    case KVM_EXIT_SHUTDOWN:
    case KVM_EXIT_SYSTEM_EVENT:
        *ret = CPU_EXIT_SHUTDOWN;
        return true;
    case KVM_EXIT_FAIL_ENTRY:
        err_set(e, -EIO, "cpu %u: the processor refused to enter the guest, reason 0x%llx", c->index,
                (unsigned long long)r->fail_entry.hardware_entry_failure_reason);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        err_set(e, -EIO, "cpu %u: KVM internal error %u (1: it could not emulate an instruction)", c->index,
                r->internal.suberror);
        break;
    default:
        err_set(e, -EIO, "cpu %u: unexpected KVM exit %u", c->index, r->exit_reason);
    }
    *ret = CPU_EXIT_FAILED;
    return true;
}

static void enter(struct kvm_cpu *c)
{
    pthread_mutex_lock(&c->lock);
    c->thread = pthread_self();
    c->inside = true;
    pthread_mutex_unlock(&c->lock);
}

static void leave(struct kvm_cpu *c)
{
    pthread_mutex_lock(&c->lock);
    c->inside = false;
    pthread_mutex_unlock(&c->lock);
}

/*
 * A port or MMIO read is only finished by the next KVM_RUN: before the CPU stops (and its state may be
 * read), one more entry with immediate_exit set completes it without running the guest.
 */
static void complete_access(struct kvm_cpu *c)
{
    c->run->immediate_exit = 1;
    ioctl(c->fd, KVM_RUN, 0);
    c->run->immediate_exit = 0;
}

static enum cpu_exit kvm_run_cpu(struct engine *g, unsigned cpu, struct err *e)
{
    struct kvm *k = (struct kvm *)g;
    struct kvm_cpu *c = &k->cpus[cpu];
    enum cpu_exit ret = CPU_EXIT_STOPPED;
    enter(c);
    while (!atomic_exchange(&c->kicked, false)) {
        if (ioctl(c->fd, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                cpu_count(&c->stats.requests);
                continue;
            }
            err_sys(e, "cpu %u: KVM_RUN", cpu);
            ret = CPU_EXIT_FAILED;
            break;
        }
        if (handle_exit(k, c, &ret, e))
            break;
    }
    if (ret == CPU_EXIT_STOPPED)
        complete_access(c);
    leave(c);
    return ret;
}

/* immediate_exit closes the gap between the loop's look at `kicked` and KVM_RUN. */
static void kvm_kick(struct engine *g, unsigned cpu)
{
    struct kvm_cpu *c = &((struct kvm *)g)->cpus[cpu];
    atomic_store(&c->kicked, true);
    pthread_mutex_lock(&c->lock);
    c->run->immediate_exit = 1;
    if (c->inside)
        pthread_kill(c->thread, SIG_KICK);
    pthread_mutex_unlock(&c->lock);
}

static void kvm_nmi(struct engine *g, unsigned cpu)
{
    ioctl(((struct kvm *)g)->cpus[cpu].fd, KVM_NMI, 0);
}

static void kvm_irq_line(struct engine *g, unsigned gsi, bool level)
{
    struct kvm_irq_level irq = {.irq = gsi, .level = level};
    ioctl(((struct kvm *)g)->vm, KVM_IRQ_LINE, &irq);
}

static void kvm_msi(struct engine *g, uint64_t addr, uint32_t data)
{
    struct kvm_msi msi = {.address_lo = (uint32_t)addr, .address_hi = (uint32_t)(addr >> 32), .data = data};
    ioctl(((struct kvm *)g)->vm, KVM_SIGNAL_MSI, &msi);
}

/* The guest's soft lock-up detector is told that it was stopped; refused (EINVAL) where it has no kvm-clock.
 */
static void kvm_resume(struct engine *g)
{
    struct kvm *k = (struct kvm *)g;
    for (unsigned i = 0; i < k->config.nr_cpus; i++)
        ioctl(k->cpus[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

static void nothing(struct engine *g)
{
    (void)g;
}

/* Interrupts and IPIs stay inside the kernel. */
static void nothing_cpu(struct engine *g, unsigned cpu)
{
    (void)g;
    (void)cpu;
}

static void nothing_sipi(struct engine *g, unsigned cpu, uint8_t vector)
{
    (void)g;
    (void)cpu;
    (void)vector;
}

const struct engine_ops engine_kvm = {
    .name = "kvm",
    .in_kernel_irqchip = true,
    .new = kvm_new,
    .free = kvm_free,
    .run = kvm_run_cpu,
    .kick = kvm_kick,
    .interrupt = nothing_cpu,
    .nmi = kvm_nmi,
    .init = nothing_cpu,
    .sipi = nothing_sipi,
    .irq_line = kvm_irq_line,
    .msi = kvm_msi,
    .get_state = kvm_state_get,
    .set_state = kvm_state_set,
    .pause = nothing,
    .resume = kvm_resume,
    .stats = kvm_stats,
    .cache_stats = kvm_cache_stats,
    .stepped = kvm_stepped,
};
