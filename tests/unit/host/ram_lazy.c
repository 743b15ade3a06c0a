// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest memory that comes while it is used: every byte as in the source, whoever touches it, in any order. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/ram_lazy.h"

#define BYTES  (16u << 20)
#define PAGES  (BYTES / RAM_PAGE)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct bed {
    struct ram *ram;
    uint8_t *content;
    struct ram_source source;
    uint64_t broken; /* a page that cannot be read; UINT64_MAX: none */
};

static bool zero_page(const struct bed *b, uint64_t page)
{
    const uint8_t *p = b->content + page * RAM_PAGE;
    return p[0] == 0 && memcmp(p, p + 1, RAM_PAGE - 1) == 0;
}

static int read_pages(void *ctx, uint64_t page, unsigned n, void *buf, struct err *e)
{
    struct bed *b = ctx;
    if (b->broken >= page && b->broken < page + n)
        return err_set(e, -EIO, "pack 12 is damaged");
    memcpy(buf, b->content + page * RAM_PAGE, (size_t)n * RAM_PAGE);
    return 0;
}

static uint64_t next_page(void *ctx, uint64_t page)
{
    struct bed *b = ctx;
    while (page < PAGES && zero_page(b, page))
        page++;
    return page < PAGES ? page : UINT64_MAX;
}

static void failed(void *ctx, const struct err *e)
{
    (void)ctx;
    _exit(strstr(e->text, "pack 12") ? 7 : 8);
}

static int setup(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    struct err e;
    unsigned seed = 5;
    b->broken = UINT64_MAX;
    b->content = calloc(1, BYTES);
    for (uint64_t p = 0; p < PAGES; p++)
        if (rand_r(&seed) % 3)
            for (unsigned i = 0; i < RAM_PAGE; i++)
                b->content[p * RAM_PAGE + i] = (uint8_t)rand_r(&seed);
    memset(b->content + 100 * RAM_PAGE, 0, 64 * RAM_PAGE); /* whole frames of zeros */
    b->source = (struct ram_source){read_pages, next_page, failed, b};
    assert_int_equal(ram_new(BYTES, &b->ram, &e), 0);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bed *b = *state;
    ram_free(b->ram);
    free(b->content);
    free(b);
    return 0;
}

static void assert_whole(struct bed *b)
{
    assert_memory_equal(ram_at(b->ram, gpa(0), BYTES), b->content, BYTES);
}

struct toucher {
    struct bed *bed;
    unsigned seed, wrong;
};

static void *touch(void *ctx)
{
    struct toucher *t = ctx;
    const uint8_t *mem = ram_at(t->bed->ram, gpa(0), BYTES);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t at = (uint64_t)rand_r(&t->seed) % BYTES;
        t->wrong += ((const volatile uint8_t *)mem)[at] != t->bed->content[at];
    }
    return NULL;
}

static void all_comes_to_who_touches_it_at_random(void **state)
{
    struct bed *b = *state;
    struct err e;
    struct toucher t[3] = {{b, 1, 0}, {b, 2, 0}, {b, 3, 0}};
    pthread_t thread[LEN(t)];
    OWN(ram_lazy) l = NULL;
    const uint32_t hot[] = {9, 3, 4000000, 3};
    assert_int_equal(ram_lazy_start(b->ram, &b->source, hot, LEN(hot), &l, &e), 0);
    for (size_t i = 0; i < LEN(t); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, touch, &t[i]), 0);
    for (size_t i = 0; i < LEN(t); i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < LEN(t); i++)
        assert_int_equal(t[i].wrong, 0);
    ram_lazy_finish(l);
    assert_true(ram_lazy_complete(l));
    assert_whole(b);
}

static void it_comes_by_itself_when_nobody_touches_it(void **state)
{
    struct bed *b = *state;
    struct err e;
    OWN(ram_lazy) l = NULL;
    assert_int_equal(ram_lazy_start(b->ram, &b->source, NULL, 0, &l, &e), 0);
    ram_lazy_finish(l);
    assert_true(ram_lazy_complete(l));
    assert_whole(b);
}

/* A disk reads into guest memory by read(2), which has no signal to fall back on. */
static void a_system_call_may_be_the_first_to_touch_a_page(void **state)
{
    struct bed *b = *state;
    struct err e;
    OWN(ram_lazy) l = NULL;
    OWN_FD fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    int pipes[2];
    assert_int_equal(ram_lazy_start(b->ram, &b->source, NULL, 0, &l, &e), 0);
    uint64_t at = BYTES - 5 * RAM_PAGE;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(write(pipes[1], ram_at(b->ram, gpa(at + 8), 100), 100), 100);
    uint8_t got[100];
    assert_int_equal(read(pipes[0], got, 100), 100);
    assert_memory_equal(got, b->content + at + 8, 100);
    assert_int_equal(read(fd, ram_at(b->ram, gpa(at + RAM_PAGE), RAM_PAGE), RAM_PAGE), RAM_PAGE);
    memset(b->content + at + RAM_PAGE, 0, RAM_PAGE);
    close(pipes[0]);
    close(pipes[1]);
    ram_lazy_finish(l);
    assert_whole(b);
}

/* What was written before the rest came is not overwritten by it. */
static void a_write_stays(void **state)
{
    struct bed *b = *state;
    struct err e;
    OWN(ram_lazy) l = NULL;
    assert_int_equal(ram_lazy_start(b->ram, &b->source, NULL, 0, &l, &e), 0);
    for (uint64_t p = 7; p < PAGES; p += 97) {
        *(uint8_t *)ram_at(b->ram, gpa(p * RAM_PAGE + 11), 1) = 0x5a;
        b->content[p * RAM_PAGE + 11] = 0x5a;
    }
    ram_lazy_finish(l);
    assert_whole(b);
}

static void it_can_be_given_up_half_way(void **state)
{
    struct bed *b = *state;
    struct err e;
    struct ram_lazy *l = NULL;
    assert_int_equal(ram_lazy_start(b->ram, &b->source, NULL, 0, &l, &e), 0);
    ram_lazy_free(l);
    (void)*(volatile uint8_t *)ram_at(b->ram, gpa(BYTES - 1), 1); /* nobody waits for ever */
}

static void what_cannot_be_read_is_told_and_nobody_hangs(void **state)
{
    struct bed *b = *state;
    b->broken = 2000;
    b->content[2000 * RAM_PAGE] = 1;
    pid_t child = fork();
    if (child == 0) {
        struct ram_lazy *l = NULL;
        struct err e;
        alarm(60);
        if (ram_lazy_start(b->ram, &b->source, NULL, 0, &l, &e) < 0)
            failed(NULL, &e);
        (void)*(volatile uint8_t *)ram_at(b->ram, gpa(2000 * RAM_PAGE), 1);
        _exit(9);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void reading_at_once_gives_the_same(void **state)
{
    struct bed *b = *state;
    struct err e;
    assert_int_equal(ram_lazy_read(b->ram, &b->source, &e), 0);
    assert_whole(b);
    b->broken = 2000;
    b->content[2000 * RAM_PAGE] = 1;
    assert_int_equal(ram_lazy_read(b->ram, &b->source, &e), -EIO);
    assert_string_equal(e.text, "memory of the snapshot: pack 12 is damaged");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_comes_to_who_touches_it_at_random),
        T(it_comes_by_itself_when_nobody_touches_it),
        T(a_system_call_may_be_the_first_to_touch_a_page),
        T(a_write_stays),
        T(it_can_be_given_up_half_way),
        T(what_cannot_be_read_is_told_and_nobody_hangs),
        T(reading_at_once_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
