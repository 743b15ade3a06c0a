// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "disk_bed.h"

#define BYTES   (1u << 20)
#define BASE    300000u /* not whole blocks, nor whole sectors */
#define SECTORS (BYTES / 512)

static void make_base(uint8_t *model)
{
    memset(model, 0, BYTES);
    for (unsigned i = 0; i < BASE; i++)
        model[i] = (uint8_t)(i * 7 + i / 512 + 1);
    file_fill("base", model, BASE);
}

static struct disk *open_disk(struct bed *b, const char *top, uint64_t bytes)
{
    struct disk *d = NULL;
    struct err e;
    struct disk_config c = {.base = "base", .top = top, .bytes = bytes};
    if (disk_open(&c, b->loop, &d, &e) < 0)
        fail_msg("%s", e.text);
    return d;
}

static void refuse(struct bed *b, const struct disk_config *c, int code, const char *text)
{
    struct disk *d;
    struct err e;
    assert_int_equal(disk_open(c, b->loop, &d, &e), code);
    if (!strstr(e.text, text))
        fail_msg("'%s' does not say '%s'", e.text, text);
}

static void expect(struct bed *b, struct disk *d, const uint8_t *model, uint64_t bytes)
{
    uint8_t *got = malloc(bytes);
    assert_int_equal(io_one(b, d, DISK_READ, 0, bytes, got), 0);
    for (uint64_t i = 0; i < bytes; i++)
        if (got[i] != model[i])
            fail_msg("byte %llu is %02x instead of %02x", (unsigned long long)i, got[i], model[i]);
    free(got);
}

/* ---- random requests against a flat model ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void apply(uint8_t *model, const struct disk_req *r, const uint8_t *data)
{
    if (r->op == DISK_WRITE)
        memcpy(model + r->offset, data, r->bytes);
    else if (r->op == DISK_WRITE_ZEROES)
        memset(model + r->offset, 0, r->bytes);
    else if (r->op == DISK_DISCARD) { /* only whole blocks go */
        uint64_t from = (r->offset + 4095) / 4096 * 4096, to = (r->offset + r->bytes) / 4096 * 4096;
        if (from < to)
            memset(model + from, 0, to - from);
    }
}

#define TOGETHER 8
/* Requests of different sizes that lie beside each other, often inside one block. */
static void batch(struct bed *b, struct disk *d, uint8_t *model, uint32_t *seed)
{
    static uint8_t data[TOGETHER][64 * 512];
    struct io io[TOGETHER];
    uint64_t at = next_random(seed) % SECTORS;
    unsigned n = 0;
    while (n < TOGETHER && at < SECTORS) {
        uint64_t len = 1 + next_random(seed) % (next_random(seed) % 4 ? 11 : 60);
        if (len > SECTORS - at)
            len = SECTORS - at;
        static const enum disk_op ops[] = {DISK_WRITE, DISK_WRITE, DISK_WRITE_ZEROES, DISK_DISCARD,
                                           DISK_READ};
        enum disk_op op = ops[next_random(seed) % 5];
        memset(data[n], (int)next_random(seed), sizeof(data[n]));
        io_fill(&io[n], op, at * 512, len * 512, data[n]);
        io[n].req.unmap = next_random(seed) & 1;
        at += len + next_random(seed) % 3;
        n++;
    }
    io_all(b, d, io, n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(io[i].status, 0);
        if (io[i].req.op == DISK_READ)
            assert_memory_equal(data[i], model + io[i].req.offset, io[i].req.bytes);
        apply(model, &io[i].req, data[i]);
    }
}

static void random_requests_in_parallel_read_back_as_from_a_flat_disk_across_reopening(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES);
    uint32_t seed = 4711;
    make_base(model);
    uint8_t *base = malloc(BASE);
    memcpy(base, model, BASE);
    for (int round = 0; round < 8; round++) {
        struct disk *d = open_disk(b, "top", BYTES);
        expect(b, d, model, BYTES);
        for (int i = 0; i < 40; i++)
            batch(b, d, model, &seed);
        expect(b, d, model, BYTES);
        disk_close(d);
    }
    char *now;
    size_t len;
    struct err e;
    assert_int_equal(file_read("base", BYTES, &now, &len, &e), 0);
    assert_int_equal(len, BASE);
    assert_memory_equal(now, base, BASE);
    free(now);
    free(base);
    free(model);
}

