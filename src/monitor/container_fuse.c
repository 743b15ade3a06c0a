// SPDX-License-Identifier: GPL-2.0-or-later
/* container_fuse: overlays by fuse-overlayfs; see container_overlay.h. */
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "monitor/container_overlay.h"

#define PROGRAM "fuse-overlayfs"
#define WAIT_MS 10000
#define END_MS  2000

/* A "," or ":" in a path would end it. */
static int add_path(struct buf *b, const char *key, const char *path)
{
    if (strpbrk(path, ",:\\"))
        return -EINVAL;
    return buf_append(b, key, strlen(key)) < 0 || buf_append(b, path, strlen(path)) < 0 ? -ENOMEM : 0;
}

/* As a string. */
static int write_options(const struct overlay *o, struct buf *b)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < o->lower->nr; i++)
        rc = add_path(b, i ? ":" : "lowerdir=", o->lower->roots[i]);
    if (rc == 0)
        rc = add_path(b, ",upperdir=", o->upper);
    if (rc == 0)
        rc = add_path(b, ",workdir=", o->work);
    return rc < 0 ? rc : buf_append(b, "", 1);
}

static _Noreturn void become(const char *program, char *const *argv)
{
    sigset_t none;
    sigemptyset(&none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0)
        execv(program, argv);
    _exit(127);
}

static bool is_fuse(const char *at)
{
    struct statfs fs;
    return statfs(at, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC;
}

static int wait_for_mount(pid_t pid, const char *at, struct err *e)
{
    for (unsigned ms = 0; ms < WAIT_MS; ms += 2) {
        if (is_fuse(at))
            return 0;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return err_set(e, -EIO, PROGRAM " failed");
        poll(NULL, 0, 2);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return err_set(e, -EIO, PROGRAM " did not mount anything");
}

int overlay_mount_fuse(const struct overlay *o, struct err *e)
{
    OWN_MEM char *program = proc_find(PROGRAM);
    OWN_BUF options = {0};
    if (!program)
        return err_set(e, -ENOENT, PROGRAM " is not installed");
    int rc = write_options(o, &options);
    if (rc < 0)
        return err_code(e, rc, PROGRAM);
    char *argv[] = {(char *)PROGRAM, (char *)"-f", (char *)"-o", (char *)buf_data(&options),
                    (char *)o->at,   NULL};
    pid_t pid = fork();
    if (pid == 0)
        become(program, argv);
    return pid < 0 ? err_sys(e, PROGRAM) : wait_for_mount(pid, o->at, e);
}

void overlay_unmount(const char *at)
{
    bool program = is_fuse(at);
    (void)umount2(at, MNT_DETACH);
    for (unsigned ms = 0; program && ms < END_MS && waitpid(-1, NULL, WNOHANG) >= 0; ms += 2)
        poll(NULL, 0, 2);
}
