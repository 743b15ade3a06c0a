// SPDX-License-Identifier: GPL-2.0-or-later
// crypto.c - OpenSSL's libcrypto, with the instructions that it finds on the CPU it is shown.
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "bench.h"

enum { BYTES = 1 << 16 };

struct cipher {
    unsigned char in[BYTES], out[BYTES + 64];
    EVP_CIPHER_CTX *ctx;
    const EVP_CIPHER *cipher;
};

static struct cipher *cipher_setup(const EVP_CIPHER *which)
{
    struct cipher *c = room(sizeof(*c));
    prose((char *)c->in, BYTES, 4);
    c->ctx = EVP_CIPHER_CTX_new();
    c->cipher = which;
    must(c->ctx != NULL && which != NULL, "cipher");
    return c;
}

static void *gcm_setup(const struct settings *s)
{
    (void)s;
    return cipher_setup(EVP_aes_128_gcm());
}

static void *chacha_setup(const struct settings *s)
{
    (void)s;
    return cipher_setup(EVP_chacha20_poly1305());
}

static uint64_t cipher_run(void *state)
{
    static const unsigned char key[32] = "an example of a key, 32 bytes .", iv[12] = "and a nonce";
    struct cipher *c = state;
    unsigned char tag[16];
    uint64_t h = 0;
    int n = 0;
    for (int i = 0; i < 4; i++) {
        must(EVP_EncryptInit_ex(c->ctx, c->cipher, NULL, key, iv) == 1, "encrypt: init");
        must(EVP_EncryptUpdate(c->ctx, c->out, &n, c->in, BYTES - i) == 1, "encrypt");
        must(EVP_EncryptFinal_ex(c->ctx, c->out + n, &n) == 1, "encrypt: final");
        must(EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1, "tag");
        h = mix(h, digest_of(tag, 16));
    }
    return h;
}

static void *bytes_setup(const struct settings *s)
{
    (void)s;
    char *text = room(BYTES);
    prose(text, BYTES, 5);
    return text;
}

static uint64_t sha256_run(void *state)
{
    unsigned char digest[32];
    SHA256(state, BYTES, digest);
    return digest_of(digest, sizeof(digest));
}

static uint64_t sha512_run(void *state)
{
    unsigned char digest[64];
    SHA512(state, BYTES, digest);
    return digest_of(digest, sizeof(digest));
}

struct power {
    BN_CTX *ctx;
    BN_MONT_CTX *mont;
    BIGNUM *base, *exponent, *modulus, *result;
};

static void *modexp_setup(const struct settings *s)
{
    struct power *p = room(sizeof(*p));
    unsigned char raw[256];
    uint64_t seed = 33;
    (void)s;
    for (size_t i = 0; i < sizeof(raw); i++)
        raw[i] = (unsigned char)(next(&seed) >> 56);
    raw[0] |= 0x80;
    raw[255] |= 1;
    p->ctx = BN_CTX_new();
    p->mont = BN_MONT_CTX_new();
    p->modulus = BN_bin2bn(raw, 256, NULL);
    p->base = BN_bin2bn(raw + 1, 250, NULL);
    p->exponent = BN_bin2bn(raw + 100, 32, NULL);
    p->result = BN_new();
    must(p->ctx != NULL && p->mont != NULL && p->result != NULL, "big numbers");
    must(BN_MONT_CTX_set(p->mont, p->modulus, p->ctx) == 1, "Montgomery form");
    return p;
}

static uint64_t modexp_run(void *state)
{
    struct power *p = state;
    unsigned char out[256] = {0};
    must(BN_mod_exp_mont(p->result, p->base, p->exponent, p->modulus, p->ctx, p->mont) == 1, "power");
    BN_bn2bin(p->result, out);
    return digest_of(out, sizeof(out));
}

const struct work works_crypto[] = {
    {"sha256", "fp", BYTES, bytes_setup, sha256_run, "byte"},
    {"sha512", "fp", BYTES, bytes_setup, sha512_run, "byte"},
    {"aesgcm", "fp", 4 * BYTES, gcm_setup, cipher_run, "byte"},
    {"chacha", "fp", 4 * BYTES, chacha_setup, cipher_run, "byte"},
    {"modexp", "fp", 1, modexp_setup, modexp_run, "power of 2048 bits"},
    {0},
};
