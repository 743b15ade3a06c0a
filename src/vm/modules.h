// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules: a kernel's modules folder, asked which files a module needs and in what order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

struct modules;
int modules_open(const char *folder, struct modules **ret, struct err *e); /* -ENOENT: no modules.dep there */
void modules_close(struct modules *m);
OWN_TYPE(modules, modules_close)

/*
 * Ask for a module by name ("virtio_blk"; - and _ are the same): it and what it depends on join the list,
 * unless they are there or built in. False: the kernel has no such module.
 */
bool modules_need(struct modules *m, const char *name);

/* The list, in the order in which they load: paths below the folder. */
size_t modules_count(const struct modules *m);
const char *modules_path(const struct modules *m, size_t i);
/* The name of that file without folder and compression: "virtio_blk.ko"; malloc'd. */
char *modules_file(const struct modules *m, size_t i);
/* Its contents, unpacked; malloc'd. */
int modules_read(const struct modules *m, size_t i, void **ret, size_t *ret_len, struct err *e);
