// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest: what a guest is made of, as the command line says it and as guest.json keeps it.
 *
 * All strings and lists are borrowed: from whoever filled the struct, or, after guest_parse and guest_load,
 * from the JSON that it keeps itself.
 */
#pragma once

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define GUEST_NAME_MAX    63
#define GUEST_FORWARDS    64
#define GUEST_CPUS_MAX    64
#define GUEST_MEMORY_STEP (2u << 20)
#define GUEST_MEMORY_MIN  (16u << 20)
#define GUEST_PIDS        4096
#define GUEST_SHM         (64u << 20)
#define GUEST_STOP_MS     30000
#define GUEST_NO_LIMIT    ((uint64_t)INT64_MAX)
#define GUEST_LISTS       24

enum guest_kind { GUEST_MACHINE, GUEST_CONTAINER };
/* AUTO: the bridge where it is to be had, else user mode. */
enum guest_net {
    GUEST_NET_USER,
    GUEST_NET_NONE,
    GUEST_NET_HOST,
    GUEST_NET_AUTO,
    GUEST_NET_BRIDGE,
    GUEST_NET_CONTAINER
};
enum guest_engine { GUEST_ENGINE_AUTO, GUEST_ENGINE_KVM, GUEST_ENGINE_SOFT };

struct guest_forward { /* a port of the host that leads to one of the guest */
    bool udp;
    struct in_addr host_ip; /* INADDR_ANY: every address */
    uint16_t host_port, guest_port;
};

/* What only a container has. Lists are NULL-ended; NULL: empty. */
struct guest_container {
    bool tty, input;                   /* of its command: a terminal; standard input is passed on */
    bool read_only;                    /* its root */
    bool init;                         /* a process of ours comes first, that reaps and passes signals on */
    bool privileged;                   /* nothing is kept from it */
    bool host_pid, host_ipc, host_uts; /* these namespaces are the host's */
    unsigned pids;                     /* processes at most; 0: GUEST_PIDS */
    uint64_t cpus_milli;               /* thousandths of a processor; 0: no limit */
    uint64_t memory_swap;              /* bytes of memory and swap; 0: as the kernel has it; GUEST_NO_LIMIT */
    uint64_t shm_size;                 /* bytes of /dev/shm; 0: GUEST_SHM */
    uint64_t stop_timeout_ms;          /* for who names none; 0: GUEST_STOP_MS */
    /* Words, as guest_option.h takes them apart; NULL: not said. */
    const char *entrypoint; /* program before the command, in place of the image's */
    const char *cpuset, *oom_score, *restart, *stop_signal;
    const char *const *mounts;                    /* FROM:TO[:ro] */
    const char *const *cap_add, *const *cap_drop; /* "CHOWN", "CAP_CHOWN", "ALL" */
    const char *const *security; /* "seccomp=unconfined", "seccomp=FILE", "new-privileges", ... */
    const char *const *tmpfs, *const *devices, *const *ulimits, *const *groups, *const *hosts, *const *dns;
    const char *const *sysctls, *const *labels, *const *annotations;
};

struct guest_config {
    enum guest_kind kind;
    const char *name;     /* NULL: one is made up when the guest is made */
    const char *image;    /* NULL: no image, only a kernel */
    const char *hostname; /* NULL: the name */
    unsigned cpus;        /* of a machine */
    uint64_t memory;      /* bytes; of a container: 0: no limit */
    uint64_t disk;        /* bytes the guest sees; 0: as large as the image's */
    enum guest_engine engine;
    uint32_t engine_debug; /* CPU_DEBUG_* */
    enum guest_net net;    /* of a machine: user or none */
    const char *net_of;    /* GUEST_NET_CONTAINER: whose */
    struct guest_forward forwards[GUEST_FORWARDS];
    unsigned nr_forwards;
    const char *kernel, *initrd; /* files; NULL: the image's kernel, our initramfs */
    const char *share;           /* folders of the host by this tag instead of a disk; NULL: none. Not kept */
    const char *append;          /* kernel command line, behind (image) or instead of (no image) ours */
    const char *const *argv;     /* command, NULL-ended; NULL: none */
    const char *const *env;      /* NAME=VALUE, NULL-ended; NULL: none */
    const char *cwd, *user;      /* of the command; NULL: the image's */
    bool detach;                 /* the monitor itself runs argv when the guest is up, and ends with it */
    bool rm;                     /* the guest is removed when its monitor ends */
    struct guest_container container;
    json_t *json;                    /* what is borrowed from, or NULL */
    const char **lists[GUEST_LISTS]; /* argv, env and the container's, when made from json */
};

/* What holds if nothing is said: 1 cpu, 512 MiB, auto, user network. */
void guest_defaults(struct guest_config *c);
void guest_fini(struct guest_config *c);
#define OWN_GUEST __attribute__((cleanup(guest_fini))) struct guest_config

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most GUEST_NAME_MAX; else -EINVAL. */
int guest_check_name(const char *name, struct err *e);

/*
 * All that does not depend on this host; memory is rounded up to GUEST_MEMORY_STEP. -EINVAL: says which value
 * is wrong.
 */
int guest_check(struct guest_config *c, struct err *e);

/*
 * Does it fit this host? Over-commitment that may work is told to warn (one line a call, NULL: not told);
 * -ENOMEM: more memory than this host can ever give.
 */
int guest_check_host(const struct guest_config *c, void (*warn)(const char *line), struct err *e);

const char *guest_kind_name(enum guest_kind kind); /* "container" */
const char *guest_net_name(enum guest_net net);    /* "bridge" */

/* To JSON (new reference, NULL: out of memory) and back; back checks like guest_check. *ret needs guest_fini.
 */
json_t *guest_json(const struct guest_config *c);
int guest_parse(json_t *j, struct guest_config *ret, struct err *e);
