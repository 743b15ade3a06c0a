// SPDX-License-Identifier: GPL-2.0-or-later
#include "line.h"

struct listener {
    struct hub_client *client;
    char *got;
    size_t nr, takes; /* bytes it takes before it stands still */
    bool leaves;      /* in its first write */
    unsigned rooms, gone;
};

static size_t listener_write(void *ctx, const void *buf, size_t len)
{
    struct listener *l = ctx;
    if (l->leaves) {
        hub_detach(l->client);
        return len;
    }
    size_t n = len < l->takes ? len : l->takes;
    l->got = realloc(l->got, l->nr + n + 1);
    memcpy(l->got + l->nr, buf, n);
    l->nr += n;
    l->takes -= n;
    l->got[l->nr] = '\0';
    return n;
}

static void listener_room(void *ctx)
{
    struct listener *l = ctx;
    l->rooms++;
}

static void listener_gone(void *ctx)
{
    struct listener *l = ctx;
    l->gone++;
}

static const struct hub_client_ops listener_ops = {listener_write, listener_room, listener_gone};

static struct hub *hub(struct bed *b, struct logfile *log, struct line *line)
{
    struct hub *h = NULL;
    struct err e;
    assert_int_equal(hub_new(b->loop, log, &h, &e), 0);
    line_init(line, h);
    return h;
}

static void attach(struct hub *h, struct listener *l, size_t takes, bool patient)
{
    struct err e;
    *l = (struct listener){.takes = takes};
    assert_int_equal(hub_attach(h, &listener_ops, l, patient, &l->client, &e), 0);
}

static void what_the_guest_says_reaches_the_log_and_every_client(void **state)
{
    struct bed *b = *state;
    struct logfile *log = NULL;
    struct line line;
    struct listener l[2];
    struct err e;
    char *got;
    assert_int_equal(logfile_open("serial.log", LOGFILE_CAP, &log, &e), 0);
    struct hub *h = hub(b, log, &line);
    attach(h, &l[0], SIZE_MAX, false);
    for (const char *c = "Linux "; *c; c++)
        line_start(&line, c, 1);
    bed_run_ms(b, 1);
    attach(h, &l[1], SIZE_MAX, true);
    line_start(&line, "boots", 5);
    hub_free(h); /* with what is on its way */
    assert_string_equal(l[0].got, "Linux boots");
    assert_string_equal(l[1].got, "boots");
    assert_int_equal(l[0].gone + l[1].gone, 2);
    assert_int_equal(file_read("serial.log", 100, &got, NULL, &e), 0);
    assert_string_equal(got, "Linux boots");
    free(got);
    free(l[0].got);
    free(l[1].got);
}

/* Let the guest say it all, however often it must wait. */
static void say_all(struct bed *b, struct line *line, const char *text, size_t len)
{
    line_start(line, text, len);
    for (unsigned i = 0; line->left && i < 10000; i++)
        bed_run_ms(b, 1);
    assert_int_equal(line->left, 0);
    bed_run_ms(b, 1);
}

static void a_slow_client_loses_output_with_a_note_and_holds_nobody_up(void **state)
{
    struct bed *b = *state;
    struct line line;
    struct listener slow, quick;
    size_t len = 1000000;
    char *text = line_text(len);
    struct hub *h = hub(b, NULL, &line);
    attach(h, &slow, 100, false);
    attach(h, &quick, SIZE_MAX, false);
    say_all(b, &line, text, len);
    assert_int_equal(quick.nr, len);
    assert_memory_equal(quick.got, text, len);
    assert_int_equal(slow.nr, 100);
    slow.takes = SIZE_MAX;
    hub_client_ready(slow.client);
    bed_run_ms(b, 1);
    assert_non_null(strstr(slow.got, " bytes lost]\r\n"));
    unsigned long lost = strtoul(strstr(slow.got, "[hospes: ") + 9, NULL, 10);
    const char *rest = strstr(slow.got, "lost]\r\n") + 7;
    assert_true(slow.nr < HUB_BACKLOG + 200);
    assert_int_equal(100 + lost + strlen(rest), len);
    assert_string_equal(rest, text + 100 + lost);
    hub_free(h);
    free(text);
    free(slow.got);
    free(quick.got);
}

static void the_guest_waits_for_a_patient_client_and_nothing_is_lost(void **state)
{
    struct bed *b = *state;
    struct line line;
    struct listener l;
    size_t len = 1000000;
    char *text = line_text(len);
    struct hub *h = hub(b, NULL, &line);
    attach(h, &l, 100, true);
    line_start(&line, text, len);
    for (int i = 0; i < 20; i++)
        bed_run_ms(b, 1);
    assert_true(line.left > len / 2); /* it waits */
    assert_int_equal(l.nr, 100);
    for (unsigned i = 0; l.nr < len && i < 10000; i++) {
        l.takes = 5000;
        hub_client_ready(l.client);
        bed_run_ms(b, 1);
    }
    assert_int_equal(l.nr, len);
    assert_memory_equal(l.got, text, len);
    hub_free(h);
    free(text);
    free(l.got);
}

