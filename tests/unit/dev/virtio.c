// SPDX-License-Identifier: GPL-2.0-or-later
/* What all virtio devices have in common, with a toy device that copies what it reads to where it may write.
 */
#include "dev/virtio.h"

#include "unit.h"
#include "virtio_driver.h"

struct toy {
    struct driver *d;
    struct virtio *virtio;
    struct {
        uint32_t fixed, writable;
    } config;
    unsigned chains, readies, config_writes;
    uint32_t last_out, last_in;
    bool reset_waits;
    bool endless; /* another CPU offers a chain for each that is taken */
};

static void toy_notified(void *dev, unsigned queue)
{
    struct toy *t = dev;
    struct vring_chain c;
    uint8_t buf[8192];
    while (virtio_pop(t->virtio, queue, &c)) {
        t->chains++;
        if (t->endless)
            driver_offer(t->d, queue, c.head);
        t->last_out = c.out_bytes;
        t->last_in = c.in_bytes;
        uint32_t n = vring_read(&c, 0, buf, sizeof(buf));
        virtio_push(t->virtio, queue, c.head, vring_write(t->d->ram, &c, 0, buf, n));
    }
    virtio_publish(t->virtio, queue);
}

static void toy_ready(void *dev)
{
    ((struct toy *)dev)->readies++;
}

static void toy_config_written(void *dev)
{
    ((struct toy *)dev)->config_writes++;
}

static bool toy_reset(void *dev)
{
    return !((struct toy *)dev)->reset_waits;
}

static const struct virtio_type toy_type = {.name = "toy",
                                            .id = 42,
                                            .class_code = 0x00ff00,
                                            .queue_size = 128,
                                            .rw_off = 4,
                                            .rw_len = 4,
                                            .ready = toy_ready,
                                            .notified = toy_notified,
                                            .config_written = toy_config_written,
                                            .reset = toy_reset};

static int set_up(void **state)
{
    struct toy *t = calloc(1, sizeof(*t));
    struct err e;
    t->d = driver_new();
    t->config.fixed = 0x11223344;
    assert_int_equal(
        virtio_new(&t->d->board, &toy_type, 5, 2, &t->config, sizeof(t->config), t, &t->virtio, &e), 0);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct toy *t = *state;
    virtio_free(t->virtio);
    driver_free(t->d);
    free(t);
    return 0;
}

#define NEEDS_RESET 0x40

static void echo(struct toy *t, uint16_t (*add)(struct driver *, unsigned, const struct piece *, unsigned))
{
    struct driver *d = t->d;
    uint64_t from = driver_put(d, "one two three", 13), to = driver_alloc(d, 16);
    const struct piece p[] = {{from, 4, false}, {from + 4, 9, false}, {to, 5, true}, {to + 5, 11, true}};
    uint16_t head = add(d, 0, p, 4), used_head;
    uint32_t len;
    driver_kick(d, 0);
    assert_true(driver_used(d, 0, &used_head, &len));
    assert_int_equal(used_head, head);
    assert_int_equal(len, 13);
    assert_memory_equal(driver_at(d, to), "one two three", 13);
}

/* ---- negotiation ---- */

static void a_driver_finds_the_device_and_its_identity(void **state)
{
    struct toy *t = *state;
    driver_probe(t->d);
    assert_int_equal(driver_pci_read(t->d, 2, 2), 0x1040 + 42);
    assert_int_equal(driver_pci_read(t->d, 8, 4), 0x00ff0001);
    assert_true(driver_pci_read(t->d, 0x2e, 2) >= 0x40);
    assert_int_equal(driver_offered(t->d), 5 | DRIVER_FEATURES);
    assert_int_equal(bus_read(t->d->mem, t->d->config, 4), 0x11223344);
    assert_int_equal(bus_read(t->d->mem, t->d->config + 2, 1), 0x22);
}

