// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * digest: SHA-256 as the name of what it is the sum of. Source: OCI image-spec 1.1, descriptor.md, "Digests".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

#define DIGEST_HEX 64

struct digest {
    char hex[DIGEST_HEX + 1]; /* lower case */
};

/* "sha256:" and 64 lower case hexadecimal digits; else -EINVAL. */
int digest_parse(const char *text, struct digest *ret, struct err *e);
bool digest_same(const struct digest *a, const struct digest *b);

/* Of what comes in pieces. NULL: out of memory. */
struct hash;
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t len);
void hash_end(struct hash *h, struct digest *ret); /* once, as the last call */
OWN_TYPE(hash, hash_free)

int digest_of(const void *data, size_t len, struct digest *ret); /* -ENOMEM or 0 */
