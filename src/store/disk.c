// SPDX-License-Identifier: GPL-2.0-or-later
/* disk: see disk.h; what is on it: disk_look.c; the formats of other hypervisors: disk_qemu.c. */
#include "store/disk.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "store/disk_qemu.h"
#include "store/sparse.h"

#define CHUNK (1u << 20)

/* ---- what it is ---- */

struct magic {
    unsigned offset;
    const char *bytes;
    unsigned len;
    enum disk_format format;
    const char *qemu_name;
};

/* The first that matches counts. */
static const struct magic magics[] = {
    {0, "QFI\xfb", 4, FORMAT_QEMU, "qcow2"},
    {0, "KDMV", 4, FORMAT_QEMU, "vmdk"},
    {0, "# Disk Descriptor", 17, FORMAT_QEMU, "vmdk"},
    {64, "\x7f\x10\xda\xbe", 4, FORMAT_QEMU, "vdi"},
    {0, "conectix", 8, FORMAT_QEMU, "vpc"},
    {0, "vhdxfile", 8, FORMAT_QEMU, "vhdx"},
    {514, "HdrS", 4, FORMAT_KERNEL, NULL},
    {257, "ustar", 5, FORMAT_TAR, NULL},
    {0, "\x1f\x8b", 2, FORMAT_PACKED, NULL},
    {0,
     "\xfd"
     "7zXZ",
     6, FORMAT_PACKED, NULL},
    {0, "\x28\xb5\x2f\xfd", 4, FORMAT_PACKED, NULL},
    {0, "BZh", 3, FORMAT_PACKED, NULL},
    {0, "\x04\x22\x4d\x18", 4, FORMAT_PACKED, NULL},
};

static void match(const uint8_t *head, size_t len, struct disk_kind *ret)
{
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *m = &magics[i];
        if (m->offset + m->len <= len && memcmp(head + m->offset, m->bytes, m->len) == 0) {
            *ret = (struct disk_kind){m->format, m->qemu_name};
            return;
        }
    }
    *ret = (struct disk_kind){.format = FORMAT_RAW};
}

/* A compressed stream, as one entry. */
static struct archive *open_packed(const char *path)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    if (!a)
        return NULL;
    archive_read_support_filter_all(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_filename(a, path, CHUNK) == ARCHIVE_OK &&
        archive_read_next_header(a, &entry) == ARCHIVE_OK)
        return a;
    archive_read_free(a);
    return NULL;
}

/* What is inside a compressed file? */
static void match_packed(const char *path, struct disk_kind *ret)
{
    uint8_t head[1024];
    struct archive *a = open_packed(path);
    la_ssize_t n = a ? archive_read_data(a, head, sizeof(head)) : -1;
    struct disk_kind inside;
    if (n > 0) {
        match(head, (size_t)n, &inside);
        if (inside.format == FORMAT_TAR)
            *ret = inside;
    }
    if (a)
        archive_read_free(a);
}

int disk_detect(const char *path, struct disk_kind *ret, struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    if (S_ISDIR(st.st_mode)) {
        *ret = (struct disk_kind){.format = FORMAT_FOLDER};
        return 0;
    }
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "%s: neither a file nor a folder", path);
    uint8_t head[1024];
    ssize_t n = pread(fd, head, sizeof(head), 0);
    if (n < 0)
        return err_sys(e, "read %s", path);
    if (n == 0)
        return err_set(e, -EINVAL, "%s: empty", path);
    match(head, (size_t)n, ret);
    if (ret->format == FORMAT_PACKED)
        match_packed(path, ret);
    return 0;
}

/* ---- raw ---- */

static int copy_range(int in, int out, off_t at, off_t end, const char *from, struct progress *p,
                      struct err *e)
{
    OWN_MEM uint8_t *data = malloc(CHUNK);
    if (!data)
        return err_code(e, -ENOMEM, "copy %s", from);
    while (at < end) {
        if (interrupt_pending())
            return err_set(e, -EINTR, "copy %s: interrupted", from);
        size_t want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
        ssize_t n = pread(in, data, want, at);
        if (n <= 0)
            return n < 0 ? err_sys(e, "read %s", from) : err_set(e, -EIO, "%s: became shorter", from);
        int rc = sparse_write(out, data, (size_t)n, at, NULL);
        if (rc < 0)
            return err_code(e, rc, "copy %s", from);
        at += n;
        progress_to(p, (uint64_t)at);
    }
    return 0;
}

static int copy_raw(const char *from, int out, struct progress *p, struct err *e)
{
    OWN_FD in = open(from, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (in < 0 || fstat(in, &st) < 0)
        return err_sys(e, "%s", from);
    if (ioctl(out, FICLONE, in) == 0)
        return 0; /* the file system shares the blocks */
    if (ftruncate(out, st.st_size) < 0)
        return err_sys(e, "copy %s", from);
    progress_start(p, "copying", (uint64_t)st.st_size, PROGRESS_BYTES);
    for (off_t at = 0; at < st.st_size;) {
        off_t data = lseek(in, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return 0; /* only a hole is left */
        off_t hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
        if (data < 0 || hole < 0)
            data = at, hole = st.st_size; /* a file system that does not tell */
        int rc = copy_range(in, out, data, hole, from, p, e);
        if (rc < 0)
            return rc;
        at = hole;
    }
    return 0;
}

/* ---- compressed ---- */

static int unpack_all(struct archive *a, const char *from, int out, struct progress *p, struct err *e)
{
    off_t end = 0;
    for (;;) {
        const void *data;
        size_t len;
        la_int64_t at;
        int rc = archive_read_data_block(a, &data, &len, &at);
        if (rc == ARCHIVE_EOF)
            return ftruncate(out, end) < 0 ? err_sys(e, "unpack %s", from) : 0;
        if (rc != ARCHIVE_OK)
            return err_set(e, -EINVAL, "%s: damaged or truncated (%s)", from, archive_error_string(a));
        if (interrupt_pending())
            return err_set(e, -EINTR, "unpack %s: interrupted", from);
        if ((rc = sparse_write(out, data, len, at, NULL)) < 0)
            return err_code(e, rc, "unpack %s", from);
        end = at + (off_t)len;
        progress_to(p, (uint64_t)archive_filter_bytes(a, -1));
    }
}

static int unpack(const char *from, int out, struct progress *p, struct err *e)
{
    struct stat st;
    struct archive *a = open_packed(from);
    if (!a)
        return err_set(e, -EINVAL, "%s: damaged or truncated", from);
    progress_start(p, "unpacking", stat(from, &st) == 0 ? (uint64_t)st.st_size : 0, PROGRESS_BYTES);
    int rc = unpack_all(a, from, out, p, e);
    archive_read_free(a);
    return rc;
}

int disk_import(const char *from, const struct disk_kind *kind, const char *to, struct progress *p,
                struct err *e)
{
    OWN_FD out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0)
        return err_sys(e, "create %s", to);
    int rc;
    if (kind->format == FORMAT_QEMU)
        rc = disk_convert(from, kind->qemu_name, to, p, e);
    else if (kind->format == FORMAT_PACKED)
        rc = unpack(from, out, p, e);
    else
        rc = copy_raw(from, out, p, e);
    progress_done(p);
    return rc;
}
