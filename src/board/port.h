// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * port: the interface between a device (dev/) and its far end (host/). vm/ plugs them together, so
 * that a device runs in a unit test and in a fuzzer without a kernel.
 *
 * Threads: every call in either direction happens under the board lock, unless it says otherwise.
 * A far end never calls back from inside a call that the device made into it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* What a far end keeps of a request while it is submitted; the first member of each kind of request. */
struct work {
    struct work *next;
    int status;
};

/* ---- disk ---- */
enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_WRITE_ZEROES };

/* Owned by the device until done; iov points into guest RAM or device memory and stays valid till then. */
struct disk_req {
    struct work work;
    enum disk_op op;
    bool unmap;      /* WRITE_ZEROES may deallocate */
    uint64_t offset; /* bytes, checked by the device against disk_port.bytes */
    uint64_t bytes;
    const struct iovec *iov; /* READ, WRITE: nr_iov pieces, bytes in all */
    unsigned nr_iov;
    /* Called once, later, on the loop's thread under the board lock. status: 0 or negative errno. */
    void (*done)(struct disk_req *req, int status);
    void *ctx;
};

struct disk_port {
    void (*submit)(void *ctx, struct disk_req *req);
    /* Return once nothing that was submitted is left; done is called from inside. NULL: nothing is ever left
     * when the machine is taken apart. */
    void (*drain)(void *ctx);
    void *ctx;
    uint64_t bytes; /* multiple of 512 */
    bool read_only;
    uint32_t max_discard_bytes; /* 0: no discard */
};

/* ---- net: whole Ethernet frames, each behind its struct virtio_net_hdr_v1 (zero: no offload) ---- */
struct net_port {
    /* Guest to far end. frame[0] starts with the 12-byte header. Dropping is allowed. */
    void (*send)(void *ctx, const struct iovec *frame, unsigned nr);
    void (*writable)(void *ctx); /* the guest put receive buffers there again after receive said no */
    void *ctx;
    bool csum_ok; /* takes frames whose checksum is still to be filled in (VIRTIO_NET_HDR_F_NEEDS_CSUM) */
    bool tso_ok;  /* takes TCP segmentation offload */
    /* Far end to guest, filled in by the device; false: no buffer, keep it and wait for writable. */
    bool (*receive)(void *dev, const void *frame, size_t len); /* without header */
    void *dev;
};

/* ---- char: a byte stream both ways (serial, console) ---- */
struct char_port {
    size_t (*write)(void *ctx, const void *buf, size_t len); /* guest to far end; returns what was taken */
    void (*room)(void *ctx);                                 /* the device has room for input again */
    void *ctx;
    /* Far end to guest, filled in by the device. */
    size_t (*receive)(void *dev, const void *buf, size_t len); /* returns what was taken */
    void (*drained)(void *dev);                                /* output is possible again */
    void (*resize)(void *dev, unsigned cols, unsigned rows);   /* may be NULL */
    void *dev;
};

/* ---- share: a folder of the host; the guest's file system speaks FUSE messages with it ---- */

/* Owned by the device until done; iov points into guest RAM and stays valid till then. */
struct share_req {
    struct work work;
    const struct iovec *out, *in; /* the guest's message; room for the answer, in_bytes in all */
    unsigned nr_out, nr_in;
    uint32_t out_bytes, in_bytes;
    /* Called once, later, on the loop's thread under the board lock. bytes: of the answer; 0: there is none.
     */
    void (*done)(struct share_req *req, uint32_t bytes);
    void *ctx;
};

struct share_port {
    void (*submit)(void *ctx, struct share_req *req);
    void (*drain)(void *ctx); /* as disk_port's */
    void *ctx;
    const char *tag; /* what the guest mounts it by, at most 36 bytes */
};

/* ---- entropy: fills buf with len random bytes, never blocks; used by virtio-rng ---- */
struct entropy_port {
    void (*fill)(void *ctx, void *buf, size_t len);
    void *ctx;
};

/* ---- balloon: memory that the guest does not need now ---- */
struct balloon_port {
    /* Guest pages [at, at+len), page aligned, all RAM: they read as zeros from now on and cost nothing. */
    void (*discard)(void *ctx, uint64_t at, uint64_t len);
    void *ctx;
};