static void the_guest_goes_on_when_a_patient_client_leaves(void **state)
{
    struct bed *b = *state;
    struct line line;
    struct listener l, other;
    size_t len = 1000000;
    char *text = line_text(len);
    struct hub *h = hub(b, NULL, &line);
    attach(h, &other, SIZE_MAX, false);
    attach(h, &l, 0, true);
    line_start(&line, text, len);
    for (int i = 0; i < 20; i++)
        bed_run_ms(b, 1);
    assert_true(line.left > 0);
    hub_detach(l.client);
    for (unsigned i = 0; line.left && i < 10000; i++)
        bed_run_ms(b, 1);
    bed_run_ms(b, 1);
    assert_int_equal(other.nr, len);
    hub_free(h);
    free(text);
    free(l.got);
    free(other.got);
}

static void a_client_may_leave_while_it_is_written_to(void **state)
{
    struct bed *b = *state;
    struct line line;
    struct listener l[3];
    struct hub *h = hub(b, NULL, &line);
    for (int i = 0; i < 3; i++)
        attach(h, &l[i], SIZE_MAX, false);
    l[1].leaves = true;
    line_start(&line, "one", 3);
    bed_run_ms(b, 1);
    line_start(&line, "two", 3);
    bed_run_ms(b, 1);
    assert_string_equal(l[0].got, "onetwo");
    assert_string_equal(l[2].got, "onetwo");
    assert_int_equal(l[1].nr, 0);
    hub_free(h);
    assert_int_equal(l[1].gone, 0);
    free(l[0].got);
    free(l[2].got);
}

static void input_goes_to_the_device_as_it_has_room(void **state)
{
    struct bed *b = *state;
    struct line line;
    struct listener l;
    struct hub *h = hub(b, NULL, &line);
    attach(h, &l, 0, false);
    line.room = 3;
    assert_int_equal(hub_input(l.client, "abcdef", 6), 3);
    bed_run_ms(b, 1);
    assert_int_equal(l.rooms, 0);
    line_listen(&line, 100);
    assert_int_equal(l.rooms, 0); /* not from inside the device's call */
    bed_run_ms(b, 1);
    assert_int_equal(l.rooms, 1);
    assert_int_equal(hub_input(l.client, "def", 3), 3);
    assert_memory_equal(line.heard, "abcdef", 6);
    line_listen(&line, 100);
    bed_run_ms(b, 1);
    assert_int_equal(l.rooms, 1); /* nobody waited */
    hub_free(h);
}

/* ---- the log ---- */

static void a_log_keeps_the_newest_within_its_cap(void **state)
{
    (void)state;
    size_t len = 100000, cap = 16384;
    char *text = line_text(len), *old, *new;
    size_t nr_old, nr_new;
    struct logfile *l = NULL;
    struct err e;
    for (size_t at = 0; at < len; at += 10000) { /* opened again and again */
        assert_int_equal(logfile_open("log", cap, &l, &e), 0);
        logfile_write(l, text + at, 9000);
        for (size_t i = 9000; i < 10000; i++)
            logfile_write(l, text + at + i, 1);
        logfile_close(l);
    }
    assert_int_equal(file_read("log.1", len, &old, &nr_old, &e), 0);
    assert_int_equal(file_read("log", len, &new, &nr_new, &e), 0);
    assert_true(nr_old + nr_new <= cap && nr_old == cap / 2);
    assert_memory_equal(old, text + len - nr_new - nr_old, nr_old);
    assert_memory_equal(new, text + len - nr_new, nr_new);
    free(text);
    free(old);
    free(new);
}

static void what_is_no_file_is_no_log(void **state)
{
    (void)state;
    struct logfile *l = NULL;
    struct err e;
    assert_int_equal(symlink("elsewhere", "link"), 0);
    assert_int_equal(logfile_open("link", LOGFILE_CAP, &l, &e), -ELOOP);
    assert_int_equal(logfile_open("/dev/null", LOGFILE_CAP, &l, &e), -EINVAL);
    assert_string_equal(e.text, "/dev/null: not a file");
    assert_int_equal(logfile_open("/nowhere/log", LOGFILE_CAP, &l, &e), -ENOENT);
    assert_int_not_equal(access("elsewhere", F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_guest_says_reaches_the_log_and_every_client),
        TEST(a_slow_client_loses_output_with_a_note_and_holds_nobody_up),
        TEST(the_guest_waits_for_a_patient_client_and_nothing_is_lost),
        TEST(the_guest_goes_on_when_a_patient_client_leaves),
        TEST(a_client_may_leave_while_it_is_written_to),
        TEST(input_goes_to_the_device_as_it_has_room),
        TEST(a_log_keeps_the_newest_within_its_cap),
        TEST(what_is_no_file_is_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
