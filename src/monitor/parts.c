// SPDX-License-Identifier: GPL-2.0-or-later
/* parts: see parts.h. */
#include "monitor/parts.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/entropy.h"
#include "monitor/boot_files.h"
#include "monitor/forwards.h"
#include "store/image_machine.h"

#define AGENT_CID    3  /* any: each machine has a vsock of its own */
#define STOP_SECONDS 30 /* for CPUs to stand still: they take milliseconds */

static int open_image(struct parts *p, struct err *e)
{
    if (!p->config->image)
        return 0;
    int rc = image_open(p->config->image, &p->image, e);
    if (rc < 0 || (rc = image_hold(p->image, &p->image_hold, e)) < 0)
        return rc;
    return image_need_machine(&p->image, NULL, NULL, e);
}

static int open_net(struct parts *p, struct err *e)
{
    const struct guest_config *c = p->config;
    if (c->net == GUEST_NET_NONE)
        return 0;
    struct net_user_config n = {.hostname = c->hostname ? c->hostname : c->name};
    struct net_forward forwards[GUEST_FORWARDS];
    n.nr_forwards = forwards_of(c, forwards);
    n.forwards = forwards;
    return net_user_new(&n, p->loop, &p->net, e);
}

static int publish(void *net, const struct net_forward *f, struct err *e)
{
    return net ? net_user_publish(net, f, e) : err_set(e, -EOPNOTSUPP, "it has no network");
}

static int unpublish(void *net, const struct net_forward *f, struct err *e)
{
    return net ? net_user_unpublish(net, f, e) : err_set(e, -EOPNOTSUPP, "it has no network");
}

const struct port_ops parts_ports = {.publish = publish, .unpublish = unpublish};

int parts_open(struct parts *p, const struct guest_config *c, const struct engine_ops *engine,
               const char *disk_top, struct loop *loop, struct err *e)
{
    *p = (struct parts){
        .config = c, .loop = loop, .engine = engine, .image_hold = -1, .entropy = entropy_host()};
    if (disk_top && !(p->disk_top = strdup(disk_top)))
        return err_code(e, -ENOMEM, "disk");
    int rc = open_image(p, e);
    return rc < 0 ? rc : open_net(p, e);
}

void parts_close(struct parts *p, pthread_mutex_t *lock)
{
    parts_unbuild(p, lock);
    net_user_free(take(p->net));
    image_free(take(p->image));
    own_fd(&p->image_hold);
    p->image_hold = -1;
    free(take(p->disk_top));
}

/* ---- the machine ---- */

static int open_disk(struct parts *p, struct err *e)
{
    const struct guest_config *c = p->config;
    if (!p->image)
        return 0;
    uint64_t least = p->image->disk_bytes;
    if (c->disk && c->disk < least)
        return err_set(e, -EINVAL, "a disk of %llu bytes: image %s needs %llu", (unsigned long long)c->disk,
                       p->image->name, (unsigned long long)least);
    const struct disk_config d = {.base = p->image->path_disk,
                                  .top = p->disk_top,
                                  .bytes = c->disk ? c->disk : (least + 511) / 512 * 512};
    return disk_open(&d, p->loop, &p->disk, e);
}

/* Locally administered, always the same for a name. */
static void make_mac(const char *name, uint8_t mac[6])
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    const uint8_t m[6] = {0x52, 0x54, (uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8), (uint8_t)h};
    memcpy(mac, m, sizeof(m));
}

static struct machine_config machine_config(struct parts *p, const struct boot_files *b,
                                            struct char_port *serial)
{
    const struct guest_config *c = p->config;
    struct machine_config m = {
        .name = c->name,
        .cpus = c->cpus,
        .memory = c->memory,
        .engine = p->engine,
        .engine_debug = c->engine_debug,
        .kernel_name = c->kernel  ? c->kernel
                       : p->image ? p->image->path_kernel
                                  : NULL,
        .kernel = b->kernel,
        .kernel_len = b->kernel_len,
        .initrd = b->initrd,
        .initrd_len = b->initrd_len,
        .cmdline = b->cmdline,
        .serial = serial,
        .net = p->net ? net_user_port(p->net) : NULL,
        .entropy = &p->entropy,
        .share = p->share,
        .vsock_cid = p->image || p->share ? AGENT_CID : 0,
        .balloon = true,
    };
    make_mac(c->name, m.mac);
    if (p->disk) {
        m.disks[0].port = disk_port(p->disk);
        snprintf(m.disks[0].serial, sizeof(m.disks[0].serial), "%s", "root");
        m.nr_disks = 1;
    }
    return m;
}

int parts_build(struct parts *p, pthread_mutex_t *lock, struct char_port *serial,
                void (*on_event)(void *ctx, enum machine_event event, const char *text), void *ctx,
                struct err *e)
{
    OWN_BOOT b = {0};
    int rc;
    if ((rc = boot_files_load(p->config, p->image, &b, e)) < 0 || (rc = open_disk(p, e)) < 0)
        return rc;
    const struct machine_config m = machine_config(p, &b, serial);
    return machine_new(&m, p->loop, lock, on_event, ctx, &p->machine, e);
}

static void give_up(int signal)
{
    static const char text[] = "hospes: error: a cpu of the guest does not stop: the monitor gives up\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
        /* nobody hears it */
    }
    _exit(125);
}

void parts_pause(struct parts *p)
{
    const struct sigaction act = {.sa_handler = give_up};
    struct sigaction before;
    sigaction(SIGALRM, &act, &before);
    alarm(STOP_SECONDS);
    machine_pause(p->machine);
    alarm(0);
    sigaction(SIGALRM, &before, NULL);
}

/* The disk before the machine: what is under way ends in the device that asked for it. */
void parts_unbuild(struct parts *p, pthread_mutex_t *lock)
{
    pthread_mutex_lock(lock);
    if (p->machine)
        parts_pause(p);
    disk_close(take(p->disk));
    pthread_mutex_unlock(lock);
    machine_free(take(p->machine));
}

uint64_t parts_disk_bytes(const struct parts *p)
{
    return p->disk ? disk_port(p->disk)->bytes : 0;
}
