// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * digest: see digest.h.
 *
 * OpenSSL's plain functions, not its EVP ones: those bring the library's providers along, 4 MB for one sum.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "store/digest.h"

#include <openssl/sha.h>
#include <string.h>

#define PREFIX "sha256:"

struct hash {
    SHA256_CTX sum;
};

int digest_parse(const char *text, struct digest *ret, struct err *e)
{
    const char *hex = text + strlen(PREFIX);
    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
        return err_set(e, -EINVAL, "\"%.80s\" is no digest that is known here (sha256:...)", text);
    if (strlen(hex) != DIGEST_HEX || strspn(hex, "0123456789abcdef") != DIGEST_HEX)
        return err_set(e, -EINVAL, "\"%.80s\" is not a SHA-256", text);
    memcpy(ret->hex, hex, sizeof(ret->hex));
    return 0;
}

bool digest_same(const struct digest *a, const struct digest *b)
{
    return strcmp(a->hex, b->hex) == 0;
}

struct hash *hash_new(void)
{
    struct hash *h = calloc(1, sizeof(*h));
    if (h)
        SHA256_Init(&h->sum);
    return h;
}

void hash_free(struct hash *h)
{
    free(h);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
    SHA256_Update(&h->sum, data, len);
}

void hash_end(struct hash *h, struct digest *ret)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256_Final(sum, &h->sum);
    for (size_t i = 0; i < sizeof(sum); i++) {
        ret->hex[2 * i] = digits[sum[i] >> 4];
        ret->hex[2 * i + 1] = digits[sum[i] & 15];
    }
    ret->hex[DIGEST_HEX] = 0;
}

int digest_of(const void *data, size_t len, struct digest *ret)
{
    OWN(hash) h = hash_new();
    if (!h)
        return -ENOMEM;
    hash_add(h, data, len);
    hash_end(h, ret);
    return 0;
}
