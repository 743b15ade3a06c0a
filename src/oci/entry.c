// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * entry: where the static program hospes-oci begins, ahead of the C library's own start.
 *
 * A command that enters containers starts the program again from a read-only copy of its mount
 * (container/self.h). Done here that costs a few system calls; after the library's start it would cost that
 * start twice, which on a virtual machine is a quarter of a millisecond: glibc asks CPUID some 60 times, and
 * each is a trap.
 *
 * Which command it is is only guessed: a word too many costs one start, one too few is seen to by
 * self_protect. Source: System V ABI, AMD64 supplement, 3.4.1, "Initial Stack and Register State".
 */
#include "container/self_restart.h"

static const char entering[][8] = {"create", "run", "exec", "restore"};

BEFORE_LIBC static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

BEFORE_LIBC static bool enters(char **argv)
{
    for (; *argv; argv++)
        for (unsigned i = 0; i < sizeof(entering) / sizeof(entering[0]); i++)
            if (same(*argv, entering[i]))
                return true;
    return false;
}

/* stack: argc, argv, NULL, the environment, NULL. */
BEFORE_LIBC __attribute__((used)) static void entered(char **stack)
{
    char **argv = stack + 1;
    if (enters(argv))
        (void)self_restart(argv, argv + (long)stack[0] + 1);
}

/* rdx and the stack are _start's to find as they were; pushed twice, as calls want a multiple of 16 bytes. */
__asm__(".globl oci_entry\n"
        "oci_entry:\n"
        "    push %rdx\n"
        "    push %rdx\n"
        "    lea 16(%rsp), %rdi\n"
        "    call entered\n"
        "    pop %rdx\n"
        "    pop %rdx\n"
        "    jmp _start\n");
