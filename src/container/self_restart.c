// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * self_restart: see self_restart.h.
 *
 * No function of the C library may be called here, nor thread-local storage used (script/gate/entry looks),
 * so system calls are made by hand. Source: System V ABI, AMD64 supplement, A.2.1, "Calling Conventions".
 */
#include "container/self_restart.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define PROGRAM "/proc/self/exe"

BEFORE_LIBC static long kernel(long nr, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "+a"(nr)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return nr;
}

BEFORE_LIBC bool self_restart(char **argv, char **env)
{
    struct statfs fs;
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (kernel(SYS_statfs, (long)PROGRAM, (long)&fs, 0, 0, 0) < 0)
        return false;
    if (fs.f_flags & ST_RDONLY)
        return true;
    long tree = kernel(SYS_open_tree, AT_FDCWD, (long)PROGRAM, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
    if (tree < 0)
        return false;
    if (kernel(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&read_only, sizeof(read_only)) == 0)
        (void)kernel(SYS_execveat, tree, (long)"", (long)argv, (long)env, AT_EMPTY_PATH);
    (void)kernel(SYS_close, tree, 0, 0, 0, 0);
    return false;
}
