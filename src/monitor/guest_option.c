// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_option: see guest_option.h. */
#include "monitor/guest_option.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/opt.h"
#include "base/own.h"
#include "container/words.h"
#include "monitor/guest_mount.h"
#include "monitor/signal_name.h"

/* ---- names and values ---- */

void guest_pair_fini(struct guest_pair *p)
{
    free(p->name);
}

int guest_pair_parse(const char *text, struct guest_pair *ret, struct err *e)
{
    const char *is = strchr(text, '=');
    size_t n = is ? (size_t)(is - text) : strlen(text);
    if (n == 0)
        return err_set(e, -EINVAL, "\"%.80s\" has no name (like NAME=VALUE)", text);
    char *name = strndup(text, n);
    if (!name)
        return err_code(e, -ENOMEM, "NAME=VALUE");
    *ret = (struct guest_pair){name, is ? is + 1 : ""};
    return 0;
}

int guest_host_parse(const char *text, struct guest_host *ret, struct err *e)
{
    struct guest_host h;
    size_t n = strcspn(text, ":");
    if (n == 0 || n >= sizeof(h.name) || text[n] != ':' || strcspn(text, " \t\n#") < n)
        return err_set(e, -EINVAL, "not a host: %.80s (like db:10.0.0.7)", text);
    memcpy(h.name, text, n);
    h.name[n] = 0;
    h.address = text + n + 1;
    int rc = guest_address_check(h.address, e);
    if (rc == 0)
        *ret = h;
    return rc;
}

/* ---- places ---- */

static bool good_place(const char *path, size_t n)
{
    OWN_MEM char *copy = strndup(path, n);
    return copy && guest_path_inside(copy);
}

void guest_tmpfs_fini(struct guest_tmpfs *t)
{
    free(t->to);
}

int guest_tmpfs_parse(const char *text, struct guest_tmpfs *ret, struct err *e)
{
    size_t n = strcspn(text, ":");
    if (!good_place(text, n))
        return err_set(e, -EINVAL, "not a place for a tmpfs: %.200s (like /run or /run:size=64m)", text);
    char *to = strndup(text, n);
    if (!to)
        return err_code(e, -ENOMEM, "tmpfs");
    *ret = (struct guest_tmpfs){to, text[n] ? text + n + 1 : ""};
    return 0;
}

void guest_device_fini(struct guest_device *d)
{
    free(d->from);
    free(d->to);
}

static bool is_access(const char *text)
{
    return *text && strlen(text) <= 3 && strspn(text, "rwm") == strlen(text);
}

int guest_device_parse(const char *text, struct guest_device *ret, struct err *e)
{
    OWN_MEM char *copy = strdup(text);
    OWN_DEVICE d = {.access = "rwm"};
    char *rest = copy, *from = strsep(&rest, ":"), *to = rest ? strsep(&rest, ":") : NULL;
    char *access = rest;
    if (to && !access && is_access(to)) {
        access = to;
        to = NULL;
    }
    to = to ? to : from;
    if (!copy || !guest_path_inside(from) || !guest_path_inside(to) || (access && !is_access(access)))
        return err_set(e, -EINVAL, "not a device: %.200s (like /dev/fuse or /dev/sda:/dev/disk:r)", text);
    d.from = strdup(from);
    d.to = strdup(to);
    if (access)
        snprintf(d.access, sizeof(d.access), "%s", access);
    if (!d.from || !d.to)
        return err_code(e, -ENOMEM, "device");
    *ret = d;
    d = (struct guest_device){0};
    return 0;
}

/* ---- limits ---- */

static bool limit(const char *text, size_t n, uint64_t *ret)
{
    char copy[24], *end;
    if (n == 0 || n >= sizeof(copy))
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    *ret = RLIM_INFINITY;
    if (strcmp(copy, "unlimited") == 0 || strcmp(copy, "-1") == 0)
        return true;
    *ret = strtoull(copy, &end, 10);
    return isdigit((unsigned char)copy[0]) && *end == 0;
}

int guest_ulimit_parse(const char *text, struct guest_ulimit *ret, struct err *e)
{
    struct guest_ulimit u;
    const char *is = strchr(text, '='), *soft = is ? is + 1 : "";
    size_t n = strcspn(soft, ":");
    int len = snprintf(u.name, sizeof(u.name), "RLIMIT_%.*s", is ? (int)(is - text) : 0, text);
    for (char *p = u.name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    if (!is || len >= (int)sizeof(u.name) || !limit(soft, n, &u.soft) ||
        word_number(rlimit_words, u.name) < 0)
        return err_set(e, -EINVAL, "not a limit: %.80s (like nofile=1024:4096 or core=unlimited)", text);
    u.hard = u.soft;
    if (soft[n] && !limit(soft + n + 1, strlen(soft + n + 1), &u.hard))
        return err_set(e, -EINVAL, "not a limit: %.80s (like nofile=1024:4096)", text);
    if (u.soft > u.hard)
        return err_set(e, -EINVAL, "%.80s: the first number is above the second, which it may never exceed",
                       text);
    *ret = u;
    return 0;
}

int guest_restart_parse(const char *text, struct guest_restart *ret, struct err *e)
{
    static const char failure[] = "on-failure";
    struct guest_restart r = {0};
    bool bad = false;
    if (!text || strcmp(text, "no") == 0)
        ;
    else if (strcmp(text, "always") == 0 || strcmp(text, "unless-stopped") == 0)
        r.always = true;
    else if (strncmp(text, failure, sizeof(failure) - 1) == 0) {
        const char *rest = text + sizeof(failure) - 1;
        r.on_failure = true;
        bad = *rest && (*rest != ':' || opt_number(rest + 1, &r.max, NULL) < 0);
    } else
        bad = true;
    if (bad)
        return err_set(e, -EINVAL, "\"%.40s\" says not when to restart: no, on-failure[:N] or always", text);
    *ret = r;
    return 0;
}

/* ---- checks ---- */

int guest_address_check(const char *text, struct err *e)
{
    struct in6_addr a;
    if (inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1)
        return 0;
    return err_set(e, -EINVAL, "\"%.60s\" is no address", text);
}

/* A list of numbers and ranges. */
int guest_cpuset_check(const char *text, struct err *e)
{
    const char *p = text;
    bool ok = *p;
    while (ok && *p) {
        char *end;
        unsigned long first = strtoul(p, &end, 10), last = first;
        ok = isdigit((unsigned char)*p);
        if (ok && *end == '-') {
            ok = isdigit((unsigned char)end[1]);
            last = strtoul(end + 1, &end, 10);
        }
        ok = ok && first <= last && last < 65536 && (*end == 0 || (*end == ',' && end[1]));
        p = *end ? end + 1 : end;
    }
    return ok ? 0 : err_set(e, -EINVAL, "\"%.80s\" is no list of processors (like 0-3,7)", text);
}

int guest_group_check(const char *text, struct err *e)
{
    if (*text && !strpbrk(text, ":\n"))
        return 0;
    return err_set(e, -EINVAL, "\"%.80s\" is no group", text);
}

int guest_signal_check(const char *text, struct err *e)
{
    int number;
    return signal_by_name(text, &number, e);
}

int guest_oom_score_check(const char *text, struct err *e)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*text && *end == 0 && n >= -1000 && n <= 1000)
        return 0;
    return err_set(e, -EINVAL, "\"%.40s\" is no OOM score: -1000 to 1000", text);
}
