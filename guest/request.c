// SPDX-License-Identifier: GPL-2.0-or-later
/* request: what the host may ask of the agent besides a command; see vm/agent.h for the other side. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/own.h"
#include "guest/conn.h"

#define SEED_MAX 512

static int ping(struct conn *c, const void *list, size_t len, struct err *e)
{
    (void)c, (void)list, (void)len, (void)e;
    return 0;
}

static int exec(struct conn *c, const void *list, size_t len, struct err *e)
{
    int rc = exec_start(list, len, &c->child, e);
    if (rc < 0)
        return rc;
    if (c->child.pid == 0)
        return 0; /* detached */
    c->state = CONN_COMMAND;
    return 1;
}

/* ns=: since 1970. */
static int set_time(struct conn *c, const void *list, size_t len, struct err *e)
{
    (void)c;
    uint64_t ns = fields_number(list, len, "ns", INT64_MAX, 0);
    if (ns == 0)
        return err_set(e, -EINVAL, "set the time: no ns=");
    struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    if (clock_settime(CLOCK_REALTIME, &ts) < 0)
        return err_sys(e, "set the time");
    return 0;
}

/* It may take long: the others go on meanwhile. */
static int sync_disks(struct conn *c, const void *list, size_t len, struct err *e)
{
    (void)list, (void)len;
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "start a process");
    if (pid == 0) {
        sync();
        _exit(0);
    }
    c->child.pid = pid;
    c->state = CONN_CHORE;
    return 1;
}

/* ---- reseed: data=HEX, bytes that no other machine got ---- */

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static size_t from_hex(const char *hex, uint8_t *out, size_t max)
{
    size_t n = 0;
    for (; n < max && hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0; hex += 2)
        out[n++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
    return *hex ? 0 : n;
}

static int reseed(struct conn *c, const void *list, size_t len, struct err *e)
{
    (void)c;
    struct {
        int entropy_bits, size;
        uint8_t bytes[SEED_MAX];
    } pool; /* struct rand_pool_info, random(4) */
    const char *hex = fields_get(list, len, "data");
    size_t n = hex ? from_hex(hex, pool.bytes, sizeof(pool.bytes)) : 0;
    if (n < 16)
        return err_set(e, -EINVAL, "reseed: data= has to be 16 to %d bytes in hexadecimal", SEED_MAX);
    pool.size = (int)n;
    pool.entropy_bits = (int)n * 8;
    OWN_FD fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
        return err_sys(e, "reseed");
    return 0;
}

/* how=poweroff or reboot */
static int shut_down(struct conn *c, const void *list, size_t len, struct err *e)
{
    const char *how = fields_get(list, len, "how");
    if (how && !strcmp(how, "poweroff"))
        return power_ask(c->power, POWER_OFF, e);
    if (how && !strcmp(how, "reboot"))
        return power_ask(c->power, POWER_REBOOT, e);
    return err_set(e, -EINVAL, "shutdown: how= is poweroff or reboot");
}

static const struct {
    const char *name;
    int (*run)(struct conn *c, const void *list, size_t len, struct err *e);
} requests[] = {
    {"ping", ping},       {"exec", exec},     {"time", set_time},
    {"sync", sync_disks}, {"reseed", reseed}, {"shutdown", shut_down},
};

int request_run(struct conn *c, const struct frame *f, struct err *e)
{
    if (!fields_valid(f->payload, f->len))
        return err_set(e, -EINVAL, "the agent was sent a request that is no list of fields");
    const char *what = fields_get(f->payload, f->len, "do");
    for (size_t i = 0; what && i < sizeof(requests) / sizeof(requests[0]); i++)
        if (!strcmp(what, requests[i].name))
            return requests[i].run(c, f->payload, f->len, e);
    return err_set(e, -ENOSYS, "this guest's agent cannot do '%.64s'", what ? what : "");
}
