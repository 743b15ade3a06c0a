// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * terminal: see terminal.h. The slave is opened by TIOCGPTPEER, never by a name that the container could have
 * put something else behind. Source: ioctl_tty(2).
 */
#include "container/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/fdpass.h"
#include "container/mount.h"
#include "container/sync.h"

static int open_master(int root, struct err *e)
{
    struct stat st;
    OWN_FD master = inroot_open(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
    if (master < 0)
        return err_code(e, master, "terminal: /dev/pts/ptmx (is devpts mounted?)");
    if (fstat(master, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
        return err_set(e, -ENOTTY, "terminal: /dev/pts/ptmx is not a terminal multiplexer");
    return take_fd(&master);
}

static int bind_console(int root, int slave, struct err *e)
{
    OWN_FD target = inroot_make_file(root, "/dev/console", 0644);
    OWN_FD tree = mount_clone(slave, false);
    int rc = target < 0 ? target : tree < 0 ? tree : mount_attach(tree, target);
    return rc < 0 ? err_code(e, rc, "terminal: /dev/console") : 0;
}

int terminal_make(int root, const struct process_config *p, bool console, int *ret_slave, struct err *e)
{
    OWN_FD master = open_master(root, e);
    int unlock = 0;
    if (master < 0)
        return master;
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return err_sys(e, "terminal: unlock");
    OWN_FD slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return err_sys(e, "terminal: open");
    const struct winsize size = {.ws_row = p->rows, .ws_col = p->cols};
    if (p->rows && p->cols && ioctl(slave, TIOCSWINSZ, &size) < 0)
        return err_sys(e, "terminal: set its size");
    if (p->uid && fchown(slave, p->uid, (gid_t)-1) < 0)
        return err_sys(e, "terminal: give it to user %u", p->uid);
    int rc = console ? bind_console(root, slave, e) : 0;
    if (rc < 0)
        return rc;
    *ret_slave = take_fd(&slave);
    return take_fd(&master);
}

int terminal_take(int slave, struct err *e)
{
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return err_sys(e, "terminal: make it ours");
    for (int i = 0; i < 3; i++)
        if (dup2(slave, i) < 0)
            return err_sys(e, "terminal: standard streams");
    return 0;
}

int terminal_hand_over(int sock, int master, struct err *e)
{
    static const char name[] = "/dev/ptmx"; /* receivers want some text beside the descriptor */
    int rc = fd_send(sock, name, sizeof(name) - 1, &master, 1);
    return rc < 0 ? err_code(e, rc, "terminal: send it to the console socket") : 0;
}

int terminal_deliver(int console, int sync, int master, struct err *e)
{
    if (console >= 0)
        return terminal_hand_over(console, master, e);
    int rc = sync_send(sync, SYNC_CONSOLE, 0, NULL, master);
    return rc < 0 ? err_code(e, rc, "terminal: send it to the runtime") : 0;
}