/* ---- crashes: the files as they are at some moment, opened as another disk ---- */

static void copy_file(const char *from, const char *to)
{
    char *data;
    size_t len;
    struct err e;
    assert_int_equal(file_read(from, 64u << 20, &data, &len, &e), 0);
    file_fill(to, data, len);
    free(data);
}

static void crash_copy(void)
{
    copy_file("top", "crashed");
    copy_file("top.map", "crashed.map");
}

static void check_survivor(struct bed *b, const uint8_t *flushed, const uint8_t *now)
{
    struct disk *d = open_disk(b, "crashed", 0);
    uint8_t *got = malloc(BYTES);
    assert_int_equal(disk_port(d)->bytes, BYTES);
    assert_int_equal(io_one(b, d, DISK_READ, 0, BYTES, got), 0);
    for (unsigned s = 0; s < SECTORS; s++)
        if (memcmp(got + s * 512, flushed + s * 512, 512) && memcmp(got + s * 512, now + s * 512, 512))
            fail_msg("sector %u is neither what was flushed nor what was written since", s);
    free(got);
    disk_close(d);
}

static void after_a_crash_each_sector_is_as_flushed_or_as_written_since(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES), *flushed = malloc(BYTES);
    uint32_t seed = 99;
    make_base(model);
    struct disk *d = open_disk(b, "top", BYTES);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 5; i++)
            batch(b, d, model, &seed);
        assert_int_equal(io_one(b, d, DISK_FLUSH, 0, 0, NULL), 0);
        memcpy(flushed, model, BYTES);
        crash_copy();
        check_survivor(b, flushed, flushed);
        batch(b, d, model, &seed); /* not flushed */
        crash_copy();
        check_survivor(b, flushed, model);
    }
    disk_close(d);
    free(model);
    free(flushed);
}

/* Damage one byte in a slot (0 or 1) of the only page of a map. */
static void damage(const char *map, unsigned slot)
{
    int fd = open(map, O_RDWR);
    uint8_t byte;
    off_t at = 4096 * (1 + (off_t)slot) + 100;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void a_torn_save_of_the_map_leaves_the_flush_before_and_is_told(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES), block[4096];
    make_base(model);
    struct disk *d = open_disk(b, "top", BYTES);
    memset(block, 1, sizeof(block));
    assert_int_equal(io_one(b, d, DISK_WRITE, 8192, 4096, block), 0);
    assert_int_equal(io_one(b, d, DISK_FLUSH, 0, 0, NULL), 0); /* generation 2, slot 1 */
    memcpy(model + 8192, block, 4096);
    assert_int_equal(io_one(b, d, DISK_WRITE, 40960, 4096, block), 0);
    assert_int_equal(io_one(b, d, DISK_FLUSH, 0, 0, NULL), 0); /* generation 3, slot 0 */
    crash_copy();
    disk_close(d);
    damage("crashed.map", 0);
    d = open_disk(b, "crashed", 0);
    expect(b, d, model, BYTES); /* without the second write */
    disk_close(d);
    assert_true(bed_logged(b, "1 pages were being written when the host stopped"));
    damage("crashed.map", 1);
    struct disk_config c = {.base = "base", .top = "crashed"};
    refuse(b, &c, -EIO, "crashed.map: page 0 is damaged");
    free(model);
}

static void lost_and_foreign_files_are_told(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES), block[4096] = {1};
    make_base(model);
    struct disk *d = open_disk(b, "top", BYTES);
    assert_int_equal(io_one(b, d, DISK_WRITE, 0, 4096, block), 0);
    disk_close(d);
    struct disk_config c = {.base = "base", .top = "crashed"};
    crash_copy();
    unlink("crashed.map");
    refuse(b, &c, -EIO, "crashed.map: lost");
    crash_copy();
    unlink("crashed");
    refuse(b, &c, -EIO, "crashed: lost");
    assert_int_not_equal(access("crashed", F_OK), 0);
    crash_copy();
    assert_int_equal(truncate("crashed", 8192), 0);
    refuse(b, &c, -EIO, "crashed: cut short: 8192 of 1048576 bytes");
    crash_copy();
    assert_int_equal(truncate("crashed.map", 5000), 0);
    refuse(b, &c, -EIO, "crashed.map: 5000 bytes instead of 12288");
    assert_int_equal(truncate("crashed.map", 100), 0);
    refuse(b, &c, -EIO, "crashed.map: cut short");
    file_fill("crashed.map", model, 8192);
    refuse(b, &c, -EINVAL, "crashed.map: not a block map");
    crash_copy();
    file_fill("base", model, BASE + 512);
    refuse(b, &c, -EINVAL, "was made over a base of 300000 bytes");
    free(model);
}

