// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/lifecycle.h"

#include <stdio.h>

#include "unit.h"

/* Actions append a letter each; the one that is to fail does. */
struct script {
    char did[8];
    char fails;
};

static int act(struct script *s, char c, struct err *e)
{
    size_t n = strlen(s->did);
    s->did[n] = c;
    return c == s->fails ? err_set(e, -EIO, "action %c", c) : 0;
}

#define ACTION(name, letter)                                                                                 \
    static int name(void *ctx, struct err *e)                                                                \
    {                                                                                                        \
        return act(ctx, letter, e);                                                                          \
    }
ACTION(start, 's')
ACTION(freeze, 'f')
ACTION(thaw, 't')
ACTION(ask, 'a')
ACTION(unplug, 'u')
ACTION(restart, 'r')
ACTION(bury, 'b')
static const struct life_actions actions = {start, freeze, thaw, ask, unplug, restart, bury};

/* What happens, as "NEXT:ACTIONS", for each state (rows) and event (columns); "-": refused. */
/* clang-format off */
static const char *const expected[LIFE_STATES][LIFE_EVENTS] = {
    /*            START          PAUSE       RESUME       STOP           TIME_UP      KILL         POWER_OFF    RESET        PANIC       TRIPLE      ENGINE */
    [LIFE_CREATED]  = {"running:s", "-",        "-",         "-",           "-",         "stopped:u", "-",         "-",         "-",        "-",        "-"},
    [LIFE_RUNNING]  = {"-",         "paused:f", "-",         "stopping:a",  "-",         "stopped:u", "stopped:u", "running:r", "broken:b", "broken:b", "broken:b"},
    [LIFE_PAUSED]   = {"-",         "-",        "running:t", "stopping:ta", "-",         "stopped:u", "stopped:u", "running:r", "broken:b", "broken:b", "broken:b"},
    [LIFE_STOPPING] = {"-",         "-",        "-",         "stopping:a",  "stopped:u", "stopped:u", "stopped:u", "stopped:u", "broken:b", "broken:b", "broken:b"},
    [LIFE_STOPPED]  = {"-",         "-",        "-",         "-",           "-",         "-",         "-",         "-",         "-",        "-",        "-"},
    [LIFE_BROKEN]   = {"-",         "-",        "-",         "-",           "-",         "-",         "-",         "-",         "-",        "-",        "-"},
};
/* clang-format on */

static void every_state_and_event_does_what_the_picture_says(void **state)
{
    (void)state;
    for (int s = 0; s < LIFE_STATES; s++)
        for (int ev = 0; ev < LIFE_EVENTS; ev++) {
            struct script script = {0};
            struct lifecycle l = {(enum life_state)s, &actions, &script};
            struct err e;
            char got[64];
            int rc = life_event(&l, (enum life_event)ev, &e);
            if (rc == 0)
                snprintf(got, sizeof(got), "%s:%s", life_state_name(l.state), script.did);
            else
                snprintf(got, sizeof(got), "-");
            assert_string_equal(got, expected[s][ev]);
            assert_int_equal(life_may((enum life_state)s, (enum life_event)ev), rc == 0);
        }
}

static void a_refused_event_changes_nothing(void **state)
{
    (void)state;
    struct script script = {0};
    struct lifecycle l = {LIFE_PAUSED, &actions, &script};
    struct err e;
    assert_int_equal(life_event(&l, LIFE_PAUSE, &e), -EBUSY);
    assert_int_equal(l.state, LIFE_PAUSED);
    assert_string_equal(script.did, "");
    assert_string_equal(e.text, "it is paused and cannot be paused");
}

static void a_failed_action_leads_to_the_state_for_failures(void **state)
{
    (void)state;
    static const struct {
        enum life_state from;
        enum life_event event;
        char fails;
        enum life_state to;
    } cases[] = {
        {LIFE_CREATED, LIFE_START, 's', LIFE_BROKEN},  {LIFE_RUNNING, LIFE_PAUSE, 'f', LIFE_RUNNING},
        {LIFE_PAUSED, LIFE_RESUME, 't', LIFE_PAUSED},  {LIFE_PAUSED, LIFE_STOP, 't', LIFE_PAUSED},
        {LIFE_RUNNING, LIFE_RESET, 'r', LIFE_BROKEN},  {LIFE_RUNNING, LIFE_STOP, 'a', LIFE_RUNNING},
        {LIFE_STOPPING, LIFE_KILL, 'u', LIFE_STOPPED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script script = {.fails = cases[i].fails};
        struct lifecycle l = {cases[i].from, &actions, &script};
        struct err e;
        assert_int_equal(life_event(&l, cases[i].event, &e), -EIO);
        assert_int_equal(l.state, cases[i].to);
    }
}

static void only_stopped_and_broken_are_ends(void **state)
{
    (void)state;
    for (int s = 0; s < LIFE_STATES; s++)
        assert_int_equal(life_ended((enum life_state)s), s == LIFE_STOPPED || s == LIFE_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_and_event_does_what_the_picture_says),
        cmocka_unit_test(a_refused_event_changes_nothing),
        cmocka_unit_test(a_failed_action_leads_to_the_state_for_failures),
        cmocka_unit_test(only_stopped_and_broken_are_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
