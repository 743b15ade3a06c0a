// SPDX-License-Identifier: GPL-2.0-or-later
/* term: see term.h. */
#include "cli/term.h"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

int term_raw(struct term *t, int fd, struct err *e)
{
    struct termios raw;
    t->fd = -1;
    if (!isatty(fd))
        return 0;
    if (tcgetattr(fd, &t->saved) < 0)
        return err_sys(e, "terminal");
    raw = t->saved;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
        return err_sys(e, "terminal");
    t->fd = fd;
    return 0;
}

int term_signals(sigset_t *ret_old, struct err *e)
{
    sigset_t mask;
    sigemptyset(&mask);
    for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, 0}; *s; s++)
        sigaddset(&mask, *s);
    sigprocmask(SIG_BLOCK, &mask, ret_old);
    int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_sys(e, "signals") : fd;
}

void term_signals_back(sigset_t *old)
{
    sigprocmask(SIG_SETMASK, old, NULL);
}

void term_restore(struct term *t)
{
    if (t->fd >= 0)
        tcsetattr(t->fd, TCSADRAIN, &t->saved);
    t->fd = -1;
}

void term_size(int fd, uint16_t *ret_cols, uint16_t *ret_rows)
{
    struct winsize w;
    bool known = ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row;
    *ret_cols = known ? w.ws_col : 80;
    *ret_rows = known ? w.ws_row : 24;
}
