// SPDX-License-Identifier: GPL-2.0-or-later
/* program_file: see program_file.h. Source: memfd_create(2), fcntl(2) "File Sealing". */
#include "container/program_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/own.h"

#define PROGRAM_MAX (8u << 20)
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3: asked for where vm.memfd_noexec is set */
#endif

static int sealed(const void *program, size_t bytes)
{
    OWN_FD fd = memfd_create("init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int rc = fd < 0 ? -errno : file_write_all(fd, program, bytes);
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        rc = -errno;
    return rc < 0 ? rc : take_fd(&fd);
}

int program_file(const char *path, struct err *e)
{
    OWN_MEM char *program = NULL;
    size_t bytes;
    int rc = file_read(path, PROGRAM_MAX, &program, &bytes, e);
    if (rc < 0)
        return err_wrap(e, "init");
    rc = sealed(program, bytes);
    return rc < 0 ? err_code(e, rc, "init %s", path) : rc;
}
