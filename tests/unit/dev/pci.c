// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI bus, devices on it, and MSI-X. */
#include "dev/pci.h"
#include "dev/msix.h"

#include "unit.h"

#define ECAM           0xe0000000u
#define WINDOW         0xc0000000u
#define REG(slot, off) (ECAM + ((slot) << 15) + (off))

struct fixture {
    pthread_mutex_t lock;
    struct bus *mem, *io;
    struct pci *pci;
    struct pci_device *device; /* slot 1: BAR 0 and 1 MEM64, BAR 2 I/O */
    bool wires[PCI_WIRES];
    unsigned resets, nr_msis;
    uint64_t msi_addr;
    uint32_t msi_data;
    uint64_t bar_off, bar_val; /* the last write into BAR 0 */
    unsigned written;
};

static void wire_set(void *ctx, unsigned line, bool level)
{
    ((struct fixture *)ctx)->wires[line] = level;
}

static void reset(void *ctx)
{
    ((struct fixture *)ctx)->resets++;
}

static void msi(void *ctx, uint64_t addr, uint32_t data)
{
    struct fixture *f = ctx;
    f->nr_msis++;
    f->msi_addr = addr;
    f->msi_data = data;
}

static uint64_t bar_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)size;
    return 0x1000 + off;
}

static void bar_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct fixture *f = dev;
    (void)size;
    f->bar_off = off;
    f->bar_val = val;
}

static const struct bus_ops bar_ops = {bar_read, bar_write};
static const struct pci_id id = {
    .vendor = 0x1af4, .device = 0x1042, .class_code = 0x018000, .revision = 1, .intx = true};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    *state = f;
    pthread_mutex_init(&f->lock, NULL);
    assert_int_equal(bus_new(&f->lock, &f->mem, &e), 0);
    assert_int_equal(bus_new(&f->lock, &f->io, &e), 0);
    struct pci_config c = {.mem = f->mem,
                           .io = f->io,
                           .ecam_at = ECAM,
                           .mem_at = WINDOW,
                           .mem_bytes = 1 << 20,
                           .io_at = 0x1000,
                           .io_bytes = 0x1000,
                           .msi = {msi, f},
                           .reset = reset,
                           .reset_ctx = f};
    for (unsigned i = 0; i < PCI_WIRES; i++)
        c.wires[i] = (struct irq){.set = wire_set, .ctx = f, .line = i};
    assert_int_equal(pci_new(&c, &f->pci, &e), 0);
    assert_int_equal(pci_device_new(f->pci, PCI_ANY_SLOT, &id, &f->device, &e), 0);
    assert_int_equal(pci_device_bar(f->device, 0, PCI_BAR_MEM64, 0x4000, &bar_ops, f, &e), 0);
    assert_int_equal(pci_device_bar(f->device, 2, PCI_BAR_IO, 0x20, &bar_ops, f, &e), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pci_device_free(f->device);
    pci_free(f->pci);
    bus_free(f->mem);
    bus_free(f->io);
    free(f);
    return 0;
}

static uint32_t config(struct fixture *f, unsigned slot, unsigned off, unsigned size)
{
    return (uint32_t)bus_read(f->mem, REG(slot, off), size);
}

static void config_set(struct fixture *f, unsigned slot, unsigned off, unsigned size, uint32_t val)
{
    bus_write(f->mem, REG(slot, off), size, val);
}

static void both_ways_into_configuration_space_show_the_same(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config(f, 0, 8, 4) >> 8, 0x060000);
    assert_int_equal(config(f, 1, 0, 4), 0x10421af4);
    assert_int_equal(config(f, 2, 0, 4), UINT32_MAX);
    assert_int_equal(bus_read(f->mem, REG(1, 0x100), 4), 0);
    assert_int_equal(bus_read(f->mem, REG(1, 0), 8) >> 32, 0x00000000);
    bus_write(f->io, 0xcf8, 4, 0x80000800);
    assert_int_equal(bus_read(f->io, 0xcf8, 4), 0x80000800);
    assert_int_equal(bus_read(f->io, 0xcfc, 4), 0x10421af4);
    assert_int_equal(bus_read(f->io, 0xcfe, 2), 0x1042);
    bus_write(f->io, 0xcf8, 4, 0x80010000); /* bus 1 */
    assert_int_equal(bus_read(f->io, 0xcfc, 4), UINT32_MAX);
    bus_write(f->io, 0xcf8, 4, 0x00000800); /* not enabled */
    assert_int_equal(bus_read(f->io, 0xcfc, 4), UINT32_MAX);
}

