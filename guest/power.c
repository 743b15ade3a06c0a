// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * power: see power.h.
 *
 * As init: TERM to all, up to TERM_MS to end, KILL, disks synced, unmounted or read-only, reboot(2).
 * Beside the image's init: systemd is told by the signals of systemd(1), "SIGNALS"; others by their programs.
 */
#include "guest/power.h"

#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "guest/say.h"

#define TERM_MS 5000
#define KILL_MS 1000
#define MOUNTS  64

enum step { STEP_NONE, STEP_BEGIN, STEP_TERM, STEP_KILL };

static int tell_init(enum power_how how, struct err *e)
{
    if (access("/run/systemd/system", F_OK) == 0) {
        if (kill(1, SIGRTMIN + (how == POWER_OFF ? 4 : 5)) < 0)
            return err_sys(e, "tell the guest's init");
        return 0;
    }
    const char *name = how == POWER_OFF ? "poweroff" : "reboot";
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "start a process");
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 1);
        execlp(name, name, (char *)NULL);
        _exit(127);
    }
    return 0;
}

int power_ask(struct power *p, enum power_how how, struct err *e)
{
    if (p->role == POWER_ROLE_NONE)
        return err_set(e, -ENOTSUP, "shutdown: the agent does not run in a guest");
    if (p->role == POWER_ROLE_AGENT)
        return tell_init(how, e);
    if (p->how == POWER_NONE) {
        p->how = how;
        p->step = STEP_BEGIN;
        p->deadline_ms = 0;
    }
    return 0;
}

/* ---- the way down as init ---- */

/* Whoever has no parent is ours, so: no child, nobody. (kill(-1, 0) would find kernel threads.) */
static bool everybody_ended(void)
{
    siginfo_t si;
    return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Last mounted first; what is in use stays, and becomes read-only with its disk below. */
static void unmount_all(void)
{
    char *dir[MOUNTS];
    unsigned n = 0;
    struct mntent *m;
    FILE *f = setmntent("/proc/self/mounts", "re");
    while (f && n < MOUNTS && (m = getmntent(f)) != NULL)
        if (strcmp(m->mnt_dir, "/") != 0 && strncmp(m->mnt_dir, "/proc", 5) != 0 &&
            strncmp(m->mnt_dir, "/dev", 4) != 0 && strncmp(m->mnt_dir, "/sys", 4) != 0)
            dir[n++] = strdup(m->mnt_dir);
    if (f)
        endmntent(f);
    while (n > 0) {
        char *d = dir[--n];
        if (d && umount2(d, UMOUNT_NOFOLLOW) < 0)
            mount(NULL, d, NULL, MS_REMOUNT | MS_RDONLY, NULL);
        free(d);
    }
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        say("the root file system stays writable: %s", strerror(errno));
}

_Noreturn static void go_down(enum power_how how)
{
    sync();
    unmount_all();
    sync();
    reboot(how == POWER_OFF ? RB_POWER_OFF : RB_AUTOBOOT);
    say("switching off failed: %s", strerror(errno));
    _exit(1); /* the kernel panics, which the host sees */
}

bool power_step(struct power *p, uint64_t now_ms)
{
    if (p->step == STEP_NONE)
        return false;
    if (p->step == STEP_BEGIN) {
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);
        p->step = STEP_TERM;
        p->deadline_ms = now_ms + TERM_MS;
        return true;
    }
    if (everybody_ended())
        go_down(p->how);
    if (now_ms < p->deadline_ms)
        return false;
    if (p->step == STEP_KILL)
        go_down(p->how);
    kill(-1, SIGKILL);
    p->step = STEP_KILL;
    p->deadline_ms = now_ms + KILL_MS;
    return false;
}