/* ---- sharing ---- */

static void a_top_layer_is_one_guests_and_a_base_everybodys(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES);
    make_base(model);
    struct disk *d1 = open_disk(b, "top", BYTES);
    struct disk *d2 = open_disk(b, "top2", BYTES);
    struct disk_config c = {.base = "base", .top = "top"};
    refuse(b, &c, -EBUSY, "top: in use by another guest");
    struct disk_config in_place = {.base = "base", .direct = true};
    refuse(b, &in_place, -EBUSY, "base: in use by another guest");
    uint8_t block[4096] = {42};
    assert_int_equal(io_one(b, d1, DISK_WRITE, 0, 4096, block), 0);
    expect(b, d2, model, BYTES);
    disk_close(d1);
    disk_close(d2);
    free(model);
}

static void a_raw_file_is_written_in_place_or_not_at_all(void **state)
{
    struct bed *b = *state;
    uint8_t block[4096], want[8192] = {0};
    memset(block, 5, sizeof(block));
    file_fill("raw", want, sizeof(want));
    struct disk_config c = {.base = "raw", .direct = true};
    struct disk *d;
    struct err e;
    assert_int_equal(disk_open(&c, b->loop, &d, &e), 0);
    assert_int_equal(disk_port(d)->bytes, 8192);
    assert_int_equal(io_one(b, d, DISK_WRITE, 1024, 4096, block), 0);
    assert_int_equal(io_one(b, d, DISK_WRITE_ZEROES, 2048, 512, NULL), 0);
    assert_int_equal(io_one(b, d, DISK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(io_one(b, d, DISK_WRITE, 8192, 512, block), -EINVAL);
    refuse(b, &c, -EBUSY, "in use by another guest");
    disk_close(d);
    memcpy(want + 1024, block, 4096);
    memset(want + 2048, 0, 512);
    char *now;
    assert_int_equal(file_read(c.base, BYTES, &now, NULL, &e), 0);
    assert_memory_equal(now, want, sizeof(want));
    free(now);

    struct disk_config ro = {.base = c.base, .bytes = 16384};
    assert_int_equal(disk_open(&ro, b->loop, &d, &e), 0);
    assert_true(disk_port(d)->read_only);
    assert_int_equal(disk_port(d)->bytes, 16384);
    uint8_t longer[16384] = {0};
    memcpy(longer, want, sizeof(want));
    expect(b, d, longer, sizeof(longer));
    assert_int_equal(io_one(b, d, DISK_WRITE, 0, 512, block), -EROFS);
    assert_int_equal(io_one(b, d, DISK_DISCARD, 0, 512, NULL), -EROFS);
    disk_close(d);
}

static void a_disk_without_a_base_starts_as_zeros(void **state)
{
    struct bed *b = *state;
    uint8_t *model = calloc(1, BYTES);
    struct disk_config c = {.top = "top", .bytes = BYTES};
    struct disk *d;
    struct err e;
    assert_int_equal(disk_open(&c, b->loop, &d, &e), 0);
    memset(model + 513, 9, 3);
    assert_int_equal(io_one(b, d, DISK_WRITE, 512, 512, model + 512), 0);
    expect(b, d, model, BYTES);
    disk_close(d);
    free(model);
}

static void a_layer_grows_and_never_shrinks(void **state)
{
    struct bed *b = *state;
    uint64_t large = 200u << 20; /* several pages of map */
    uint8_t *model = malloc(BYTES), block[4096];
    make_base(model);
    struct disk *d = open_disk(b, "top", BYTES - 512);
    memset(model + BYTES - 1024, 3, 512);
    assert_int_equal(io_one(b, d, DISK_WRITE, BYTES - 1024, 512, model + BYTES - 1024), 0);
    disk_close(d);
    d = open_disk(b, "top", large);
    assert_int_equal(disk_port(d)->bytes, large);
    expect(b, d, model, BYTES);
    memset(block, 7, sizeof(block));
    assert_int_equal(io_one(b, d, DISK_WRITE, large - 4096, 4096, block), 0);
    disk_close(d);
    struct disk_config c = {.base = "base", .top = "top", .bytes = BYTES};
    refuse(b, &c, -EINVAL, "has 209715200 bytes, more than the disk's 1048576");
    d = open_disk(b, "top", 0);
    uint8_t got[8192];
    assert_int_equal(io_one(b, d, DISK_READ, large - 8192, 8192, got), 0);
    for (unsigned i = 0; i < 8192; i++)
        assert_int_equal(got[i], i < 4096 ? 0 : 7);
    disk_close(d);
    free(model);
}

static void wrong_files_and_sizes_are_refused_and_leave_nothing(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES);
    make_base(model);
    const char *base = "base", *top = "top";
    refuse(b, &(struct disk_config){.base = "/nowhere/at-all"}, -ENOENT,
           "open /nowhere/at-all: No such file");
    refuse(b, &(struct disk_config){.base = "."}, -EISDIR, ".: Is a directory");
    refuse(b, &(struct disk_config){.base = "/dev/null"}, -EINVAL,
           "/dev/null: neither a file nor a block device");
    refuse(b, &(struct disk_config){.base = base, .direct = true}, -EINVAL, "not a whole number of 512-byte");
    refuse(b, &(struct disk_config){.base = base, .top = top, .bytes = 4096}, -EINVAL,
           "base: has 300000 bytes, more than the disk's 4096");
    refuse(b, &(struct disk_config){.base = base, .top = top, .bytes = BYTES + 1}, -EINVAL, "1048577 bytes");
    refuse(b, &(struct disk_config){.top = top}, -EINVAL, "a new disk needs a size");
    refuse(b, &(struct disk_config){.top = top, .bytes = 1ull << 60}, -EFBIG, "larger than 16 TiB");
    refuse(b, &(struct disk_config){.base = base, .top = top, .read_only = true}, -ENOENT, "top");
    refuse(b, &(struct disk_config){.top = "/nowhere/top", .bytes = 512}, -ENOENT, "/nowhere/top");
    refuse(b, &(struct disk_config){.bytes = 512}, -EINVAL, "needs a file");
    refuse(b, &(struct disk_config){.base = base, .bytes = 512}, -EINVAL, "not the 512 asked for");
    assert_int_not_equal(access(top, F_OK), 0);
    file_fill("empty", "", 0);
    refuse(b, &(struct disk_config){.base = "empty"}, -EINVAL, "is empty");
    free(model);
}

/* ---- the host has no more space: a file size limit stands in for a full disk ---- */

static void no_space_fails_the_request_and_harms_nothing(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES), *data = malloc(BYTES);
    make_base(model);
    memset(data, 0xee, BYTES);
    struct disk *d = open_disk(b, "top", BYTES);
    struct rlimit old, low;
    getrlimit(RLIMIT_FSIZE, &old);
    low = (struct rlimit){512u << 10, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &low);
    int across = io_one(b, d, DISK_WRITE, (512u << 10) - 8192, 16384, data);
    int beyond = io_one(b, d, DISK_WRITE, 600u << 10, 512, data);
    int below = io_one(b, d, DISK_WRITE, 4096, 4096, data);
    int flush = io_one(b, d, DISK_FLUSH, 0, 0, NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(across, -EFBIG);
    assert_int_equal(beyond, -EFBIG);
    assert_int_equal(below, 0);
    assert_int_equal(flush, 0);
    memcpy(model + 4096, data, 4096);
    expect(b, d, model, BYTES);
    assert_int_equal(io_one(b, d, DISK_WRITE, 600u << 10, 512, data), 0); /* space is there again */
    memcpy(model + (600u << 10), data, 512);
    disk_close(d);
    d = open_disk(b, "top", 0);
    expect(b, d, model, BYTES);
    disk_close(d);
    assert_true(bed_logged(b, "write of 16384 bytes at 516096: File too large"));
    free(model);
    free(data);
}

static void a_discard_gives_the_hosts_space_back(void **state)
{
    struct bed *b = *state;
    uint8_t *data = malloc(BYTES);
    memset(data, 1, BYTES);
    struct disk_config c = {.top = "top", .bytes = BYTES};
    struct disk *d;
    struct err e;
    struct stat st;
    assert_int_equal(disk_open(&c, b->loop, &d, &e), 0);
    assert_int_equal(io_one(b, d, DISK_WRITE, 0, BYTES, data), 0);
    assert_int_equal(io_one(b, d, DISK_FLUSH, 0, 0, NULL), 0);
    stat("top", &st);
    assert_true(st.st_blocks >= SECTORS);
    assert_int_equal(io_one(b, d, DISK_DISCARD, 0, BYTES, NULL), 0);
    stat("top", &st);
    assert_true(st.st_blocks < SECTORS / 4);
    disk_close(d);
    free(data);
}

/* A device that goes on with another request when one is done, as for a flush behind each write. */
static void write_then_flush(struct disk_req *req, int status)
{
    struct io *io = req->ctx;
    io->status = status;
    --*io->left;
    if (req->op != DISK_WRITE)
        return;
    struct disk_port *p = disk_port(io->disk);
    req->op = DISK_FLUSH;
    p->submit(p->ctx, req);
}

static void draining_finishes_all_and_the_disk_goes_on(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES);
    make_base(model);
    free(model);
    enum { NR = 8 };
    struct io io[NR];
    uint8_t data[4096] = {9};
    unsigned left = 2 * NR;
    struct disk *d = open_disk(b, "top", BYTES);
    struct disk_port *p = disk_port(d);
    for (unsigned i = 0; i < NR; i++) {
        io_fill(&io[i], DISK_WRITE, i * sizeof(data), sizeof(data), data);
        io[i].req.done = write_then_flush;
        io[i].left = &left;
        io[i].disk = d;
        p->submit(p->ctx, &io[i].req);
    }
    p->drain(p->ctx);
    assert_int_equal(left, 0);
    assert_int_equal(io_one(b, d, DISK_READ, 0, sizeof(data), data), 0);
    assert_int_equal(data[0], 9);
    disk_close(d);
}

