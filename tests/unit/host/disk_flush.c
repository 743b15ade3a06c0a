// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lasts, and in which order. The program is linked with --wrap=fdatasync, so that a power cut can be
 * played: what was never synced is gone from the data file, while the map has all that was written to it.
 */
#include <fcntl.h>
#include <stdatomic.h>

#include "disk_bed.h"

#define BLOCKS 64u
#define BYTES  (BLOCKS * 4096)

static struct {
    atomic_int data_syncs, map_syncs;
    int fail;                  /* errno for the next sync of the data */
    uint8_t map_before[12288]; /* the map's file when the data was last synced */
    uint8_t data[BYTES];       /* the data as it was then: what a power cut leaves */
} host;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    char link[64], path[256] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n > 4 && strcmp(path + n - 4, ".map") == 0) {
        host.map_syncs++;
        return __real_fdatasync(fd);
    }
    host.data_syncs++;
    int map = open("top.map", O_RDONLY);
    assert_int_equal(pread(map, host.map_before, sizeof(host.map_before), 0), sizeof(host.map_before));
    close(map);
    if (host.fail) {
        errno = host.fail;
        host.fail = 0;
        return -1;
    }
    assert_int_equal(pread(fd, host.data, BYTES, 0), BYTES);
    return __real_fdatasync(fd);
}

static struct disk *open_top(struct bed *b, const char *top)
{
    struct disk *d = NULL;
    struct err e;
    struct disk_config c = {.top = top, .bytes = BYTES};
    if (disk_open(&c, b->loop, &d, &e) < 0)
        fail_msg("%s", e.text);
    return d;
}

static void read_map(uint8_t *ret)
{
    int fd = open("top.map", O_RDONLY);
    assert_int_equal(pread(fd, ret, sizeof(host.map_before), 0), sizeof(host.map_before));
    close(fd);
}

static int write_block(struct bed *b, struct disk *d, unsigned block, uint8_t value)
{
    uint8_t bytes[4096];
    memset(bytes, value, sizeof(bytes));
    return io_one(b, d, DISK_WRITE, block * 4096, 4096, bytes);
}

static int flush(struct bed *b, struct disk *d)
{
    return io_one(b, d, DISK_FLUSH, 0, 0, NULL);
}

static void data_lasts_before_the_map_tells_of_it(void **state)
{
    struct bed *b = *state;
    uint8_t before[sizeof(host.map_before)], after[sizeof(host.map_before)];
    struct disk *d = open_top(b, "top");
    read_map(before);
    host.data_syncs = host.map_syncs = 0;
    assert_int_equal(write_block(b, d, 3, 1), 0);
    assert_int_equal(flush(b, d), 0);
    assert_int_equal(host.data_syncs, 1);
    assert_int_equal(host.map_syncs, 1);
    assert_memory_equal(host.map_before, before, sizeof(before));
    assert_int_equal(host.data[3 * 4096], 1);
    read_map(after);
    assert_memory_not_equal(after, before, sizeof(before));
    assert_int_equal(write_block(b, d, 3, 2), 0); /* it is there already: the map does not change */
    assert_int_equal(flush(b, d), 0);
    assert_int_equal(host.data_syncs, 2);
    assert_int_equal(host.map_syncs, 1);
    assert_int_equal(flush(b, d), 0); /* nothing to do */
    assert_int_equal(host.data_syncs, 2);
    disk_close(d);
}

static void after_a_power_cut_what_was_flushed_is_there(void **state)
{
    struct bed *b = *state;
    uint8_t flushed[BLOCKS] = {0}, map[sizeof(host.map_before)], got[BYTES];
    uint32_t seed = 5;
    struct disk *d = open_top(b, "top");
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < 5; i++) {
            unsigned block = (seed = seed * 1664525u + 1013904223u) >> 26;
            flushed[block] = seed >> 10 & 3 ? (uint8_t)(round * 8 + i + 1) : 0;
            if (flushed[block])
                assert_int_equal(write_block(b, d, block, flushed[block]), 0);
            else
                assert_int_equal(io_one(b, d, DISK_WRITE_ZEROES, block * 4096, 4096, NULL), 0);
        }
        assert_int_equal(flush(b, d), 0);
        read_map(map);
        file_fill("cut", host.data, BYTES);
        file_fill("cut.map", map, sizeof(map));
        struct disk *cut = open_top(b, "cut");
        assert_int_equal(io_one(b, cut, DISK_READ, 0, BYTES, got), 0);
        for (unsigned i = 0; i < BYTES; i++)
            if (got[i] != flushed[i / 4096])
                fail_msg("round %u: byte %u is %u instead of %u", round, i, got[i], flushed[i / 4096]);
        uint8_t keep[BYTES];
        memcpy(keep, host.data, BYTES);
        disk_close(cut); /* its own last flush is no business of top's */
        memcpy(host.data, keep, BYTES);
    }
    disk_close(d);
}

static void a_flush_that_failed_once_fails_for_good_and_the_map_stays(void **state)
{
    struct bed *b = *state;
    uint8_t before[sizeof(host.map_before)], after[sizeof(host.map_before)], got[4096];
    struct disk *d = open_top(b, "top");
    assert_int_equal(write_block(b, d, 1, 1), 0);
    assert_int_equal(flush(b, d), 0);
    read_map(before);
    assert_int_equal(write_block(b, d, 2, 2), 0);
    host.fail = EIO;
    assert_int_equal(flush(b, d), -EIO);
    assert_int_equal(flush(b, d), -EIO); /* the kernel would say yes now, with the data gone */
    disk_close(d);
    assert_true(bed_logged(b, "its last writes are lost: Input/output error"));
    read_map(after);
    assert_memory_equal(after, before, sizeof(before));
    d = open_top(b, "top");
    assert_int_equal(io_one(b, d, DISK_READ, 4096, 4096, got), 0);
    assert_int_equal(got[0], 1);
    assert_int_equal(io_one(b, d, DISK_READ, 8192, 4096, got), 0);
    assert_int_equal(got[0], 0);
    disk_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(data_lasts_before_the_map_tells_of_it),
        TEST(after_a_power_cut_what_was_flushed_is_there),
        TEST(a_flush_that_failed_once_fails_for_good_and_the_map_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