static void features_need_version_1_and_must_have_been_offered(void **state)
{
    struct toy *t = *state;
    driver_probe(t->d);
    driver_reset(t->d);
    assert_false(driver_negotiate(t->d, 5));
    driver_reset(t->d);
    assert_false(driver_negotiate(t->d, DRIVER_VERSION1 | 2));
    driver_ok(t->d); /* not without FEATURES_OK */
    assert_false(driver_status(t->d) & 4);
    assert_int_equal(t->readies, 0);
    driver_reset(t->d);
    assert_true(driver_negotiate(t->d, DRIVER_VERSION1 | 4));
    driver_write(t->d, 8, 4, 0);
    driver_write(t->d, 12, 4, 1); /* too late */
    driver_ok(t->d);
    assert_int_equal(t->readies, 1);
    assert_true(virtio_has(t->virtio, 2));
    assert_false(virtio_has(t->virtio, 0));
}

static void a_reset_forgets_everything(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_FEATURES, 2);
    driver_reset(t->d);
    assert_int_equal(driver_status(t->d), 0);
    assert_int_equal(driver_read(t->d, 28, 2), 0);
    assert_int_equal(driver_read(t->d, 24, 2), 128);
    assert_int_equal(driver_read(t->d, 26, 2), 0xffff);
    assert_int_equal(driver_read(t->d, 16, 2), 0xffff);
    assert_false(virtio_live(t->virtio));
    driver_start(t->d, DRIVER_VERSION1, 2);
    echo(t, driver_add);
}

static void a_reset_with_requests_in_flight_shows_when_they_are_done(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_FEATURES, 2);
    t->reset_waits = true;
    driver_reset(t->d);
    assert_int_equal(driver_status(t->d), 15);
    driver_write(t->d, 20, 1, 1);
    virtio_push(t->virtio, 0, 0, 0);
    virtio_publish(t->virtio, 0);
    virtio_reset_done(t->virtio);
    assert_int_equal(driver_status(t->d), 0);
}

static void only_the_writable_part_of_the_configuration_can_be_written(void **state)
{
    struct toy *t = *state;
    driver_probe(t->d);
    bus_write(t->d->mem, t->d->config, 4, 0);
    bus_write(t->d->mem, t->d->config, 8, 0);
    bus_write(t->d->mem, t->d->config + 6, 4, 0);
    assert_int_equal(t->config_writes, 0);
    bus_write(t->d->mem, t->d->config + 4, 4, 7);
    assert_int_equal(t->config_writes, 1);
    assert_int_equal(t->config.fixed, 0x11223344);
    assert_int_equal(t->config.writable, 7);
    assert_int_equal(bus_read(t->d->mem, t->d->config + 6, 8), 0);
    assert_int_equal(bus_read(t->d->mem, t->d->config + 0xff8, 8), 0);
}

static void configuration_space_reaches_bars_through_a_window(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_probe(d);
    driver_pci_write(d, d->window + 4, 1, 0);
    driver_pci_write(d, d->window + 8, 4, 20); /* status */
    driver_pci_write(d, d->window + 12, 4, 1);
    driver_pci_write(d, d->window + 16, 4, 1);
    assert_int_equal(driver_status(d), 1);
    assert_int_equal(driver_pci_read(d, d->window + 16, 1), 1);
    driver_pci_write(d, d->window + 8, 4, 0x2000);
    driver_pci_write(d, d->window + 12, 4, 4);
    assert_int_equal(driver_pci_read(d, d->window + 16, 4), 0x11223344);
    driver_pci_write(d, d->window + 8, 4, 0xfffffffc);
    assert_int_equal(driver_pci_read(d, d->window + 16, 4), UINT32_MAX);
    driver_pci_write(d, d->window + 4, 1, 5);
    driver_pci_write(d, d->window + 12, 4, 3);
    driver_pci_write(d, d->window + 16, 4, 3);
    driver_pci_write(d, d->window + 4, 1, 0xff);
    driver_pci_write(d, d->window + 12, 4, 4);
    driver_pci_write(d, d->window + 16, 4, 3);
    assert_int_equal(driver_status(d), 1);
}

/* ---- queues ---- */

