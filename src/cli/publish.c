// SPDX-License-Identifier: GPL-2.0-or-later
/* publish: see publish.h. */
#include "cli/publish.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/opt.h"

static int port(const char *text, uint16_t *ret)
{
    unsigned n;
    if (opt_number(text, &n, NULL) < 0 || n == 0 || n > 65535)
        return -EINVAL;
    *ret = (uint16_t)n;
    return 0;
}

/* Cuts what follows the last sep off; NULL: there is none. */
static char *cut_last(char *text, char sep)
{
    char *p = strrchr(text, sep);
    if (p)
        *p++ = 0;
    return p;
}

static int parse(char *text, struct guest_forward *p)
{
    const char *protocol = cut_last(text, '/');
    if (protocol && strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0)
        return -EINVAL;
    p->udp = protocol && strcmp(protocol, "udp") == 0;
    const char *guest = cut_last(text, ':');
    if (!guest || port(guest, &p->guest_port) < 0)
        return -EINVAL;
    const char *host = cut_last(text, ':');
    if (port(host ? host : text, &p->host_port) < 0)
        return -EINVAL;
    return !host || inet_pton(AF_INET, text, &p->host_ip) == 1 ? 0 : -EINVAL;
}

/* "8080" is "8080:1", "127.0.0.1:8080" is "127.0.0.1:8080:1". */
int publish_parse_host(const char *text, struct guest_forward *ret, struct err *e)
{
    char full[72];
    size_t n = strcspn(text, "/");
    struct in_addr ip;
    const char *colon = memchr(text, ':', n);
    char address[INET_ADDRSTRLEN] = "";
    if (colon)
        snprintf(address, sizeof(address), "%.*s", (int)(colon - text), text);
    bool whole = colon && (memchr(colon + 1, ':', n - (size_t)(colon + 1 - text)) ||
                           inet_pton(AF_INET, address, &ip) != 1);
    snprintf(full, sizeof(full), "%.*s%s%s", (int)n, text, whole ? "" : ":1", text + n);
    if (strlen(text) < 60 && publish_parse(full, ret, NULL) == 0)
        return 0;
    return err_set(e, -EINVAL, "not a port of the host: %.64s (like 8080 or 127.0.0.1:5353/udp)", text);
}

int publish_parse(const char *text, struct guest_forward *ret, struct err *e)
{
    struct guest_forward p = {.host_ip.s_addr = htonl(INADDR_ANY)};
    char copy[64];
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy) || parse(copy, &p) < 0)
        return err_set(e, -EINVAL, "not a port to publish: %.64s (like 8080:80 or 127.0.0.1:5353:53/udp)",
                       text);
    *ret = p;
    return 0;
}
