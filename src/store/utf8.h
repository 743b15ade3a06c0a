// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * utf8: names in archives are UTF-8 more often than not, whatever our own locale is, and libarchive gives no
 * name where the locale cannot hold it. Between begin and end this thread's locale can.
 */
#pragma once

#include <locale.h>

struct utf8 {
    locale_t ours, old;
};
static inline struct utf8 utf8_begin(void)
{
    struct utf8 u = {.ours = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
    if (u.ours)
        u.old = uselocale(u.ours);
    return u;
}
static inline void utf8_end(struct utf8 *u)
{
    if (!u->ours)
        return;
    uselocale(u->old);
    freelocale(u->ours);
}
#define OWN_UTF8 __attribute__((cleanup(utf8_end), unused)) struct utf8