static void the_guest_changes_only_what_is_writable(void **state)
{
    struct fixture *f = *state;
    for (unsigned off = 0; off < 256; off += 4)
        if (off < PCI_BAR0 || off >= PCI_BAR0 + 4 * PCI_BARS)
            config_set(f, 1, off, 4, UINT32_MAX);
    assert_int_equal(config(f, 1, 0, 4), 0x10421af4);
    assert_int_equal(config(f, 1, 8, 4), 0x01800001);
    assert_int_equal(config(f, 1, PCI_STATUS, 2), 0);
    assert_int_equal(config(f, 1, PCI_INTERRUPT_LINE, 2), 0x01ff);
}

static void a_bar_tells_its_size_and_moves(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config(f, 1, PCI_BAR0, 4), WINDOW | 4);
    assert_int_equal(bus_read(f->mem, WINDOW + 8, 4), UINT32_MAX); /* decoding is off */
    config_set(f, 1, PCI_BAR0, 4, UINT32_MAX);
    config_set(f, 1, PCI_BAR0 + 4, 4, UINT32_MAX);
    assert_int_equal(config(f, 1, PCI_BAR0, 4), 0xffffc004);
    assert_int_equal(config(f, 1, PCI_BAR0 + 4, 4), UINT32_MAX);
    config_set(f, 1, PCI_BAR0, 4, 0x40000);
    config_set(f, 1, PCI_BAR0 + 4, 4, 0x10);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(bus_read(f->mem, 0x1000040008, 4), 0x1008);
    bus_write(f->mem, 0x1000040010, 4, 7);
    assert_int_equal(f->bar_off, 0x10);
    assert_int_equal(f->bar_val, 7);
    config_set(f, 1, PCI_BAR0 + 4, 4, 0x20);
    assert_int_equal(bus_read(f->mem, 0x1000040008, 4), UINT32_MAX);
    assert_int_equal(bus_read(f->mem, 0x2000040008, 4), 0x1008);
    config_set(f, 1, PCI_COMMAND, 2, 0);
    assert_int_equal(bus_read(f->mem, 0x2000040008, 4), UINT32_MAX);
}

static void an_io_bar_answers_on_the_port_bus(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(config(f, 1, PCI_BAR0 + 8, 4), 0x1001);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_IO);
    assert_int_equal(bus_read(f->io, 0x1004, 4), 0x1004);
    config_set(f, 1, PCI_BAR0 + 8, 4, UINT32_MAX);
    assert_int_equal(config(f, 1, PCI_BAR0 + 8, 4), 0xffffffe1);
    assert_int_equal(bus_read(f->io, 0x1004, 4), UINT32_MAX);
}

static void a_bar_on_top_of_something_else_stays_off_until_it_moves_away(void **state)
{
    struct fixture *f = *state;
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    config_set(f, 1, PCI_BAR0, 4, ECAM);
    assert_int_equal(config(f, 1, 0, 4), 0x10421af4); /* ECAM still answers */
    config_set(f, 1, PCI_BAR0, 4, WINDOW);
    assert_int_equal(bus_read(f->mem, WINDOW, 4), 0x1000);
}

