// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_ports: see guest_ports.h. */
#include "monitor/guest_ports.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/json.h"
#include "monitor/forwards.h"

/* ---- JSON ---- */

json_t *guest_port_json(const struct guest_forward *f)
{
    char ip[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &f->host_ip, ip, sizeof(ip));
    return json_pack("{s:s, s:s, s:i, s:i}", "protocol", f->udp ? "udp" : "tcp", "host_ip", ip, "host_port",
                     f->host_port, "guest_port", f->guest_port);
}

json_t *guest_ports_json(const struct guest_forward *list, unsigned nr)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < nr; i++)
        json_array_append_new(a, guest_port_json(&list[i]));
    return a;
}

static int parse(const json_t *j, struct guest_forward *f, struct err *e)
{
    const char *ip, *protocol;
    uint64_t host, guest;
    int rc;
    if ((rc = json_opt_string(j, "protocol", "tcp", &protocol, e)) < 0 ||
        (rc = json_opt_string(j, "host_ip", "0.0.0.0", &ip, e)) < 0 ||
        (rc = json_get_uint(j, "host_port", 1, 65535, &host, e)) < 0 ||
        (rc = json_get_uint(j, "guest_port", 1, 65535, &guest, e)) < 0)
        return rc;
    f->udp = strcmp(protocol, "udp") == 0;
    if (!f->udp && strcmp(protocol, "tcp") != 0)
        return err_set(e, -EINVAL, "\"protocol\" cannot be \"%.40s\"", protocol);
    if (inet_pton(AF_INET, ip, &f->host_ip) != 1)
        return err_set(e, -EINVAL, "\"host_ip\" cannot be \"%.40s\"", ip);
    f->host_port = (uint16_t)host;
    f->guest_port = (uint16_t)guest;
    return 0;
}

int guest_ports_parse(const json_t *j, const char *key, struct guest_forward ret[GUEST_FORWARDS],
                      unsigned *ret_nr, struct err *e)
{
    const json_t *a = json_object_get(j, key);
    size_t nr = json_array_size(a);
    if (a && !json_is_null(a) && (!json_is_array(a) || nr > GUEST_FORWARDS))
        return err_set(e, -EINVAL, "\"%s\" is not an array of at most %d", key, GUEST_FORWARDS);
    for (size_t i = 0; i < nr; i++) {
        const json_t *f = json_array_get(a, i);
        if (!json_is_object(f))
            return err_set(e, -EINVAL, "\"%s\" has something else than objects in it", key);
        int rc = parse(f, &ret[i], e);
        if (rc < 0)
            return err_wrap(e, "\"%s\"", key);
    }
    *ret_nr = (unsigned)nr;
    return 0;
}

/* ---- changes ---- */

struct ports {
    struct guest_forward list[GUEST_FORWARDS];
    unsigned nr;
};

static int find(const struct ports *p, const struct guest_forward *f)
{
    const struct net_forward sought = forward_of(f);
    for (unsigned i = 0; i < p->nr; i++) {
        const struct net_forward have = forward_of(&p->list[i]);
        if (net_forward_same_host(&have, &sought))
            return (int)i;
    }
    return -1;
}

static int refuse(const struct guest_forward *f, int code, const char *why, struct err *e)
{
    const struct net_forward n = forward_of(f);
    char text[NET_FORWARD_TEXT];
    net_forward_text(&n, text);
    return err_set(e, code, "port %s %s", text, why);
}

static int take_away(struct ports *p, const struct guest_forward *f, struct err *e)
{
    int at = find(p, f);
    if (at < 0)
        return refuse(f, -ENOENT, "is not published", e);
    p->nr--;
    memmove(&p->list[at], &p->list[at + 1], (p->nr - (unsigned)at) * sizeof(p->list[0]));
    return 0;
}

static int add(struct ports *p, const struct guest_forward *f, struct err *e)
{
    if (find(p, f) >= 0)
        return refuse(f, -EEXIST, "is published already", e);
    if (p->nr == GUEST_FORWARDS)
        return err_set(e, -EINVAL, "more than %d published ports", GUEST_FORWARDS);
    p->list[p->nr++] = *f;
    return 0;
}

int guest_ports_merge(const json_t *request, const json_t *about, json_t **ret, struct err *e)
{
    struct ports have, gone, come;
    int rc;
    if ((rc = guest_ports_parse(about, "ports", have.list, &have.nr, e)) < 0 ||
        (rc = guest_ports_parse(request, "unpublish", gone.list, &gone.nr, e)) < 0 ||
        (rc = guest_ports_parse(request, "publish", come.list, &come.nr, e)) < 0)
        return rc;
    for (unsigned i = 0; i < gone.nr && rc == 0; i++)
        rc = take_away(&have, &gone.list[i], e);
    for (unsigned i = 0; i < come.nr && rc == 0; i++)
        rc = add(&have, &come.list[i], e);
    if (rc == 0)
        *ret = guest_ports_json(have.list, have.nr);
    return rc;
}
