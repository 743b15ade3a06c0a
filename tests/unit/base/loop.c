// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/loop.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include "unit.h"

struct fixture {
    pthread_mutex_t lock;
    struct loop *loop;
    int order[64];
    int n;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    struct err e;
    if (loop_new(&f->lock, &f->loop, &e) < 0)
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    loop_free(f->loop);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

struct tick {
    struct loop_timer t;
    struct fixture *f;
    int id;
};

static void note(void *ctx)
{
    struct tick *k = ctx;
    k->f->order[k->f->n++] = k->id;
}

static void end(void *ctx)
{
    struct fixture *f = ctx;
    loop_stop(f->loop);
}

static void timers_fire_in_order_of_deadline_whatever_the_order_of_arming(void **state)
{
    struct fixture *f = *state;
    struct tick k[40];
    uint64_t now = loop_now_ns();
    for (int i = 0; i < 40; i++) {
        k[i].f = f;
        k[i].id = i * 7 % 40;
        loop_timer_init(&k[i].t, f->loop, note, &k[i]);
        loop_timer_arm(&k[i].t, now + 1000u * (unsigned)k[i].id);
    }
    for (int i = 0; i < 40; i++)
        if (k[i].id % 3 == 0)
            loop_timer_stop(&k[i].t);
    struct loop_timer last;
    loop_timer_init(&last, f->loop, end, f);
    loop_timer_arm(&last, now + 3000000);
    struct err e;
    assert_int_equal(loop_run(f->loop, &e), 0);
    assert_int_equal(f->n, 26);
    for (int i = 1; i < f->n; i++)
        assert_true(f->order[i - 1] < f->order[i]);
}

struct armer {
    struct fixture *f;
    struct loop_timer t;
};

static void *arm_from_outside(void *ctx)
{
    struct armer *a = ctx;
    usleep(20000); /* the loop sleeps by now, with nothing due for an hour */
    pthread_mutex_lock(&a->f->lock);
    loop_timer_arm(&a->t, loop_now_ns());
    pthread_mutex_unlock(&a->f->lock);
    return NULL;
}

static void a_nearer_timer_armed_by_another_thread_wakes_the_loop(void **state)
{
    struct fixture *f = *state;
    struct armer a = {.f = f};
    struct loop_timer far;
    loop_timer_init(&far, f->loop, end, f);
    loop_timer_arm(&far, loop_now_ns() + 3600ull * 1000000000);
    loop_timer_init(&a.t, f->loop, end, f);
    pthread_t thread;
    pthread_create(&thread, NULL, arm_from_outside, &a);
    struct err e;
    alarm(30); /* a loop that misses it would sleep for the hour */
    assert_int_equal(loop_run(f->loop, &e), 0);
    alarm(0);
    pthread_join(thread, NULL);
}

static void hang_up(void *ctx, int fd, uint32_t events)
{
    struct fixture *f = ctx;
    (void)events;
    f->order[f->n++] = fd;
    loop_unwatch(f->loop, fd);
    loop_unwatch(f->loop, f->order[60] == fd ? f->order[61] : f->order[60]);
    loop_stop(f->loop);
}

static void a_callback_may_unwatch_another_descriptor_of_the_same_batch(void **state)
{
    struct fixture *f = *state;
    int p[2][2];
    struct err e;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(p[i]), 0);
        assert_int_equal(write(p[i][1], "x", 1), 1);
        f->order[60 + i] = p[i][0];
        assert_int_equal(loop_watch(f->loop, p[i][0], EPOLLIN, hang_up, f, &e), 0);
    }
    assert_int_equal(loop_run(f->loop, &e), 0);
    assert_int_equal(f->n, 1);
    for (int i = 0; i < 2; i++) {
        close(p[i][0]);
        close(p[i][1]);
    }
}

struct posted {
    struct fixture *f;
    int id;
};

static void note_post(void *ctx)
{
    struct posted *p = ctx;
    p->f->order[p->f->n++] = p->id;
}

static void *post_ten(void *ctx)
{
    struct posted *p = ctx;
    for (int i = 0; i < 10; i++)
        loop_post(p[i].f->loop, note_post, &p[i]);
    loop_stop(p[0].f->loop);
    return NULL;
}

static void posted_calls_keep_their_order(void **state)
{
    struct fixture *f = *state;
    struct posted p[10];
    for (int i = 0; i < 10; i++)
        p[i] = (struct posted){f, i};
    pthread_t thread;
    pthread_create(&thread, NULL, post_ten, p);
    struct err e;
    assert_int_equal(loop_run(f->loop, &e), 0);
    pthread_join(thread, NULL);
    assert_int_equal(f->n, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(f->order[i], i);
}

struct forked {
    struct fixture *f;
    int pipe[2];
    pid_t child;
    int got;
};

static void one_byte(void *ctx, int fd, uint32_t events)
{
    struct forked *k = ctx;
    char c;
    (void)events;
    k->got += read(fd, &c, 1) == 1;
    loop_unwatch(k->f->loop, fd);
}

/* From inside the loop, as a monitor does it. The child takes its own ends; timer and posted call came along.
 */
static void fork_now(void *ctx)
{
    struct forked *k = ctx;
    k->child = fork();
    if (k->child != 0)
        return;
    struct err e;
    if (loop_after_fork(k->f->loop, &e) < 0)
        _exit(2);
    loop_unwatch(k->f->loop, k->pipe[0]); /* must not take it out of the original's loop */
    close(k->pipe[0]);
    close(k->pipe[1]);
}

static void a_loop_and_its_copy_in_a_fork_do_not_disturb_each_other(void **state)
{
    struct fixture *f = *state;
    struct forked k = {.f = f};
    struct tick t = {.f = f, .id = 7};
    struct posted p = {f, 8};
    struct loop_timer go, last;
    struct err e;
    assert_int_equal(pipe(k.pipe), 0);
    assert_int_equal(loop_watch(f->loop, k.pipe[0], EPOLLIN, one_byte, &k, &e), 0);
    loop_timer_init(&go, f->loop, fork_now, &k);
    loop_timer_init(&t.t, f->loop, note, &t);
    loop_timer_init(&last, f->loop, end, f);
    loop_timer_arm(&go, 0);
    loop_timer_arm(&t.t, loop_now_ns() + 20000000);
    loop_timer_arm(&last, loop_now_ns() + 60000000);
    loop_post(f->loop, note_post, &p);
    alarm(30);
    int rc = loop_run(f->loop, &e);
    alarm(0);
    if (k.child == 0)
        _exit(rc == 0 && f->n == 2 && k.got == 0 ? 0 : 1);
    assert_int_equal(rc, 0);
    assert_int_equal(f->n, 2);
    int status;
    assert_int_equal(waitpid(k.child, &status, 0), k.child);
    assert_int_equal(status, 0);
    assert_int_equal(write(k.pipe[1], "x", 1), 1); /* the watch is there still */
    loop_timer_arm(&last, loop_now_ns() + 20000000);
    assert_int_equal(loop_run(f->loop, &e), 0);
    assert_int_equal(k.got, 1);
    close(k.pipe[0]);
    close(k.pipe[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_deadline_whatever_the_order_of_arming, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_nearer_timer_armed_by_another_thread_wakes_the_loop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_callback_may_unwatch_another_descriptor_of_the_same_batch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(posted_calls_keep_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loop_and_its_copy_in_a_fork_do_not_disturb_each_other, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
