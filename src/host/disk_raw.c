// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_raw: see disk_raw.h. */
#include "host/disk_raw.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

struct disk_raw {
    int fd;
    uint64_t bytes;
};

static int lock(int fd, const char *path, bool exclusive, struct err *e)
{
    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return err_set(e, -EBUSY, "%s: in use by another guest", path);
    if (!exclusive)
        return 0; /* a file system without locks: readers do without */
    return err_sys(e, "lock %s", path);
}

static int measure(int fd, const char *path, uint64_t *ret_bytes, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    if (S_ISDIR(st.st_mode))
        return err_code(e, -EISDIR, "%s", path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, -EINVAL, "%s: neither a file nor a block device", path);
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0)
        return err_sys(e, "%s", path);
    *ret_bytes = (uint64_t)end;
    return 0;
}

int disk_file_open(const char *path, int flags, bool exclusive, int *ret_fd, uint64_t *ret_bytes,
                   struct err *e)
{
    OWN_FD fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600); /* a FIFO does not hold us up */
    if (fd < 0)
        return err_sys(e, "open %s", path);
    uint64_t bytes = 0;
    int rc = measure(fd, path, &bytes, e);
    if (rc == 0)
        rc = lock(fd, path, exclusive, e);
    if (rc < 0)
        return rc;
    *ret_bytes = bytes;
    *ret_fd = take_fd(&fd);
    return 0;
}

int disk_raw_open(const char *path, bool writable, struct disk_raw **ret, struct err *e)
{
    OWN(disk_raw) r = calloc(1, sizeof(*r));
    if (!r)
        return err_code(e, -ENOMEM, "%s", path);
    r->fd = -1;
    int rc = disk_file_open(path, writable ? O_RDWR : O_RDONLY, writable, &r->fd, &r->bytes, e);
    if (rc < 0)
        return rc;
    if (r->bytes == 0)
        return err_set(e, -EINVAL, "%s: is empty", path);
    if (writable && r->bytes % 512)
        return err_set(e, -EINVAL, "%s: %llu bytes are not a whole number of 512-byte sectors", path,
                       (unsigned long long)r->bytes);
    *ret = take(r);
    return 0;
}

void disk_raw_close(struct disk_raw *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}

uint64_t disk_raw_bytes(const struct disk_raw *r)
{
    return r->bytes;
}

int disk_raw_read(struct disk_raw *r, struct iov_part to, uint64_t offset)
{
    uint64_t there = offset < r->bytes ? r->bytes - offset : 0;
    struct iov_part front = to, rest = to;
    front.bytes = there < to.bytes ? there : to.bytes;
    rest.skip += front.bytes;
    rest.bytes -= front.bytes;
    iov_zero(rest);
    return iov_pread(r->fd, front, offset);
}

/* ---- as a whole disk ---- */

static int raw_read(void *obj, struct iov_part to, uint64_t offset)
{
    return disk_raw_read(obj, to, offset);
}

static int raw_write(void *obj, struct iov_part from, uint64_t offset)
{
    struct disk_raw *r = obj;
    return iov_pwrite(r->fd, from, offset);
}

static int raw_flush(void *obj)
{
    struct disk_raw *r = obj;
    return fdatasync(r->fd) < 0 ? -errno : 0;
}

bool disk_file_punch(int fd, uint64_t offset, uint64_t bytes)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0;
}

static int raw_discard(void *obj, uint64_t offset, uint64_t bytes)
{
    struct disk_raw *r = obj;
    disk_file_punch(r->fd, offset, bytes); /* it is advice */
    return 0;
}

static int write_zeros(int fd, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeros[65536];
    while (bytes) {
        uint64_t n = bytes < sizeof(zeros) ? bytes : sizeof(zeros);
        struct iovec iov = {(void *)zeros, n};
        int rc = iov_pwrite(fd, (struct iov_part){&iov, 1, 0, n}, offset);
        if (rc < 0)
            return rc;
        offset += n;
        bytes -= n;
    }
    return 0;
}

static int raw_zeroes(void *obj, uint64_t offset, uint64_t bytes, bool unmap)
{
    struct disk_raw *r = obj;
    if (unmap && disk_file_punch(r->fd, offset, bytes))
        return 0;
    if (fallocate(r->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0)
        return 0;
    return write_zeros(r->fd, offset, bytes);
}

static void raw_close(void *obj)
{
    disk_raw_close(obj);
}

static const struct disk_back_ops ops = {raw_read, raw_write, raw_flush, raw_discard, raw_zeroes, raw_close};

void disk_raw_back(struct disk_raw *r, uint64_t bytes, bool read_only, struct disk_back *ret)
{
    *ret = (struct disk_back){&ops, r, bytes, read_only};
}
