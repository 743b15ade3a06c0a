// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net: see net.h.
 *
 * Source: netdevice(7), rtentry of <net/route.h>.
 */
#include "guest/net.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/own.h"
#include "guest/say.h"

#define ADDRESS "10.0.2.15"
#define NETMASK "255.255.255.0"
#define ROUTER  "10.0.2.2"
#define DNS     "10.0.2.3"

static void set_inet(struct sockaddr *sa, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, text, &in.sin_addr);
    memcpy(sa, &in, sizeof(in));
}

static int set_address(int s, const char *card, unsigned long request, const char *text)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", card);
    set_inet(&r.ifr_addr, text);
    return ioctl(s, request, &r);
}

static int up(int s, const char *card)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", card);
    if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
        return -1;
    r.ifr_flags |= IFF_UP;
    return ioctl(s, SIOCSIFFLAGS, &r);
}

static int set_router(int s, const char *text)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    set_inet(&route.rt_dst, "0.0.0.0");
    set_inet(&route.rt_genmask, "0.0.0.0");
    set_inet(&route.rt_gateway, text);
    return ioctl(s, SIOCADDRT, &route);
}

/* The first one in the alphabet that is a device and not made of software. */
static bool find_card(char ret[IFNAMSIZ])
{
    DIR *d = opendir("/sys/class/net");
    struct dirent *n;
    ret[0] = 0;
    while (d && (n = readdir(d)) != NULL) {
        char path[512];
        snprintf(path, sizeof(path), "/sys/class/net/%s/device", n->d_name);
        if (n->d_name[0] == '.' || strlen(n->d_name) >= IFNAMSIZ || access(path, F_OK) < 0)
            continue;
        if (!ret[0] || strcmp(n->d_name, ret) < 0)
            snprintf(ret, IFNAMSIZ, "%.15s", n->d_name);
    }
    if (d)
        closedir(d);
    return ret[0] != 0;
}

void net_up(bool card)
{
    char name[IFNAMSIZ];
    OWN_FD s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || up(s, "lo") < 0)
        say("network lo: %s", strerror(errno));
    if (s < 0 || !card || !find_card(name))
        return;
    if (set_address(s, name, SIOCSIFADDR, ADDRESS) < 0 || set_address(s, name, SIOCSIFNETMASK, NETMASK) < 0 ||
        up(s, name) < 0 || set_router(s, ROUTER) < 0)
        say("network %s: %s", name, strerror(errno));
}

/* ---- names ---- */

static void write_text(const char *path, const char *text)
{
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        say("write %s: %s", path, strerror(errno));
}

static bool has_text(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > 0;
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The folders that a dangling link in /etc points into. */
static void make_way(const char *link)
{
    char to[512] = "/etc/";
    ssize_t n = readlink(link, to + 5, sizeof(to) - 6);
    if (n <= 0)
        return;
    to[5 + n] = 0;
    char *path = to[5] == '/' ? to + 5 : to;
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        mkdir(path, 0755);
        *p = '/';
    }
}

/* The image's init takes the host name from there; the host's word counts, but what is right stays untouched.
 */
static void write_host_name(const char *name)
{
    char now[80] = "", want[80];
    OWN_FILE f = fopen("/etc/hostname", "re");
    snprintf(want, sizeof(want), "%s\n", name);
    if (!f || !fgets(now, sizeof(now), f) || strcmp(now, want) != 0)
        write_text("/etc/hostname", want);
}

void net_names(const char *host_name, bool name_server, bool image_init)
{
    if (*host_name && sethostname(host_name, strlen(host_name)) < 0)
        say("host name %s: %s", host_name, strerror(errno));
    if (access("/etc", W_OK) < 0)
        return;
    if (*host_name && image_init)
        write_host_name(host_name);
    const char *resolv = "/etc/resolv.conf";
    if (name_server && !has_text(resolv) && !(image_init && is_link(resolv))) {
        if (is_link(resolv))
            make_way(resolv);
        write_text(resolv, "nameserver " DNS "\n");
    }
    char hosts[256];
    snprintf(hosts, sizeof(hosts), "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n",
             *host_name ? host_name : "guest");
    if (!has_text("/etc/hosts"))
        write_text("/etc/hosts", hosts);
}
