// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostcall: system calls of the host by hand: libc's wrappers might touch vector registers, which may hold
 * the guest's. The host's kernel keeps them.
 */
#include <sys/syscall.h>

#include "cpu/soft/soft.h"

static long call3(long nr, void *a, long b, long c)
{
    long ret;
    register long r10 __asm__("r10") = 0; /* futex: no timeout */
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return ret;
}

long soft_futex(void *word, int op, uint32_t val)
{
    return call3(SYS_futex, word, op, val);
}

void soft_yield(void)
{
    call3(SYS_sched_yield, NULL, 0, 0);
}

long soft_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
