// SPDX-License-Identifier: GPL-2.0-or-later
/* container_dns: see container_dns.h. Source: resolv.conf(5), systemd-resolved.service(8). */
#include "monitor/container_dns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"

#define FILE_MAX 65536

/* A line that names a server which a container on the bridge cannot ask. */
static bool is_lost(const char *line, bool *ret_server)
{
    char address[64] = "";
    struct in_addr a;
    *ret_server = sscanf(line, " nameserver %63s", address) == 1;
    if (!*ret_server)
        return false;
    return inet_pton(AF_INET, address, &a) != 1 || ntohl(a.s_addr) >> 24 == 127 || a.s_addr == 0;
}

char *container_dns_filter(const char *text, unsigned *ret_servers)
{
    OWN_MEM char *copy = strdup(text);
    OWN_MEM char *out = calloc(1, strlen(text) + 2);
    char *rest = copy, *to = out;
    *ret_servers = 0;
    if (!copy || !out)
        return NULL;
    for (char *line; (line = strsep(&rest, "\n"));) {
        bool server;
        if (!*line || is_lost(line, &server))
            continue;
        *ret_servers += server;
        to = stpcpy(stpcpy(to, line), "\n");
    }
    return take(out);
}

char *container_dns(void)
{
    static const char *const files[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
    for (int i = 0; i < 2; i++) {
        OWN_MEM char *text = NULL;
        unsigned servers = 0;
        char *dns = file_read(files[i], FILE_MAX, &text, NULL, NULL) == 0
                        ? container_dns_filter(text, &servers)
                        : NULL;
        if (servers)
            return dns;
        free(dns);
    }
    log_warn("no name server of this host can be reached from a container: it asks public ones");
    return strdup("nameserver 8.8.8.8\nnameserver 1.1.1.1\n");
}