static void closing_finishes_what_was_submitted(void **state)
{
    struct bed *b = *state;
    uint8_t *model = malloc(BYTES), block[4096];
    make_base(model);
    struct disk *d = open_disk(b, "top", BYTES);
    struct io io[32];
    unsigned left = 32;
    memset(block, 8, sizeof(block));
    for (unsigned i = 0; i < 32; i++) {
        io_fill(&io[i], DISK_WRITE, i * 8192, 4096, block);
        io[i].left = &left;
        io[i].bed = b;
        disk_port(d)->submit(disk_port(d)->ctx, &io[i].req);
        memcpy(model + i * 8192, block, 4096);
    }
    disk_close(d);
    assert_int_equal(left, 0);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(io[i].status, 0);
    bed_run(b); /* takes the stop of the last one */
    d = open_disk(b, "top", 0);
    expect(b, d, model, BYTES);
    disk_close(d);
    free(model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_requests_in_parallel_read_back_as_from_a_flat_disk_across_reopening),
        TEST(after_a_crash_each_sector_is_as_flushed_or_as_written_since),
        TEST(a_torn_save_of_the_map_leaves_the_flush_before_and_is_told),
        TEST(lost_and_foreign_files_are_told),
        TEST(a_top_layer_is_one_guests_and_a_base_everybodys),
        TEST(a_raw_file_is_written_in_place_or_not_at_all),
        TEST(a_disk_without_a_base_starts_as_zeros),
        TEST(a_layer_grows_and_never_shrinks),
        TEST(wrong_files_and_sizes_are_refused_and_leave_nothing),
        TEST(no_space_fails_the_request_and_harms_nothing),
        TEST(a_discard_gives_the_hosts_space_back),
        TEST(draining_finishes_all_and_the_disk_goes_on),
        TEST(closing_finishes_what_was_submitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
