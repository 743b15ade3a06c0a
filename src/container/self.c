// SPDX-License-Identifier: GPL-2.0-or-later
/* self: see self.h. */
#include "container/self.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "container/mount.h"

static bool sealed(int exe)
{
    int seals = fcntl(exe, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE);
}

/* Nobody can write to it by this name: its mount is read-only or it is sealed. */
static bool is_safe(int exe)
{
    struct statvfs fs;
    return sealed(exe) || (fstatvfs(exe, &fs) == 0 && (fs.f_flag & ST_RDONLY));
}

static int read_only_mount(void)
{
    OWN_FD tree = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0 || mount_set(tree, MOUNT_ATTR_RDONLY, 0, false) < 0)
        return -1;
    return take_fd(&tree);
}

static int sealed_copy(int exe)
{
    OWN_FD copy = memfd_create("hospes-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ssize_t n = 1;
    while (copy >= 0 && n > 0)
        n = sendfile(copy, exe, NULL, 1 << 24);
    if (copy < 0 || n < 0 || fchmod(copy, 0500) < 0 ||
        fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return -1;
    return take_fd(&copy);
}

void self_protect(char **argv)
{
    OWN_FD exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (exe < 0 || is_safe(exe))
        return;
    OWN_FD from = read_only_mount();
    if (from < 0)
        from = sealed_copy(exe);
    if (from >= 0)
        execveat(from, "", argv, environ, AT_EMPTY_PATH);
}