static void bytes_go_through_plain_and_indirect_chains(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_FEATURES, 2);
    for (unsigned i = 0; i < 40; i++) { /* more than the ring holds at once */
        echo(t, driver_add);
        echo(t, driver_add_indirect);
    }
    assert_int_equal(t->chains, 80);
    assert_int_equal(virtio_errors(t->virtio), 0);
}

static void an_indirect_table_may_end_a_chain(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    uint64_t from = driver_put(d, "abcdef", 6), to = driver_alloc(d, 6);
    struct {
        uint64_t at;
        uint32_t len;
        uint16_t flags, next;
    } table[] = {{from + 3, 3, 1, 1}, {to, 6, 2, 0}};
    driver_desc(d, 0, 0, from, 3, 1, 5);
    driver_desc(d, 0, 5, driver_put(d, table, sizeof(table)), sizeof(table), 4, 0);
    driver_offer(d, 0, 0);
    driver_kick(d, 0);
    assert_memory_equal(driver_at(d, to), "abcdef", 6);
}

static void indices_wrap_around(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    uint64_t from = driver_put(d, "x", 1);
    const struct piece p = {from, 1, false};
    for (unsigned i = 0; i < 70000; i++) {
        driver_add(d, 0, &p, 1);
        driver_kick(d, 0);
        assert_true(driver_used(d, 0, NULL, NULL));
    }
    assert_int_equal(t->chains, 70000);
    assert_int_equal(d->msis[1], 70000);
}

static void what_was_offered_before_the_driver_was_ready_is_served_then(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_probe(d);
    driver_reset(d);
    assert_true(driver_negotiate(d, DRIVER_FEATURES));
    driver_queue(d, 1, 16);
    const struct piece p = {driver_put(d, "x", 1), 1, false};
    driver_add(d, 1, &p, 1);
    driver_kick(d, 1);
    assert_int_equal(t->chains, 0);
    driver_ok(d);
    assert_int_equal(t->chains, 1);
}

static void without_bus_mastering_memory_is_left_alone(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    driver_pci_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    const struct piece p = {driver_put(d, "x", 1), 1, false};
    driver_add(d, 0, &p, 1);
    driver_kick(d, 0);
    assert_int_equal(t->chains, 0);
    assert_false(driver_used(d, 0, NULL, NULL));
}

static void one_notification_does_not_hold_the_lock_for_ever(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    const struct piece p = {driver_put(d, "x", 1), 1, false};
    t->endless = true;
    driver_add(d, 1, &p, 1);
    driver_kick(d, 1);
    unsigned first = t->chains;
    assert_in_range(first, 2, 10000);
    fake_clock_advance(d->clock, 1000); /* what is left goes on from a timer */
    assert_true(t->chains > first);
    t->endless = false;
    while (t->chains > first) {
        first = t->chains;
        fake_clock_advance(d->clock, 1000);
    }
    assert_int_equal(d->queues[1].avail_idx, t->chains);
}

/* ---- interrupts ---- */

static void offer_byte(struct toy *t, unsigned q)
{
    const struct piece p = {driver_put(t->d, "x", 1), 1, false};
    driver_add(t->d, q, &p, 1);
    driver_kick(t->d, q);
}

static void each_queue_has_its_vector(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_FEATURES, 2);
    offer_byte(t, 1);
    assert_int_equal(t->d->msis[1], 0);
    assert_int_equal(t->d->msis[2], 1);
    assert_false(t->d->wire);
    assert_int_equal(bus_read(t->d->mem, t->d->isr, 1), 0);
    virtio_config_changed(t->virtio);
    assert_int_equal(t->d->msis[0], 1);
    assert_int_equal(driver_read(t->d, 21, 1), 1);
    assert_false(t->d->wire);
    driver_write(t->d, 22, 2, 1);
    driver_write(t->d, 26, 2, 99); /* no such vector */
    assert_int_equal(driver_read(t->d, 26, 2), 0xffff);
    offer_byte(t, 1);
    assert_int_equal(t->d->msis[2], 1);
}