static void two_devices_change_places(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN(pci_device) other = NULL;
    assert_int_equal(pci_device_new(f->pci, 5, &id, &other, &e), 0);
    assert_int_equal(pci_device_bar(other, 0, PCI_BAR_MEM32, 0x1000, &bar_ops, f, &e), 0);
    uint32_t theirs = config(f, 5, PCI_BAR0, 4);
    assert_int_equal(theirs, WINDOW + 0x4000);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    config_set(f, 5, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    config_set(f, 5, PCI_BAR0, 4, WINDOW + 0x1000); /* inside the other's: off */
    config_set(f, 1, PCI_BAR0, 4, WINDOW + 0x8000); /* which leaves */
    assert_int_equal(bus_read(f->mem, WINDOW + 0x1008, 4), 0x1008);
    assert_int_equal(bus_read(f->mem, WINDOW + 0x8008, 4), 0x1008);
    assert_int_equal(pci_device_new(f->pci, 5, &id, &other, &e), -EEXIST);
}

static void capabilities_form_a_list(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(pci_device_capability(f->device, PCI_CAP_VENDOR, "abcde", 5, &e), 0x40);
    assert_int_equal(pci_device_capability(f->device, PCI_CAP_VENDOR, "x", 1, &e), 0x48);
    assert_true(config(f, 1, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES);
    assert_int_equal(config(f, 1, PCI_CAPABILITIES, 1), 0x40);
    assert_int_equal(config(f, 1, 0x40, 4), 'b' << 24 | 'a' << 16 | 0x4809);
    assert_int_equal(config(f, 1, 0x48, 4), 'x' << 16 | 0x0009);
    assert_int_equal(pci_device_capability(f->device, PCI_CAP_VENDOR, "", 0xc0, &e), -ENOSPC);
}

static void pins_that_share_a_wire_hold_it_together(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN(pci_device) other = NULL;
    assert_int_equal(pci_device_new(f->pci, 5, &id, &other, &e), 0);
    pci_device_intx(f->device, true);
    pci_device_intx(other, true);
    assert_true(f->wires[1]);
    assert_true(config(f, 1, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    pci_device_intx(f->device, false);
    assert_true(f->wires[1]);
    config_set(f, 5, PCI_COMMAND, 2, PCI_COMMAND_INTX_OFF);
    assert_false(f->wires[1]);
    config_set(f, 5, PCI_COMMAND, 2, 0);
    assert_true(f->wires[1]);
    pci_device_free(take(other));
    assert_false(f->wires[1]);
}

static void the_reset_register_resets_on_its_rising_bit(void **state)
{
    struct fixture *f = *state;
    bus_write(f->io, 0xcf9, 1, 0x02);
    assert_int_equal(f->resets, 0);
    bus_write(f->io, 0xcf9, 1, 0x06);
    bus_write(f->io, 0xcf9, 1, 0x06);
    assert_int_equal(f->resets, 1);
    bus_write(f->io, 0xcf8, 4, 0x80000600);
    assert_int_equal(f->resets, 1);
}

static void written(void *dev, unsigned off, unsigned size)
{
    struct fixture *f = dev;
    (void)off, (void)size;
    f->written++;
}

static void watched_bytes_are_reported_and_others_not(void **state)
{
    struct fixture *f = *state;
    struct err e;
    int at = pci_device_capability(f->device, PCI_CAP_VENDOR, "abcdef", 6, &e);
    pci_device_watch(f->device,
                     &(struct pci_watch){.off = (unsigned)at + 4, .len = 4, .written = written, .dev = f});
    config_set(f, 1, (unsigned)at, 4, 0);
    assert_int_equal(f->written, 0);
    config_set(f, 1, (unsigned)at + 6, 1, 0);
    assert_int_equal(f->written, 1);
}

/* ---- MSI-X ---- */

#define CONTROL (0x40 + 2)
#define TABLE   (WINDOW + 0x4000)

static struct msix *add_msix(struct fixture *f)
{
    struct err e;
    struct msix *x = NULL;
    assert_int_equal(msix_new(f->device, 3, 4, &x, &e), 0);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned i = 0; i < 4; i++) {
        bus_write(f->mem, TABLE + 16 * i, 8, 0xfee01000 + (i << 12));
        bus_write(f->mem, TABLE + 16 * i + 8, 4, 0x40 + i);
    }
    return x;
}

static void a_message_is_sent_once_it_is_enabled_and_unmasked(void **state)
{
    struct fixture *f = *state;
    OWN(msix) x = add_msix(f);
    assert_int_equal(config(f, 1, CONTROL, 2), 3);
    msix_notify(x, 2);
    config_set(f, 1, CONTROL, 2, 0x8000);
    assert_true(msix_enabled(x));
    assert_int_equal(f->nr_msis, 0); /* what came while it was off is lost */
    bus_write(f->mem, TABLE + 16 * 2 + 12, 4, 0);
    msix_notify(x, 2);
    assert_int_equal(f->nr_msis, 1);
    assert_int_equal(f->msi_addr, 0xfee03000);
    assert_int_equal(f->msi_data, 0x42);
    msix_notify(x, 4); /* beyond the table */
    msix_notify(x, 0xffff);
    assert_int_equal(f->nr_msis, 1);
}

static void a_masked_message_waits_as_pending(void **state)
{
    struct fixture *f = *state;
    OWN(msix) x = add_msix(f);
    config_set(f, 1, CONTROL, 2, 0x8000);
    msix_notify(x, 1); /* vectors start masked */
    assert_int_equal(bus_read(f->mem, TABLE + 0x1000, 4), 1 << 1);
    bus_write(f->mem, TABLE + 16 + 12, 4, 0);
    assert_int_equal(f->nr_msis, 1);
    assert_int_equal(bus_read(f->mem, TABLE + 0x1000, 8), 0);
    config_set(f, 1, CONTROL, 2, 0xc000); /* all masked */
    msix_notify(x, 1);
    msix_notify(x, 1);
    assert_int_equal(f->nr_msis, 1);
    config_set(f, 1, CONTROL, 2, 0x8000);
    assert_int_equal(f->nr_msis, 2);
}

static void without_bus_mastering_no_message_leaves(void **state)
{
    struct fixture *f = *state;
    OWN(msix) x = add_msix(f);
    config_set(f, 1, CONTROL, 2, 0x8000);
    bus_write(f->mem, TABLE + 12, 4, 0);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    msix_notify(x, 0);
    assert_int_equal(f->nr_msis, 0);
}

/* ---- state ---- */

static void a_loaded_device_is_mapped_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct err e;
    uint8_t *buf = NULL;
    size_t len = 0, used;
    config_set(f, 1, PCI_BAR0, 4, WINDOW + 0x80000);
    config_set(f, 1, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    pci_device_intx(f->device, true);
    assert_int_equal(state_save(&pci_device_state, f->device, &buf, &len, &e), 0);
    config_set(f, 1, PCI_BAR0, 4, WINDOW);
    config_set(f, 1, PCI_COMMAND, 2, 0);
    pci_device_intx(f->device, false);
    assert_int_equal(state_load(&pci_device_state, f->device, buf, len, &used, &e), 0);
    assert_int_equal(bus_read(f->mem, WINDOW + 0x80000, 4), 0x1000);
    assert_true(f->wires[1]);
    free(buf);
}

static void a_snapshot_cannot_turn_a_device_into_another(void **state)
{
    struct fixture *f = *state;
    struct err e;
    uint8_t *buf = NULL;
    size_t len = 0, used;
    assert_int_equal(state_save(&pci_device_state, f->device, &buf, &len, &e), 0);
    uint8_t *bar = memmem(buf, len, "\x00\x00\x00\xc0", 4);
    assert_non_null(bar);
    bar[0] = 1; /* a bit that says what kind of BAR it is */
    assert_int_equal(state_load(&pci_device_state, f->device, buf, len, &used, &e), -EINVAL);
    assert_int_equal(config(f, 1, PCI_BAR0, 4), WINDOW | 4);
    free(buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways_into_configuration_space_show_the_same),
        TEST(the_guest_changes_only_what_is_writable),
        TEST(a_bar_tells_its_size_and_moves),
        TEST(an_io_bar_answers_on_the_port_bus),
        TEST(a_bar_on_top_of_something_else_stays_off_until_it_moves_away),
        TEST(two_devices_change_places),
        TEST(capabilities_form_a_list),
        TEST(pins_that_share_a_wire_hold_it_together),
        TEST(the_reset_register_resets_on_its_rising_bit),
        TEST(watched_bytes_are_reported_and_others_not),
        TEST(a_message_is_sent_once_it_is_enabled_and_unmasked),
        TEST(a_masked_message_waits_as_pending),
        TEST(without_bus_mastering_no_message_leaves),
        TEST(a_loaded_device_is_mapped_where_it_was),
        TEST(a_snapshot_cannot_turn_a_device_into_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
