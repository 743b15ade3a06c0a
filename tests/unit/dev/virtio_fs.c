// SPDX-License-Identifier: GPL-2.0-or-later
/* The file system device: what it carries, and what happens when its driver goes in the middle. */
#include "dev/virtio_fs.h"

#include "unit.h"
#include "virtio_driver.h"

enum { URGENT, OTHERS };

struct fixture {
    struct driver *d;
    struct share_port port;
    struct virtio_fs *fs;
    struct share_req *waiting;
    char said[64];
};

static void on_submit(void *ctx, struct share_req *r)
{
    struct fixture *f = ctx;
    f->waiting = r;
    memcpy(f->said, r->out[0].iov_base, r->out[0].iov_len);
}

static void on_drain(void *ctx)
{
    struct fixture *f = ctx;
    if (f->waiting)
        f->waiting->done(take(f->waiting), 0);
}

static int up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    f->d = driver_new();
    f->port = (struct share_port){.submit = on_submit, .drain = on_drain, .ctx = f, .tag = "folders"};
    if (virtio_fs_new(&f->d->board, &f->port, &f->fs, &e) < 0)
        return -1;
    driver_start(f->d, DRIVER_FEATURES, 2);
    *state = f;
    return 0;
}

static int down(void **state)
{
    struct fixture *f = *state;
    virtio_fs_free(f->fs);
    driver_free(f->d);
    free(f);
    return 0;
}

static uint64_t send_message(struct fixture *f, unsigned queue, const char *text)
{
    uint64_t room = driver_alloc(f->d, 64);
    const struct piece p[] = {
        {driver_put(f->d, text, (uint32_t)strlen(text) + 1), (uint32_t)strlen(text) + 1, false},
        {room, 64, true}};
    driver_add(f->d, queue, p, 2);
    driver_kick(f->d, queue);
    return room;
}

static void its_tag_is_told(void **state)
{
    struct fixture *f = *state;
    char tag[8];
    for (unsigned i = 0; i < sizeof(tag); i++)
        tag[i] = (char)bus_read(f->d->mem, f->d->config + i, 1);
    assert_string_equal(tag, "folders");
    assert_int_equal(bus_read(f->d->mem, f->d->config + 36, 4), 1); /* request queues */
}

static void a_message_is_carried_and_answered(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    uint32_t len;
    uint64_t room = send_message(f, OTHERS, "question");
    assert_string_equal(f->said, "question");
    assert_int_equal(f->waiting->in_bytes, 64);
    assert_false(driver_used(f->d, OTHERS, &head, &len));
    memcpy(f->waiting->in[0].iov_base, "answer", 7);
    f->waiting->done(take(f->waiting), 7);
    assert_true(driver_used(f->d, OTHERS, &head, &len));
    assert_int_equal(len, 7);
    assert_string_equal(driver_at(f->d, room), "answer");
}

static void a_message_without_answer_is_given_back(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    uint32_t len;
    const struct piece p = {driver_put(f->d, "forget", 7), 7, false};
    driver_add(f->d, URGENT, &p, 1);
    driver_kick(f->d, URGENT);
    assert_int_equal(f->waiting->nr_in, 0);
    f->waiting->done(take(f->waiting), 0);
    assert_true(driver_used(f->d, URGENT, &head, &len));
    assert_int_equal(len, 0);
}

static void a_reset_waits_for_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    send_message(f, OTHERS, "slow");
    driver_write(f->d, 20, 1, 0); /* device status */
    assert_int_not_equal(driver_status(f->d), 0);
    f->waiting->done(take(f->waiting), 3);
    assert_int_equal(driver_status(f->d), 0);
}

static void taking_it_away_drains_it(void **state)
{
    struct fixture *f = *state;
    send_message(f, OTHERS, "slow");
    virtio_fs_free(take(f->fs));
    assert_null(f->waiting);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        TEST(its_tag_is_told),
        TEST(a_message_is_carried_and_answered),
        TEST(a_message_without_answer_is_given_back),
        TEST(a_reset_waits_for_what_is_in_flight),
        TEST(taking_it_away_drains_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