static void without_msix_the_pin_is_driven_until_isr_is_read(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_VERSION1, 2);
    driver_pci_write(t->d, (unsigned)t->d->msix + 2, 2, 0);
    offer_byte(t, 0);
    assert_true(t->d->wire);
    assert_int_equal(t->d->msis[1], 0);
    assert_int_equal(bus_read(t->d->mem, t->d->isr, 1), 1);
    assert_false(t->d->wire);
    assert_int_equal(bus_read(t->d->mem, t->d->isr, 1), 0);
    virtio_config_changed(t->virtio);
    assert_true(t->d->wire);
    assert_int_equal(bus_read(t->d->mem, t->d->isr, 1), 2);
    assert_false(t->d->wire);
}

static void a_driver_that_wants_no_interrupt_gets_none(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_VERSION1, 2);
    *(uint16_t *)driver_at(d, d->queues[0].avail) = 1; /* NO_INTERRUPT */
    offer_byte(t, 0);
    assert_true(driver_used(d, 0, NULL, NULL));
    assert_int_equal(d->msis[1], 0);
}

static void with_event_index_an_interrupt_comes_when_its_index_is_passed(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    uint16_t *used_event = driver_at(d, d->queues[0].avail + 4 + 2 * 64);
    uint16_t *avail_event = driver_at(d, d->queues[0].used + 4 + 8 * 64);
    *used_event = 2;
    offer_byte(t, 0);
    offer_byte(t, 0);
    assert_int_equal(d->msis[1], 0);
    assert_int_equal(*avail_event, 2); /* tell me of the third */
    offer_byte(t, 0);
    assert_int_equal(d->msis[1], 1);
    offer_byte(t, 0);
    assert_int_equal(d->msis[1], 1);
}

/* ---- nonsense ---- */

static void assert_broken(struct toy *t)
{
    assert_int_equal(driver_status(t->d), 15 | NEEDS_RESET);
    assert_int_equal(t->chains, 0);
    assert_int_equal(virtio_errors(t->virtio), 1);
    assert_int_equal(t->d->msis[0], 1); /* the driver is told */
    driver_kick(t->d, 0);
    assert_int_equal(virtio_errors(t->virtio), 1);
}

struct bad_chain {
    struct {
        uint64_t at;
        uint32_t len;
        uint16_t flags, next;
    } desc[4], table[4];
    uint16_t head;
    uint32_t table_bytes;
};
#define TABLE UINT64_MAX /* desc.at: where the table is */

static void chains_of_all_wrong_kinds_need_a_reset(void **state)
{
    static const struct bad_chain bad[] = {
        {.desc = {{0x100000, 1, 1, 0}}},                                 /* a loop of one */
        {.desc = {{0x100000, 1, 1, 1}, {0x100000, 1, 1, 0}}},            /* of two */
        {.desc = {{0x100000, 1, 1, 64}}},                                /* next beyond the queue */
        {.desc = {{0x100000, 1, 0, 0}}, .head = 64},                     /* head beyond it */
        {.desc = {{DRIVER_RAM, 1, 0, 0}}},                               /* not RAM */
        {.desc = {{DRIVER_RAM - 1, 2, 2, 0}}},                           /* not all of it */
        {.desc = {{UINT64_MAX - 1, 4, 0, 0}}},                           /* wraps */
        {.desc = {{0x100000, UINT32_MAX, 0, 0}}},                        /* too long */
        {.desc = {{0x100000, 0, 0, 0}}},                                 /* empty */
        {.desc = {{0x100000, 1, 3, 1}, {0x100000, 1, 0, 0}}},            /* readable after writable */
        {.desc = {{TABLE, 0, 4, 0}}, .table = {{0}}, .table_bytes = 15}, /* part of a descriptor */
        {.desc = {{TABLE, 0, 4, 0}}, .table = {{0}}, .table_bytes = 0},  /* an empty table */
        {.desc = {{TABLE, 0, 5, 1}}, .table = {{0x100000, 1, 0, 0}}, .table_bytes = 16},  /* and NEXT */
        {.desc = {{TABLE, 0, 4, 0}}, .table = {{0x100000, 16, 4, 0}}, .table_bytes = 16}, /* within another */
        {.desc = {{TABLE, 0, 4, 0}},
         .table = {{0x100000, 1, 1, 1}},
         .table_bytes = 16}, /* leaves the table */
        {.desc = {{TABLE, 0, 4, 0}}, .table = {{0x100000, 1, 1, 0}}, .table_bytes = 32}, /* loops in it */
        {.desc = {{DRIVER_RAM, 16, 4, 0}}},        /* a table not in RAM */
        {.desc = {{DRIVER_RAM - 16, 4096, 4, 0}}}, /* not all of it */
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        void *fresh;
        set_up(&fresh);
        struct toy *t = fresh;
        driver_start(t->d, DRIVER_FEATURES, 2);
        uint64_t table = driver_put(t->d, bad[i].table, sizeof(bad[i].table));
        for (unsigned j = 0; j < 4; j++) {
            bool indirect = bad[i].desc[j].at == TABLE;
            driver_desc(t->d, 0, j, indirect ? table : bad[i].desc[j].at,
                        indirect ? bad[i].table_bytes : bad[i].desc[j].len, bad[i].desc[j].flags,
                        bad[i].desc[j].next);
        }
        driver_offer(t->d, 0, bad[i].head);
        driver_kick(t->d, 0);
        assert_broken(t);
        tear_down(&fresh);
    }
}

