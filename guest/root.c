// SPDX-License-Identifier: GPL-2.0-or-later
/* root: see root.h. */
#include "guest/root.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "base/own.h"
#include "guest/ext4.h"
#include "guest/say.h"

#define NEW     "/newroot"
#define SHARE   "/share"
#define WAIT_MS 30000
#define STEP_MS 5

/* Mount unless it is there already. */
static void mount_at(const char *type, const char *dir, unsigned long flags, const char *data)
{
    mkdir(dir, 0755);
    if (mount(type, dir, type, flags, data) < 0 && errno != EBUSY)
        say("mount %s: %s", dir, strerror(errno));
}

void root_mount_kernel(void)
{
    mount_at("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    mount_at("devtmpfs", "/dev", MS_NOSUID, "mode=0755");
}

/* ---- mounting the disk ---- */

static int wait_for(const char *disk)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    for (unsigned ms = 0; ms < WAIT_MS; ms += STEP_MS) {
        int fd = open(disk, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 || (errno != ENOENT && errno != ENXIO))
            return fd;
        nanosleep(&step, NULL);
    }
    return -1;
}

/* A read-only disk is mounted as what it is. */
static int try_mount(const char *disk, const char *type)
{
    if (mount(disk, NEW, type, MS_NOATIME, NULL) == 0)
        return 0;
    if ((errno == EROFS || errno == EACCES) && mount(disk, NEW, type, MS_NOATIME | MS_RDONLY, NULL) == 0)
        return 0;
    return -errno;
}

/* Each file system that the kernel knows and that lives on a disk. */
static int mount_any(const char *disk)
{
    OWN_FILE f = fopen("/proc/filesystems", "re");
    char line[128];
    int rc = -EINVAL;
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != '\t') /* "nodev\t..." */
            continue;
        rc = try_mount(disk, line + 1);
        if (rc == 0)
            return 0;
    }
    return rc;
}

static void mount_disk(const char *disk)
{
    OWN_FD fd = wait_for(disk);
    if (fd < 0)
        die("root disk %s: %s", disk, strerror(errno));
    mkdir(NEW, 0755);
    struct ext4 fs;
    bool is_ext4 = ext4_probe(fd, &fs);
    int rc = is_ext4 ? try_mount(disk, "ext4") : mount_any(disk);
    if (rc < 0)
        die("mount root disk %s: %s", disk,
            is_ext4 ? strerror(-rc) : "no file system on it that this kernel knows");
    rc = is_ext4 ? ext4_grow(fd, &fs, NEW) : 0;
    if (rc < 0 && rc != -EROFS)
        say("grow the file system of %s: %s", disk, strerror(-rc));
}

/* ---- moving there ---- */

static int drop(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    if (where->level > 0)
        (void)(kind == FTW_DP ? rmdir(path) : unlink(path));
    return 0;
}

/* The initramfs is memory: give it back. Only if it is one, and never what is mounted in it. */
static void drop_initramfs(void)
{
    struct statfs s;
    if (statfs("/", &s) < 0 || (s.f_type != RAMFS_MAGIC && s.f_type != TMPFS_MAGIC))
        return;
    nftw("/", drop, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void carry_over(const char *dir)
{
    char to[64];
    snprintf(to, sizeof(to), NEW "%s", dir);
    mkdir(to, 0755);
    if (mount(dir, to, NULL, MS_MOVE, NULL) < 0)
        umount2(dir, MNT_DETACH); /* the disk has no such folder and is read-only */
}

void root_share(const char *tag)
{
    mkdir(SHARE, 0755);
    if (mount(tag, SHARE, "virtiofs", MS_NODEV, NULL) < 0)
        die("mount the host's folders: %s", strerror(errno));
}

void root_switch(const char *disk)
{
    mount_disk(disk);
    carry_over("/dev");
    carry_over("/sys");
    carry_over("/proc");
    drop_initramfs();
    if (chdir(NEW) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        die("switch to %s: %s", disk, strerror(errno));
}

/* ---- furniture ---- */

static bool writable(const char *dir)
{
    return access(dir, W_OK) == 0;
}

static void link_at(const char *to, const char *path)
{
    if (symlink(to, path) < 0 && errno != EEXIST)
        say("link %s: %s", path, strerror(errno));
}

void root_furnish(void)
{
    mount_at("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666");
    mount_at("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
    mount_at("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
    mkdir("/run/lock", 0777);
    chmod("/run/lock", 01777);
    mount_at("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    if (!writable("/tmp"))
        mount_at("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
    link_at("/proc/self/fd", "/dev/fd");
    link_at("/proc/self/fd/0", "/dev/stdin");
    link_at("/proc/self/fd/1", "/dev/stdout");
    link_at("/proc/self/fd/2", "/dev/stderr");
}
