// SPDX-License-Identifier: GPL-2.0-or-later
/* container_files: see container_files.h. */
#include "monitor/container_files.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "monitor/container_dns.h"
#include "monitor/guest_option.h"

#define FILE_MAX 65536
#define USER_DNS "10.0.2.3" /* in the network that host/net_user.h makes */

static int write_file(const struct guest_dir *d, const char *name, const char *text, struct err *e)
{
    OWN_MEM char *path = guest_dir_run_file(d, name);
    OWN_FD fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    if (fd < 0 || fchmod(fd, 0644) < 0)
        return err_sys(e, "%s", name);
    int rc = file_write_all(fd, text, strlen(text));
    return rc < 0 ? err_code(e, rc, "%s", name) : 0;
}

/* A file of the container whose network this one shares. */
static char *theirs(const struct guest_config *c, const char *name)
{
    OWN(guest_dir) d = NULL;
    char *text = NULL;
    OWN_MEM char *path = guest_dir_at(c->net_of, &d, NULL) == 0 ? guest_dir_run_file(d, name) : NULL;
    return path && file_read(path, FILE_MAX, &text, NULL, NULL) == 0 ? text : strdup("");
}

/* What was asked for by --add-host, a line each, below what is there. */
static char *with_hosts(const char *text, const struct guest_container *c)
{
    char *all = strdup(text);
    for (const char *const *p = c->hosts; p && *p && all; p++) {
        struct guest_host h;
        if (guest_host_parse(*p, &h, NULL) < 0)
            continue;
        char *more = path_make("%s%s %s\n", all, h.address, h.name);
        free(all);
        all = more;
    }
    return all;
}

static char *name_servers(const struct guest_container *c)
{
    char *all = strdup("");
    for (const char *const *p = c->dns; p && *p && all; p++) {
        char *more = path_make("%snameserver %s\n", all, *p);
        free(all);
        all = more;
    }
    return all;
}

static char *hosts(const struct guest_config *c, const struct container_net *n, const char *name)
{
    char address[INET_ADDRSTRLEN] = "127.0.1.1";
    OWN_MEM char *before = n->is == GUEST_NET_CONTAINER
                               ? theirs(c, "hosts")
                               : strdup("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
    if (n->address.s_addr)
        inet_ntop(AF_INET, &n->address, address, sizeof(address));
    OWN_MEM char *all = before ? path_make("%s%s %s\n", before, address, name) : NULL;
    return all ? with_hosts(all, &c->container) : NULL;
}

static char *dns(const struct guest_config *c, const struct container_net *n)
{
    char *text = NULL;
    if (c->container.dns)
        return name_servers(&c->container);
    if (n->is == GUEST_NET_USER)
        return strdup("nameserver " USER_DNS "\n");
    if (n->is == GUEST_NET_BRIDGE)
        return container_dns();
    if (n->is == GUEST_NET_CONTAINER)
        return theirs(c, "resolv.conf");
    if (n->is == GUEST_NET_HOST && file_read("/etc/resolv.conf", FILE_MAX, &text, NULL, NULL) == 0)
        return text;
    return strdup("");
}

int container_files_write(const struct guest_dir *d, const struct guest_config *c,
                          const struct container_net *n, struct err *e)
{
    const char *name = c->hostname ? c->hostname : c->name;
    OWN_MEM char *hosts_text = hosts(c, n, name), *hostname_text = path_make("%s\n", name),
                 *dns_text = dns(c, n);
    if (!hosts_text || !hostname_text || !dns_text)
        return err_code(e, -ENOMEM, "files of /etc");
    int rc = write_file(d, "hosts", hosts_text, e);
    if (rc == 0)
        rc = write_file(d, "hostname", hostname_text, e);
    return rc < 0 ? rc : write_file(d, "resolv.conf", dns_text, e);
}
