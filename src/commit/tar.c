// SPDX-License-Identifier: GPL-2.0-or-later
/* tar: see tar.h. */
#include "commit/tar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define BLOCK   512
#define NAME    100
#define OCTAL7  2097151u     /* what 7 octal digits hold */
#define OCTAL11 8589934591ll /* and 11 */

struct header { /* ustar */
    char name[NAME], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[NAME], magic[6],
        version[2], owner[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar");

struct tar {
    tar_sink *sink;
    void *ctx;
    struct buf pax; /* records of the next entry */
    uint64_t left;  /* bytes that the entry still has to bring */
    unsigned pad;   /* behind these */
};

struct tar *tar_new(tar_sink *sink, void *ctx)
{
    struct tar *t = calloc(1, sizeof(*t));
    if (t)
        *t = (struct tar){.sink = sink, .ctx = ctx};
    return t;
}

void tar_free(struct tar *t)
{
    if (t)
        buf_fini(&t->pax);
    free(t);
}

/* ---- pax records: "LENGTH KEY=VALUE\n", the length counting itself ---- */

static int record(struct tar *t, const char *key, const void *value, size_t len)
{
    char start[400];
    size_t body = strlen(key) + len + 3, digits = 1;
    for (size_t n = 10; body + digits >= n; n *= 10)
        digits++;
    int n = snprintf(start, sizeof(start), "%zu %s=", body + digits, key);
    if (n < 0 || (size_t)n >= sizeof(start))
        return -ENAMETOOLONG;
    if (buf_append(&t->pax, start, (size_t)n) < 0 || buf_append(&t->pax, value, len) < 0)
        return -ENOMEM;
    return buf_append(&t->pax, "\n", 1) < 0 ? -ENOMEM : 0;
}

static int number_record(struct tar *t, const char *key, uint64_t value)
{
    char text[24];
    return record(t, key, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)value));
}

/* What is no UTF-8 is told to be bytes. */
static int text_record(struct tar *t, const char *key, const char *text)
{
    int rc = 0;
    for (const char *c = text; rc == 0 && *c; c++)
        if ((unsigned char)*c >= 0x80) {
            rc = record(t, "hdrcharset", "BINARY", 6);
            break;
        }
    return rc < 0 ? rc : record(t, key, text, strlen(text));
}

/* Before 1970 a fraction counts downwards. */
static int time_record(struct tar *t, struct timespec at)
{
    char text[40];
    const char *sign = "";
    long long sec = at.tv_sec;
    long nsec = at.tv_nsec;
    if (sec < 0) {
        sign = "-";
        sec = nsec ? -(sec + 1) : -sec;
        nsec = nsec ? 1000000000 - nsec : 0;
    }
    int n = nsec ? snprintf(text, sizeof(text), "%s%lld.%09ld", sign, sec, nsec)
                 : snprintf(text, sizeof(text), "%s%lld", sign, sec);
    return record(t, "mtime", text, (size_t)n);
}

int tar_xattr(struct tar *t, const char *name, const void *value, size_t len)
{
    char key[300];
    int n = snprintf(key, sizeof(key), "SCHILY.xattr.%s", name);
    return n < 0 || (size_t)n >= sizeof(key) ? -ENAMETOOLONG : record(t, key, value, len);
}

static bool fits_time(struct timespec at)
{
    return at.tv_sec >= 0 && at.tv_sec <= OCTAL11 && at.tv_nsec == 0;
}

static int records(struct tar *t, const struct tar_entry *e, size_t path_len)
{
    int rc = path_len > NAME ? text_record(t, "path", e->path) : 0;
    if (rc == 0 && e->link && strlen(e->link) > NAME)
        rc = text_record(t, "linkpath", e->link);
    if (rc == 0 && !fits_time(e->mtime))
        rc = time_record(t, e->mtime);
    if (rc == 0 && e->uid > OCTAL7)
        rc = number_record(t, "uid", e->uid);
    if (rc == 0 && e->gid > OCTAL7)
        rc = number_record(t, "gid", e->gid);
    if (rc == 0 && e->size > OCTAL11)
        rc = number_record(t, "size", e->size);
    return rc;
}

