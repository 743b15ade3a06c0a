// SPDX-License-Identifier: GPL-2.0-or-later
/* foreground: see foreground.h. */
#include "container/foreground.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"

sigset_t foreground_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    const int not[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGTTOU, SIGTTIN, SIGPIPE};
    for (unsigned i = 0; i < sizeof(not) / sizeof(not[0]); i++)
        sigdelset(&set, not[i]);
    return set;
}

void foreground_hold_signals(void)
{
    sigset_t set = foreground_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- our terminal ---- */

struct tty {
    bool raw;
    struct termios before;
};

static void tty_raw(struct tty *t)
{
    if (tcgetattr(0, &t->before) < 0)
        return;
    struct termios raw = t->before;
    cfmakeraw(&raw);
    t->raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

static void tty_restore(const struct tty *t)
{
    if (t->raw)
        tcsetattr(0, TCSANOW, &t->before);
}

static void resize(int master)
{
    struct winsize size;
    if (master >= 0 && ioctl(0, TIOCGWINSZ, &size) == 0)
        (void)ioctl(master, TIOCSWINSZ, &size);
}

/* ---- the loop ---- */

struct watch {
    pid_t pid;
    int master, signals;
    bool in_open;
};

static bool copy(int from, int to)
{
    char data[8192];
    ssize_t n = read(from, data, sizeof(data));
    return n > 0 ? file_write_all(to, data, (size_t)n) == 0 : n < 0 && errno == EINTR;
}

static void pass_signal(const struct watch *w)
{
    struct signalfd_siginfo s;
    if (read(w->signals, &s, sizeof(s)) != sizeof(s))
        return;
    if (s.ssi_signo == SIGWINCH)
        resize(w->master);
    else if (s.ssi_signo != SIGCHLD)
        kill(w->pid, (int)s.ssi_signo);
}

static void drain(int master)
{
    struct pollfd p = {.fd = master, .events = POLLIN};
    while (master >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLIN) && copy(master, 1))
        ;
}

static void once(struct watch *w)
{
    struct pollfd p[] = {{.fd = w->signals, .events = POLLIN},
                         {.fd = w->master, .events = POLLIN},
                         {.fd = w->in_open && w->master >= 0 ? 0 : -1, .events = POLLIN}};
    if (poll(p, 3, -1) < 0)
        return;
    if (p[1].revents && !copy(w->master, 1))
        w->master = -1;
    if (p[2].revents && !copy(0, w->master))
        w->in_open = false;
    if (p[0].revents)
        pass_signal(w);
}

static bool ended(pid_t pid, int *ret)
{
    int status;
    pid_t got = waitpid(pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return false;
    *ret = got < 0 ? 1 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

int foreground_wait(pid_t pid, int master, struct err *e)
{
    sigset_t set = foreground_signals();
    OWN_FD signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0)
        return err_sys(e, "signals");
    struct watch w = {.pid = pid, .master = master, .signals = signals, .in_open = true};
    struct tty tty = {0};
    int status;
    if (master >= 0) {
        resize(master);
        tty_raw(&tty);
    }
    while (!ended(pid, &status))
        once(&w);
    drain(w.master);
    tty_restore(&tty);
    return status;
}
