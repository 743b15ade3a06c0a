// SPDX-License-Identifier: GPL-2.0-or-later
/* term: see term.h. */
#include "cli/term.h"

#include <sys/ioctl.h>
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
