// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * err: trouble of the operator or of the host, told once and in whole.
 *
 * A function that can fail takes `struct err *e` as its last parameter, returns a negative errno
 * and fills *e; on success *e is untouched. Callers add where they stand with err_wrap(); who
 * decides what to do prints it, once: "hospes: run: open disk /srv/a.raw: No such file or directory".
 */
#pragma once

#include <errno.h>
#include <stddef.h>

struct err {
    int code;       /* negative errno */
    char text[512]; /* one line of UTF-8 without control characters, outermost context first */
};

/* Fill e (NULL is allowed) and return code, so that "return err_set(e, -EINVAL, ...)" reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": strerror(-code)" appended; err_sys takes the code from errno. */
int err_code(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "context: " before what e says; returns e's code (-EIO if nobody has given one: never a success). */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An impossible state is ours alone: say where and abort, in release builds too. */
#define BUG_ON(x)                                                                                            \
    do {                                                                                                     \
        if (__builtin_expect(!!(x), 0))                                                                      \
            bug(__FILE__, __LINE__, #x);                                                                     \
    } while (0)
_Noreturn void bug(const char *file, int line, const char *what);
