// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_option: what is said about a container in small texts, taken apart. guest.json keeps the texts.
 *
 * Each parser fills *ret on success only, and else says in one line what was expected: -EINVAL. Strings that
 * are malloc'd go with the _fini beside them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* "NAME=VALUE", of which the name is not empty: a label, an annotation, a sysctl. name is malloc'd. */
struct guest_pair {
    char *name;
    const char *value; /* in the text; "" without "=" */
};
int guest_pair_parse(const char *text, struct guest_pair *ret, struct err *e);
void guest_pair_fini(struct guest_pair *p);
#define OWN_PAIR __attribute__((cleanup(guest_pair_fini))) struct guest_pair

/* "DIR[:OPTION[,OPTION]]": options are those of mount(8) and of tmpfs itself, "size=64m". */
struct guest_tmpfs {
    char *to;
    const char *options; /* in the text; "" */
};
int guest_tmpfs_parse(const char *text, struct guest_tmpfs *ret, struct err *e);
void guest_tmpfs_fini(struct guest_tmpfs *t);
#define OWN_TMPFS __attribute__((cleanup(guest_tmpfs_fini))) struct guest_tmpfs

/* "/dev/X[:/dev/Y][:rwm]": a device of the host, its name in the container, what may be done with it. */
struct guest_device {
    char *from, *to, access[4];
};
int guest_device_parse(const char *text, struct guest_device *ret, struct err *e);
void guest_device_fini(struct guest_device *d);
#define OWN_DEVICE __attribute__((cleanup(guest_device_fini))) struct guest_device

/* "nofile=1024[:4096]", "core=unlimited": setrlimit(2). */
struct guest_ulimit {
    char name[24]; /* "RLIMIT_NOFILE" */
    uint64_t soft, hard;
};
int guest_ulimit_parse(const char *text, struct guest_ulimit *ret, struct err *e);

/* "NAME:ADDRESS", a line of /etc/hosts. address is in the text. */
struct guest_host {
    char name[256];
    const char *address;
};
int guest_host_parse(const char *text, struct guest_host *ret, struct err *e);

/* "no", "on-failure[:N]", "always", "unless-stopped" (which is the same: what was stopped stays so). */
struct guest_restart {
    bool always, on_failure;
    unsigned max; /* of failures; 0: any number */
};
int guest_restart_parse(const char *text, struct guest_restart *ret, struct err *e); /* NULL: no */

/* Those that are only checked. */
int guest_address_check(const char *text, struct err *e); /* IPv4 or IPv6 */
int guest_cpuset_check(const char *text, struct err *e);  /* "0-3,7" */
int guest_group_check(const char *text, struct err *e);
int guest_signal_check(const char *text, struct err *e);
int guest_oom_score_check(const char *text, struct err *e); /* -1000 to 1000 */
