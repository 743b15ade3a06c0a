// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frame: how a client, the monitor and the agent inside a guest talk over a byte stream.
 *
 *     u8 type | u8 0 | u16 0 | u32 length, little endian | payload, at most FRAME_MAX bytes
 *
 * A REQUEST opens a conversation, a REPLY answers it; a command's streams go as frames until its EXIT.
 * Used by the guest's program too, so it stands on nothing of ours. Threads: any, there is no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_HEADER     8
#define FRAME_MAX        65536
#define FRAME_AGENT_PORT 1024 /* the vsock port on which the agent listens */

enum frame_type {
    FRAME_REQUEST = 1, /* text: JSON to the monitor, a list of fields to the agent */
    FRAME_REPLY,       /* the same */
    FRAME_STDIN,       /* an empty one: end of file; the same for STDOUT and STDERR */
    FRAME_STDOUT,
    FRAME_STDERR,
    FRAME_RESIZE, /* u16 columns, u16 rows */
    FRAME_SIGNAL, /* u8 signal number */
    FRAME_EXIT,   /* i32: exit status, or 128 + signal; the last frame */
    FRAME_TYPES,
};

struct frame {
    enum frame_type type;
    const uint8_t *payload; /* inside the parsed bytes */
    uint32_t len;
};

/*
 * Look at the head of a stream. Returns the bytes that the frame takes, header and all (then *ret is filled),
 * 0: more bytes are needed, -EPROTO: this is no frame, the stream cannot be made sense of any more.
 */
ssize_t frame_parse(const void *bytes, size_t len, struct frame *ret);

void frame_header(uint8_t ret[FRAME_HEADER], enum frame_type type, uint32_t len);

/* Write a whole frame to out, which holds FRAME_HEADER + len bytes; returns that sum. */
size_t frame_put(void *out, enum frame_type type, const void *payload, uint32_t len);

/* Payloads with a shape. frame_get_*: false: wrong type or length, nothing is written. */
size_t frame_put_exit(void *out, int32_t status);                 /* 12 bytes */
size_t frame_put_resize(void *out, uint16_t cols, uint16_t rows); /* 12 bytes */
size_t frame_put_signal(void *out, uint8_t number);               /* 9 bytes */
bool frame_get_exit(const struct frame *f, int32_t *ret_status);
bool frame_get_resize(const struct frame *f, uint16_t *ret_cols, uint16_t *ret_rows);
bool frame_get_signal(const struct frame *f, uint8_t *ret_number);
