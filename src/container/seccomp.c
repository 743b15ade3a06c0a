// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seccomp: see seccomp.h. Filters kept in DIR/.seccomp/HASH:
 *
 *     struct kept | the section's text | instructions | listener path | metadata
 *
 * The hash only finds the file; the whole text decides. A damaged or foreign file is as good as none.
 */
#include "container/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"

#define KEPT_MAX 64 /* files; then the folder is emptied */

struct kept {
    char maker[128]; /* program and kernel */
    uint64_t key_len;
    uint32_t nr, flags;
    uint32_t listener_len, metadata_len; /* with their 0 bytes; 0: none */
};

void seccomp_filter_fini(struct seccomp_filter *f)
{
    free(f->insn);
    free(f->listener);
    free(f->metadata);
    *f = (struct seccomp_filter){0};
}

static void maker(char ret[128])
{
    struct utsname u;
    memset(ret, 0, 128);
    uname(&u);
    snprintf(ret, 128, "hospes " HOSPES_VERSION " filter 1 %.60s", u.release);
}

/* FNV-1a, eight bytes at a time */
static uint64_t hash(const char *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u, word;
    for (; len >= 8; text += 8, len -= 8) {
        memcpy(&word, text, 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29;
    }
    while (len--)
        h = (h ^ (uint8_t)*text++) * 0x100000001b3u;
    return h;
}

/* ---- reading ---- */

static char *copy_text(const char *from, uint32_t len)
{
    return len ? strndup(from, len) : NULL;
}

static bool matches(const struct config *c, const struct kept *k, size_t size)
{
    char want[128];
    maker(want);
    return memcmp(k->maker, want, sizeof(want)) == 0 && k->key_len == c->seccomp_len &&
           k->nr <= BPF_MAXINSNS &&
           size == sizeof(*k) + k->key_len + k->nr * sizeof(struct sock_filter) + k->listener_len +
                       k->metadata_len &&
           memcmp(k + 1, c->seccomp, k->key_len) == 0;
}

static bool unpack(const struct config *c, const void *map, size_t size, struct seccomp_filter *ret)
{
    const struct kept *k = map;
    if (size < sizeof(*k) || !matches(c, k, size))
        return false;
    const char *at = (const char *)(k + 1) + k->key_len;
    struct seccomp_filter f = {.nr = k->nr, .flags = k->flags, .insn = malloc(k->nr * sizeof(*f.insn))};
    if (!f.insn)
        return false;
    memcpy(f.insn, at, k->nr * sizeof(*f.insn));
    at += k->nr * sizeof(*f.insn);
    f.listener = copy_text(at, k->listener_len);
    f.metadata = copy_text(at + k->listener_len, k->metadata_len);
    *ret = f;
    return true;
}

static bool find(const struct config *c, const char *path, struct seccomp_filter *ret)
{
    struct stat st;
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) || st.st_size <= 0)
        return false;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return false;
    bool found = unpack(c, map, (size_t)st.st_size, ret);
    munmap(map, (size_t)st.st_size);
    return found;
}

/* ---- keeping ---- */

static void sweep(const char *folder)
{
    unsigned nr = 0;
    DIR *d = opendir(folder);
    while (d && readdir(d))
        nr++;
    if (d)
        closedir(d);
    if (nr > KEPT_MAX)
        (void)dir_remove(folder, NULL);
}

static void keep(const struct config *c, const char *folder, const char *path, const struct seccomp_filter *f)
{
    struct kept k = {.key_len = c->seccomp_len,
                     .nr = f->nr,
                     .flags = f->flags,
                     .listener_len = f->listener ? (uint32_t)strlen(f->listener) + 1 : 0,
                     .metadata_len = f->metadata ? (uint32_t)strlen(f->metadata) + 1 : 0};
    maker(k.maker);
    sweep(folder);
    OWN_MEM char *tmp = path_make("%s.%d", path, getpid());
    if (dir_make(folder, 0700, NULL) < 0)
        return;
    OWN_FD fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const struct iovec io[] = {{&k, sizeof(k)},
                               {c->seccomp, c->seccomp_len},
                               {f->insn, f->nr * sizeof(*f->insn)},
                               {f->listener, k.listener_len},
                               {f->metadata, k.metadata_len}};
    size_t all = io[0].iov_len + io[1].iov_len + io[2].iov_len + io[3].iov_len + io[4].iov_len;
    if (fd >= 0 && (writev(fd, io, 5) != (ssize_t)all || rename(tmp, path) < 0))
        unlink(tmp);
}

int seccomp_prepare(const struct config *c, const char *dir, struct seccomp_filter *ret, struct err *e)
{
    *ret = (struct seccomp_filter){0};
    if (!c->seccomp)
        return 0;
    OWN_MEM char *folder = dir ? path_make("%s/.seccomp", dir) : NULL;
    OWN_MEM char *path =
        folder ? path_make("%s/%016llx", folder, (unsigned long long)hash(c->seccomp, c->seccomp_len)) : NULL;
    if (path && find(c, path, ret))
        return 0;
    int rc = seccomp_compile(c->seccomp, c->seccomp_len, ret, e);
    if (rc < 0)
        seccomp_filter_fini(ret);
    else if (path)
        keep(c, folder, path, ret);
    return rc;
}

int seccomp_enter(const struct seccomp_filter *f, int *ret_listener, struct err *e)
{
    const struct sock_fprog program = {.len = (unsigned short)f->nr, .filter = f->insn};
    *ret_listener = -1;
    if (!f->insn)
        return 0;
    long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &program);
    if (rc < 0)
        return err_sys(e, "seccomp filter");
    if (f->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        *ret_listener = (int)rc;
    return 0;
}
