// SPDX-License-Identifier: GPL-2.0-or-later
/* state_lock: see state_lock.h. A lock of flock(2) ends with its holder, however that ends. */
#include "container/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/own.h"

int state_lock_open(const char *root, const char *id)
{
    OWN_MEM char *path = path_make("%s/%s", root, id);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int state_lock(int dir, unsigned wait_ms)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    struct stat st;
    for (unsigned waited_ms = 0; flock(dir, LOCK_EX | LOCK_NB) < 0; waited_ms += 2) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (waited_ms >= wait_ms)
            return -EBUSY;
        nanosleep(&pause, NULL);
    }
    return fstat(dir, &st) < 0 ? -errno : st.st_nlink ? 0 : -ENOENT;
}

void state_unlock(int dir)
{
    (void)flock(dir, LOCK_UN);
}