static void indirect_chains_count_as_nonsense_unless_negotiated(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_VERSION1, 2);
    const struct piece p = {driver_put(t->d, "x", 1), 1, false};
    driver_add_indirect(t->d, 0, &p, 1);
    driver_kick(t->d, 0);
    assert_broken(t);
}

static void an_available_index_that_jumps_needs_a_reset(void **state)
{
    struct toy *t = *state;
    driver_start(t->d, DRIVER_FEATURES, 2);
    *(uint16_t *)driver_at(t->d, t->d->queues[0].avail + 2) = 65;
    driver_kick(t->d, 0);
    assert_broken(t);
}

static void a_long_chain_is_taken_up_to_the_limit(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    struct piece p[VRING_MAX + 1];
    driver_start(d, DRIVER_FEATURES, 2);
    for (unsigned i = 0; i <= VRING_MAX; i++)
        p[i] = (struct piece){0x100000, 1, false};
    driver_add_indirect(d, 0, p, VRING_MAX);
    driver_kick(d, 0);
    assert_int_equal(t->last_out, VRING_MAX);
    t->chains = 0;
    driver_add_indirect(d, 0, p, VRING_MAX + 1);
    driver_kick(d, 0);
    assert_broken(t);
}

static void a_chain_longer_than_4_gib_needs_a_reset(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    struct piece p[128];
    for (unsigned i = 0; i < 128; i++)
        p[i] = (struct piece){0, DRIVER_RAM, true};
    driver_add_indirect(d, 0, p, 127);
    driver_kick(d, 0);
    assert_int_equal(t->last_in, 127u * DRIVER_RAM);
    t->chains = 0;
    driver_add_indirect(d, 0, p, 128);
    driver_kick(d, 0);
    assert_broken(t);
}

static void rings_outside_of_memory_or_not_aligned_are_not_enabled(void **state)
{
    static const struct {
        unsigned off;
        uint32_t val;
    } bad[] = {{32, DRIVER_RAM}, {32, 0x10008},    {36, 1},       {40, DRIVER_RAM - 128},
               {40, 0x20001},    {48, 0xfffffffc}, {48, 0x20002}, {24, 0},
               {24, 3},          {24, 256}};
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_probe(d);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        driver_reset(d);
        assert_true(driver_negotiate(d, DRIVER_FEATURES));
        driver_write(d, 22, 2, 0);
        driver_write(d, 24, 2, 64);
        driver_write(d, 32, 4, 0x10000);
        driver_write(d, 40, 4, 0x20000);
        driver_write(d, 48, 4, 0x30000);
        driver_write(d, bad[i].off, bad[i].off == 24 ? 2 : 4, bad[i].val);
        driver_write(d, 28, 2, 1);
        assert_true(driver_status(d) & NEEDS_RESET);
        assert_int_equal(virtio_errors(t->virtio), i + 1);
    }
}

