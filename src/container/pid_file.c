// SPDX-License-Identifier: GPL-2.0-or-later
/* pid_file: see pid_file.h. */
#include "container/pid_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", pid);
    OWN_MEM char *tmp = path_make("%s.new-%d", path, getpid());
    OWN_FD fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int rc = fd < 0 ? -errno : file_write_all(fd, text, (size_t)n);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0)
        unlink(tmp);
    return rc < 0 ? err_code(e, rc, "pid file %s", path) : 0;
}
