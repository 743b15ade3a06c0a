// SPDX-License-Identifier: GPL-2.0-or-later
/* pack: bytes into a file by gzip, summed up before and after. Source: RFC 1952; no time and no name are in
 * it. */
#pragma once

#include "store/blob.h"

struct pack;
int pack_new(int file, struct pack **ret, struct err *e);     /* file: borrowed */
int pack_write(struct pack *k, const void *data, size_t len); /* -errno or 0 */
/* The last call. *ret: of what was written; *ret_file: of the file. -errno or 0. */
int pack_end(struct pack *k, struct digest *ret, struct blob *ret_file);
void pack_free(struct pack *k);
OWN_TYPE(pack, pack_free)