/* ---- headers ---- */

static void octal(char *at, size_t len, uint64_t value)
{
    for (size_t i = len - 1; i-- > 0; value >>= 3)
        at[i] = (char)('0' + (value & 7));
}

static void copy(char *at, const char *text)
{
    memcpy(at, text, strnlen(text, NAME));
}

static int put_header(struct tar *t, struct header *h)
{
    unsigned sum = 0;
    memcpy(h->magic, "ustar", sizeof(h->magic));
    memcpy(h->version, "00", sizeof(h->version));
    memset(h->sum, ' ', sizeof(h->sum));
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((const unsigned char *)h)[i];
    octal(h->sum, 7, sum);
    h->sum[7] = ' ';
    return t->sink(t->ctx, h, BLOCK);
}

static int pad_to_block(struct tar *t, uint64_t size)
{
    static const char zeroes[BLOCK];
    size_t n = (size_t)(-size % BLOCK);
    return n ? t->sink(t->ctx, zeroes, n) : 0;
}

static int put_pax(struct tar *t)
{
    struct header h = {.type = 'x'};
    size_t len = t->pax.len;
    if (len == 0)
        return 0;
    copy(h.name, "PaxHeader");
    octal(h.mode, sizeof(h.mode), 0644);
    octal(h.uid, sizeof(h.uid), 0);
    octal(h.gid, sizeof(h.gid), 0);
    octal(h.size, sizeof(h.size), len);
    octal(h.mtime, sizeof(h.mtime), 0);
    int rc = put_header(t, &h);
    if (rc == 0)
        rc = t->sink(t->ctx, buf_data(&t->pax), len);
    buf_consume(&t->pax, len);
    return rc < 0 ? rc : pad_to_block(t, len);
}

static void fill(struct header *h, const struct tar_entry *e)
{
    h->type = (char)e->type;
    copy(h->name, e->path);
    copy(h->link, e->link ? e->link : "");
    octal(h->mode, sizeof(h->mode), e->mode & 07777);
    octal(h->uid, sizeof(h->uid), e->uid > OCTAL7 ? 0 : e->uid);
    octal(h->gid, sizeof(h->gid), e->gid > OCTAL7 ? 0 : e->gid);
    octal(h->size, sizeof(h->size), e->size > OCTAL11 ? 0 : e->size);
    octal(h->mtime, sizeof(h->mtime),
          e->mtime.tv_sec < 0 || e->mtime.tv_sec > OCTAL11 ? 0 : (uint64_t)e->mtime.tv_sec);
    octal(h->major, sizeof(h->major), e->major);
    octal(h->minor, sizeof(h->minor), e->minor);
}

int tar_add(struct tar *t, const struct tar_entry *e)
{
    struct header h = {0};
    OWN_MEM char *folder = e->type == TAR_FOLDER ? path_make("%s/", e->path) : NULL;
    struct tar_entry whole = *e;
    if (e->type == TAR_FOLDER && !(whole.path = folder))
        return -ENOMEM;
    int rc = records(t, &whole, strlen(whole.path));
    if (rc == 0)
        rc = put_pax(t);
    if (rc < 0)
        return rc;
    fill(&h, &whole);
    t->left = e->size;
    t->pad = (unsigned)(-e->size % BLOCK);
    return put_header(t, &h);
}

int tar_data(struct tar *t, const void *data, size_t len)
{
    if (len > t->left)
        return -EINVAL;
    t->left -= len;
    int rc = t->sink(t->ctx, data, len);
    return rc == 0 && t->left == 0 ? pad_to_block(t, BLOCK - t->pad) : rc;
}

int tar_end(struct tar *t)
{
    static const char zeroes[2 * BLOCK];
    return t->sink(t->ctx, zeroes, sizeof(zeroes));
}
