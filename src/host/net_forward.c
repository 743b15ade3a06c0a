// SPDX-License-Identifier: GPL-2.0-or-later
/* net_forward: see net_forward.h. */
#include "host/net_forward.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/own.h"

bool net_forward_same_host(const struct net_forward *a, const struct net_forward *b)
{
    return a->udp == b->udp && a->host_ip.s_addr == b->host_ip.s_addr && a->host_port == b->host_port;
}

void net_forward_text(const struct net_forward *f, char text[NET_FORWARD_TEXT])
{
    char ip[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &f->host_ip, ip, sizeof(ip));
    snprintf(text, NET_FORWARD_TEXT, "%s:%u/%s", ip, f->host_port, f->udp ? "udp" : "tcp");
}

int net_forward_refused(const struct net_forward *f, int code, struct err *e)
{
    char text[NET_FORWARD_TEXT];
    net_forward_text(f, text);
    if (f->host_port == 0 || f->guest_port == 0)
        return err_set(e, code, "publish %s: there is no port 0", text);
    if (code == -EACCES)
        return err_set(e, code, "publish %s: only root may use privileged ports (below 1024)", text);
    return err_code(e, code, "publish %s", text);
}

/*
 * A listening socket keeps all others from the port, and can itself be had while old connections of a server
 * that was there before are not forgotten yet (SO_REUSEADDR). UDP has no such thing to forget.
 */
int net_forward_hold(const struct net_forward *f, int *ret_fd, struct err *e)
{
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr = f->host_ip, .sin_port = htons(f->host_port)};
    const int on = 1;
    if (f->host_port == 0 || f->guest_port == 0)
        return net_forward_refused(f, -EINVAL, e);
    OWN_FD fd = socket(AF_INET, (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0 || (!f->udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
        bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || (!f->udp && listen(fd, 1) < 0))
        return net_forward_refused(f, -errno, e);
    *ret_fd = take_fd(&fd);
    return 0;
}
