// SPDX-License-Identifier: GPL-2.0-or-later
/* self: see self.h. */
#include "container/self.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "container/self_restart.h"

static bool sealed(int exe)
{
    int seals = fcntl(exe, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE);
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
    if (self_restart(argv, environ))
        return;
    OWN_FD exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (exe < 0 || sealed(exe))
        return;
    OWN_FD copy = sealed_copy(exe);
    if (copy >= 0)
        execveat(copy, "", argv, environ, AT_EMPTY_PATH);
}
