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

/* ---- ranges ---- */

#define TEXT_MAX 80

/* How many ports a field is; 0: it is none, an address. */
static unsigned ports_of(const char *field, size_t len, unsigned *ret_first)
{
    unsigned last;
    char copy[16] = "", more;
    if (len >= sizeof(copy) || strspn(field, "0123456789-") < len)
        return 0;
    memcpy(copy, field, len);
    int n = sscanf(copy, "%5u-%5u%c", ret_first, &last, &more);
    return n == 2 && last >= *ret_first ? last - *ret_first + 1 : 1;
}

/* The step-th port of each range in text. *ret_steps: their length, which is one. */
static int step_of(const char *text, unsigned step, char out[TEXT_MAX], unsigned *ret_steps)
{
    size_t at = 0, end = strcspn(text, "/");
    *ret_steps = 0;
    for (size_t from = 0, len; from <= end; from += len + 1) {
        unsigned first = 0;
        len = strcspn(text + from, ":/");
        unsigned nr = ports_of(text + from, len, &first);
        if (nr && *ret_steps && nr != *ret_steps)
            return -EINVAL;
        *ret_steps = nr ? nr : *ret_steps;
        const char *sep = from ? ":" : "";
        int n = nr > 1 ? snprintf(out + at, TEXT_MAX - at, "%s%u", sep, first + step)
                       : snprintf(out + at, TEXT_MAX - at, "%s%.*s", sep, (int)len, text + from);
        if (n < 0 || (at += (size_t)n) >= TEXT_MAX)
            return -EINVAL;
    }
    return snprintf(out + at, TEXT_MAX - at, "%s", text + end) < (int)(TEXT_MAX - at) ? 0 : -EINVAL;
}

int publish_list(const struct opt_list *typed, publish_one *one, struct guest_forward ret[GUEST_FORWARDS],
                 unsigned *ret_nr, struct err *e)
{
    *ret_nr = 0;
    for (unsigned i = 0; i < typed->nr; i++) {
        char text[TEXT_MAX];
        unsigned steps = 1;
        for (unsigned step = 0; step == 0 || step < steps; step++) {
            if (step_of(typed->item[i], step, text, &steps) < 0)
                return err_set(e, -EINVAL, "ranges of ports are of one length: %.64s (like 8000-8003:80-83)",
                               typed->item[i]);
            if (*ret_nr == GUEST_FORWARDS)
                return err_set(e, -EINVAL, "more than %d ports", GUEST_FORWARDS);
            int rc = one(text, &ret[(*ret_nr)++], e);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