static void accesses_of_odd_sizes_and_places_do_nothing(void **state)
{
    struct toy *t = *state;
    struct driver *d = t->d;
    driver_start(d, DRIVER_FEATURES, 2);
    driver_write(d, 20, 4, 0);
    driver_write(d, 21, 1, 0);
    driver_write(d, 32, 2, 0);
    driver_write(d, 22, 2, 7); /* no such queue */
    assert_int_equal(driver_read(d, 24, 2), 0);
    driver_write(d, 28, 2, 1);
    bus_write(d->mem, d->notify + 4 * 2, 4, 2);
    bus_write(d->mem, d->notify + 0xffc, 4, 0);
    bus_write(d->mem, d->isr, 4, UINT32_MAX);
    bus_write(d->mem, d->common + 0xff8, 8, 0);
    assert_int_equal(bus_read(d->mem, d->common + 0xff8, 8), 0);
    assert_int_equal(driver_status(d), 15);
    echo(t, driver_add);
}

/* ---- state ---- */

static void a_queue_goes_on_after_its_state_was_loaded(void **state)
{
    struct toy *t = *state;
    struct err e;
    uint8_t *buf = NULL;
    size_t len = 0, used;
    driver_start(t->d, DRIVER_FEATURES, 2);
    echo(t, driver_add);
    assert_int_equal(state_save(&vring_state, virtio_queue(t->virtio, 0), &buf, &len, &e), 0);
    size_t queue_len = len;
    assert_int_equal(state_save(&virtio_state, t->virtio, &buf, &len, &e), 0);
    struct driver_queue before = t->d->queues[0];
    driver_write(t->d, 20, 1, 0);
    assert_int_equal(state_load(&vring_state, virtio_queue(t->virtio, 0), buf, queue_len, &used, &e), 0);
    assert_int_equal(state_load(&virtio_state, t->virtio, buf + used, len - used, &used, &e), 0);
    t->d->queues[0] = before;
    assert_int_equal(driver_status(t->d), 15);
    echo(t, driver_add_indirect);
    uint8_t *at = memmem(buf, queue_len, "\x00\x00\x01\x00\x00\x00\x00\x00", 8); /* desc_at = 0x10000 */
    assert_non_null(at);
    at[3] = 0xff;
    assert_int_equal(state_load(&vring_state, virtio_queue(t->virtio, 0), buf, queue_len, &used, &e),
                     -EINVAL);
    free(buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_driver_finds_the_device_and_its_identity),
        TEST(features_need_version_1_and_must_have_been_offered),
        TEST(a_reset_forgets_everything),
        TEST(a_reset_with_requests_in_flight_shows_when_they_are_done),
        TEST(only_the_writable_part_of_the_configuration_can_be_written),
        TEST(configuration_space_reaches_bars_through_a_window),
        TEST(bytes_go_through_plain_and_indirect_chains),
        TEST(an_indirect_table_may_end_a_chain),
        TEST(indices_wrap_around),
        TEST(what_was_offered_before_the_driver_was_ready_is_served_then),
        TEST(without_bus_mastering_memory_is_left_alone),
        TEST(one_notification_does_not_hold_the_lock_for_ever),
        TEST(each_queue_has_its_vector),
        TEST(without_msix_the_pin_is_driven_until_isr_is_read),
        TEST(a_driver_that_wants_no_interrupt_gets_none),
        TEST(with_event_index_an_interrupt_comes_when_its_index_is_passed),
        TEST(chains_of_all_wrong_kinds_need_a_reset),
        TEST(indirect_chains_count_as_nonsense_unless_negotiated),
        TEST(an_available_index_that_jumps_needs_a_reset),
        TEST(a_long_chain_is_taken_up_to_the_limit),
        TEST(a_chain_longer_than_4_gib_needs_a_reset),
        TEST(rings_outside_of_memory_or_not_aligned_are_not_enabled),
        TEST(accesses_of_odd_sizes_and_places_do_nothing),
        TEST(a_queue_goes_on_after_its_state_was_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
