// SPDX-License-Identifier: GPL-2.0-or-later
/* place: a folder of its own for each test, HOSPES_ROOT in it, and small things made in it. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "unit.h"

struct place {
    char dir[64];
    struct err e;
};

static inline int place_set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    strcpy(p->dir, "/tmp/hospes-store.XXXXXX");
    *state = p;
    if (!mkdtemp(p->dir))
        return -1;
    setenv("HOSPES_ROOT", p->dir, 1);
    setenv("TMPDIR", p->dir, 1);
    return chdir(p->dir);
}

static inline int place_tear_down(void **state)
{
    struct place *p = *state;
    int rc = chdir("/") < 0 ? -1 : dir_remove(p->dir, &p->e);
    free(p);
    return rc;
}

/* A shell command in the place; its failure is the test's. */
static inline void sh(struct place *p, const char *script)
{
    const char *argv[] = {"sh", "-euc", script, NULL};
    if (proc_run(&(struct proc_config){.argv = argv, .dir = p->dir}, &p->e) < 0)
        fail_msg("%s: %s", script, p->e.text);
}

static inline void put(const char *path, const void *data, size_t len)
{
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, data, len), 0);
}

/* Names in a folder, in order, each with a blank behind it. */
static inline const char *names_in(struct place *p, const char *dir, char *text, size_t len)
{
    OWN_MEM char *script = path_make("cd %s && ls -A | LC_ALL=C sort | tr '\\n' ' ' >%s/.names", dir, p->dir);
    OWN_MEM char *names = path_make("%s/.names", p->dir);
    OWN_MEM char *got = NULL;
    sh(p, script);
    assert_int_equal(file_read(names, len - 1, &got, NULL, &p->e), 0);
    snprintf(text, len, "%s", got);
    return text;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)
